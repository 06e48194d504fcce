//! The verbs, one file each: options in, a report out.
//!
//! A verb's file is named as the command is; its `Options` say all that can be asked for, its
//! `Report` all that came of it.

pub mod audit;
pub mod branch;
pub mod compare;
pub mod deinit;
pub mod diff;
pub mod doctor;
pub mod eval;
pub mod exec;
pub mod experiment;
pub mod experiments;
pub mod export;
pub mod forget;
pub mod fsck;
pub mod gc;
pub mod guard;
pub mod hook;
pub mod import;
pub mod init;
pub mod log;
pub mod logs;
pub mod merge;
pub mod op_log;
pub mod rank;
pub mod redo;
pub mod rollback;
pub mod select;
pub mod show;
pub mod snapshot;
pub mod state;
pub mod stats;
pub mod status;
pub mod switch;
pub mod tag;
pub mod r#try;
pub mod undo;
