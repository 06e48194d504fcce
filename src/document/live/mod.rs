//! A JSON value held in memory, to be changed step by step.

mod document;

pub use document::Document;
