//! The difference of two documents: the one place that says how patches are made and applied.

use crate::document::{
    Document, DocumentError, Json, ListKeys, Patch, PatchOp, Pointer, PointerPattern,
};

/// The patch that leads from one to the other: costs what they do not share.
pub(super) fn between(before: &Document, after: &Document, keys: &ListKeys) -> Patch {
    before.patch_to(after, keys)
}

/// What a patch makes of a document, which itself stays as it is.
pub(super) fn applied(before: &Document, patch: &Patch) -> Result<Document, DocumentError> {
    let mut document = before.clone();
    document.apply(patch)?;
    Ok(document)
}

/// Whether an operation changes only what is ignored.
pub(super) fn is_ignored(op: &PatchOp, ignore: &[PointerPattern]) -> bool {
    let is_covered = |place: &Pointer| ignore.iter().any(|pattern| pattern.covers(place));
    let mut places = [Some(op.path()), op.from()].into_iter().flatten();
    match op {
        PatchOp::Replace { path, .. } | PatchOp::Test { path, .. } => is_covered(path),
        _ => places.all(|place| is_covered(&moved_by(place))),
    }
}

/// What changes when something comes to a place or goes from it: behind a position in a list all
/// items move, so that stands for any position. (A key that looks like one is taken for one: then
/// more is saved than need be, never less.)
fn moved_by(place: &Pointer) -> Pointer {
    match place.parts().split_last() {
        Some((last, list)) if last.parse::<u64>().is_ok() => {
            Pointer::of(list.iter().cloned()).join("*")
        }
        _ => place.clone(),
    }
}

/// Bytes of a document as compact JSON, reckoned from those before and the patches in both
/// directions: costs what differs. Off by a comma where a map or list was empty.
pub(super) fn bytes_after(before: u64, forward: &Patch, backward: &Patch) -> u64 {
    before.saturating_add(carried(forward)).saturating_sub(carried(backward))
}

fn carried(patch: &Patch) -> u64 {
    let bytes = |op: &PatchOp| match op {
        PatchOp::Add { path, value } => {
            let key = path.parts().last().map_or(0, |key| match key.parse::<u64>() {
                Ok(_) => 1,
                Err(_) => Json::from(key.as_str()).compact().len() + 2,
            });
            (value.compact().len() + key) as u64
        }
        PatchOp::Replace { value, .. } => value.compact().len() as u64,
        _ => 0,
    };
    patch.0.iter().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_reckoned_from_what_changed() {
        let texts = [
            r#"{"a":1,"b":[1,2,3],"c":{"d":"x"}}"#,
            r#"{"a":12345,"b":[1,2,3,4444],"c":{"d":"x","long key":[true]}}"#,
            r#"{"b":[3],"c":{"d":"xyz"}}"#,
            r#"{"b":[3],"c":[null],"e":1e400}"#,
        ];
        let keys = ListKeys::default();
        let documents =
            texts.map(|text| Document::of(&Json::parse(text.as_bytes()).unwrap()).unwrap());
        for (a, text_a) in documents.iter().zip(texts) {
            for (b, text_b) in documents.iter().zip(texts) {
                let (forward, backward) = (between(a, b, &keys), between(b, a, &keys));
                let bytes = bytes_after(text_a.len() as u64, &forward, &backward);
                assert!(bytes.abs_diff(text_b.len() as u64) <= 2, "{text_a} {text_b} {bytes}");
                assert!(applied(a, &forward).unwrap().is_same(b));
            }
        }
    }
}
