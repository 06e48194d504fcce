//! Which items of a list that was put into another order stay, and where the others stand while
//! they are moved one by one.

/// The positions in `targets` of a longest ascending subsequence (patience sorting, O(n log n)).
/// Targets are distinct.
pub(crate) fn staying(targets: &[usize]) -> Vec<usize> {
    // Of the ascending subsequences of each length, the end of the one that ends lowest.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; targets.len()];
    for (at, target) in targets.iter().enumerate() {
        let length = ends.partition_point(|end| targets[*end] < *target);
        before[at] = length.checked_sub(1).map(|last| ends[last]);
        if length == ends.len() { ends.push(at) } else { ends[length] = at }
    }
    let mut stay = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(position) = at {
        stay.push(position);
        at = before[position];
    }
    stay.reverse();
    stay
}

/// The places of a list while it is put in order from left to right. An item that moves has two:
/// where it comes from and where it goes; a place is taken or free. What goes to a place between
/// two items that stay stands before what has still to leave from between them.
pub(super) struct Slots {
    /// Of each position after: the place where it goes, and the one that it comes from if it moves.
    places: Vec<(usize, Option<usize>)>,
    taken: Counts,
}

impl Slots {
    /// `targets`: of each item that is kept, in its order before, the position after. The list
    /// after has `count` items.
    pub(super) fn new(targets: &[usize], count: usize) -> Self {
        let mut is_staying = vec![false; count];
        for at in staying(targets) {
            is_staying[targets[at]] = true;
        }
        let mut places = vec![(0, None); count];
        let mut taken = Vec::new();
        let mut sources = targets.iter();
        let mut leave = |places: &mut Vec<(usize, Option<usize>)>, taken: &mut Vec<bool>| {
            // Up to and with the next that stays.
            for target in sources.by_ref() {
                if is_staying[*target] {
                    return;
                }
                places[*target].1 = Some(taken.len());
                taken.push(true);
            }
        };
        for (position, stays) in is_staying.iter().enumerate() {
            if *stays {
                leave(&mut places, &mut taken);
            }
            places[position].0 = taken.len();
            taken.push(*stays);
        }
        leave(&mut places, &mut taken);
        Self { places, taken: Counts::of(&taken) }
    }

    /// Takes the place of a new item; its position at that moment.
    pub(super) fn fill(&mut self, position: usize) -> usize {
        let target = self.places[position].0;
        self.taken.set(target, true);
        self.taken.before(target)
    }

    /// Moves an item, unless it stays: the position that it leaves, and the one that it takes then.
    pub(super) fn shift(&mut self, position: usize) -> Option<(usize, usize)> {
        let source = self.places[position].1?;
        self.taken.set(source, false);
        Some((self.taken.before(source), self.fill(position)))
    }
}

/// How many places are taken before one, at logarithmic cost (a Fenwick tree).
struct Counts(Vec<usize>);

impl Counts {
    fn of(taken: &[bool]) -> Self {
        let mut counts = Self(vec![0; taken.len() + 1]);
        for (at, _) in taken.iter().enumerate().filter(|(_, is_taken)| **is_taken) {
            counts.set(at, true);
        }
        counts
    }

    /// The caller sees to it that it changes.
    fn set(&mut self, place: usize, is_taken: bool) {
        let mut at = place + 1;
        while at < self.0.len() {
            self.0[at] = if is_taken { self.0[at] + 1 } else { self.0[at].saturating_sub(1) };
            at += at & at.wrapping_neg();
        }
    }

    fn before(&self, place: usize) -> usize {
        let (mut at, mut sum) = (place, 0);
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}
