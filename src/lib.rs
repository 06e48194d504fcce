//! `expdag`: try several approaches at once, measure each honestly, keep the best, and get back to
//! the last good state.
//!
//! Folders are floors, lowest first; a file imports only from lower floors or its own folder.
//! ARCHITECTURE.md is the guide.

pub mod base;
pub mod object;

pub mod document;
pub mod graph;
pub mod merge;
pub mod run;
pub mod store;
pub mod workspace;

pub mod policy;
pub mod session;

pub mod engine;

pub mod surface;
