//! Floor 4: the only floor that composes. Knows nothing of how it is called and what is shown.

pub mod config;
