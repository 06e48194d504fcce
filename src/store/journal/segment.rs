//! The files of the journal: their names, and reading them.
//!
//! Changes nothing.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{HEADER_BYTES, Header, HeaderFound, JOURNAL_VERSION};
use super::retired;
use crate::store::error::StoreError;

/// The file name of a segment.
pub fn file_name(segment: u32) -> String {
    format!("{segment:08}.log")
}

/// The numbers of all segments that count, ascending. None where there is no journal yet.
///
/// # Errors
/// The disk's.
pub fn list(folder: &Path) -> Result<Vec<u32>, StoreError> {
    let retired = retired::read(folder)?;
    let mut numbers = list_all(folder)?;
    numbers.retain(|number| !retired.contains(*number));
    Ok(numbers)
}

/// The numbers of all segments of which there is a file, ascending.
///
/// # Errors
/// The disk's.
pub fn list_all(folder: &Path) -> Result<Vec<u32>, StoreError> {
    numbered(folder, file_name)
}

/// The numbers in the names of the files of one sort in a folder, ascending; none in one that is absent.
///
/// # Errors
/// The disk's.
pub fn numbered(folder: &Path, file_name: fn(u32) -> String) -> Result<Vec<u32>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| StoreError::from_io(folder, e))?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| StoreError::from_io(folder, e))?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('.')?.0.parse().ok());
        numbers.extend(number.filter(|number| *file_name(*number) == name));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A segment that is open for reading.
#[derive(Clone, Debug)]
pub struct SegmentFile {
    /// Its number.
    pub number: u32,
    /// Where it lies.
    pub path: PathBuf,
    file: Arc<File>,
}

impl SegmentFile {
    /// Opens a segment; none where there is no such file.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(folder: &Path, number: u32) -> Result<Option<Self>, StoreError> {
        let path = folder.join(file_name(number));
        match File::open(&path) {
            Ok(file) => Ok(Some(Self { number, path, file: Arc::new(file) })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::from_io(&path, e)),
        }
    }

    /// Its bytes now.
    ///
    /// # Errors
    /// The disk's.
    pub fn length(&self) -> Result<u64, StoreError> {
        let facts = self.file.metadata().map_err(|e| StoreError::from_io(&self.path, e))?;
        Ok(facts.len())
    }

    /// Up to `length` bytes from there, fewer only at the end of the file.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; length];
        let mut done = 0;
        while done < length {
            match self.file.read_at(&mut bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(StoreError::from_io(&self.path, e)),
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    /// All from there to the end.
    ///
    /// # Errors
    /// The disk's.
    pub fn read_from(&self, offset: u64) -> Result<Vec<u8>, StoreError> {
        let length = self.length()?.saturating_sub(offset);
        self.read(offset, usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Its header, if it has a sound one.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`], or the disk's.
    pub fn header(&self) -> Result<Option<Header>, StoreError> {
        match Header::read(&self.read(0, HEADER_BYTES as usize)?, self.number) {
            HeaderFound::Sound(header) => Ok(Some(header)),
            HeaderFound::None => Ok(None),
            HeaderFound::Newer(found) => Err(StoreError::NewerFormat {
                path: self.path.clone(),
                found: u64::from(found),
                known: u64::from(JOURNAL_VERSION),
            }),
        }
    }
}
