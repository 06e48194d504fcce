//! Numbers that belong to one view at a time, in all processes of a user.
//!
//! Process numbers do not serve: each view has a namespace of its own, in which they repeat.
//! **Format**: a folder with an empty file `<number>.lock` for each number that was ever taken.

use std::path::Path;

use super::error::IsolateError;
use super::layers::make_folders;
use super::lock::Lock;
use crate::base::disk::Disk;

/// A number, held until dropped.
#[derive(Debug)]
pub struct Number {
    number: usize,
    _lock: Lock,
}

impl Number {
    /// Takes the smallest one that nobody holds, below `most`.
    ///
    /// # Errors
    /// [`IsolateError::Busy`] when all are held.
    pub fn take(disk: &dyn Disk, folder: &Path, most: usize) -> Result<Self, IsolateError> {
        make_folders(disk, folder)?;
        for number in 0..most {
            if let Some(lock) = Lock::take(&folder.join(format!("{number}.lock")))? {
                return Ok(Self { number, _lock: lock });
            }
        }
        Err(IsolateError::Busy { path: folder.to_owned() })
    }

    /// The number.
    pub fn get(&self) -> usize {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::RealDisk;

    #[test]
    fn nobody_gets_a_number_that_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let take = || Number::take(&RealDisk, &folder.path().join("n"), 2);
        let (first, second) = (take().unwrap(), take().unwrap());
        assert_eq!([first.get(), second.get()], [0, 1]);
        assert!(matches!(take(), Err(IsolateError::Busy { .. })));
        drop(first);
        assert_eq!(take().unwrap().get(), 0);
    }
}
