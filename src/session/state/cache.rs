//! Rebuilt states in memory: the newest used, within bounds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::index::Number;
use crate::document::Document;
use crate::store::journal::StreamId;

/// A rebuilt state and the bytes that it stands for as compact JSON.
#[derive(Clone, Debug)]
pub(super) struct Rebuilt {
    pub document: Document,
    pub bytes: u64,
}

type Key = (StreamId, Number);

/// The states that were used last. An entry never changes, so neither does what is kept here.
#[derive(Debug)]
pub(super) struct Cache {
    kept: Mutex<Kept>,
    documents_max: usize,
    bytes_max: u64,
}

#[derive(Debug, Default)]
struct Kept {
    states: HashMap<Key, (Rebuilt, u64)>,
    /// Which was used when, oldest first.
    order: BTreeMap<u64, Key>,
    uses: u64,
    bytes: u64,
}

impl Cache {
    /// Holds at most that many documents and bytes.
    pub(super) fn new((documents_max, bytes_max): (usize, usize)) -> Self {
        Self { kept: Mutex::default(), documents_max, bytes_max: bytes_max as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, stream: StreamId, state: Number) -> Option<Rebuilt> {
        let kept = &mut *self.lock();
        let (rebuilt, used) = kept.states.get_mut(&(stream, state))?;
        kept.order.remove(used);
        kept.uses += 1;
        *used = kept.uses;
        kept.order.insert(kept.uses, (stream, state));
        Some(rebuilt.clone())
    }

    pub(super) fn put(&self, stream: StreamId, state: Number, rebuilt: Rebuilt) {
        let kept = &mut *self.lock();
        kept.uses += 1;
        kept.bytes += rebuilt.bytes;
        kept.order.insert(kept.uses, (stream, state));
        if let Some((old, used)) = kept.states.insert((stream, state), (rebuilt, kept.uses)) {
            kept.order.remove(&used);
            kept.bytes -= old.bytes;
        }
        while kept.states.len() > self.documents_max || kept.bytes > self.bytes_max {
            let Some((_, oldest)) = kept.order.pop_first() else { break };
            if let Some((old, _)) = kept.states.remove(&oldest) {
                kept.bytes -= old.bytes;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().states.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(bytes: u64) -> Rebuilt {
        Rebuilt { document: Document::new(), bytes }
    }

    #[test]
    fn the_least_used_goes_first_and_both_bounds_hold() {
        let cache = Cache::new((3, 100));
        let stream = StreamId([0; 16]);
        (0..3).for_each(|at| cache.put(stream, at, state(10)));
        assert!(cache.get(stream, 0).is_some());
        cache.put(stream, 3, state(10));
        assert!(cache.get(stream, 1).is_none(), "it was used longest ago");
        assert!(cache.get(stream, 0).is_some());
        cache.put(stream, 4, state(85));
        assert_eq!(cache.count(), 2, "85 and 10 bytes");
        cache.put(stream, 4, state(5));
        cache.put(stream, 5, state(50));
        assert_eq!(cache.count(), 3, "a replaced one is counted once");
        cache.put(stream, 6, state(1_000));
        assert_eq!(cache.count(), 0, "one that is too large is not kept");
    }
}
