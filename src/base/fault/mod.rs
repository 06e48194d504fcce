//! Faults of the disk, for tests: what a machine may show after its power failed at any moment,
//! and writes that fail.
//!
//! **The model.** The content of a file and the names in a folder are separate things, and both
//! live in memory until they are synced.
//!
//! - `DiskFile::sync` makes the content and mode of one file durable. It says nothing of its name.
//! - `Disk::sync_dir` makes the names in one folder durable, and its mode. It says nothing of what
//!   the names stand for: a name may be durable while its file is empty.
//! - `Disk::sync_all` makes everything below a folder durable, and nothing above it.
//! - A change of a folder (create, rename, remove, make a folder, make a link) that is not synced
//!   may be there or not, each independently of the others and of their order.
//! - A rename within a folder is one change: both names or neither. Between two folders it is a
//!   new name and a removal; the removal is not there without the new name, unless the old folder
//!   was synced.
//! - Content that was appended and not synced may be absent, there in part, there in full length
//!   with zeros where data should be, or whole.
//! - Bytes written at a place and not synced may each time be the old ones, the new ones, or new in
//!   a first or last part only, whatever becomes of other writes, earlier or later; the file may
//!   have grown without its bytes. A cut that is not synced is there or not.
//! - Synced content stays, until it is written over or cut.
//! - A folder that is not there takes with it all that lies in it.
//!
//! This is harsher than the journals of ext4, XFS or btrfs, which keep the order of changes in
//! one folder: what passes here does not lean on any of them.
//!
//! Not modelled: sectors that go bad later, a disk that lies about a sync. The first is for
//! digests to find; [`RecordingDisk::forgetting`] does the second, so that a test can show that it
//! would notice a sync that is not there.

mod content;
mod drive;
mod image;
mod recording;
mod states;
#[cfg(test)]
mod tests;

pub use drive::{CrashPoint, crash_points, crash_points_of};
pub use image::{Image, Node};
pub use recording::{Failure, Mutation, RecordingDisk};
pub use states::crash_states;
