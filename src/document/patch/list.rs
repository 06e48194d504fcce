//! The operations between two lists.
//!
//! **Invariant**: each operation is given where it stands when those before it are applied. Items
//! that differ inside are compared last, at the positions of the list after.

use std::collections::HashMap;
use std::ops::Range;

use super::between::{At, Walk};
use super::keys::{Identity, identities};
use super::order::Slots;
use crate::document::Json;

type Known<'a> = HashMap<Identity<'a>, usize>;

pub(super) fn compare(walk: &mut Walk<'_>, (old, new): (&[Json], &[Json]), at: At<'_>) {
    if old == new {
        return;
    }
    let known = walk
        .keys
        .field_at(|| walk.pointer(at))
        .and_then(|field| Some((identities(old, field)?, identities(new, field)?)));
    match known {
        Some(known) => by_identity(walk, (old, new), &known, at),
        None => by_position(walk, (old, new), at),
    }
}

fn by_identity(
    walk: &mut Walk<'_>,
    (old, new): (&[Json], &[Json]),
    (old_at, new_at): &(Known<'_>, Known<'_>),
    at: At<'_>,
) {
    // Positions in the other list, or none.
    let mut to = vec![None; old.len()];
    let mut from = vec![None; new.len()];
    for (identity, old) in old_at {
        to[*old] = new_at.get(identity).copied();
    }
    for (identity, new) in new_at {
        from[*new] = old_at.get(identity).copied();
    }
    if !old.is_empty() && to.iter().all(Option::is_none) {
        return walk.replace_list(new, at);
    }
    for gone in (0..old.len()).rev().filter(|position| to[*position].is_none()) {
        walk.remove(At::Position(&at, gone));
    }
    let targets: Vec<usize> = to.iter().copied().flatten().collect();
    let mut slots = Slots::new(&targets, new.len());
    for (position, item) in new.iter().enumerate() {
        if from[position].is_none() {
            let target = slots.fill(position);
            walk.add(item, At::Position(&at, target));
        } else if let Some((source, target)) = slots.shift(position)
            && source != target
        {
            walk.shift((At::Position(&at, source), At::Position(&at, target)));
        }
    }
    for (position, item) in new.iter().enumerate() {
        if let Some(from) = from[position] {
            walk.compare((&old[from], item), At::Position(&at, position));
        }
    }
}

fn by_position(walk: &mut Walk<'_>, (old, new): (&[Json], &[Json]), at: At<'_>) {
    let begin = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[begin..], &new[begin..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    if begin + end == 0 && !old.is_empty() && new.is_empty() {
        return walk.replace_list(new, at);
    }
    let (mut old_at, mut new_at) = (0, 0);
    let pairs = common(walk, old, new);
    for (old_end, new_end) in pairs.into_iter().chain([(old.len(), new.len())]) {
        run(walk, (&old[old_at..old_end], new, new_at..new_end), begin, at);
        (old_at, new_at) = (old_end + 1, new_end + 1);
    }
}

/// Items that go and items that come between two that are the same. Those that stand at one
/// position are compared, the rest is removed or added.
fn run(
    walk: &mut Walk<'_>,
    (old, new, range): (&[Json], &[Json], Range<usize>),
    begin: usize,
    at: At<'_>,
) {
    let position = |offset: usize| begin + range.start + offset;
    let both = old.len().min(range.len());
    for offset in both..old.len() {
        let last = old.len() - 1 - (offset - both);
        walk.remove(At::Position(&at, position(last)));
    }
    let new = &new[range.clone()];
    for (offset, item) in new.iter().enumerate() {
        match old.get(offset) {
            Some(old) => walk.compare((old, item), At::Position(&at, position(offset))),
            None => walk.add(item, At::Position(&at, position(offset))),
        }
    }
}

/// Positions of a longest common subsequence; none where finding it is too much work.
fn common(walk: &mut Walk<'_>, old: &[Json], new: &[Json]) -> Vec<(usize, usize)> {
    let cells = (old.len() as u64).saturating_mul(new.len() as u64);
    if cells == 0 || cells > walk.cells_left {
        return Vec::new();
    }
    walk.cells_left -= cells;
    // Equal items get one number, so that each is looked at as a whole once.
    let mut numbers: HashMap<&Json, u32> = HashMap::new();
    let mut number = |item| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(item).or_insert(next)
    };
    let old: Vec<u32> = old.iter().map(&mut number).collect();
    let new: Vec<u32> = new.iter().map(&mut number).collect();
    let width = new.len() + 1;
    let mut best = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let (right, below) = (best[i * width + j + 1], best[(i + 1) * width + j]);
            let both = best[(i + 1) * width + j + 1] + 1;
            best[i * width + j] = if old[i] == new[j] { both } else { right.max(below) };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[i * width + j + 1] > best[(i + 1) * width + j] {
            j += 1;
        } else {
            i += 1;
        }
    }
    pairs
}
