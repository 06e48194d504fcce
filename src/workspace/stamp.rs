//! What the file system says of a file without reading it.

use rustix::fs::{FileType, Stat};

use crate::base::limits::{FILE_BYTES_MAX, SPARSE_BYTES_MIN, SPARSE_SHARE};
use crate::base::limits::{STAMP_LAG_COARSE_NANOS, STAMP_LAG_NANOS};
use crate::object::tree::EntryKind;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Size, times, place and mode of a file. Equal stamps mean equal content, if they are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Bytes.
    pub(super) size: u64,
    /// Nanoseconds since 1970 of the last change of content, as far as anybody tells the truth.
    pub(super) modified: i64,
    /// Nanoseconds since 1970 of the last change of any kind. Only the kernel sets it.
    pub(super) changed: i64,
    /// The inode.
    pub(super) inode: u64,
    /// The device.
    pub(super) device: u64,
    /// Type and permission bits.
    pub(super) mode: u32,
}

impl Stamp {
    /// Which file it is, whatever its name.
    pub(super) fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether a file with this stamp cannot have changed since without another stamp, when it
    /// was looked at after `moment`: the clock of its file system had moved on.
    pub(super) fn is_settled(&self, moment: i64) -> bool {
        let whole_seconds = (self.modified | self.changed) % NANOS_PER_SECOND == 0;
        let lag = if whole_seconds { STAMP_LAG_COARSE_NANOS } else { STAMP_LAG_NANOS };
        self.modified.max(self.changed).saturating_add(lag) < moment
    }

    /// What a tree says that it is; none for folders and for what no tree can hold.
    pub(super) fn leaf_kind(&self) -> Option<EntryKind> {
        match self.file_type() {
            FileType::RegularFile if self.mode & 0o100 != 0 => Some(EntryKind::Executable),
            FileType::RegularFile => Some(EntryKind::File),
            FileType::Symlink => Some(EntryKind::Symlink),
            _ => None,
        }
    }

    /// Whether it is a folder (a link to one is not).
    pub(super) fn is_folder(&self) -> bool {
        self.file_type() == FileType::Directory
    }

    /// What it is for the system.
    pub(super) fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.mode)
    }
}

// The widths of the fields differ between systems, so a cast is needless on some.
#[allow(clippy::unnecessary_cast)]
impl From<&Stat> for Stamp {
    fn from(stat: &Stat) -> Self {
        let nanos = |seconds: i64, nanos: i64| {
            seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos)
        };
        Self {
            size: stat.st_size as u64,
            modified: nanos(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: nanos(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
            device: stat.st_dev as u64,
            mode: stat.st_mode as u32,
        }
    }
}

/// Whether a capture leaves a file out for its size: it is larger than a capture reads, or it stands for
/// far more bytes than its blocks (of 512) hold, as the images of machines and some databases do.
pub(super) fn is_too_large(bytes: u64, blocks: u64) -> bool {
    let held = blocks.saturating_mul(512);
    bytes > FILE_BYTES_MAX || (bytes > SPARSE_BYTES_MIN && held < bytes / SPARSE_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(modified: i64, changed: i64) -> Stamp {
        Stamp { size: 1, modified, changed, inode: 1, device: 1, mode: 0o100_644 }
    }

    #[test]
    fn a_young_stamp_is_not_settled() {
        let second = NANOS_PER_SECOND;
        assert!(stamp(5 * second + 1, 5 * second + 1).is_settled(6 * second));
        assert!(!stamp(6 * second - 1, 6 * second - 1).is_settled(6 * second));
        // An old time that was set by hand does not hide a change: the kernel set the other one.
        assert!(!stamp(1, 6 * second - 1).is_settled(6 * second));
        // Whole seconds: a file system that cannot say more precisely.
        assert!(!stamp(5 * second, 5 * second).is_settled(6 * second));
        assert!(stamp(5 * second, 5 * second).is_settled(8 * second));
    }
}
