//! Blocks: objects that lie together and are compressed together.
//!
//! Knows nothing of files.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::base::id::{Kind, ObjectId};
use crate::base::limits::{
    BLOCK_BYTES, BLOCK_BYTES_MAX, COMPRESSION_LEVEL, LARGE_BLOCK_BYTES_MIN, LARGE_BLOCK_ZSTD,
    RECORD_BLOCK_BYTES,
};
use crate::object::traits::ObjectError;

/// Objects that lie together, with their content.
#[derive(Clone, Debug, Default)]
pub struct RawBlock {
    /// In order.
    pub objects: Vec<(ObjectId, Arc<Vec<u8>>)>,
    /// Bytes of all.
    pub bytes: usize,
}

impl RawBlock {
    /// Adds an object at the end.
    pub fn push(&mut self, id: ObjectId, content: Arc<Vec<u8>>) {
        self.bytes += content.len();
        self.objects.push((id, content));
    }

    /// Whether it is to be closed.
    pub fn is_full(&self) -> bool {
        self.objects.first().is_some_and(|(id, _)| self.bytes >= full_bytes(id.kind))
    }

    /// Compresses it.
    ///
    /// # Errors
    /// [`ObjectError::Content`] beyond `BLOCK_BYTES_MAX`, or when zstd fails.
    pub fn compress(&self) -> Result<PackedBlock, ObjectError> {
        if self.bytes > BLOCK_BYTES_MAX {
            let what = std::io::Error::other("an object is larger than a block may be");
            return Err(ObjectError::Content(what));
        }
        BENCH.with_borrow_mut(|bench| self.compress_on(bench)).map_err(ObjectError::Content)
    }

    fn compress_on(&self, bench: &mut Bench) -> io::Result<PackedBlock> {
        let mut raw = std::mem::take(&mut bench.raw);
        raw.clear();
        raw.reserve(self.bytes);
        let mut objects = Vec::with_capacity(self.objects.len());
        for (id, content) in &self.objects {
            objects.push((*id, raw.len() as u32, content.len() as u32));
            raw.extend_from_slice(content);
        }
        let compressor = match &mut bench.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(COMPRESSION_LEVEL)?),
        };
        set_parameters(compressor, raw.len())?;
        let block =
            PackedBlock { objects, raw: raw.len() as u32, compressed: compressor.compress(&raw)? };
        if raw.capacity() <= BENCH_BYTES_MAX {
            bench.raw = raw;
        }
        Ok(block)
    }
}

/// How a block of that many bytes is compressed.
fn set_parameters(compressor: &mut Compressor<'_>, bytes: usize) -> io::Result<()> {
    // Nought is zstd's own choice by level and length.
    let (level, hash, matches, window) =
        if bytes > LARGE_BLOCK_BYTES_MIN { LARGE_BLOCK_ZSTD } else { (COMPRESSION_LEVEL, 0, 0, 0) };
    compressor.set_parameter(CParameter::CompressionLevel(level))?;
    compressor.set_parameter(CParameter::HashLog(hash))?;
    compressor.set_parameter(CParameter::MinMatch(matches))?;
    compressor.set_parameter(CParameter::WindowLog(window))
}

/// What a thread keeps from one block to the next: fresh memory for each costs page faults, and a
/// fresh compressor its tables filled with zeros.
#[derive(Default)]
struct Bench {
    compressor: Option<Compressor<'static>>,
    raw: Vec<u8>,
}

/// A block of ordinary size, and one object more.
const BENCH_BYTES_MAX: usize = 4 * BLOCK_BYTES;

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::default();
}

/// A compressed block and where its objects lie in it.
pub struct PackedBlock {
    /// Id, offset in the content, length.
    pub objects: Vec<(ObjectId, u32, u32)>,
    /// Bytes of the content.
    pub raw: u32,
    /// The zstd frame.
    pub compressed: Vec<u8>,
}

/// Bytes of content at which a block that begins with an object of that kind is full.
pub fn full_bytes(kind: Kind) -> usize {
    if kind == Kind::Blob { BLOCK_BYTES } else { RECORD_BLOCK_BYTES }
}

/// Fills blocks with objects in order.
pub fn gather(objects: impl Iterator<Item = (ObjectId, Arc<Vec<u8>>)>, blocks: &mut Vec<RawBlock>) {
    let mut block = RawBlock::default();
    for (id, content) in objects {
        block.push(id, content);
        if block.is_full() {
            blocks.push(std::mem::take(&mut block));
        }
    }
    if !block.objects.is_empty() {
        blocks.push(block);
    }
}

/// Compresses blocks side by side, on threads of its own (see the head of
/// `writer`).
///
/// # Errors
/// As [`RawBlock::compress`].
pub fn compress_all(blocks: Vec<RawBlock>) -> Result<Vec<PackedBlock>, ObjectError> {
    let bytes: usize = blocks.iter().map(|block| block.bytes).sum();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(blocks.len());
    if threads < 2 || bytes < BLOCK_BYTES / 2 {
        return blocks.iter().map(RawBlock::compress).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, block)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            blocks.get(at).map(|block| (at, block))
        } {
            done.push((at, block.compress()));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, block)| block).collect()
}
