//! What can happen to a file: bits that flip, ends that are cut, pages of zeros, ranges and files
//! that change places, files that are gone, empty, or longer than they were.

use std::fs;
use std::path::{Path, PathBuf};

use super::random::Random;

const PAGE: usize = 4096;

/// One damage to one file of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Harm {
    Flip { at: usize, bit: u32 },
    Cut { to: usize },
    Zeros { from: usize, to: usize },
    SwapRanges { a: usize, b: usize, length: usize },
    SwapWith(PathBuf),
    Append { zeros: bool, length: usize },
    Delete,
}

/// All that is done to a file, less what would leave it as it is.
pub fn harms(store: &Path, file: &Path, all: &[PathBuf]) -> Vec<Harm> {
    let content = fs::read(store.join(file)).expect("a file");
    let length = content.len();
    let mut random = Random::of(&file.to_string_lossy());
    let mut harms = vec![Harm::Delete];
    harms.extend([(false, 17), (true, PAGE)].map(|(zeros, length)| Harm::Append { zeros, length }));
    // Headers, footers, and the tables before them; then anywhere.
    let mut places = vec![0, 7, 8, 15, 20, 63, 64, 70, 100, 140];
    let ends = [1, 9, 20, 60, 103, 105, 130, 160, 400].map(|back| length.wrapping_sub(back));
    places.extend(ends);
    places.push(length / 2);
    places.extend((0..6).map(|_| random.below(length)));
    for at in places {
        harms.push(Harm::Flip { at, bit: random.below(8) as u32 });
    }
    let cuts = [0, 1, 16, length / 3, random.below(length), length.wrapping_sub(105)];
    harms.extend(cuts.map(|to| Harm::Cut { to }));
    harms.push(Harm::Cut { to: length.wrapping_sub(1) });
    for page in [0, length / 2, random.below(length), length.saturating_sub(PAGE / 2)] {
        let from = page / PAGE * PAGE;
        harms.push(Harm::Zeros { from, to: (from + PAGE).min(length) });
    }
    for span in [8, 600] {
        let (a, b) = (random.below(length), random.below(length));
        harms.push(Harm::SwapRanges { a: a.min(b), b: a.max(b), length: span });
    }
    let is_kin =
        |other: &&PathBuf| other.parent() == file.parent() && other.extension() == file.extension();
    harms
        .extend(all.iter().filter(is_kin).find(|other| *other > file).cloned().map(Harm::SwapWith));
    harms.retain(|harm| harm.of(&content).is_none_or(|changed| changed != content));
    harms.dedup();
    harms
}

impl Harm {
    /// What the content becomes, where the harm is to the content.
    fn of(&self, content: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = content.to_vec();
        match *self {
            Self::Flip { at, bit } => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Cut { to } => bytes.truncate(to),
            Self::Zeros { from, to } => bytes[from.min(to)..to].fill(0),
            Self::SwapRanges { a, b, length } => {
                if a + length <= b && b + length <= bytes.len() {
                    let (left, right) = bytes.split_at_mut(b);
                    left[a..a + length].swap_with_slice(&mut right[..length]);
                }
            }
            Self::Append { zeros: true, length } => bytes.resize(bytes.len() + length, 0),
            Self::Append { zeros: false, length } => bytes.extend(vec![b'g'; length]),
            Self::SwapWith(_) | Self::Delete => return None,
        }
        Some(bytes)
    }

    /// Does it. The files whose bytes are others now.
    pub fn inflict(&self, store: &Path, file: &Path) -> Vec<PathBuf> {
        let path = store.join(file);
        match self {
            Self::Delete => fs::remove_file(path).expect("a file"),
            Self::SwapWith(other) => {
                let (a, b) = (&path, &store.join(other));
                let aside = store.join("tmp/aside");
                fs::rename(a, &aside).expect("a file");
                fs::rename(b, a).expect("a file");
                fs::rename(aside, b).expect("a file");
                return vec![file.to_owned(), other.clone()];
            }
            _ => {
                let content = fs::read(&path).expect("a file");
                fs::write(path, self.of(&content).expect("it is a content")).expect("a file");
            }
        }
        vec![file.to_owned()]
    }
}
