//! Resident memory while one session goes on and on.

use std::process::Command;

use expdag::session::state::{Put, PutKind, Sessions, What};

use crate::Options;
use crate::machine::resident_kib;
use crate::state;

const COMPONENTS: [i64; 2] = [20, 100];

/// One process for each number of components.
pub fn all(options: &Options) {
    println!("\nResident memory: edits and an automatic put, on one session");
    for components in COMPONENTS {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("--scratch").arg(&options.scratch);
        if options.is_quick {
            command.arg("--quick");
        }
        let status = command.args(["memory-of", &components.to_string()]).status();
        assert!(status.expect("it starts").success());
    }
}

/// In this process.
pub fn one(options: &Options, components: i64) {
    let folder = options.folder();
    let sessions = Sessions::at(folder.path()).expect("a store");
    let session = sessions.session("memory").expect("a good name");
    session.put(&Put::manual(state::json(components))).expect("it is saved");
    print!("{components:4} components: after 1 put {} KiB", resident_kib());
    let marks = if options.is_quick { [100, 200, 1_000] } else { [1_000, 10_000, 100_000] };
    for step in 1..=marks[2] {
        let edits = state::edits(step, components);
        let put = Put::new(PutKind::Automatic, What::Edits { base: None, edits });
        let answer = session.put(&put).expect("it is saved");
        assert!(answer.id().is_some());
        if marks.contains(&step) {
            print!(", {step}: {} KiB", resident_kib());
        }
    }
    sessions.close().expect("it is durable");
    println!(", closed: {} KiB", resident_kib());
}
