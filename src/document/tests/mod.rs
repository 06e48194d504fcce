//! The laws of documents.

mod cases;
mod cost;
mod diff_lists;
mod json;
mod laws;
mod live;
mod merge_lists;
mod model;
mod patch_cases;
mod patch_laws;
mod patch_suite;
