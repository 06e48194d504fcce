//! The catalogue as the verbs use it: opened, brought forward to the present operation, asked.
//!
//! Only verbs that search or count come here. When it fails it is set aside and built anew, and
//! that is said; when another process holds it, the verb is busy, and nothing else is affected.

use super::{Engine, EngineError};
use crate::base::id::{NamesId, OperationId};
use crate::store::catalogue::{Catalogue, Notice};

/// Opens it and brings it forward. The sentences say what had to be put right.
pub(super) fn open(engine: &Engine) -> Result<(Catalogue, Vec<String>), EngineError> {
    // It is written to when it is opened.
    engine.refuse_in_view()?;
    let folder = engine.store.layout().catalogue();
    let now = engine.surroundings.now();
    let (catalogue, notices, _) = Catalogue::open_at(&folder, now, &engine.store, head(engine)?)?;
    Ok((catalogue, notices.iter().map(sentence).collect()))
}

/// Builds it anew from the packs.
pub(super) fn rebuild(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let (catalogue, mut notices) = open(engine)?;
    let (_, progress) = catalogue.rebuild(&engine.store, head(engine)?)?;
    notices.push(format!("the catalogue was built anew: {} snapshots", progress.added));
    Ok(notices)
}

fn sentence(notice: &Notice) -> String {
    let Notice::SetAside { path, reason } = notice;
    let to = path.as_ref().map_or_else(String::new, |path| format!(" to `{}`", path.display()));
    format!("the catalogue was set aside{to} and built anew: {reason}")
}

fn head(engine: &Engine) -> Result<Option<(OperationId, NamesId)>, EngineError> {
    Ok(engine.store.current()?.map(|current| (current.operation, current.names)))
}
