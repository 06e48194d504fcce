//! Merge patches (RFC 7396): a map of what changes, in which `null` takes a key away.

use std::collections::BTreeMap;

use crate::document::Json;

/// The merge patch from one value to the other; none where it cannot be said, because a `null` is
/// set in a map.
pub fn merge_patch_between(before: &Json, after: &Json) -> Option<Json> {
    let Json::Map(after) = after else {
        return Some(after.clone());
    };
    let nothing = BTreeMap::new();
    let before = if let Json::Map(before) = before { before } else { &nothing };
    let mut patch: BTreeMap<String, Json> = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .map(|key| (key.clone(), Json::Null))
        .collect();
    for (key, new) in after {
        match before.get(key) {
            Some(old) if old == new => {}
            _ if *new == Json::Null => return None,
            old => {
                let part = merge_patch_between(old.unwrap_or(&Json::Null), new)?;
                patch.insert(key.clone(), part);
            }
        }
    }
    Some(Json::Map(patch))
}

/// Applies a merge patch; any value is one. What is no map replaces what is there.
pub fn apply_merge_patch(target: &Json, patch: &Json) -> Json {
    let Json::Map(changes) = patch else {
        return patch.clone();
    };
    let mut entries = match target {
        Json::Map(entries) => entries.clone(),
        _ => BTreeMap::new(),
    };
    for (key, change) in changes {
        if *change == Json::Null {
            entries.remove(key);
        } else {
            let old = entries.remove(key).unwrap_or(Json::Null);
            entries.insert(key.clone(), apply_merge_patch(&old, change));
        }
    }
    Json::Map(entries)
}
