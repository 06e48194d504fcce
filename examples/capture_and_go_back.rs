//! Record files, change them, look at the difference, go back, and forward again: what an editor
//! or an agent needs to be free to try things.
//!
//! `cargo run --example capture_and_go_back`

use std::error::Error;
use std::fs;

use expdag::base::name::Label;
use expdag::engine::verb::{diff, init, rollback, snapshot, undo};
use expdag::engine::{Engine, Surroundings};

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let project = scratch.path().join("project");
    fs::create_dir(&project)?;
    let notes = project.join("notes.txt");
    fs::write(&notes, "one\n")?;

    let surroundings =
        Surroundings::plain(project.clone(), scratch.path().join("state"), "example");
    let made = init::run(surroundings.clone(), &init::Options::default())?;
    println!("a workspace with {} file(s), kept in {}", made.files, made.store.display());

    let engine = Engine::open(surroundings)?;
    let tag = Some(Label::new("start")?);
    let options = snapshot::Options { message: "where I began".into(), tag, ..Default::default() };
    snapshot::run(&engine, &options)?;

    fs::write(&notes, "one\ntwo\n")?;
    fs::write(project.join("idea.txt"), "something new\n")?;
    let changed = diff::run(&engine, &diff::Options::default())?;
    println!("{} file(s) differ from the snapshot", changed.files.len());
    assert_eq!(changed.files.len(), 2);

    // Nothing is lost: what was not recorded yet is captured before the files change.
    let options = rollback::Options { to: Some("start".into()), ..Default::default() };
    let back = rollback::run(&engine, &options)?;
    assert_eq!(fs::read_to_string(&notes)?, "one\n");
    assert!(!project.join("idea.txt").exists());
    let saved = back.captured.expect("there was work that was not recorded");
    println!("went back to `start`; the later work is safe in {}", &saved[..12]);

    undo::run(&engine, &undo::Options::default())?;
    assert_eq!(fs::read_to_string(&notes)?, "one\ntwo\n");
    assert!(project.join("idea.txt").exists());
    println!("and forward again: both files are as they were");
    Ok(())
}
