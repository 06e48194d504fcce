//! Changed bytes for decoders: a seeded mutator, and how often a body is called with what it makes.
//! Only tests have it; `tests/fuzz.rs` takes it in by its path.
//!
//! A body decodes bytes, uses what it was able to decode, and says whether it was. It must not
//! panic, walk without end, or take memory that the bytes do not pay for.
//!
//! The run is the same everywhere. `EXP_FUZZ_SECONDS` lets each body go on for that long.
#![allow(missing_docs, dead_code, reason = "tests alone have it, and each its own part")]

use std::time::{Duration, Instant};

/// xorshift64 (Marsaglia 2003).
#[derive(Debug)]
pub struct Mutator(pub u64);

impl Mutator {
    /// One whose numbers depend on a name (FNV-1a).
    pub fn of(name: &str) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, mix) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    /// Changes some bytes: flips, other numbers, cuts, repetitions, exchanges. The first `keep`
    /// bytes mostly stay, so that more than the header is tried.
    pub fn mutate(&mut self, bytes: &[u8], keep: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let from = if self.below(16) == 0 { 0 } else { keep.min(bytes.len()) };
            let at = from + self.below(bytes.len() - from);
            if at < bytes.len() {
                self.change(&mut bytes, at);
            }
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let length = bytes.len();
        match self.below(9) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'[', b'\n', b'='][self.below(9)],
            2 => bytes[at] = self.below(256) as u8,
            3 => bytes.truncate(at),
            4 => drop(bytes.remove(at)),
            5 => {
                let piece = bytes[at..(at + 1 + self.below(40)).min(length)].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => {
                let number = [u64::MAX, 1 << 40, 1 << 25, 0, 2][self.below(5)].to_le_bytes();
                let end = (at + 8).min(length);
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            7 => {
                let number = [u32::MAX, 1 << 31, length as u32, 0, 1][self.below(5)].to_le_bytes();
                let end = (at + 4).min(length);
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            _ => {
                let (other, span) = (self.below(length), 1 + self.below(32));
                let (a, b) = (at.min(other), at.max(other));
                if a + span <= b && b + span <= length {
                    let (left, right) = bytes.split_at_mut(b);
                    left[a..a + span].swap_with_slice(&mut right[..span]);
                }
            }
        }
    }
}

/// Calls a body with each sample, which it must accept, and then with what becomes of them, so many
/// times at least. How many of those it accepted.
#[track_caller]
pub fn fuzz(
    name: &str,
    samples: &[Vec<u8>],
    (keep, least): (usize, usize),
    mut body: impl FnMut(&[u8]) -> bool,
) -> usize {
    for (at, sample) in samples.iter().enumerate() {
        assert!(body(sample), "{name}: sample {at} is refused");
    }
    let seconds = std::env::var("EXP_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("EXP_FUZZ_SECONDS is a number"));
    let limit = seconds.map(Duration::from_secs);
    let mut random = Mutator::of(name);
    let (begun, mut cases, mut accepted) = (Instant::now(), 0, 0);
    while cases < least || limit.is_some_and(|limit| begun.elapsed() < limit) {
        let sample = &samples[random.below(samples.len())];
        accepted += usize::from(body(&random.mutate(sample, keep)));
        cases += 1;
    }
    let speed = cases as f64 / begun.elapsed().as_secs_f64();
    println!("{name}: {cases} cases, {accepted} accepted, {speed:.0} a second");
    accepted
}

/// A folder in memory where the system has one: a body that needs a file writes thousands.
pub fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// Bytes whose last ones are a digest of those before, with that put right: so that more than the
/// digest is tried.
pub fn sealed(bytes: &[u8], digest: impl Fn(&[u8]) -> [u8; 32]) -> Vec<u8> {
    let body = &bytes[..bytes.len().saturating_sub(32)];
    [body, &digest(body)].concat()
}
