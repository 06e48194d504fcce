//! `exp demo`: the whole story on a small real project.
//!
//! It calls only the public verbs, as processes: removing this folder changes nothing else.

mod project;
mod story;

pub use story::run;
