//! The patch from one document in memory to another: costs what they do not share.

use std::sync::Arc;

use super::value::{Branch, Container, Entry, Item, Node, Part, Tree, Value};
use crate::document::patch::between_at;
use crate::document::{ListKeys, Patch, PatchOp, Pointer};

/// The operations that lead from one value to the other.
pub(super) fn between(before: &Value, after: &Value, keys: &ListKeys) -> Patch {
    let mut walk = Walk { keys, way: Vec::new(), ops: Vec::new() };
    walk.compare(before, after);
    Patch(walk.ops)
}

/// A step on the way down.
enum Step {
    Key(Arc<str>),
    At(u64),
}

struct Walk<'a> {
    keys: &'a ListKeys,
    way: Vec<Step>,
    ops: Vec<PatchOp>,
}

impl Walk<'_> {
    fn pointer(&self) -> Pointer {
        Pointer::of(self.way.iter().map(|step| match step {
            Step::Key(key) => key.as_ref().to_owned(),
            Step::At(at) => at.to_string(),
        }))
    }

    fn at(&mut self, step: Step, visit: impl FnOnce(&mut Self)) {
        self.way.push(step);
        visit(self);
        self.way.pop();
    }

    fn compare(&mut self, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Map(old), Value::Map(new)) => self.maps(old, new),
            (Value::List(old), Value::List(new)) => self.lists(old, new),
            _ if before.is_same(after) => {}
            _ => {
                let (path, value) = (self.pointer(), after.to_json());
                self.ops.push(PatchOp::Replace { path, value });
            }
        }
    }

    fn add(&mut self, value: &Value) {
        let (path, value) = (self.pointer(), value.to_json());
        self.ops.push(PatchOp::Add { path, value });
    }

    fn remove(&mut self) {
        let path = self.pointer();
        self.ops.push(PatchOp::Remove { path });
    }

    fn maps(&mut self, old: &Arc<Container<Entry>>, new: &Arc<Container<Entry>>) {
        if Arc::ptr_eq(old, new) {
            return;
        }
        let mut pairs = Vec::new();
        differing(old.root(), new.root(), &mut pairs);
        for (old, new) in pairs {
            let Some(key) = old.or(new).map(|entry| entry.key.clone()) else { continue };
            self.at(Step::Key(key), |walk| match (old, new) {
                (Some(old), Some(new)) => walk.compare(&old.value, &new.value),
                (None, Some(new)) => walk.add(&new.value),
                (_, None) => walk.remove(),
            });
        }
    }

    fn lists(&mut self, old: &Arc<Container<Item>>, new: &Arc<Container<Item>>) {
        if Arc::ptr_eq(old, new) {
            return;
        }
        let (old_root, new_root) = (old.root(), new.root());
        let (old_count, new_count) = (old_root.count(), new_root.count());
        let begin = common(old_root, new_root, End::First);
        let both = old_count.min(new_count) - begin;
        let end = common(old_root, new_root, End::Last).min(both);
        let (gone, come) = (old_count - begin - end, new_count - begin - end);
        match (gone, come) {
            (0, 0) => {}
            (1, 1) => {
                let place = super::tree::Place::At(begin);
                if let (Some(old), Some(new)) = (old_root.find(place), new_root.find(place)) {
                    self.at(Step::At(begin), |walk| walk.compare(old, new));
                }
            }
            (_, 0) => {
                (begin..begin + gone).rev().for_each(|at| self.at(Step::At(at), Self::remove));
            }
            (0, _) => {
                let added = new_root.parts().enumerate();
                for (at, item) in added.skip(begin as usize).take(come as usize) {
                    self.at(Step::At(at as u64), |walk| walk.add(&item.0));
                }
            }
            _ => {
                let (old, new) = (Value::List(old.clone()), Value::List(new.clone()));
                let values = (&old.to_json(), &new.to_json());
                between_at(&self.pointer(), values, self.keys, &mut self.ops);
            }
        }
    }
}

/// Whether two nodes are known to be equal.
fn is_known_same<E>(a: &Branch<E>, b: &Branch<E>) -> bool {
    let sealed = || Some(a.node.seal.get()?.hash == b.node.seal.get()?.hash);
    Arc::ptr_eq(&a.node, &b.node) || sealed() == Some(true)
}

type Pairs<'a> = Vec<(Option<&'a Entry>, Option<&'a Entry>)>;

/// The keys of two maps whose values may differ, in order. What both share is passed over.
fn differing<'a>(old: &'a Node<Entry>, new: &'a Node<Entry>, into: &mut Pairs<'a>) {
    let (Tree::Index { branches: a, .. }, Tree::Index { branches: b, .. }) = (&old.tree, &new.tree)
    else {
        return merge(old.parts(), new.parts(), into);
    };
    let (mut a, mut b) = (a.as_slice(), b.as_slice());
    while !a.is_empty() || !b.is_empty() {
        match aligned(a, b) {
            (1, 1) if is_known_same(&a[0], &b[0]) => {}
            (1, 1) => differing(&a[0].node, &b[0].node, into),
            (of_a, of_b) => {
                let parts = |branches: &'a [Branch<Entry>], count: usize| {
                    branches[..count].iter().flat_map(|branch| branch.node.parts())
                };
                merge(parts(a, of_a), parts(b, of_b), into);
            }
        }
        let (of_a, of_b) = aligned(a, b);
        (a, b) = (&a[of_a..], &b[of_b..]);
    }
}

/// How many branches of each side it takes until both end with one key, or both end.
fn aligned(a: &[Branch<Entry>], b: &[Branch<Entry>]) -> (usize, usize) {
    let (mut of_a, mut of_b) = (1, 1);
    loop {
        let (Some(last_a), Some(last_b)) = (a.get(of_a - 1), b.get(of_b - 1)) else {
            return (a.len(), b.len());
        };
        match last_a.last.cmp(&last_b.last) {
            std::cmp::Ordering::Equal => return (of_a, of_b),
            std::cmp::Ordering::Less => of_a += 1,
            std::cmp::Ordering::Greater => of_b += 1,
        }
    }
}

fn merge<'a>(
    old: impl Iterator<Item = &'a Entry>,
    new: impl Iterator<Item = &'a Entry>,
    into: &mut Pairs<'a>,
) {
    let mut new = new.peekable();
    for old in old {
        while let Some(added) = new.next_if(|new| new.key < old.key) {
            into.push((None, Some(added)));
        }
        into.push((Some(old), new.next_if(|new| new.key == old.key)));
    }
    into.extend(new.map(|added| (None, Some(added))));
}

/// From which end two lists are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// How many items at one end are equal. Looks into what is not shared; may find too few where one
/// side is cut in another way there, never too many.
fn common(a: &Node<Item>, b: &Node<Item>, end: End) -> u64 {
    let (Tree::Index { branches: x, .. }, Tree::Index { branches: y, .. }) = (&a.tree, &b.tree)
    else {
        return match end {
            End::First => count_same(a.parts(), b.parts()),
            End::Last => {
                let (x, y): (Vec<_>, Vec<_>) = (a.parts().collect(), b.parts().collect());
                count_same(x.into_iter().rev(), y.into_iter().rev())
            }
        };
    };
    match end {
        End::First => common_branches(x.iter(), y.iter(), end),
        End::Last => common_branches(x.iter().rev(), y.iter().rev(), end),
    }
}

fn common_branches<'a>(
    x: impl Iterator<Item = &'a Branch<Item>>,
    y: impl Iterator<Item = &'a Branch<Item>>,
    end: End,
) -> u64 {
    let mut sum = 0;
    for (x, y) in x.zip(y) {
        if is_known_same(x, y) {
            sum += x.count;
            continue;
        }
        let same = common(&x.node, &y.node, end);
        sum += same;
        if same < x.count || same < y.count {
            break;
        }
    }
    sum
}

fn count_same<'a>(x: impl Iterator<Item = &'a Item>, y: impl Iterator<Item = &'a Item>) -> u64 {
    x.zip(y).take_while(|(x, y)| x.value().is_same(y.value())).count() as u64
}
