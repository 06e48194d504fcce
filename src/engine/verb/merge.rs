//! `exp merge`: brings a branch, or the selected candidate of an experiment, into the branch that
//! the workspace is on. What is clean as text is proved by evaluating it as merged.

use serde::Serialize;

use crate::base::id::{SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::engine::evaluate::Bench;
use crate::engine::events::{Event, Watch};
use crate::engine::finding::Judged;
use crate::engine::merged::{Merged, Relation, conflict_text, merged};
use crate::engine::report::{
    ShownChange, ShownEvaluation, ShownPath, ShownVerdict, count, shown_changes, shown_plan, word,
};
use crate::engine::take::Safe;
use crate::engine::transact::{Act, Own, branch_move, moved};
use crate::engine::{Engine, EngineError, Followed};
use crate::merge::Conflict;
use crate::object::experiment::Experiment;
use crate::object::memory::Scratch;
use crate::object::names::{NameKey, NameValue, VerdictWord};
use crate::object::snapshot::Origin;
use crate::object::tree;
use crate::run::Cancel;
use crate::store::{NameMove, Sharing, Writer};

pub use crate::engine::merged::{StateConflict, StateOf};

/// What to merge.
#[derive(Clone, Debug)]
pub enum What {
    /// A branch or a snapshot.
    Name(String),
    /// The selection of an experiment (the last one if none is named).
    Selected(Option<String>),
}

/// What can be asked of `merge`.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to merge.
    pub what: What,
    /// Why; a sentence is made up if none is given.
    pub message: String,
    /// Do not evaluate the merged tree.
    pub no_eval: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Take the state of one side as it is; merged place by place if none is named.
    pub state_of: Option<StateOf>,
}

/// One path that could not be merged.
#[derive(Clone, Debug, Serialize)]
pub struct ShownConflict {
    /// Which one.
    pub path: ShownPath,
    /// Why.
    pub why: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `merged`, `fast-forward`, `nothing to do`, `conflicts` or `refused` (bad as merged).
    pub outcome: &'static str,
    /// What was merged: a branch or an id.
    pub from: String,
    /// The branch that it was merged into.
    pub into: String,
    /// The snapshot of the branch now.
    pub snapshot: String,
    /// The snapshot that saved un-captured work first, if there was any.
    pub captured: Option<String>,
    /// What differs in the workspace's files.
    pub changes: Vec<ShownChange>,
    /// Text files that both sides had changed, merged line by line.
    pub merged_text: Vec<ShownPath>,
    /// Files that one side renamed and the other changed, old path and new one: the change followed.
    pub renamed: Vec<(ShownPath, ShownPath)>,
    /// What could not be merged. Then nothing was changed.
    pub conflicts: Vec<ShownConflict>,
    /// Places of the state that could not be merged. Then nothing was changed either.
    pub state_conflicts: Vec<StateConflict>,
    /// The session that followed.
    pub state: Option<Followed>,
    /// What was found for the merged tree.
    pub evaluation: Option<ShownEvaluation>,
    /// The verdict on it.
    pub verdict: ShownVerdict,
    /// Candidates of the experiment that were tried before and refused, with the reason.
    pub passed_over: Vec<(String, String)>,
}

/// Merges.
///
/// # Errors
/// As `Engine::resolve`; [`EngineError::NotFound`] without a selection; those of a restore and of
/// an evaluation. Conflicts are a result.
pub fn run(
    engine: &Engine,
    options: &Options,
    cancel: &Cancel,
    watch: Watch<'_>,
) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let sources = sources(engine, &options.what)?;
    if options.dry_run {
        return dry_run(engine, &sources, options);
    }
    let _lock = engine.lock("merge", Sharing::Exclusive)?;
    let writer = engine.writer()?;
    let mut safe = engine.make_safe(&writer, "merge")?;
    engine.keep_state(&writer, &mut safe, "merge")?;
    let mut passed_over = Vec::new();
    let mut last = None;
    for source in &sources {
        source.say_if_moved(engine, watch)?;
        let attempt = Attempt { engine, writer: &writer, source, options };
        let mut report = attempt.run(&mut safe, cancel, watch)?;
        let published = !matches!(report.outcome, "conflicts" | "refused");
        report.passed_over = passed_over.clone();
        if published {
            return Ok(report);
        }
        passed_over.push((source.shown.clone(), why_not(&report)));
        last.get_or_insert(report);
    }
    let nothing = || EngineError::NotFound {
        what: "candidate to merge in",
        name: "the experiment".to_owned(),
        near: Vec::new(),
    };
    if sources.len() == 1 {
        // The report itself says why the only one was not taken.
        passed_over.clear();
    }
    last.map(|report| Report { passed_over, ..report }).ok_or_else(nothing)
}

fn why_not(report: &Report) -> String {
    match report.conflicts.first() {
        Some(first) => {
            let path = first.path.0.display();
            let conflicts = count(report.conflicts.len(), "conflict");
            format!("{conflicts}, the first in `{path}`")
        }
        None if !report.state_conflicts.is_empty() => {
            let conflicts = count(report.state_conflicts.len(), "conflict");
            format!(
                "{conflicts} of the state, the first at `{}`",
                report.state_conflicts[0].pointer
            )
        }
        None => format!("{} as merged: {}", report.verdict.word, report.verdict.reason),
    }
}

/// One thing that can be merged.
struct Source {
    /// As it was asked for.
    shown: String,
    snapshot: SnapshotId,
    experiment: Option<(Experiment, crate::base::id::ExperimentId)>,
}

impl Source {
    /// A candidate is merged as it was measured, although its branch may have moved on.
    fn say_if_moved(&self, engine: &Engine, watch: Watch<'_>) -> Result<(), EngineError> {
        let Ok(branch) = Label::new(self.shown.as_str()) else {
            return Ok(());
        };
        let head = engine.branch_head(engine.store.names()?, &branch)?;
        if self.experiment.is_some() && head.is_some_and(|head| head != self.snapshot) {
            let measured = self.snapshot.short();
            watch(Event::Notice(format!(
                "{branch} has moved on since it was measured; merging what was measured, {measured}"
            )));
        }
        Ok(())
    }
}

/// What to try, in order: for a selection the winner, then the runners-up.
fn sources(engine: &Engine, what: &What) -> Result<Vec<Source>, EngineError> {
    let name = match what {
        What::Name(name) => {
            let resolved = engine.resolve(name)?;
            let shown = resolved.branch.map_or_else(|| name.clone(), |label| label.to_string());
            return Ok(vec![Source { shown, snapshot: resolved.id, experiment: None }]);
        }
        What::Selected(name) => name,
    };
    let (experiment, id) = engine.experiment(name.as_deref())?;
    let Some(selection) = &experiment.selection else {
        let what = "selection in experiment";
        return Err(EngineError::NotFound { what, name: experiment.name, near: Vec::new() });
    };
    let mut order = vec![selection.approach.clone()];
    order.extend(selection.ranking.iter().filter(|name| **name != selection.approach).cloned());
    let source = |name: &String| {
        let approach = experiment.approaches.iter().find(|approach| approach.name == *name)?;
        let (shown, snapshot) = (approach.branch.to_string(), approach.candidate?);
        Some(Source { shown, snapshot, experiment: Some((experiment.clone(), id)) })
    };
    Ok(order.iter().filter_map(source).collect())
}

fn dry_run(engine: &Engine, sources: &[Source], options: &Options) -> Result<Report, EngineError> {
    let standing = engine.standing()?;
    let objects = Scratch::over(&engine.store);
    let Some(source) = sources.first() else {
        return Err(EngineError::NoGoodNode);
    };
    let sides = (standing.position.snapshot, source.snapshot);
    let merged = merged(&objects, sides, (&engine.list_keys(), options.state_of))?;
    let mut report = empty_report(source, &standing.position.branch, standing.position.snapshot);
    report.outcome = merged.outcome();
    if let Some(tree) = merged.tree {
        let changes = tree::diff(&objects, standing.snapshot.tree, tree)?;
        report.changes = shown_changes(&changes);
    }
    report.set_merge(&merged);
    Ok(report)
}

fn empty_report(source: &Source, into: &Label, at: SnapshotId) -> Report {
    Report {
        outcome: "nothing to do",
        from: source.shown.clone(),
        into: into.to_string(),
        snapshot: at.hex(),
        captured: None,
        changes: Vec::new(),
        merged_text: Vec::new(),
        renamed: Vec::new(),
        conflicts: Vec::new(),
        state_conflicts: Vec::new(),
        state: None,
        evaluation: None,
        verdict: ShownVerdict::unknown(),
        passed_over: Vec::new(),
    }
}

impl Report {
    fn set_merge(&mut self, merged: &Merged) {
        self.merged_text = merged.text.iter().map(|path| ShownPath(path.clone())).collect();
        let pair =
            |(from, to): &(TreePath, TreePath)| (ShownPath(from.clone()), ShownPath(to.clone()));
        self.renamed = merged.renamed.iter().map(pair).collect();
        let shown = |conflict: &Conflict| ShownConflict {
            path: ShownPath(conflict.path.clone()),
            why: conflict_text(conflict.kind),
        };
        self.conflicts = merged.conflicts.iter().map(shown).collect();
        self.state_conflicts = merged.state_conflicts.clone();
    }

    fn set_judged(&mut self, judged: &Judged) {
        let (id, found) = (judged.id.hex(), &judged.evaluation);
        self.evaluation = Some(ShownEvaluation::new(id, found, judged.from_memo));
        self.verdict = ShownVerdict::from(&judged.record);
    }
}

/// One thing tried.
struct Attempt<'a> {
    engine: &'a Engine,
    writer: &'a Writer<'a>,
    source: &'a Source,
    options: &'a Options,
}

impl Attempt<'_> {
    fn run(
        &self,
        safe: &mut Safe,
        cancel: &Cancel,
        watch: Watch<'_>,
    ) -> Result<Report, EngineError> {
        let writer = self.writer;
        let ours = safe.standing.position.snapshot;
        let into = safe.standing.position.branch.clone();
        let keys = self.engine.list_keys();
        let terms = (&keys, self.options.state_of);
        let merged = merged(writer, (ours, self.source.snapshot), terms)?;
        let mut report = empty_report(self.source, &into, ours);
        report.captured = safe.captured.map(|id| id.hex());
        report.outcome = merged.outcome();
        report.set_merge(&merged);
        let Some(tree) = merged.tree.filter(|_| !merged.has_conflicts()) else {
            return Ok(report);
        };
        if matches!(merged.relation, Relation::Same) {
            return Ok(report);
        }
        let judged = self.judge(safe, tree, cancel, watch)?;
        if let Some(judged) = &judged {
            report.set_judged(judged);
            if judged.record.word == VerdictWord::Bad {
                report.outcome = "refused";
                return Ok(report);
            }
        }
        let head = self.merge_snapshot(&merged, ours, tree, &into)?;
        self.publish(safe, head, tree, judged.as_ref(), &mut report)?;
        report.snapshot = head.hex();
        Ok(report)
    }

    fn judge(
        &self,
        safe: &Safe,
        tree: TreeId,
        cancel: &Cancel,
        watch: Watch<'_>,
    ) -> Result<Option<Judged>, EngineError> {
        if self.options.no_eval {
            return Ok(None);
        }
        // A wrong file is an error here: without its stages a bad merge would be published.
        let config = self.engine.config()?;
        if config.stages.is_empty() {
            return Ok(None);
        }
        // A view is made from what is stored, and the merged tree is not yet.
        self.writer.flush()?;
        let bench = Bench::new(self.engine, config, &safe.taken, cancel, watch)?;
        let base = bench.evaluate("base", safe.standing.snapshot.tree)?;
        let found = bench.evaluate("merged", tree)?;
        let base_id = safe.standing.position.snapshot;
        Ok(Some(bench.judge(found, Some((base_id, &base)))))
    }

    /// The snapshot to publish: a new one, except that a fast-forward takes the candidate itself,
    /// with its measurement and its id.
    fn merge_snapshot(
        &self,
        merged: &Merged,
        ours: SnapshotId,
        tree: TreeId,
        into: &Label,
    ) -> Result<SnapshotId, EngineError> {
        if matches!(merged.relation, Relation::FastForward) {
            return Ok(self.source.snapshot);
        }
        let message = match self.options.message.as_str() {
            "" => format!("merge {} into {into}", self.source.shown),
            message => message.to_owned(),
        };
        let parents = vec![ours, self.source.snapshot];
        let mut snapshot = self.engine.new_snapshot(parents, tree, into, Origin::Merge, message);
        snapshot.state = merged.state;
        Ok(snapshot.put(self.writer)?)
    }

    fn publish(
        &self,
        safe: &mut Safe,
        head: SnapshotId,
        tree: TreeId,
        judged: Option<&Judged>,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let (engine, writer) = (self.engine, self.writer);
        let into = &safe.standing.position.branch;
        let verdict = judged.map_or("", |judged| word(judged.record.word));
        let summary = format!("{} into {into} {verdict}", self.source.shown);
        let act = Act::verb("merge", summary.trim_end());
        let Own { branch, head: before, act } = engine.own_branch(&safe.standing, act)?;
        let mut moves = vec![branch_move(&branch, before, Some(head))];
        if let Some(judged) = judged {
            moves.extend(engine.finding_moves(safe.standing.names, head, judged)?);
        }
        moves.extend(self.selection_move(head)?);
        let position = engine.position(&branch, head, engine.git_head());
        report.into = branch.to_string();
        let placed = engine.place_files(writer, safe, tree, position, moves, act)?;
        report.changes = shown_plan(&placed.plan);
        report.state = engine.follow(head, "merge");
        Ok(())
    }

    /// The experiment's record, with the snapshot in which its winner came in.
    fn selection_move(&self, head: SnapshotId) -> Result<Option<NameMove>, EngineError> {
        let Some((experiment, id)) = &self.source.experiment else {
            return Ok(None);
        };
        let mut experiment = experiment.clone();
        if let Some(selection) = &mut experiment.selection {
            selection.merged = Some(head);
        }
        let key = NameKey::Experiment(experiment.name.clone());
        let value = |id| Some(NameValue::Experiment(id));
        Ok(Some(moved(key, value(*id), value(experiment.put(self.writer)?))))
    }
}
