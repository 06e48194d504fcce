//! Floor 2: the user's directory.

pub mod isolate;
