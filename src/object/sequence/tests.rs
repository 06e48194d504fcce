//! The laws of sequences: one shape for one content, and costs that follow what differs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::codec::Bytes;
use crate::base::id::{Hash, Kind, ObjectId};
use crate::object::counting::Counting;
use crate::object::document::{ListItem, MapEntry, Slot};
use crate::object::memory::MemoryObjects;
use crate::object::traits::{ObjectError, put_record};
use crate::object::tree::{EntryKind, TreeEntry};

type Model = BTreeMap<u16, u16>;

/// Elements of both cuts, made from two numbers.
trait Made: Element {
    fn made(key: u16, value: u16) -> Self;
}

impl Made for MapEntry {
    fn made(key: u16, value: u16) -> Self {
        Self { key: format!("{key:05}"), value: Slot::Number(value.to_string()) }
    }
}

impl Made for TreeEntry {
    fn made(key: u16, value: u16) -> Self {
        let mut hash = Hash([0; 32]);
        hash.0[..2].copy_from_slice(&value.to_le_bytes());
        let name = Bytes(format!("{key:05}").into_bytes());
        Self { name, kind: EntryKind::File, hash, length: value.into() }
    }
}

fn item(value: u16) -> ListItem {
    ListItem { value: Slot::Number(value.to_string()) }
}

fn elements<E: Made>(model: &Model) -> Vec<E> {
    model.iter().map(|(key, value)| E::made(*key, *value)).collect()
}

fn built<E: Made>(objects: &MemoryObjects, model: &Model) -> Root {
    build(objects, elements::<E>(model)).unwrap()
}

fn read<E: Element>(objects: &MemoryObjects, root: Hash) -> Vec<E> {
    Elements::new(objects, root).map(Result::unwrap).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Set(u16, u16),
    Remove(u16),
    RemoveRun(u16, u16),
    Keep(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let key = prop_oneof![Just(0), Just(u16::MAX), any::<u16>(), 0..2500_u16];
    prop_oneof![
        6 => (key, any::<u16>()).prop_map(|(key, value)| Step::Set(key, value)),
        3 => (0..2500_u16).prop_map(Step::Remove),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Step::RemoveRun(a.min(b), a.max(b))),
        1 => (0..41_u16).prop_map(Step::Keep),
    ]
}

fn model() -> impl Strategy<Value = Model> {
    let dense = (0..2000_u16).prop_map(|n| (0..n).map(|key| (key, key)).collect::<Model>());
    let sparse = prop::collection::btree_map(any::<u16>(), any::<u16>(), 0..600);
    prop_oneof![dense, sparse]
}

/// What the steps set (`Some`) and remove (`None`), seen from `model`.
fn edits_of(model: &Model, steps: &[Step]) -> BTreeMap<u16, Option<u16>> {
    let mut edits = BTreeMap::new();
    for step in steps {
        match *step {
            Step::Set(key, value) => drop(edits.insert(key, Some(value))),
            Step::Remove(key) => drop(edits.insert(key, None)),
            Step::RemoveRun(from, to) => {
                edits.extend(model.range(from..=to).map(|(key, _)| (*key, None)));
            }
            Step::Keep(count) => {
                edits.extend(model.keys().skip(count.into()).map(|key| (*key, None)));
            }
        }
    }
    edits
}

fn edit_is_build<E: Made>(before: &Model, steps: &[Step]) {
    let objects = MemoryObjects::new();
    let old = built::<E>(&objects, before);
    let edits = edits_of(before, steps);
    let mut after = before.clone();
    for (key, value) in &edits {
        match value {
            Some(value) => drop(after.insert(*key, *value)),
            None => drop(after.remove(key)),
        }
    }
    let keyed = |(key, value): (&u16, &Option<u16>)| {
        (E::made(*key, 0).key().to_vec(), value.map(|value| E::made(*key, value)))
    };
    let edited = edit(&objects, old.hash, edits.iter().map(keyed).collect()).unwrap();
    assert_eq!(edited, built::<E>(&MemoryObjects::new(), &after));
    assert_eq!(verify::<E>(&objects, edited.hash).unwrap(), after.len() as u64);
    assert_eq!(read::<E>(&objects, edited.hash), elements::<E>(&after));
    let naive: Vec<Change<E>> = before
        .keys()
        .chain(after.keys())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Change {
            before: before.get(key).map(|value| E::made(*key, *value)),
            after: after.get(key).map(|value| E::made(*key, *value)),
        })
        .collect();
    assert_eq!(diff::<E>(&objects, old.hash, edited.hash).unwrap(), naive);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn edit_gives_what_building_gives(before in model(), steps in prop::collection::vec(step(), 0..12)) {
        edit_is_build::<MapEntry>(&before, &steps);
        edit_is_build::<TreeEntry>(&before, &steps);
    }

    #[test]
    fn a_difference_of_lists_leads_from_one_to_the_other(
        count in 0..2000_usize,
        modulus in 1..400_u16,
        cuts in prop::collection::vec((0..=2000_usize, 0..300_usize, 0..40_u16), 0..6),
    ) {
        let objects = MemoryObjects::new();
        let before: Vec<_> = (0..count).map(|n| item(n as u16 % modulus)).collect();
        let old = build(&objects, before.clone()).unwrap();
        let (mut after, mut done) = (Vec::new(), 0);
        let mut cuts = cuts;
        cuts.sort_unstable();
        for (at, remove, insert) in cuts {
            let at = at.clamp(done, count.max(done));
            if at > count { break }
            let remove = remove.min(count - at);
            let insert: Vec<_> = (0..insert).map(|n| item(5000 + n)).collect();
            after.extend_from_slice(&before[done..at]);
            after.extend_from_slice(&insert);
            done = at + remove;
        }
        after.extend_from_slice(&before[done..]);
        let new = build(&objects, after.clone()).unwrap();
        let changes = diff_list::<ListItem>(&objects, old.hash, new.hash).unwrap();
        prop_assert_eq!(replayed(before, changes), after);
    }

    #[test]
    fn reading_agrees_with_a_map(model in model(), from in any::<u16>()) {
        let objects = MemoryObjects::new();
        let root = built::<MapEntry>(&objects, &model).hash;
        let key = MapEntry::made(from, 0).key().to_vec();
        let got = get::<MapEntry>(&objects, root, &key).unwrap();
        prop_assert_eq!(got, model.get(&from).map(|value| MapEntry::made(from, *value)));
        let tail: Vec<MapEntry> =
            Elements::starting_at(&objects, root, key).map(Result::unwrap).collect();
        let expected: Vec<_> = model.range(from..).map(|(k, v)| MapEntry::made(*k, *v)).collect();
        prop_assert_eq!(tail, expected);
        prop_assert_eq!(count::<MapEntry>(&objects, root).unwrap(), model.len() as u64);
        let position = u64::from(from % 2500);
        let at: Option<MapEntry> = get_at(&objects, root, position).unwrap();
        let expected = model.iter().nth(position as usize).map(|(k, v)| MapEntry::made(*k, *v));
        prop_assert_eq!(at, expected);
    }
}

/// Applies the changes of a list the way a reader would: what goes and what comes, in order.
fn replayed(before: Vec<ListItem>, changes: Vec<ListChange<ListItem>>) -> Vec<ListItem> {
    let (mut list, mut removed) = (before, 0);
    for ListChange { at, before, after } in changes {
        let at = at as usize;
        match (before, after) {
            (Some(old), Some(new)) => assert_eq!(std::mem::replace(&mut list[at], new), old),
            (None, Some(new)) => list.insert(at, new),
            (Some(old), None) => {
                assert_eq!(list.remove(at - removed), old);
                removed += 1;
            }
            (None, None) => panic!("a change of nothing"),
        }
    }
    list
}

#[test]
fn one_change_in_ten_thousand_costs_a_few_nodes() {
    fn check<E: Made>() {
        let objects = Counting::default();
        let all: Vec<E> = (0..10_000).map(|key| E::made(key, 1)).collect();
        let old = build(&objects, all).unwrap();
        for key in [0, 17, 5_000, 9_999, 10_000] {
            let new = E::made(key, 2);
            let edits = BTreeMap::from([(new.key().to_vec(), Some(new))]);
            objects.reset();
            let edited = edit(&objects, old.hash, edits).unwrap();
            assert!(objects.fetched() < 60, "edit fetched {}", objects.fetched());
            objects.reset();
            let changes = diff::<E>(&objects, old.hash, edited.hash).unwrap();
            assert_eq!(changes.len(), 1);
            assert!(objects.fetched() < 60, "diff fetched {}", objects.fetched());
        }
    }
    check::<MapEntry>();
    check::<TreeEntry>();
}

#[test]
fn one_insertion_into_a_long_list_costs_a_few_nodes() {
    let objects = Counting::default();
    let old = build(&objects, (0..10_000).map(item)).unwrap();
    for at in [0_usize, 5_000, 10_000] {
        let mut items: Vec<_> = (0..10_000).map(item).collect();
        items.insert(at, item(60_000));
        let new = build(&objects, items).unwrap();
        objects.reset();
        let changes = diff_list::<ListItem>(&objects, old.hash, new.hash).unwrap();
        assert_eq!(
            changes,
            [ListChange { at: at as u64, before: None, after: Some(item(60_000)) }]
        );
        assert!(objects.fetched() < 100, "diff fetched {}", objects.fetched());
    }
}

#[test]
fn a_shrunk_sequence_has_the_root_of_a_small_one() {
    let large: Model = (0..2_000).map(|key| (key, key)).collect();
    for keep in [0, 1, 2, 11, 12, 13, 17, 30, 40] {
        for first in [true, false] {
            let drops = |key: u16| if first { key >= keep } else { key < 2_000 - keep };
            let objects = MemoryObjects::new();
            let old = built::<MapEntry>(&objects, &large);
            let gone = large.keys().filter(|key| drops(**key));
            let edits = gone.map(|key| (MapEntry::made(*key, 0).key.into_bytes(), None)).collect();
            let edited = edit::<MapEntry, _>(&objects, old.hash, edits).unwrap();
            let mut small = large.clone();
            small.retain(|key, _| !drops(*key));
            assert_eq!(edited, built::<MapEntry>(&MemoryObjects::new(), &small), "{keep} {first}");
        }
    }
}

#[test]
fn verify_refuses_another_cut_of_the_same_elements() {
    let objects = MemoryObjects::new();
    let model: Model = (0..30).map(|key| (key, key)).collect();
    let all = elements::<MapEntry>(&model);
    let child = |part: &[MapEntry]| {
        let node = MapEntry::wrap(Node::Leaf(part.to_vec()));
        let hash: Hash = put_record(&objects, Kind::Document, &node).unwrap();
        let length = part.iter().map(Element::length).sum();
        let last_key = part.last().unwrap().key().into();
        Child { last_key, hash, count: part.len() as u64, length }
    };
    let children = vec![child(&all[..3]), child(&all[3..])];
    let index = MapEntry::wrap(Node::Index { level: 1, children });
    let root: Hash = put_record(&objects, Kind::Document, &index).unwrap();
    assert_eq!(read::<MapEntry>(&objects, root), all);
    let refused = verify::<MapEntry>(&objects, root);
    assert!(matches!(refused, Err(ObjectError::Rule { .. })), "{refused:?}");
    let good = built::<MapEntry>(&objects, &model).hash;
    assert_eq!(verify::<MapEntry>(&objects, good).unwrap(), 30);
}

#[test]
fn loading_refuses_what_no_builder_writes() {
    let objects = MemoryObjects::new();
    let put = |node: Node<MapEntry>| -> Hash {
        put_record(&objects, Kind::Document, &MapEntry::wrap(node)).unwrap()
    };
    let refuses =
        |hash: Hash, level: Option<u8>, rule: &str| match load::<MapEntry>(&objects, hash, level) {
            Err(ObjectError::Rule { rule: broken, .. }) => assert_eq!(broken, rule),
            other => panic!("{rule}: {other:?}"),
        };
    let leaf = |keys: &[u16]| Node::Leaf(keys.iter().map(|key| MapEntry::made(*key, 0)).collect());
    let child = |key: &str, count| Child {
        last_key: key.as_bytes().into(),
        hash: Hash([7; 32]),
        count,
        length: u64::MAX,
    };
    let index = |level, children: &[Child]| Node::Index { level, children: children.to_vec() };
    refuses(put(leaf(&[2, 1])), None, "the keys of a leaf do not ascend");
    refuses(put(leaf(&[1, 1])), None, "the keys of a leaf do not ascend");
    refuses(put(leaf(&[])), Some(0), "a leaf below an index is empty");
    assert_eq!(load::<MapEntry>(&objects, put(leaf(&[])), None).unwrap(), leaf(&[]));
    let many: Vec<u16> = (0..65).collect();
    refuses(put(leaf(&many)), None, "a leaf has too many elements");
    refuses(put(leaf(&[1])), Some(1), "it is not of the level that the index above says");
    let (a, b) = (child("a", 1), child("b", 1));
    let level = "the level of an index is out of bounds";
    refuses(put(index(0, &[a.clone(), b.clone()])), None, level);
    refuses(put(index(13, &[a.clone(), b.clone()])), None, level);
    refuses(put(index(1, &[])), None, "the number of children of an index is out of bounds");
    refuses(put(index(1, &[b.clone(), a.clone()])), None, "the keys of an index do not ascend");
    refuses(put(index(1, std::slice::from_ref(&a))), None, "a root is an index of a single node");
    let counts = "the counts of an index are out of bounds";
    refuses(put(index(1, &[child("a", 0), b])), None, counts);
    refuses(put(index(1, &[child("a", u64::MAX), child("b", 1)])), None, counts);
    let list = ListItem::wrap(Node::Leaf(vec![]));
    let list: Hash = put_record(&objects, Kind::Document, &list).unwrap();
    refuses(list, None, "it holds another kind of value");
}

/// A count or a length that lies must not overflow, however the sequence is used.
#[test]
fn false_lengths_do_not_overflow() {
    let objects = MemoryObjects::new();
    let model: Model = (0..120).map(|key| (key, key)).collect();
    let root = built::<MapEntry>(&objects, &model).hash;
    let Node::Index { level, mut children } = load::<MapEntry>(&objects, root, None).unwrap()
    else {
        panic!("200 entries are more than one leaf");
    };
    for child in &mut children {
        child.length = u64::MAX;
    }
    let lying = MapEntry::wrap(Node::Index { level, children });
    let lying: Hash = put_record(&objects, Kind::Document, &lying).unwrap();
    let new = MapEntry::made(3, 9);
    let edits = BTreeMap::from([(new.key().to_vec(), Some(new))]);
    assert_eq!(edit(&objects, lying, edits).unwrap().length, u64::MAX);
    let id = ObjectId { kind: Kind::Document, hash: lying };
    let refused = verify::<MapEntry>(&objects, lying);
    assert!(matches!(refused, Err(ObjectError::Rule { id: named, .. }) if named == id));
}

/// An index of one node, taken whole as all that is left, is not the root.
#[test]
fn what_is_left_of_a_deep_sequence_is_no_index_of_one_node() {
    let objects = MemoryObjects::new();
    let mut root = build::<MapEntry>(&objects, (0..150).map(|key| MapEntry::made(key, 0))).unwrap();
    let mut tried = 0;
    for key in 150..900 {
        let new = MapEntry::made(key, 0);
        let edits = BTreeMap::from([(new.key().to_vec(), Some(new))]);
        root = edit(&objects, root.hash, edits).unwrap();
        let Node::Index { level: 2, children } =
            load::<MapEntry>(&objects, root.hash, None).unwrap()
        else {
            continue;
        };
        let last = children.last().unwrap();
        if last.count > 20 {
            continue;
        }
        let kept = key + 1 - u16::try_from(last.count).unwrap()..key + 1;
        let gone = (0..kept.start).map(|key| (MapEntry::made(key, 0).key.into_bytes(), None));
        let left = edit::<MapEntry, _>(&objects, root.hash, gone.collect()).unwrap();
        let small = build(&objects, kept.map(|key| MapEntry::made(key, 0))).unwrap();
        assert_eq!(left, small);
        tried += 1;
    }
    assert!(tried > 3, "no sequence ended in an index of one node: {tried}");
}

#[test]
fn equal_items_are_not_counted_at_both_ends() {
    let objects = MemoryObjects::new();
    for (before, after) in [(3_usize, 2_usize), (2, 3), (100, 40), (40, 100), (1, 0), (0, 1)] {
        let of = |count| build(&objects, (0..count).map(|_| item(7))).unwrap().hash;
        let changes = diff_list::<ListItem>(&objects, of(before), of(after)).unwrap();
        assert_eq!(changes.len(), before.abs_diff(after), "{before} {after}");
        let list = |count: usize| vec![item(7); count];
        assert_eq!(replayed(list(before), changes), list(after));
    }
}

/// A few hundred bytes that say to be more elements than any memory holds.
#[test]
fn what_stands_for_too_much_is_refused_after_a_few_looks() {
    let objects = MemoryObjects::new();
    let leaf = |from: u16| -> Vec<MapEntry> {
        (from..from + 11).map(|key| MapEntry::made(key, 0)).collect()
    };
    let part = leaf(0);
    let node = MapEntry::wrap(Node::Leaf(part.clone()));
    let mut hash: Hash = put_record(&objects, Kind::Document, &node).unwrap();
    let mut count = part.len() as u64;
    for level in 1..=8 {
        let key = |at: u8| Bytes(vec![b'k', level, at]);
        let child = |at: u8| Child { last_key: key(at), hash, count, length: 7 };
        let children: Vec<_> = (0..64).map(child).collect();
        count *= 64;
        let index = MapEntry::wrap(Node::Index { level, children });
        hash = put_record(&objects, Kind::Document, &index).unwrap();
    }
    let refused = verify::<MapEntry>(&objects, hash);
    assert!(matches!(refused, Err(ObjectError::Rule { .. })), "{refused:?}");
}

#[test]
fn what_an_index_says_of_its_nodes_is_proved() {
    let objects = MemoryObjects::new();
    let model: Model = (0..120).map(|key| (key, key)).collect();
    let root = built::<MapEntry>(&objects, &model).hash;
    let Node::Index { level, children } = load::<MapEntry>(&objects, root, None).unwrap() else {
        panic!("an index");
    };
    type Change = fn(&mut Vec<Child>);
    let changes: [Change; 6] = [
        |children| children[0].count += 1,
        |children| children[0].length += 1,
        |children| children[0].last_key.0.push(0),
        |children| children.swap(0, 1),
        |children| drop(children.remove(0)),
        |children| children.push(children[0].clone()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut children = children.clone();
        change(&mut children);
        let index = MapEntry::wrap(Node::Index { level, children });
        let changed: Hash = put_record(&objects, Kind::Document, &index).unwrap();
        let found = verify::<MapEntry>(&objects, changed);
        // Without its first part it is another sequence, and a whole one.
        let is_right = matches!(found, Err(ObjectError::Rule { .. })) == (at != 4);
        assert!(is_right, "{at}: {found:?}");
    }
}
