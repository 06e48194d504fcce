//! Three approaches to one task, each in a branch of its own; each is measured, the best one that
//! is right wins and is merged.
//!
//! `cargo run --example race_three_approaches`

use std::error::Error;
use std::fs;

use expdag::engine::verb::merge::{self, What};
use expdag::engine::verb::{init, rank, select, r#try};
use expdag::engine::{Engine, Event, Surroundings};
use expdag::run::Cancel;

/// The task: `list.txt` sorted, in as few bytes of `sort.sh` as possible.
const EVALUATOR: &str = r#"
[[stage]]
name = "right"
kind = "gate"
run = "sh sort.sh < list.txt > sorted.txt; sort list.txt | cmp - sorted.txt; s=$?; rm sorted.txt; exit $s"

[[stage]]
name = "length"
kind = "metric"
run = "wc -c < sort.sh"
report = "number"
unit = "bytes"
better = "lower"
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let project = scratch.path().join("project");
    fs::create_dir(&project)?;
    fs::write(project.join("exp.toml"), EVALUATOR)?;
    fs::write(project.join("list.txt"), "pear\napple\nfig\n")?;
    fs::write(project.join("sort.sh"), "# the long way\nLC_ALL= sort | cat | cat\n")?;

    let surroundings =
        Surroundings::plain(project.clone(), scratch.path().join("state"), "example");
    init::run(surroundings.clone(), &init::Options::default())?;
    let engine = Engine::open(surroundings)?;
    let cancel = Cancel::new();
    let watch = |event: Event| {
        if let Event::ApproachEnded { branch, outcome, .. } = event {
            println!("{branch}: {outcome}");
        }
    };

    // In earnest these are commands that start coding agents.
    let approach =
        |name: &str, script: &str| (name.to_owned(), format!("echo '{script}' > sort.sh"));
    let approaches =
        vec![approach("plain", "sort"), approach("piped", "cat | sort"), approach("lazy", "cat")];
    let options = r#try::Options { approaches, jobs: Some(2), ..Default::default() };
    let tried = r#try::run(&engine, &options, &cancel, &watch)?;
    println!("experiment {}: {} approaches", tried.experiment, tried.approaches.len());

    let table = rank::run(&engine, &rank::Options::default())?;
    for row in &table.rows {
        println!("{:>8}: {:12} {}", row.approach, row.verdict.word, row.reasons.join("; "));
    }
    let lazy = table.rows.iter().find(|row| row.approach == "lazy").expect("it was tried");
    assert!(!lazy.feasible, "the shortest one does not sort, and cannot be chosen");

    let selected = select::run(&engine, &select::Options::default())?;
    assert_eq!(selected.selected.as_deref(), Some("plain"));
    let what = What::Selected(None);
    let options = merge::Options {
        what,
        message: String::new(),
        no_eval: false,
        dry_run: false,
        state_of: None,
    };
    let merged = merge::run(&engine, &options, &cancel, &watch)?;
    assert_eq!(merged.verdict.word, "good", "it was evaluated as merged");
    assert_eq!(fs::read_to_string(project.join("sort.sh"))?, "sort\n");
    println!("{} was merged ({})", merged.from, merged.outcome);
    Ok(())
}
