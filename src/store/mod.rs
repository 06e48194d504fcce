//! Floor 2: where objects and names lie on disk.

pub mod catalogue;
