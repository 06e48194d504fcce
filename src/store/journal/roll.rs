//! Beginning a segment, and ending the one before it.
//!
//! **Durability**: a segment is durable, name included, before its successor is there, and the
//! header of the successor says so. The name of the new segment is not durable before
//! [`super::Journal::sync`].
//!
//! | half done | what is seen | who goes on |
//! |---|---|---|
//! | old segment synced, perhaps cut to its length | it is the active one still | the next append fills it or begins its successor |
//! | new segment empty | it holds nothing | the next append writes its header |
//! | new segment without a whole header | it holds nothing | the next append begins another one |

use std::io;
use std::path::Path;

use super::frame::Header;
use super::retired;
use super::segment::{SegmentFile, file_name};
use super::tail::{Active, Tail};
use crate::base::disk::Disk;
use crate::store::error::StoreError;
use crate::store::layout::{FILE_MODE, FOLDER_MODE};

/// Seals the active segment, if there is one, and begins the next. Under the lock, caught up.
pub fn begin_segment(tail: &mut Tail, disk: &dyn Disk) -> Result<(), StoreError> {
    let Some(mut active) = tail.active.take() else {
        make_folder(disk, &tail.folder)?;
        // A number that was let go of does not count, even where every segment behind it was lost.
        let first = retired::read(&tail.folder)?.last().map_or(1, |last| last + 1);
        return start(tail, disk, first, true, None);
    };
    let number = active.file.number;
    if active.length == 0 {
        // Whoever made it died before it wrote to it.
        let before = before(tail)?;
        return start(tail, disk, number, false, before);
    }
    let writer = active.writer(disk)?;
    if active.durable < active.end {
        writer.sync().map_err(|e| StoreError::from_io(&active.file.path, e))?;
    }
    if active.durable == 0 {
        sync_names(disk, &tail.folder, number)?;
    }
    let length = active.file.length()?;
    if active.is_writable() && length > active.end {
        writer.cut(active.end).map_err(|e| StoreError::from_io(&active.file.path, e))?;
    }
    let is_void = active.end == 0;
    let end = (number, active.end);
    let index = tail.seal(active);
    let before = if is_void {
        before(tail)?
    } else {
        tail.keep(number, &index);
        Some(end)
    };
    start(tail, disk, number + 1, true, before)
}

/// The last segment that holds anything, and where it ends.
fn before(tail: &mut Tail) -> Result<Option<(u32, u64)>, StoreError> {
    for at in (0..tail.sealed.len()).rev() {
        let end = tail.index(at)?.end;
        if end > 0 {
            return Ok(Some((tail.sealed[at].number, end)));
        }
    }
    Ok(None)
}

fn start(
    tail: &mut Tail,
    disk: &dyn Disk,
    number: u32,
    is_new: bool,
    before: Option<(u32, u64)>,
) -> Result<(), StoreError> {
    let path = tail.folder.join(file_name(number));
    let writer = disk.place(&path, is_new.then_some(FILE_MODE));
    let writer = writer.map_err(|e| StoreError::from_io(&path, e))?;
    let gone = || StoreError::from_io(&path, io::ErrorKind::NotFound.into());
    let file = SegmentFile::open(&tail.folder, number)?.ok_or_else(gone)?;
    let (previous, previous_end) = before.unwrap_or_default();
    let header = Header { segment: number, previous, previous_end };
    tail.active = Some(Active::begin(file, writer, header.write()));
    Ok(())
}

fn make_folder(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    match disk.create_dir(path, FOLDER_MODE) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(|e| StoreError::from_io(path, e)),
    }
}

/// Makes the name of a segment durable, and with the first one that of the folder.
pub fn sync_names(disk: &dyn Disk, folder: &Path, segment: u32) -> Result<(), StoreError> {
    disk.sync_dir(folder).map_err(|e| StoreError::from_io(folder, e))?;
    match folder.parent() {
        Some(root) if segment == 1 => disk.sync_dir(root).map_err(|e| StoreError::from_io(root, e)),
        _ => Ok(()),
    }
}
