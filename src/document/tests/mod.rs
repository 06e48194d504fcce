//! The laws of documents.

mod cases;
mod cost;
mod json;
mod laws;
mod live;
mod model;
