//! `exp state diff`: what differs between two states, place by place, as a patch or merge patch.

use serde::Serialize;

use super::shown::ShownState;
use super::which::Which;
use crate::document::{Document, Json, Patch, PatchOp, Pointer, merge_patch_between};
use crate::engine::{Engine, EngineError};

/// What can be asked of `state diff`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The older side.
    pub from: Which,
    /// The newer side.
    pub to: Which,
    /// As what.
    pub form: Form,
}

/// As what a difference is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The places with what stood and stands there.
    Places,
    /// An RFC 6902 patch.
    Patch,
    /// An RFC 7396 merge patch.
    MergePatch,
}

/// One place that differs. Values are JSON text, so that numbers stay as they were put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Where, as a JSON pointer: in the older state, and in the newer one where it is new.
    pub pointer: String,
    /// What stood there.
    pub before: Option<String>,
    /// What stands there.
    pub after: Option<String>,
}

/// The difference.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The older side.
    pub from: ShownState,
    /// The newer side.
    pub to: ShownState,
    /// The places that differ, where those were asked for.
    pub places: Vec<Place>,
    /// The patch or merge patch, where that was asked for.
    #[serde(skip)]
    pub patch: Option<Json>,
}

/// Compares.
///
/// # Errors
/// [`EngineError::NoSession`], [`EngineError::State`]; [`EngineError::Refused`] for a difference that
/// no merge patch can say.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let sessions = engine.sessions_or_default()?;
    let session = engine.known_session(&sessions)?;
    let from = session.get(&options.from.at(&session)?)?;
    let to = session.get(&options.to.at(&session)?)?;
    let patch = session.diff(&from.id.into(), &to.id.into())?;
    let mut report =
        Report { from: from.meta.into(), to: to.meta.into(), places: Vec::new(), patch: None };
    match options.form {
        Form::Places => report.places = places(&from.document, &patch)?,
        Form::Patch => report.patch = Some(patch.to_json()),
        Form::MergePatch => {
            let merge = merge_patch_between(&from.document.to_json(), &to.document.to_json());
            report.patch = Some(merge.ok_or_else(|| {
                EngineError::Refused {
                    what: "a merge patch cannot say this difference".to_owned(),
                    why: "the newer state has a `null` in a map, which means `take away` there; \
                      use --patch"
                        .to_owned(),
                }
            })?);
        }
    }
    Ok(report)
}

/// The places that a patch changes, each with what stands there before and after its operation.
fn places(before: &Document, patch: &Patch) -> Result<Vec<Place>, EngineError> {
    let mut now = before.clone();
    let mut places = Vec::with_capacity(patch.0.len());
    let text = |value: Option<Json>| value.map(|value| value.compact());
    let place = |pointer: &Pointer, before, after| {
        let pointer = pointer.to_string();
        Place { pointer, before: text(before), after: text(after) }
    };
    for op in patch.0.iter().filter(|op| op.changes()) {
        let moved = op.from().and_then(|from| Some((from, now.get(from)?)));
        let stood = match op {
            // What is inserted into a list stands in place of nothing.
            PatchOp::Add { path, .. } if is_in_list(&now, path) => None,
            op => now.get(op.path()),
        };
        now.apply(&Patch(vec![op.clone()]))?;
        match (op, moved) {
            (PatchOp::Move { from, path }, Some((_, value))) => {
                places.push(place(from, Some(value.clone()), None));
                places.push(place(path, stood, Some(value)));
            }
            (PatchOp::Copy { path, .. }, Some((_, value))) => {
                places.push(place(path, stood, Some(value)));
            }
            (op, _) => places.push(place(op.path(), stood, op.value().cloned())),
        }
    }
    Ok(places)
}

fn is_in_list(document: &Document, path: &Pointer) -> bool {
    let Some((_, parents)) = path.parts().split_last() else {
        return false;
    };
    matches!(document.get(&Pointer::of(parents.iter().cloned())), Some(Json::List(_)))
}
