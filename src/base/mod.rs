//! Floor 0: what everything stands on. Ids, names, paths, time, bounds, the codec and the disk.
//!
//! Knows nothing of objects, stores or workspaces. It reads no clock, no environment and no
//! configuration: [`time::Clock`] is handed in from the top.

pub mod codec;
pub mod disk;
pub mod fault;
#[cfg(test)]
pub mod fuzz;
pub mod id;
pub mod limits;
pub mod mount;
pub mod name;
pub mod near;
pub mod path;
pub mod regular;
pub mod reserved;
pub mod time;
pub mod visible;
