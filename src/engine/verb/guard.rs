//! `exp guard`: run something, capture, evaluate, compare with the base; when a trigger fires, go
//! back to the last good node.

use std::ffi::OsString;
use std::time::Duration;

use serde::Serialize;

use crate::base::id::{SnapshotId, TreeId};
use crate::engine::config::Config;
use crate::engine::evaluate::Bench;
use crate::engine::events::{Event, Watch};
use crate::engine::finding::{Found, Judged};
use crate::engine::report::{ShownChange, ShownEvaluation, ShownVerdict, shown_changes};
use crate::engine::take::{Made, Safe};
use crate::engine::transact::Act;
use crate::engine::{Engine, EngineError, Followed};
use crate::object::names::VerdictWord;
use crate::object::snapshot::{Origin, Snapshot};
use crate::object::tree;
use crate::policy::analysis::analyse;
use crate::policy::suspicion::of_changed_paths;
use crate::run::{self, Cancel, Outcome};
use crate::store::{Sharing, Writer};

/// What can be asked of `guard`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What to run first, in the workspace; empty for nothing.
    pub command: Vec<OsString>,
    /// When that is stopped.
    pub timeout: Option<Duration>,
    /// Judge, but do not go back.
    pub keep: bool,
    /// Go back although git's HEAD has moved since.
    pub across_head: bool,
    /// Only say what would be evaluated.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `good`, `kept`, `rolled back`, `no good node` or `across head`.
    pub outcome: &'static str,
    /// The snapshot that was judged.
    pub snapshot: String,
    /// What it was compared with.
    pub base: Option<String>,
    /// What was found for it; none in a dry run.
    pub evaluation: Option<ShownEvaluation>,
    /// The verdict.
    pub verdict: ShownVerdict,
    /// How the command ended, in words.
    pub command: Option<String>,
    /// The good snapshot that was gone back to.
    pub went_back_to: Option<String>,
    /// Why nothing was gone back to although it could be: git's HEAD has moved since the good one.
    pub across_head: Option<String>,
    /// Nodes on the way that were passed over.
    pub passed: usize,
    /// The files that going back changed.
    pub changes: Vec<ShownChange>,
    /// Tests that passed in the base and fail now.
    pub newly_failing: Vec<String>,
    /// What to look at before the verdict is believed: changed tests or harness.
    pub suspicions: Vec<String>,
    /// Lines that failed stages left, errors first.
    pub errors: Vec<String>,
    /// Files changed since the good node, the likeliest cause first.
    pub suspects: Vec<String>,
    /// The session that followed.
    pub state: Option<Followed>,
}

impl Report {
    /// Whether the answer is no.
    pub fn is_bad(&self) -> bool {
        self.verdict.word == "bad"
    }
}

/// Guards.
///
/// # Errors
/// [`EngineError::NoStages`]; those of a view and a restore. A regression is a result, and so is that
/// there is no good node, or none on this side of git's HEAD.
pub fn run(
    engine: &Engine,
    options: &Options,
    cancel: &Cancel,
    watch: Watch<'_>,
) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    if options.dry_run {
        return dry_run(engine);
    }
    let _lock = engine.lock("guard", Sharing::Exclusive)?;
    let writer = engine.writer()?;
    let before = engine.standing()?;
    let safe = engine.make_safe(&writer, "guard")?;
    // What is compared with: what stood there before these changes.
    let base_id = match (options.command.is_empty(), safe.captured) {
        (false, _) => Some(safe.standing.position.snapshot),
        (true, Some(_)) => Some(before.position.snapshot),
        (true, None) => before.snapshot.parents.first().copied(),
    };
    let base = match base_id {
        Some(id) => Some(base_from(engine, &writer, &safe, id, cancel, watch)?),
        None => None,
    };
    let report_base = base.as_ref().map(|base| base.tree);
    let config = match &base {
        Some(base) => base.config.clone(),
        None => engine.config_of_base(None)?,
    };
    let base = base.map(|base| (base.id, base.found));
    let (command, mut safe) = run_command(engine, &writer, safe, options, cancel, watch)?;
    let judged = {
        let bench = Bench::new(engine, config, &safe.taken, cancel, watch)?;
        let found = bench.evaluate("the files", safe.standing.snapshot.tree)?;
        let judged = bench.judge(found, base.as_ref().map(|(id, found)| (*id, found)));
        bench.say("the files", &judged);
        judged
    };
    engine.keep_verdict(safe.standing.position.snapshot, &judged)?;
    // The verdicts have moved the names on.
    safe.standing.names = engine.store.names()?;
    let mut report = new_report(&safe, base.map(|(id, _)| id), &judged, command);
    if let Some(base) = &report_base {
        let changes = tree::diff(&writer, *base, safe.standing.snapshot.tree)?;
        report.suspicions.extend(of_changed_paths(changes.iter().map(|change| &change.path)));
    }
    if judged.record.word == VerdictWord::Bad {
        go_back(engine, &writer, &mut safe, options, &judged, &mut report)?;
    } else if judged.record.word == VerdictWord::Inconclusive {
        report.outcome = "kept";
    }
    Ok(report)
}

/// What the files are compared with.
struct Base {
    id: SnapshotId,
    tree: TreeId,
    /// The rules, which are its own.
    config: Config,
    found: Found,
}

/// The snapshot before, if that is good, else the last good one behind it: what was broken some
/// snapshots ago is still broken. Where none is good, the snapshot before.
fn base_from(
    engine: &Engine,
    writer: &Writer<'_>,
    safe: &Safe,
    before: SnapshotId,
    cancel: &Cancel,
    watch: Watch<'_>,
) -> Result<Base, EngineError> {
    let measured = |id: SnapshotId| -> Result<(Base, VerdictWord), EngineError> {
        let tree = Snapshot::fetch(writer, id)?.tree;
        let config = engine.config_of_base(Some(tree))?;
        let bench = Bench::new(engine, config.clone(), &safe.taken, cancel, watch)?;
        let found = bench.evaluate("base", tree)?;
        let judged = bench.judge(found.clone(), None);
        if engine.verdict(engine.store.names()?, id)?.is_none() {
            engine.keep_verdict(id, &judged)?;
        }
        Ok((Base { id, tree, config, found }, judged.record.word))
    };
    let (base, word) = measured(before)?;
    if word == VerdictWord::Good {
        return Ok(base);
    }
    match engine.last_good_before(writer, before) {
        // Good in the verdict that it has, which is not one of it alone.
        Ok(goal) if goal.id == before => Ok(base),
        Ok(goal) => {
            let (short, good) = (before.short(), goal.id.short());
            watch(Event::Notice(format!(
                "{short}, which came before, is not good itself: compared with the last good one, {good}"
            )));
            Ok(measured(goal.id)?.0)
        }
        Err(EngineError::NoGoodNode) => Ok(base),
        Err(error) => Err(error),
    }
}

fn dry_run(engine: &Engine) -> Result<Report, EngineError> {
    let standing = engine.standing()?;
    if engine.config()?.stages.is_empty() {
        return Err(engine.no_stages());
    }
    Ok(Report {
        outcome: "kept",
        snapshot: standing.position.snapshot.hex(),
        base: standing.snapshot.parents.first().map(SnapshotId::hex),
        evaluation: None,
        verdict: ShownVerdict::unknown(),
        command: None,
        went_back_to: None,
        across_head: None,
        passed: 0,
        changes: Vec::new(),
        newly_failing: Vec::new(),
        suspicions: Vec::new(),
        errors: Vec::new(),
        suspects: Vec::new(),
        state: None,
    })
}

/// Runs the command in the workspace itself and captures what it left.
fn run_command(
    engine: &Engine,
    writer: &Writer<'_>,
    safe: Safe,
    options: &Options,
    cancel: &Cancel,
    watch: Watch<'_>,
) -> Result<(Option<String>, Safe), EngineError> {
    if options.command.is_empty() {
        return Ok((None, safe));
    }
    let mut command = run::Command::argv(options.command.iter().cloned(), &engine.place.root);
    command.limit = options.timeout;
    command.stdio = run::Stdio::Inherited;
    let finished = run::run(&command, cancel, &mut |_| {})?;
    let (words, exit) = match &finished.outcome {
        Outcome::Exited(exit) => (format!("exit {exit}"), Some(*exit)),
        Outcome::Signalled(signal) => (format!("killed by signal {signal}"), None),
        Outcome::TimedOut => ("timed out".to_owned(), None),
        Outcome::DidNotStart { reason, .. } => {
            // There is nothing to judge, and "good" would be said of work that was never done.
            let what = "the command did not run".to_owned();
            return Err(EngineError::Refused { what, why: reason.clone() });
        }
        Outcome::Cancelled => return Err(EngineError::Interrupted),
    };
    watch(Event::Notice(format!("the command ended: {words}")));
    let mut taken =
        engine.take(writer, &engine.config_or_default(), safe.standing.snapshot.tree)?;
    let tree = taken.capture.tree;
    if tree == safe.standing.snapshot.tree {
        return Ok((Some(words), Safe { taken, ..safe }));
    }
    let text: Vec<_> = options.command.iter().map(|word| word.to_string_lossy()).collect();
    let message = format!("guard: {}", text.join(" "));
    let state = engine.present_state(writer, &safe.standing).state;
    let made = Made { origin: Origin::Command { exit }, message, state };
    let act = Act::verb("guard", format!("ran `{}`", text.join(" ")));
    let (id, standing) = engine.record(writer, &safe.standing, tree, made, act, None)?;
    engine.keep_cache(&mut taken);
    Ok((Some(words), Safe { standing, taken, captured: Some(id) }))
}

fn new_report(
    safe: &Safe,
    base: Option<SnapshotId>,
    judged: &Judged,
    command: Option<String>,
) -> Report {
    let (id, found) = (judged.id.hex(), &judged.evaluation);
    Report {
        outcome: "good",
        snapshot: safe.standing.position.snapshot.hex(),
        base: base.map(|id| id.hex()),
        evaluation: Some(ShownEvaluation::new(id, found, judged.from_memo)),
        verdict: ShownVerdict::from(&judged.record),
        command,
        went_back_to: None,
        across_head: None,
        passed: 0,
        changes: Vec::new(),
        newly_failing: judged.verdict.newly_failing.clone(),
        suspicions: judged.verdict.suspicions.clone(),
        errors: Vec::new(),
        suspects: Vec::new(),
        state: None,
    }
}

fn go_back(
    engine: &Engine,
    writer: &Writer<'_>,
    safe: &mut Safe,
    options: &Options,
    judged: &Judged,
    report: &mut Report,
) -> Result<(), EngineError> {
    let goal = match engine.last_good(writer, safe) {
        Ok(goal) => goal,
        Err(EngineError::NoGoodNode) => {
            report.outcome = "no good node";
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let changes = tree::diff(writer, goal.snapshot.tree, safe.standing.snapshot.tree)?;
    let paths: Vec<_> = changes.iter().map(|change| change.path.clone()).collect();
    let analysis = analyse(&judged.verdict, &judged.evaluation, &paths);
    report.errors = analysis.errors;
    report.suspects = analysis.files.iter().map(|file| file.path.display()).collect();
    if options.keep {
        report.outcome = "kept";
        report.changes = shown_changes(&changes);
        return Ok(());
    }
    let branch = &safe.standing.position.branch;
    let position = engine.position(branch, goal.id, goal.snapshot.git_head.clone());
    match engine.check_head(&position, options.across_head) {
        // The verdict is the answer; only the going back is not for us to decide.
        Err(EngineError::AcrossHead { why, .. }) => {
            report.outcome = "across head";
            report.across_head = Some(why);
            report.changes = shown_changes(&changes);
            return Ok(());
        }
        checked => checked?,
    }
    engine.keep_state(writer, safe, "guard")?;
    report.changes = engine.go_back(writer, safe, &goal, "guard")?.1;
    report.state = engine.follow(goal.id, "guard");
    report.outcome = "rolled back";
    report.went_back_to = Some(goal.id.hex());
    report.passed = goal.passed;
    Ok(())
}
