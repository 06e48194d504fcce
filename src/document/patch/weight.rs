//! How deep and how large a value in memory is.

use crate::base::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_KEY_BYTES_MAX};
use crate::document::Json;

/// What a document with a value in it has to carry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weight {
    /// Nested maps and lists.
    pub(super) depth: usize,
    /// Bytes, about as text.
    pub(super) bytes: u64,
}

/// Weighs a value that may stand below `depth` maps and lists.
///
/// # Errors
/// The rule that it breaks: too deep, or a key too long.
pub(super) fn weigh(value: &Json, depth: usize) -> Result<Weight, &'static str> {
    let mut weight = Weight { depth: 0, bytes: 1 };
    if depth >= DOCUMENT_DEPTH_MAX && matches!(value, Json::List(_) | Json::Map(_)) {
        return Err("the value would be nested too deeply (128 levels at most)");
    }
    let mut below = |value: &Json, key: usize| {
        let inner = weigh(value, depth + 1)?;
        weight.depth = weight.depth.max(inner.depth);
        weight.bytes = weight.bytes.saturating_add(inner.bytes).saturating_add(key as u64);
        Ok::<_, &'static str>(())
    };
    match value {
        Json::Null | Json::Bool(_) => weight.bytes = 4,
        Json::Number(number) => weight.bytes = number.as_str().len() as u64,
        Json::String(text) => weight.bytes = text.len() as u64 + 2,
        Json::List(items) => {
            items.iter().try_for_each(|item| below(item, 1))?;
            weight.depth += 1;
        }
        Json::Map(entries) => {
            for (key, value) in entries {
                if key.len() > DOCUMENT_KEY_BYTES_MAX {
                    return Err("a key is too long (65,536 bytes at most)");
                }
                below(value, key.len() + 4)?;
            }
            weight.depth += 1;
        }
    }
    Ok(weight)
}
