//! An agent's loop: after each step the files are evaluated; a step that breaks something is taken
//! back at once, and the loop goes on from the last good state.
//!
//! `cargo run --example guard_a_step_loop`

use std::error::Error;
use std::fs;

use expdag::engine::verb::{guard, init};
use expdag::engine::{Engine, Surroundings};
use expdag::run::Cancel;

/// Right as long as every line of `numbers.txt` is a number.
const EVALUATOR: &str = r#"
[[stage]]
name = "numbers"
kind = "gate"
run = "! grep -v '^[0-9][0-9]*$' numbers.txt"
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let project = scratch.path().join("project");
    fs::create_dir(&project)?;
    fs::write(project.join("exp.toml"), EVALUATOR)?;
    let numbers = project.join("numbers.txt");
    fs::write(&numbers, "1\n")?;

    let surroundings =
        Surroundings::plain(project.clone(), scratch.path().join("state"), "example");
    init::run(surroundings.clone(), &init::Options::default())?;
    let engine = Engine::open(surroundings)?;

    let mut taken_back = Vec::new();
    for step in ["2", "3", "four", "5", "", "6"] {
        // The step: in earnest an agent edits files here.
        let before = fs::read_to_string(&numbers)?;
        fs::write(&numbers, format!("{before}{step}\n"))?;

        let found = guard::run(&engine, &guard::Options::default(), &Cancel::new(), &|_| {})?;
        println!("step `{step}`: {} ({})", found.outcome, found.verdict.reason);
        if found.is_bad() {
            assert!(found.went_back_to.is_some(), "there is always a good state to go back to");
            taken_back.push(step);
        }
    }
    assert_eq!(taken_back, ["four", ""]);
    assert_eq!(fs::read_to_string(&numbers)?, "1\n2\n3\n5\n6\n");
    println!("the file holds what passed; two steps were taken back");
    Ok(())
}
