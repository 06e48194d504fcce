//! `exp import`: takes a bundle in, proves all of it, and names what it brings in one operation.
//!
//! Nothing that is here is overwritten: a branch moves only forward, and never one on which a
//! workspace stands; what differs is kept beside. What was measured elsewhere is foreign, unless the
//! user trusts its source.

use std::io::BufRead;

use serde::Serialize;

use crate::base::limits::COMMIT_TRIES_MAX;
use crate::engine::arriving::{Arriving, Outcome};
use crate::engine::transact::Act;
use crate::engine::{Engine, EngineError};
use crate::object::experiment::Experiment;
use crate::object::traits::Fetch;
use crate::run::Cancel;
use crate::store::NameMove;
use crate::store::bundle::{BundleError, Received};

/// What can be asked of `import`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The source whose evaluations and verdicts count as if they were found here.
    pub trust: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What became of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// `branch`, `tag`, `experiment`, `evaluation`, `verdict`.
    pub kind: &'static str,
    /// What it is called where it comes from; for a finding, what it is of.
    pub name: String,
    /// What it is called here, where that is something else.
    pub kept_as: Option<String>,
    /// `new`, `there already`, `moved forward`, `kept beside`.
    pub outcome: Outcome,
    /// The source, where it counts as foreign.
    pub foreign: Option<String>,
    /// Why, where that is not plain.
    pub why: Option<String>,
}

/// What was taken in.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The word for the store that it comes from.
    pub source: String,
    /// The user who made it.
    pub who: String,
    /// When, in nanoseconds since 1970.
    pub when: crate::engine::report::ShownTime,
    /// Whether its findings count as if they were found here.
    pub trusted: bool,
    /// Name by name.
    pub items: Vec<Item>,
    /// Objects that were not here.
    pub new_objects: u64,
    /// Objects that were here.
    pub known_objects: u64,
    /// Objects that were forgotten here on purpose and stay so.
    pub left_out: u64,
    /// Snapshots that came without their files or their state, which were let go where they come from.
    pub without: Vec<String>,
    /// The operation; none where nothing was new.
    pub operation: Option<String>,
}

/// Imports.
///
/// # Errors
/// Each way in which a bundle can be wrong (damaged; a snapshot that it builds on is not here);
/// [`EngineError::Refused`] when it is trusted under another name than its own. Nothing is named then.
pub fn run(
    engine: &Engine,
    options: &Options,
    from: impl BufRead,
    cancel: &Cancel,
) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let is_cancelled = || cancel.is_cancelled();
    if options.dry_run {
        let look = |received: &Received, objects: &dyn Fetch| {
            engine.arrival(options, received, objects).map(|arrival| arrival.report)
        };
        return engine.store.look_at_bundle(from, &is_cancelled, look)?;
    }
    let writer = engine.writer()?;
    let received = writer.receive(from, &is_cancelled)?;
    for attempt in 1.. {
        let Arrival { mut report, moves, records } = engine.arrival(options, &received, &writer)?;
        records.iter().try_for_each(|record| record.put(&writer).map(|_| ()))?;
        if moves.is_empty() {
            return Ok(report);
        }
        let act = Act::verb("import", summary(&report));
        match engine.commit(&writer, moves, act) {
            // Somebody moved one of the names: it is looked at once more.
            Err(EngineError::Moved { .. }) if attempt < COMMIT_TRIES_MAX => {}
            committed => {
                report.operation = Some(committed?.operation.hex());
                return Ok(report);
            }
        }
    }
    unreachable!("the loop ends at the last try")
}

/// What is to be done.
struct Arrival {
    report: Report,
    moves: Vec<NameMove>,
    /// Experiments that are called otherwise here.
    records: Vec<Experiment>,
}

fn summary(report: &Report) -> String {
    let changed = report.items.iter().filter(|item| item.outcome != Outcome::There).count();
    let names = crate::engine::report::count(changed, "name");
    let trusted = if report.trusted { ", trusted" } else { "" };
    format!("{names} from {}{trusted}", report.source)
}

impl Engine {
    /// What would become of each name at this moment, and the moves that do it.
    fn arrival(
        &self,
        options: &Options,
        received: &Received,
        objects: &dyn Fetch,
    ) -> Result<Arrival, EngineError> {
        let manifest = &received.manifest;
        let source = &manifest.source;
        let word = source.word();
        if let Some(given) = options.trust.as_ref().filter(|given| !source.is_named(given)) {
            let what = format!("`--trust {given}` names another source");
            return Err(EngineError::Refused { what, why: format!("the bundle says {word}") });
        }
        let trusted = options.trust.is_some();
        let names = self.store.names()?;
        let mut arriving = Arriving::new(self, names, objects, source, trusted)?;
        arriving.take(&manifest.names)?;
        let (items, moves, records) = arriving.finish();
        let report = Report {
            source: word,
            who: manifest.who.clone(),
            when: manifest.when.into(),
            trusted,
            items,
            new_objects: received.new,
            known_objects: received.known,
            left_out: received.left_out,
            without: received.without.iter().map(|id| id.hex()).collect(),
            operation: None,
        };
        Ok(Arrival { report, moves, records })
    }
}

impl From<BundleError> for EngineError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Objects(error) => Self::Objects(error),
            BundleError::Store(error) => Self::Store(error),
            BundleError::Interrupted => Self::Interrupted,
            error => Self::Bundle(error),
        }
    }
}
