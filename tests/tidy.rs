//! Holds the laws of the code that a reader relies on: floors, doors, shape.
//!
//! Each law is a function from a file's text to the places that break it, and is proved on small
//! samples beside it. Here they are applied to the repository. Knows source only as text.

#[path = "tidy/blank.rs"]
mod blank;
#[path = "tidy/doors.rs"]
mod doors;
#[path = "tidy/floors.rs"]
mod floors;
#[path = "tidy/law.rs"]
mod law;
#[path = "tidy/scan.rs"]
mod scan;
#[path = "tidy/shape.rs"]
mod shape;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use law::{Law, Violation};
use scan::Source;

/// Laws that hold wherever there is Rust.
const EVERYWHERE: [Law; 4] =
    [doors::unfinished, shape::file_length, shape::function_length, shape::module_doc];

/// Laws of what is shipped.
const SHIPPED: [Law; 9] = [
    doors::clocks,
    doors::crate_doors,
    doors::environment,
    doors::exiting,
    doors::printing,
    doors::spawning,
    doors::unsafe_code,
    floors::floors,
    shape::mod_files,
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the repository can be read").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            let inside = path.strip_prefix(root()).expect("it lies below the root");
            sources.push(Source::new(&inside.to_string_lossy(), &text));
        }
    }
}

/// All source, with the modules that only tests have marked as such.
fn repository() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        collect(&root().join(folder), &mut sources);
    }
    let tests: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    let is_test = |path: &str| {
        let stem = path.trim_end_matches(".rs");
        tests.iter().any(|test| {
            stem.strip_prefix(test.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        })
    };
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    let mark = |source: Source| if is_test(&source.path) { source.all_tests() } else { source };
    sources.into_iter().map(mark).collect()
}

#[track_caller]
fn none(violations: Vec<Violation>) {
    let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "the laws of the code are broken:\n{}", lines.join("\n"));
}

#[test]
fn every_file_keeps_the_laws() {
    let sources = repository();
    assert!(sources.len() > 20, "the source was found");
    let mut found = Vec::new();
    for source in &sources {
        let shipped = if source.path.starts_with("src/") { SHIPPED.as_slice() } else { &[] };
        let laws = EVERYWHERE.iter().chain(shipped);
        found.extend(laws.flat_map(|law| law(source)));
    }
    none(found);
}

#[test]
fn every_verb_is_in_the_command_line_and_in_a_test() {
    none(shape::verbs_everywhere(&repository()));
}

#[test]
fn every_room_is_in_the_guide() {
    // The guide comes with the first rooms; from then on it names each.
    let Ok(guide) = fs::read_to_string(root().join("ARCHITECTURE.md")) else { return };
    let sources = repository();
    let rooms: BTreeSet<&str> = sources.iter().filter_map(Source::room).collect();
    none(shape::rooms_in_guide(rooms.into_iter(), &guide));
}
