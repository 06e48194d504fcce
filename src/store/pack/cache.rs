//! Decompressed blocks, bounded: the objects of one folder are fetched one after another, and they
//! lie in the same block.
//!
//! **Invariant**: holds at most `BLOCK_CACHE_BYTES`, or one block if that alone is larger.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::id::Hash;
use crate::base::limits::BLOCK_CACHE_BYTES;

/// Which block: the name of its pack and its number there. A pack never changes, so neither does
/// what a key stands for.
pub type BlockKey = (Hash, u32);

/// The blocks, in the order in which they came.
#[derive(Debug, Default)]
pub struct BlockCache(Mutex<Blocks>);

#[derive(Debug, Default)]
struct Blocks {
    by_key: HashMap<BlockKey, Arc<Vec<u8>>>,
    oldest_first: VecDeque<BlockKey>,
    bytes: usize,
}

impl BlockCache {
    /// A block that is held.
    pub fn get(&self, key: BlockKey) -> Option<Arc<Vec<u8>>> {
        self.lock().by_key.get(&key).cloned()
    }

    /// Holds a block and lets the oldest ones go.
    pub fn add(&self, key: BlockKey, block: Arc<Vec<u8>>) {
        let mut blocks = self.lock();
        let bytes = block.len();
        if blocks.by_key.insert(key, block).is_some() {
            return;
        }
        blocks.oldest_first.push_back(key);
        blocks.bytes += bytes;
        while blocks.bytes > BLOCK_CACHE_BYTES && blocks.oldest_first.len() > 1 {
            let Some(oldest) = blocks.oldest_first.pop_front() else { break };
            let gone = blocks.by_key.remove(&oldest).map_or(0, |block| block.len());
            blocks.bytes -= gone;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_blocks_go_when_it_is_full() {
        let cache = BlockCache::default();
        let block = Arc::new(vec![0; BLOCK_CACHE_BYTES / 4]);
        for number in 0..6 {
            cache.add((Hash([1; 32]), number), block.clone());
        }
        assert!(cache.get((Hash([1; 32]), 1)).is_none());
        assert!((2..6).all(|number| cache.get((Hash([1; 32]), number)).is_some()));
    }
}
