//! `exp eval`: measures a snapshot, or the files, with the stages of `exp.toml`.

use serde::Serialize;

use crate::engine::config::Config;
use crate::engine::context::CONFIG_FILE;
use crate::engine::evaluate::Bench;
use crate::engine::events::{Event, Watch};
use crate::engine::finding::Judged;
use crate::engine::on_request::Entry;
use crate::engine::report::{ShownEvaluation, ShownVerdict};
use crate::engine::view::Backend;
use crate::engine::{Engine, EngineError};
use crate::object::names::VerdictWord;
use crate::object::snapshot::Snapshot;
use crate::object::tree;
use crate::run::Cancel;
use crate::store::Sharing;

/// What can be asked of `eval`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What; the workspace's files, captured first, if nothing is given.
    pub what: Option<String>,
    /// Run the stages although the result is remembered.
    pub again: bool,
    /// Which view to use.
    pub backend: Option<Backend>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The snapshot.
    pub snapshot: String,
    /// What it was compared with: its first parent, where that was evaluated.
    pub base: Option<String>,
    /// What was found; none in a dry run.
    pub evaluation: Option<ShownEvaluation>,
    /// The verdict.
    pub verdict: ShownVerdict,
    /// Tests that passed in the base and fail now.
    pub newly_failing: Vec<String>,
    /// Things to look at.
    pub suspicions: Vec<String>,
    /// The stages that would be run, in a dry run.
    pub planned: Vec<String>,
    /// The experiment whose table has the result now; none for what is no candidate.
    pub experiment: Option<String>,
}

impl Report {
    /// Whether the answer is no.
    pub fn is_bad(&self) -> bool {
        self.verdict.word == "bad"
    }
}

/// Measures.
///
/// # Errors
/// [`EngineError::NoStages`], [`EngineError::NoConfig`]; those of a view.
pub fn run(
    engine: &Engine,
    options: &Options,
    cancel: &Cancel,
    watch: Watch<'_>,
) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let config = engine.config()?;
    if config.stages.is_empty() {
        return Err(engine.no_stages());
    }
    if options.dry_run {
        return dry_run(engine, options, &config);
    }
    let _lock = engine.lock("eval", Sharing::Shared)?;
    let writer = engine.writer()?;
    // Before a capture moves the branch, and `@` with it.
    let named = options.what.as_ref().map(|what| engine.resolve(what)).transpose()?;
    let safe = engine.make_safe(&writer, "eval")?;
    drop(writer);
    let (id, snapshot) = match named {
        Some(resolved) => (resolved.id, resolved.snapshot),
        None => (safe.standing.position.snapshot, safe.standing.snapshot.clone()),
    };
    let mut bench = Bench::new(engine, config, &safe.taken, cancel, watch)?;
    bench.again = options.again;
    bench.backend = options.backend;
    let base = match snapshot.parents.first() {
        Some(parent) => {
            // The base is measured first: without it there is nothing to compare with.
            let tree = Snapshot::fetch(&engine.store, *parent)?.tree;
            Some((*parent, bench.evaluate("base", tree)?))
        }
        None => None,
    };
    if let Some((_, base)) = &base {
        bench.expected.learn(&base.evaluation);
    }
    let shown = options.what.as_deref().unwrap_or("the files");
    let found = bench.evaluate(shown, snapshot.tree)?;
    let judged = bench.judge(found, base.as_ref().map(|(id, found)| (*id, found)));
    bench.say(shown, &judged);
    engine.keep_verdict(id, &judged)?;
    let base_found = base.as_ref().map(|(id, found)| (*id, found));
    let evaluator = bench.evaluator();
    let entry = engine.enter_on_request(shown, (id, &snapshot), &judged, base_found, evaluator)?;
    if let Entry::OtherEvaluator(experiment) = &entry {
        watch(Event::Notice(format!(
            "{experiment} was measured with other stages, so its table does not take this"
        )));
    }
    let mut report = report(id.hex(), base.map(|(id, _)| id.hex()), &judged);
    report.experiment = match entry {
        Entry::Entered(experiment) => Some(experiment),
        _ => None,
    };
    if let Some(parent) = snapshot.parents.first() {
        let before = Snapshot::fetch(&engine.store, *parent)?.tree;
        let changes = tree::diff(&engine.store, before, snapshot.tree)?;
        let is_config =
            |change: &tree::TreeChange| change.path.as_bytes() == CONFIG_FILE.as_bytes();
        if changes.iter().any(is_config) {
            let text = "`exp.toml` itself is changed; both sides were measured by the new one";
            report.suspicions.push(text.to_owned());
        }
    }
    Ok(report)
}

fn dry_run(engine: &Engine, options: &Options, config: &Config) -> Result<Report, EngineError> {
    let what = options.what.as_deref().unwrap_or("@");
    let planned = config.stages.iter().map(|stage| format!("{}: {}", stage.name, stage.run));
    Ok(Report {
        snapshot: engine.resolve(what)?.id.hex(),
        base: None,
        evaluation: None,
        verdict: ShownVerdict::unknown(),
        newly_failing: Vec::new(),
        suspicions: Vec::new(),
        planned: planned.collect(),
        experiment: None,
    })
}

fn report(snapshot: String, base: Option<String>, judged: &Judged) -> Report {
    debug_assert!(judged.record.word != VerdictWord::Bad || judged.record.trigger.is_some());
    let (id, found) = (judged.id.hex(), &judged.evaluation);
    Report {
        snapshot,
        base,
        evaluation: Some(ShownEvaluation::new(id, found, judged.from_memo)),
        verdict: ShownVerdict::from(&judged.record),
        newly_failing: judged.verdict.newly_failing.clone(),
        suspicions: judged.verdict.suspicions.clone(),
        planned: Vec::new(),
        experiment: None,
    }
}
