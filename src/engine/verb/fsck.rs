//! `exp fsck`: proves every byte of the store, and on request builds the catalogue anew.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::id::OperationId;
use crate::engine::{Category, Engine, EngineError, catalogue};
use crate::session::state::lost;
use crate::store::{CheckReport, Problem};
use crate::workspace::{Intent, WorkspaceError};

/// What can be asked of `fsck`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Build the catalogue anew from the packs.
    pub rebuild: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Packs that were read.
    pub packs: usize,
    /// Objects that were read and hashed.
    pub objects: usize,
    /// Objects that nothing refers to: left by a crash or an undone plan. No fault.
    pub unreferenced: usize,
    /// Whether all operations that should be there are: else what is unreferenced may be what is lost.
    pub is_history_whole: bool,
    /// Where it is lost which operation is current: the operations that no other one follows.
    pub newest_operations: Vec<String>,
    /// Where an empty file with the id of one for a name makes it current.
    pub heads: PathBuf,
    /// Segments of the journal that were read.
    pub segments: usize,
    /// Frames in them that are whole.
    pub frames: usize,
    /// Ends of segments that are no frame, a sentence each: cut short by a crash. No fault.
    pub unfinished: Vec<String>,
    /// What is wrong, a sentence each. Empty when all is well.
    pub problems: Vec<String>,
    /// What was done about the catalogue.
    pub catalogue: Vec<String>,
}

/// Checks.
///
/// # Errors
/// The disk's. What is damaged is a result.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let found: CheckReport = engine.store.check(&|_| {})?;
    let mut problems: Vec<_> = found.problems.iter().map(sentence).collect();
    let lost = lost(&engine.store)?.into_iter();
    problems.extend(lost.map(|(path, what)| sentence(&Problem::File { path, what })));
    match Intent::read_all(&engine.store.layout().intents()) {
        Err(error @ WorkspaceError::Intent { .. }) => problems.push(error.to_string()),
        read => drop(read?),
    }
    let catalogue = match options.rebuild {
        true => rebuild(engine, &mut problems)?,
        false => Vec::new(),
    };
    Ok(Report {
        packs: found.packs,
        objects: found.objects,
        unreferenced: found.unreferenced,
        is_history_whole: found.is_history_whole,
        newest_operations: found.newest_stored.iter().map(OperationId::hex).collect(),
        heads: engine.store.layout().heads(),
        segments: found.segments,
        frames: found.frames,
        unfinished: found.unfinished.iter().map(unfinished).collect(),
        problems,
        catalogue,
    })
}

/// Builds the catalogue anew. Where the store is damaged that is one more thing to say.
fn rebuild(engine: &Engine, problems: &mut Vec<String>) -> Result<Vec<String>, EngineError> {
    engine.refuse_in_view()?;
    match catalogue::rebuild(engine) {
        Err(error) if error.category() == Category::Corrupt => {
            problems.push(format!("the catalogue could not be built anew: {error}"));
            Ok(Vec::new())
        }
        rebuilt => rebuilt,
    }
}

fn unfinished((path, offset): &(PathBuf, u64)) -> String {
    format!("`{}`: the frame at byte {offset} is not whole", path.display())
}

fn sentence(problem: &Problem) -> String {
    match problem {
        Problem::File { path, what } => format!("`{}`: {what}", path.display()),
        Problem::Object { id, what } => format!("{id}: {what}"),
        Problem::Missing { id, wanted_by: Some(by) } => format!("{id} is missing; {by} needs it"),
        Problem::Missing { id, wanted_by: None } => format!("{id} is missing, which a head names"),
        Problem::Diverged { what } => what.clone(),
    }
}
