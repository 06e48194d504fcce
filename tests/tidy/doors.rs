//! The laws of doors: what only one place may name, because it shapes or endangers the rest.

use super::floors::is_below_surface;
use super::law::{Violation, violation};
use super::scan::{Source, close_of, is_word, skip_space, word_at};

/// Third-party crates and the paths (as prefixes) that may name them.
const CRATE_DOORS: [(&str, &[&str]); 8] = [
    ("bincode", &["src/base/codec.rs"]),
    ("blake3", &["src/base/codec.rs"]),
    ("sled", &["src/store/catalogue"]),
    ("petgraph", &["src/graph/"]),
    ("clap", &["src/surface/cli", "src/main.rs"]),
    ("clap_complete", &["src/surface/cli", "src/main.rs"]),
    ("miniz_oxide", &["src/merge/patch.rs"]),
    ("sha1_smol", &["src/merge/patch.rs"]),
];

/// Files that start programs: the parent's side and the child's.
const SPAWNERS: [&str; 2] = ["src/run/process", "src/run/enter"];

/// Files that may hold unsafe code.
const UNSAFE: [&str; 1] = ["src/run/enter"];

/// The one file that reads the system's clock.
const CLOCK: &str = "src/base/time.rs";

fn is_in(source: &Source, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| source.path.starts_with(prefix))
}

/// Each crate that shapes the design has one door.
pub fn crate_doors(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, doors) in CRATE_DOORS {
        if is_in(source, doors) || !source.path.starts_with("src/") {
            continue;
        }
        for at in source.find(name) {
            let before = source.code[..at].trim_end();
            let after = &source.code[at + name.len()..];
            let named = before.ends_with("use") || before.ends_with("extern crate");
            let longer = before.strip_suffix("::");
            let own = longer.is_some_and(|path| path.bytes().next_back().is_some_and(is_word));
            if named || (after.starts_with("::") && !own) {
                found.push(violation(source, at, format!("`{name}` is named outside its door")));
            }
        }
    }
    found
}

/// The places where non-test code below the surface has one of these phrases.
fn phrases(source: &Source, phrases: &[&str], fault: &str) -> Vec<Violation> {
    if !is_below_surface(source) {
        return Vec::new();
    }
    let places = phrases.iter().flat_map(|phrase| source.find(phrase));
    let places = places.filter(|at| !source.is_test(*at));
    places.map(|at| violation(source, at, fault)).collect()
}

/// Whether a path to a module is followed by that name, alone or in a group.
fn imports(source: &Source, module: &str, name: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for at in source.find(&format!("{module}::")) {
        let next = skip_space(&source.code, at + module.len() + 2);
        let rest = &source.code[next..];
        let group = rest.starts_with('{').then(|| close_of(&source.code, next)).flatten();
        let in_group =
            group.is_some_and(|end| !super::scan::find(&source.code[next..end], name).is_empty());
        if word_at(&source.code, next) == name || rest.starts_with('*') || in_group {
            found.push(at);
        }
    }
    found
}

/// Programs are started in one place only. Tests may start what they compare with.
pub fn spawning(source: &Source) -> Vec<Violation> {
    if is_in(source, &SPAWNERS) || !source.path.starts_with("src/") {
        return Vec::new();
    }
    let mut places = imports(source, "process", "Command");
    for name in ["libc::fork", "libc::vfork", "libc::execve", "libc::execvp", "libc::execv"] {
        places.extend(source.find(name));
    }
    places.retain(|at| !source.is_test(*at));
    let fault = "programs are started only in `run/process.rs` and `run/enter.rs`";
    places.into_iter().map(|at| violation(source, at, fault)).collect()
}

/// Only the surface speaks to people.
pub fn printing(source: &Source) -> Vec<Violation> {
    let prints = ["println!", "eprintln!", "print!", "eprint!", "dbg!", "io::stdout", "io::stderr"];
    phrases(source, &prints, "only the surface prints")
}

/// Only the surface ends the process; the child's side of a spawn ends the child.
pub fn exiting(source: &Source) -> Vec<Violation> {
    let mut found =
        phrases(source, &["process::exit", "process::abort"], "only the surface ends the process");
    if !is_in(source, &UNSAFE) {
        found.extend(phrases(
            source,
            &["libc::exit", "libc::_exit", "libc::abort"],
            "only `run/enter.rs` ends a child",
        ));
    }
    found
}

/// Only the surface reads the environment.
pub fn environment(source: &Source) -> Vec<Violation> {
    let mut found = phrases(source, &["env::"], "only the surface reads the environment");
    if is_below_surface(source) {
        let places = imports(source, "std", "env").into_iter().filter(|at| {
            let at_env = skip_space(&source.code, at + "std::".len());
            !source.is_test(*at) && !source.code[at_env..].starts_with("env::")
        });
        let fault = "only the surface reads the environment";
        found.extend(places.map(|at| violation(source, at, fault)));
    }
    found
}

/// The clock is handed down; `run/` may measure how long its children take.
pub fn clocks(source: &Source) -> Vec<Violation> {
    if source.path == CLOCK {
        return Vec::new();
    }
    let wall = ["SystemTime::now", "Timestamp::now", "Zoned::now", "UNIX_EPOCH.elapsed"];
    let mut found = phrases(source, &wall, "the clock is handed down (`base::time::Clock`)");
    if source.room() != Some("run") {
        let fault = "only `run/` measures how long things take";
        found.extend(phrases(source, &["Instant::now"], fault));
    }
    found
}

/// Unsafe code stands where its reasons are.
pub fn unsafe_code(source: &Source) -> Vec<Violation> {
    if is_in(source, &UNSAFE) {
        return Vec::new();
    }
    let places = source.find("unsafe");
    places.into_iter().map(|at| violation(source, at, "unsafe code outside its files")).collect()
}

/// Nothing is ignored, nothing is left for later.
pub fn unfinished(source: &Source) -> Vec<Violation> {
    let marks = ["#[ignore", "todo!", "unimplemented!"];
    let places = marks.iter().flat_map(|mark| source.find(mark));
    places.map(|at| violation(source, at, "ignored or unfinished")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, check};

    #[test]
    fn a_crate_is_named_only_at_its_door() {
        check(crate_doors, "src/store/pack.rs", "use sled::Db;", 1);
        check(crate_doors, "src/store/pack.rs", "use sled as s;", 1);
        check(crate_doors, "src/object/tree.rs", "let h = blake3::hash(x);", 1);
        check(crate_doors, "src/object/tree.rs", "let h = ::bincode::config();", 1);
        check(crate_doors, "src/engine/x.rs", "#[derive(clap::Parser)] struct A;", 1);
        check(crate_doors, "src/policy/x.rs", "use petgraph::Graph; // petgraph", 1);
        check(crate_doors, "src/store/catalogue.rs", "use sled::Db;", 0);
        check(crate_doors, "src/store/catalogue/open.rs", "use sled::Db;", 0);
        check(crate_doors, "src/base/codec.rs", "blake3::hash(x); bincode::serde::x();", 0);
        check(crate_doors, "src/store/mod.rs", "//! sled::Db\nlet sled = \"sled::\";", 0);
        check(crate_doors, "src/graph/walk.rs", "use petgraph::Graph;", 0);
        check(crate_doors, "src/engine/x.rs", "super::clap::x(); self::sled::y();", 0);
        check(crate_doors, "src/main.rs", "use clap::Parser;", 0);
    }

    #[test]
    fn programs_are_started_in_one_place() {
        for bad in [
            "use std::process::Command;",
            "use std::process::{ExitStatus, Command};",
            "std::process::Command::new(\"x\");",
            "use std::{process::Command, fs};",
            "use std::process::*;",
            "libc::fork();",
        ] {
            check(spawning, "src/run/pool.rs", bad, 1);
            check(spawning, "src/surface/cli/x.rs", bad, 1);
            check(spawning, "src/run/process.rs", bad, 0);
        }
        check(spawning, "src/run/pool.rs", "use std::process::ExitStatus;", 0);
        check(spawning, "src/surface/cli/x.rs", "use clap::Command; Command::new(x);", 0);
        check(spawning, "src/merge/x.rs", "#[cfg(test)] mod t { use std::process::Command; }", 0);
    }

    #[test]
    fn below_the_surface_it_is_quiet() {
        let laws: [(Law, &[&str]); 4] = [
            (printing, &["println!(x)", "dbg!(x)", "eprint!(x)", "std::io::stdout().lock()"]),
            (exiting, &["std::process::exit(1)", "process::abort()", "libc::_exit(1)"]),
            (environment, &["std::env::var(x)", "env::args()", "use std::env;"]),
            (clocks, &["SystemTime::now()", "std::time::Instant::now()", "Timestamp::now()"]),
        ];
        for (law, samples) in laws {
            for sample in samples {
                let code = format!("fn a() {{ {sample}; }}");
                check(law, "src/store/pack.rs", &code, 1);
                check(law, "src/engine/mod.rs", &code, 1);
                check(law, "src/surface/cli.rs", &code, 0);
                check(law, "src/main.rs", &code, 0);
                check(law, "src/store/pack.rs", &format!("#[cfg(test)] mod t {{ {code} }}"), 0);
                check(law, "src/store/pack.rs", &format!("// {sample}\nlet a = \"{sample}\";"), 0);
            }
        }
        check(environment, "src/store/x.rs", "use std::{env, fs};", 1);
        check(environment, "src/store/x.rs", "env!(\"CARGO\"); use std::fs;", 0);
        check(clocks, "src/run/pool.rs", "Instant::now()", 0);
        check(clocks, "src/run/pool.rs", "SystemTime::now()", 1);
        check(clocks, "src/base/time.rs", "SystemTime::now()", 0);
        check(exiting, "src/run/enter.rs", "libc::_exit(1)", 0);
    }

    #[test]
    fn unsafe_ignored_and_unfinished_are_caught() {
        check(unsafe_code, "src/store/x.rs", "unsafe { a() }", 1);
        check(unsafe_code, "src/store/x.rs", "#![allow(unsafe_code)] // unsafe", 0);
        check(unsafe_code, "src/run/enter.rs", "unsafe { a() }", 0);
        check(unfinished, "tests/x.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}", 1);
        check(unfinished, "src/base/x.rs", "todo!(); unimplemented!(\"b\")", 2);
        check(unfinished, "src/base/x.rs", "mod ignore; // todo!()\nfn unimplemented() {}", 0);
    }
}
