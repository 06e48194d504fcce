//! Reading one file so that what is recorded was its content at one moment.
//!
//! The stamp before and after reading must agree. A file so young that a write may leave no trace
//! in its stamp is read a second time and must have the same hash. What still differs after
//! `RACE_TRIES_MAX` is racing: the caller reports it and records nothing.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::BorrowedFd;

use super::handle;
use super::stamp::Stamp;
use crate::base::codec::{self, BlobHasher};
use crate::base::id::{BlobId, Hash};
use crate::base::limits::{BLOB_WHOLE_BYTES_MAX, RACE_TRIES_MAX};
use crate::object::traits::{ObjectError, Put};
use crate::object::tree::EntryKind;

/// What came of reading a file.
#[derive(Debug)]
pub(super) enum Content {
    /// Its content is put.
    Stored { kind: EntryKind, stamp: Stamp, hash: Hash },
    /// It is gone.
    Absent,
    /// It may not be read.
    Refused,
    /// It changed each time.
    Racing,
}

/// One try.
enum Try {
    Done(Content),
    Changed,
}

/// Puts the content of a file or the target of a link. `now` is the clock before the capture; `seen`
/// is what a walk saw there since, and saves a look at a file that is still so after reading.
pub(super) fn store(
    objects: &(impl Put + ?Sized),
    folder: BorrowedFd<'_>,
    name: &[u8],
    seen: Option<&Stamp>,
    now: i64,
) -> Result<Content, ObjectError> {
    let looks = std::iter::repeat_n(None, RACE_TRIES_MAX);
    for seen in seen.map(Some).into_iter().chain(looks) {
        if let Try::Done(content) = try_once(objects, folder, name, seen, now)? {
            return Ok(content);
        }
    }
    Ok(Content::Racing)
}

fn try_once(
    objects: &(impl Put + ?Sized),
    folder: BorrowedFd<'_>,
    name: &[u8],
    seen: Option<&Stamp>,
    now: i64,
) -> Result<Try, ObjectError> {
    match handle::open_file(folder, name) {
        Ok(file) => try_file(objects, file, seen, now),
        Err(error) if is_loop(&error) => try_link(objects, folder, name),
        Err(error) => unopened(error),
    }
}

/// What an error of the system says about a file.
fn unopened(error: io::Error) -> Result<Try, ObjectError> {
    if handle::is_refused(&error) {
        return Ok(Try::Done(Content::Refused));
    }
    if handle::is_absent(&error) {
        return Ok(Try::Done(Content::Absent));
    }
    Err(ObjectError::Content(error))
}

fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn try_link(
    objects: &(impl Put + ?Sized),
    folder: BorrowedFd<'_>,
    name: &[u8],
) -> Result<Try, ObjectError> {
    let before = match handle::stamp_at(folder, name) {
        Ok(stamp) if stamp.leaf_kind() == Some(EntryKind::Symlink) => stamp,
        // It was a link a moment ago.
        Ok(_) => return Ok(Try::Changed),
        Err(error) => return unopened(error),
    };
    let read = || -> io::Result<(Vec<u8>, Stamp)> {
        Ok((handle::link_target(folder, name)?, handle::stamp_at(folder, name)?))
    };
    match read() {
        Ok((target, stamp)) if stamp == before && target.len() as u64 == stamp.size => {
            let hash = put(objects, target)?;
            Ok(Try::Done(Content::Stored { kind: EntryKind::Symlink, stamp, hash }))
        }
        _ => Ok(Try::Changed),
    }
}

fn try_file(
    objects: &(impl Put + ?Sized),
    mut file: File,
    seen: Option<&Stamp>,
    now: i64,
) -> Result<Try, ObjectError> {
    let before = seen.map_or_else(|| stamp_of(&file), |seen| Ok(*seen))?;
    let Some(kind) = before.leaf_kind() else { return Ok(Try::Changed) };
    let read = if before.size > BLOB_WHOLE_BYTES_MAX {
        let (blob, length) = objects.put_blob_from(&mut file)?;
        is_still(&mut file, &before, length, blob, now)?.then_some(blob.0)
    } else {
        let content = read_whole(&file, before.size).map_err(ObjectError::Content)?;
        let blob = codec::blob_id(&content);
        if is_still(&mut file, &before, content.len() as u64, blob, now)? {
            objects.put(blob.object(), content)?;
            Some(blob.0)
        } else {
            None
        }
    };
    Ok(match read {
        Some(hash) => Try::Done(Content::Stored { kind, stamp: before, hash }),
        None => Try::Changed,
    })
}

/// Reads a small file that has that many bytes, or fewer where it shrank. That it grew is seen in
/// its stamp; but files that the system makes up have no bytes by theirs, and one is looked for.
fn read_whole(file: &File, size: u64) -> io::Result<Vec<u8>> {
    // Not `read_to_end`, which feels its way in small steps, and no zeros written before.
    let least = usize::try_from(size.max(1)).unwrap_or(1);
    let mut content = Vec::with_capacity(least);
    while content.len() < least {
        match rustix::io::read(file, rustix::buffer::spare_capacity(&mut content)) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(content)
}

/// Whether a file that was read as `blob` was the same from before to after.
fn is_still(
    file: &mut File,
    before: &Stamp,
    length: u64,
    blob: BlobId,
    now: i64,
) -> Result<bool, ObjectError> {
    if length != before.size || stamp_of(file)? != *before {
        return Ok(false);
    }
    if before.is_settled(now) {
        return Ok(true);
    }
    file.rewind().map_err(ObjectError::Content)?;
    let again = BlobHasher::read(&mut *file).map_err(ObjectError::Content)?;
    Ok(again == (blob, length) && stamp_of(file)? == *before)
}

fn stamp_of(file: &File) -> Result<Stamp, ObjectError> {
    let stat = rustix::fs::fstat(file).map_err(|error| ObjectError::Content(error.into()))?;
    Ok(Stamp::from(&stat))
}

fn put(objects: &(impl Put + ?Sized), content: Vec<u8>) -> Result<Hash, ObjectError> {
    crate::object::traits::put_blob(objects, content).map(|blob| blob.0)
}

/// The kind and hash of what stands there, without storing it; none when it changes or is gone.
pub(super) fn identify(
    folder: BorrowedFd<'_>,
    name: &[u8],
) -> io::Result<Option<(EntryKind, Hash, Stamp)>> {
    let before = handle::stamp_at(folder, name)?;
    let Some(kind) = before.leaf_kind() else { return Ok(None) };
    let hash = if kind == EntryKind::Symlink {
        codec::blob_id(&handle::link_target(folder, name)?)
    } else {
        BlobHasher::read(handle::open_file(folder, name)?)?.0
    };
    Ok((handle::stamp_at(folder, name)? == before).then_some((kind, hash.0, before)))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::base::id::ObjectId;
    use crate::object::memory::MemoryObjects;
    use crate::object::traits::Fetch;

    /// Appends to the file each time that its content is put, a bounded number of times.
    struct Meddling<'a> {
        objects: MemoryObjects,
        path: &'a std::path::Path,
        times: AtomicUsize,
    }

    impl Fetch for Meddling<'_> {
        fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
            self.objects.fetch(id)
        }

        fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
            self.objects.contains(id)
        }
    }

    impl Put for Meddling<'_> {
        fn put(&self, id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
            self.objects.put(id, bytes)
        }

        fn put_blob_from(&self, reader: &mut dyn Read) -> Result<(BlobId, u64), ObjectError> {
            let left = self.times.load(Ordering::SeqCst);
            if left > 0 {
                self.times.store(left - 1, Ordering::SeqCst);
                let mut first = vec![0; 1000];
                reader.read_exact(&mut first).map_err(ObjectError::Content)?;
                let file = std::fs::OpenOptions::new().append(true).open(self.path);
                file.and_then(|mut file| file.write_all(b"more")).map_err(ObjectError::Content)?;
            }
            self.objects.put_blob_from(reader)
        }
    }

    #[test]
    fn trap_7_a_file_that_changes_while_it_is_read_is_never_recorded_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, vec![b'x'; 2 << 20]).unwrap();
        let handle = File::open(folder.path()).unwrap();
        let store_with = |times| {
            let times = AtomicUsize::new(times);
            let objects = Meddling { objects: MemoryObjects::new(), path: &path, times };
            store(&objects, handle.as_fd(), b"log", None, 0).unwrap()
        };
        assert!(matches!(store_with(RACE_TRIES_MAX), Content::Racing));
        let Content::Stored { hash, .. } = store_with(RACE_TRIES_MAX - 1) else {
            panic!("it stood still the last time");
        };
        assert_eq!(hash, codec::blob_id(&std::fs::read(&path).unwrap()).0);
    }

    #[test]
    fn a_file_that_changed_since_the_walk_saw_it_is_recorded_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let handle = File::open(folder.path()).unwrap();
        let objects = MemoryObjects::new();
        let long = "x".repeat(3 << 20);
        for (then, now) in [("1", "22"), ("22", ""), ("", "333"), (&long, "1"), ("1", &long)] {
            std::fs::write(&path, then).unwrap();
            let seen = handle::stamp_at(&handle, b"file").unwrap();
            std::fs::write(&path, now).unwrap();
            let stored = store(&objects, handle.as_fd(), b"file", Some(&seen), 0).unwrap();
            let Content::Stored { stamp, hash, .. } = stored else { panic!("{stored:?}") };
            assert_eq!(hash, codec::blob_id(now.as_bytes()).0);
            assert_eq!(stamp, handle::stamp_at(&handle, b"file").unwrap());
        }
        let seen = handle::stamp_at(&handle, b"file").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("target", &path).unwrap();
        let stored = store(&objects, handle.as_fd(), b"file", Some(&seen), 0).unwrap();
        let Content::Stored { kind: EntryKind::Symlink, hash, .. } = stored else {
            panic!("{stored:?}")
        };
        assert_eq!(hash, codec::blob_id(b"target").0);
    }
}
