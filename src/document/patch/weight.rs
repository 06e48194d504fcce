//! What a value in memory takes, and whether it keeps the bounds of documents.

use crate::base::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_KEY_BYTES_MAX};
use crate::document::Json;

/// Bytes of a value, about as text, that is to stand below `depth` maps and lists.
///
/// # Errors
/// The rule that it breaks: too deep, or a key too long.
pub(super) fn weigh(value: &Json, depth: usize) -> Result<u64, &'static str> {
    if depth >= DOCUMENT_DEPTH_MAX && matches!(value, Json::List(_) | Json::Map(_)) {
        return Err("the value would be nested too deeply (128 levels at most)");
    }
    match value {
        Json::Null | Json::Bool(_) => Ok(5),
        Json::Number(number) => Ok(number.as_str().len() as u64 + 1),
        Json::String(text) => Ok(text.len() as u64 + 3),
        Json::List(items) => items
            .iter()
            .try_fold(2_u64, |sum, item| Ok(sum.saturating_add(weigh(item, depth + 1)?))),
        Json::Map(entries) => entries.iter().try_fold(2_u64, |sum, (key, value)| {
            if key.len() > DOCUMENT_KEY_BYTES_MAX {
                return Err("a key is too long (65,536 bytes at most)");
            }
            let bytes = weigh(value, depth + 1)?.saturating_add(key.len() as u64 + 3);
            Ok(sum.saturating_add(bytes))
        }),
    }
}
