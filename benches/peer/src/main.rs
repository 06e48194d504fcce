//! Sessions of states beside SQLite, deep copies and a file for each step, in one run.
//!
//! `benches/states.sh` builds and starts it. Everything is seeded; only the times differ.

mod agent;
mod durable;
mod machine;
mod memory;
mod rounds;
mod run;
mod size;
mod sqlite;
mod state;
mod tracked;

use std::path::PathBuf;

/// What is asked for.
pub struct Options {
    /// Few rounds of little: proves that all of it works.
    pub is_quick: bool,
    /// Where files are written: the disk that is measured.
    pub scratch: PathBuf,
    /// Of the ways to save a state, only those whose name has this in it.
    pub only: String,
}

impl Options {
    /// A count, or a small one for a quick run.
    pub fn count(&self, full: usize, quick: usize) -> usize {
        if self.is_quick { quick } else { full }
    }

    /// An empty folder on the disk that is measured.
    pub fn folder(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(&self.scratch).expect("a folder can be made")
    }
}

const USAGE: &str =
    "usage: peer [durable] [run] [size] [memory] [--quick] [--scratch DIR] [--only NAME]
  durable  durable puts a second, beside SQLite: alone, grouped, threads
  run      1,000 steps of an agent, beside deep copies and a file for each step
  size     stored bytes of three changed fields of 20 x 100
  memory   resident memory over 100,000 operations
tracked COMPONENTS STEPS: edits and snapshots in memory, for a counter of instructions";

fn main() {
    let mut options =
        Options { is_quick: false, scratch: std::env::temp_dir(), only: String::new() };
    let mut parts = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{USAGE}"));
        match word.as_str() {
            "--quick" => options.is_quick = true,
            "--scratch" => options.scratch = PathBuf::from(value()),
            "--only" => options.only = value(),
            "alone" | "grouped" | "threads" | "run" | "size" | "memory" => parts.push(word),
            "durable" => parts.extend(["alone", "grouped", "threads"].map(String::from)),
            // In a process of its own, so that nothing else's memory is counted.
            "memory-of" => return memory::one(&options, value().parse().expect("a number")),
            "tracked" => {
                let components = value().parse().expect("a number");
                return tracked::run(components, value().parse().expect("a number"));
            }
            _ => panic!("{USAGE}"),
        }
    }
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let all: [(&str, fn(&Options)); 6] = [
        ("alone", durable::alone),
        ("grouped", durable::grouped),
        ("threads", durable::threads),
        ("size", size::all),
        ("run", run::all),
        ("memory", memory::all),
    ];
    all.iter().filter(|(part, _)| is_wanted(part)).for_each(|(_, start)| start(&options));
}
