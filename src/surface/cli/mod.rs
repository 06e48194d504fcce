//! The `exp` command: flags in, text or JSON out. The door to clap.

mod agents;
mod args;
mod bug;
mod bundles;
mod demo;
mod dispatch;
mod exit;
mod follow;
mod hook;
mod interrupt;
mod json_text;
mod line;
mod live;
mod output;
mod own_file;
mod progress;
mod racing;
mod section;
mod settings;
mod states;
mod text;
mod values;
mod world;

pub use dispatch::main;
