//! What an agent knows, kept step by step: saved when something changed that counts, taken back to
//! the last state that was valid, tried out on a branch and merged.
//!
//! `cargo run --example remember_an_agents_state`

use std::error::Error;

use expdag::base::name::Label;
use expdag::document::{Document, Edit, Json, Pointer};
use expdag::session::state::{At, MergeOptions, Merged, Outcome, Put, Sessions, What};
use expdag::session::state::{PutKind, StateSettings};

/// A clock that changes in every step is no reason to save.
const NEVER_MIND: &str = "/clock";

fn edit(pointer: &str, value: impl Into<Json>) -> Result<Edit, Box<dyn Error>> {
    Ok(Edit::Set { pointer: pointer.parse::<Pointer>()?, value: value.into() })
}

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let settings = StateSettings { ignore: vec![NEVER_MIND.parse()?], ..StateSettings::default() };
    let sessions = Sessions::at_with(&scratch.path().join("store"), settings)?;
    let session = sessions.session("example")?;

    // Each step edits the state in memory, at the cost of the edit, and puts it.
    let start = Json::parse(br#"{"clock":0,"plan":[],"tests":{"failed":0,"passed":0}}"#)?;
    let mut state = Document::of(&start)?;
    let mut saved = 0;
    for step in 0..20_i64 {
        state.edit(&[edit("/clock", step)?])?;
        if step % 4 == 0 {
            let pointer = "/plan".parse()?;
            let value = Json::from(format!("task {step}").as_str());
            state.edit(&[Edit::Append { pointer, value }])?;
        }
        let put = Put::new(PutKind::Automatic, What::Document(state.clone()));
        if let Outcome::Saved { .. } = session.put(&put)?.outcome {
            saved += 1;
        }
    }
    println!("20 steps, {saved} saved: in the others only the clock moved");
    assert_eq!(saved, 5);

    // A step goes wrong; back to the newest state in which no test failed.
    state.edit(&[edit("/tests/failed", 3)?])?;
    session.put(&Put::new(PutKind::Automatic, What::Document(state)))?;
    let failed: Pointer = "/tests/failed".parse()?;
    let good = session
        .latest_valid(None, |state| state.get(&failed).is_some_and(|n| n.compact() == "0"))?;
    session.rollback(None, &At::Id(good.id), "tests failed")?;
    println!("back to {}", good.id.short());

    // Two ideas side by side; what both found out is brought together.
    let idea = Label::new("idea")?;
    session.branch(&idea, &At::latest(), "another way")?;
    let on = |edits| Put::new(PutKind::Manual, What::Edits { base: None, edits });
    session.put(&on(vec![edit("/found", "a faster way")?]).on(idea.clone()))?;
    session.put(&on(vec![edit("/tests/passed", 7)?]))?;
    let merged = session.merge(&MergeOptions {
        from: idea,
        into: None,
        favour: None,
        message: "both".into(),
        expect: None,
    })?;
    assert!(matches!(merged, Merged::Saved(_)), "{merged:?}");
    let state = session.get(&At::latest())?.document;
    println!("{}", state.to_json().pretty());
    assert_eq!(state.get(&"/found".parse()?), Some(Json::from("a faster way")));
    assert_eq!(state.get(&"/tests".parse()?), Some(Json::parse(br#"{"failed":0,"passed":7}"#)?));
    assert!(session.audit(None)?.fault.is_none());
    sessions.close()?;
    Ok(())
}
