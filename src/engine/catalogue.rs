//! The catalogue as the verbs use it: opened, brought forward to the present operation, asked.
//!
//! Only verbs that search or count come here. When it fails it is set aside and built anew, and
//! that is said; when another process holds it, who counts builds one of its own, and that is said, too.
//!
//! What a verb counts outside of it is remembered in it together with what it was counted of, so
//! that the next time only what differs is counted. The answer is that of counting anew.

use serde::{Deserialize, Serialize};

use super::{Engine, EngineError};
use crate::base::id::{NamesId, OperationId};
use crate::store::catalogue::{Catalogue, CatalogueError, Notice};
use crate::store::{StoreStatistics, operation_part};

/// The words under which it remembers.
const PACKS: &str = "packs";
const LOG: &str = "log";

/// The operation log as it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CountedLog {
    newest: OperationId,
    /// With the newest one.
    length: u64,
    /// Which operations were stored ([`StoreStatistics::operations`]). A log ends where a collection
    /// let go of what is older, so its length follows from its newest one and this.
    stored: u64,
}

/// Opens it and brings it forward, or builds one for this process alone while another one holds it. The
/// sentences say what had to be put right, or that it is held.
pub(super) fn open(engine: &Engine) -> Result<(Catalogue, Vec<String>), EngineError> {
    match open_common(engine) {
        Err(EngineError::Catalogue(CatalogueError::Busy { .. })) => {
            let (tmp, now) = (engine.store.layout().tmp(), engine.surroundings.now());
            let own = Catalogue::open_own(&tmp, now, &engine.store, head(engine)?)?;
            let said = "another process holds the catalogue, so this was counted without it, which \
                        takes longer";
            Ok((own, vec![said.to_owned()]))
        }
        opened => opened,
    }
}

/// Opens the one that all processes share, and brings it forward.
///
/// # Errors
/// [`CatalogueError::Busy`] while another process holds it.
pub(super) fn open_common(engine: &Engine) -> Result<(Catalogue, Vec<String>), EngineError> {
    // It is written to when it is opened.
    engine.refuse_in_view()?;
    Catalogue::remove_stale(&engine.store.layout().tmp());
    let folder = engine.store.layout().catalogue();
    let now = engine.surroundings.now();
    let (catalogue, notices, _) = Catalogue::open_at(&folder, now, &engine.store, head(engine)?)?;
    Ok((catalogue, notices.iter().map(sentence).collect()))
}

/// Builds it anew from the packs.
pub(super) fn rebuild(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let (catalogue, mut notices) = open_common(engine)?;
    let (_, progress) = catalogue.rebuild(&engine.store, head(engine)?)?;
    notices.push(format!("the catalogue was built anew: {} snapshots", progress.added));
    Ok(notices)
}

/// What is stored.
///
/// # Errors
/// As `Store::statistics_from`; the catalogue's.
pub(super) fn stored(
    engine: &Engine,
    catalogue: &Catalogue,
) -> Result<StoreStatistics, EngineError> {
    let known = catalogue.remembered(PACKS)?;
    let (found, counts) = engine.store.statistics_from(&known)?;
    if counts != known {
        catalogue.remember(PACKS, &counts)?;
    }
    Ok(found)
}

/// How many entries the operation log has, of the operations that are stored. Walks back to the entry
/// up to which it was counted; to the end where any other operation came, or one went.
///
/// # Errors
/// As `Engine::operations`; the catalogue's.
pub(super) fn log_length(
    engine: &Engine,
    catalogue: &Catalogue,
    stored: &StoreStatistics,
) -> Result<u64, EngineError> {
    let known: Option<CountedLog> = catalogue.remembered(LOG)?.pop();
    let (mut newest, mut length, mut came) = (None, 0, 0_u64);
    for entry in engine.operations()? {
        let (id, _) = entry?;
        newest.get_or_insert(id);
        if let Some(known) = known.filter(|known| known.newest == id)
            && known.stored.wrapping_add(came) == stored.operations
        {
            length = known.length.saturating_add(length);
            break;
        }
        length += 1;
        came = came.wrapping_add(operation_part(id));
    }
    let counted = newest.map(|newest| CountedLog { newest, length, stored: stored.operations });
    if counted != known {
        catalogue.remember(LOG, counted.as_slice())?;
    }
    Ok(length)
}

fn sentence(notice: &Notice) -> String {
    let Notice::SetAside { path, reason } = notice;
    let to = path.as_ref().map_or_else(String::new, |path| format!(" to `{}`", path.display()));
    format!("the catalogue was set aside{to} and built anew: {reason}")
}

fn head(engine: &Engine) -> Result<Option<(OperationId, NamesId)>, EngineError> {
    Ok(engine.store.current()?.map(|current| (current.operation, current.names)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::{decode_fields, encode_fields};
    use crate::base::fuzz::fuzz;
    use crate::base::id::Hash;

    #[test]
    fn fuzzed_counts_of_the_log_are_refused_or_another_count() {
        let counted = CountedLog { newest: OperationId(Hash([7; 32])), length: 3, stored: 9 };
        let mut sample = Vec::new();
        encode_fields(&counted, &mut sample).expect("plain fields");
        fuzz("log count", &[sample], (0, 3_000), |bytes| {
            decode_fields::<CountedLog>(bytes).is_ok_and(|read| {
                let mut again = Vec::new();
                encode_fields(&read, &mut again).is_ok() && again == bytes
            })
        });
    }
}
