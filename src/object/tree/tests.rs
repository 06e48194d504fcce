//! Trees against a plain map of paths.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::base::codec::{Bytes, blob_id};
use crate::base::id::TreeId;
use crate::base::limits::TREE_DEPTH_MAX;
use crate::base::path::TreePath;
use crate::object::counting::Counting;
use crate::object::memory::MemoryObjects;
use crate::object::traits::{ObjectError, Put};

/// Every file by its path: whether it is executable, and a number that stands for its content.
type Model = BTreeMap<TreePath, (bool, u8)>;

fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).unwrap()
}

fn leaf((executable, content): (bool, u8)) -> Leaf {
    let kind = if executable { EntryKind::Executable } else { EntryKind::File };
    Leaf::Blob(kind, blob_id(&[content]), content.into())
}

fn edit_of((path, change): (TreePath, Option<(bool, u8)>)) -> (TreePath, Leaf) {
    (path, change.map_or(Leaf::Absent, leaf))
}

/// Builds the tree of a model folder by folder, without `edit`.
fn built(objects: &MemoryObjects, model: &Model, at: &TreePath) -> (TreeId, u64) {
    let depth = at.parts().count();
    let below: BTreeMap<Vec<u8>, bool> = model
        .keys()
        .filter(|path| path.is_within(at))
        .map(|path| (path.parts().nth(depth).unwrap().to_vec(), path.parts().count() == depth + 1))
        .collect();
    let entry = |(name, is_file): (Vec<u8>, bool)| {
        let path = at.join(&name);
        let name = Bytes(name);
        if !is_file {
            let (tree, length) = built(objects, model, &path);
            return TreeEntry { name, kind: EntryKind::Directory, hash: tree.0, length };
        }
        let Leaf::Blob(kind, blob, length) = leaf(model[&path]) else { unreachable!() };
        TreeEntry { name, kind, hash: blob.0, length }
    };
    let root = build(objects, below.into_iter().map(entry).collect()).unwrap();
    (TreeId(root.hash), root.length)
}

/// What an edit means for plain paths.
fn apply(model: &mut Model, edits: &BTreeMap<TreePath, Option<(bool, u8)>>) {
    for (path, change) in edits {
        model.retain(|other, _| !other.is_within(path));
        if let Some(file) = change {
            model.retain(|other, _| !path.is_within(other));
            model.insert(path.clone(), *file);
        }
    }
}

fn some_path() -> impl Strategy<Value = TreePath> {
    prop::collection::vec("[a-d]|[a-z]{2}|\\.x", 1..5).prop_map(|parts| path(&parts.join("/")))
}

fn edits() -> impl Strategy<Value = BTreeMap<TreePath, Option<(bool, u8)>>> {
    let change = prop::option::weighted(0.7, (any::<bool>(), any::<u8>()));
    prop::collection::btree_map(some_path(), change, 0..60).prop_map(|mut edits| {
        // A path below one that is set to a file in the same edit is an error of the caller.
        let files: Vec<_> =
            edits.iter().filter(|(_, change)| change.is_some()).map(|(p, _)| p.clone()).collect();
        edits.retain(|path, _| !files.iter().any(|file| path != file && path.is_within(file)));
        edits
    })
}

fn folders(model: &Model) -> BTreeSet<TreePath> {
    let mut folders = BTreeSet::new();
    for path in model.keys() {
        let mut at = path.clone();
        while let Some((folder, _)) = at.split().filter(|(folder, _)| !folder.is_root()) {
            folders.insert(folder.clone());
            at = folder;
        }
    }
    folders
}

fn entry_at(model: &Model, folders: &BTreeSet<TreePath>, path: &TreePath) -> Option<Leaf> {
    let folder = folders.contains(path).then_some(Leaf::Absent);
    model.get(path).map(|file| leaf(*file)).or(folder)
}

/// What an entry is, where a directory is only that.
fn shown(entry: &Option<TreeEntry>) -> Option<Leaf> {
    let entry = entry.as_ref()?;
    Some(entry.blob().map_or(Leaf::Absent, |blob| Leaf::Blob(entry.kind, blob, entry.length)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn edits_lookups_and_differences_are_those_of_plain_paths(rounds in prop::collection::vec(edits(), 1..4)) {
        let objects = MemoryObjects::new();
        let (mut model, mut tree) = (Model::new(), empty(&objects).unwrap());
        for round in rounds {
            let before = model.clone();
            apply(&mut model, &round);
            let edited = edit(&objects, tree, &round.clone().into_iter().map(edit_of).collect()).unwrap();
            prop_assert_eq!(edited, built(&MemoryObjects::new(), &model, &TreePath::root()).0);

            let (old_folders, new_folders) = (folders(&before), folders(&model));
            let all: BTreeSet<&TreePath> =
                before.keys().chain(model.keys()).chain(&old_folders).chain(&new_folders).collect();
            let expected: Vec<_> = all
                .into_iter()
                .map(|p| (p.clone(), entry_at(&before, &old_folders, p), entry_at(&model, &new_folders, p)))
                .filter(|(_, before, after)| before != after)
                .collect();
            let found: Vec<_> = diff(&objects, tree, edited)
                .unwrap()
                .into_iter()
                .map(|c| (c.path, shown(&c.before), shown(&c.after)))
                .collect();
            prop_assert_eq!(found, expected);

            for path in round.keys().chain(before.keys()).chain(&new_folders) {
                let found = shown(&lookup(&objects, edited, path).unwrap());
                prop_assert_eq!(found, entry_at(&model, &new_folders, path));
            }
            let bytes = model.values().map(|(_, content)| u64::from(*content)).sum();
            prop_assert_eq!(totals(&objects, edited).unwrap(), (model.len() as u64, bytes));
            tree = edited;
        }
    }
}

#[test]
fn empty_directories_are_kept_until_their_edit_says_otherwise() {
    let objects = MemoryObjects::new();
    let none = empty(&objects).unwrap();
    let one =
        |tree, at: &str, leaf| edit(&objects, tree, &BTreeMap::from([(path(at), leaf)])).unwrap();
    let tree = one(none, "a/b", Leaf::Tree(none, 0));
    let b = lookup(&objects, tree, &path("a/b")).unwrap().unwrap();
    assert_eq!(b.tree(), Some(none));
    assert_eq!(one(tree, "a/b/c", Leaf::Absent), tree, "nothing was removed below it");
    let file = leaf((false, 3));
    let filled = one(tree, "a/b/c", file);
    assert_eq!(lookup(&objects, filled, &path("a/b/c")).unwrap().unwrap().length, 3);
    assert_eq!(one(filled, "a/b/c", Leaf::Absent), none, "it lost its last entry");
    assert_eq!(one(tree, "a", Leaf::Absent), none);
    assert_eq!(lookup(&objects, filled, &path("a/b/c/d")).unwrap(), None);
    assert_eq!(lookup(&objects, filled, &TreePath::root()).unwrap(), None);
    let links = one(none, "l", Leaf::Blob(EntryKind::Symlink, blob_id(b"a"), 1));
    assert_eq!(totals(&objects, links).unwrap(), (1, 1));
    let change = &diff(&objects, none, tree).unwrap()[0];
    assert!(change.is_only_directory());
}

#[test]
fn bad_and_repeated_names_are_refused() {
    let objects = MemoryObjects::new();
    let entry = |name: &[u8]| TreeEntry {
        name: name.into(),
        kind: EntryKind::File,
        hash: blob_id(b"").0,
        length: 0,
    };
    for bad in [&b""[..], b".", b"..", b"a/b", b"a\0", &[b'x'; 256]] {
        let refused = build(&objects, vec![entry(bad)]);
        assert!(matches!(refused, Err(ObjectError::Rule { .. })), "{bad:?}");
    }
    let twice = build(&objects, vec![entry(b"a"), entry(b"b"), entry(b"a")]);
    assert!(matches!(twice, Err(ObjectError::Rule { .. })), "{twice:?}");
    let sorted = build(&objects, vec![entry(b"b"), entry(b"\xff"), entry(b"a")]).unwrap();
    let names: Vec<_> = entries(&objects, TreeId(sorted.hash)).unwrap();
    assert_eq!(
        names.iter().map(|e| e.name.0.as_slice()).collect::<Vec<_>>(),
        [&b"a"[..], b"b", b"\xff"]
    );
}

/// On half of the stack that a thread has, so that callers have some, too.
#[test]
fn folders_may_be_nested_to_the_bound_and_no_deeper() {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(nest_to_the_bound).unwrap();
    thread.join().unwrap();
}

fn nest_to_the_bound() {
    let objects = MemoryObjects::new();
    let none = empty(&objects).unwrap();
    let deep = |levels: usize| path(&vec!["a"; levels].join("/"));
    let set = |levels| edit(&objects, none, &BTreeMap::from([(deep(levels), leaf((true, 1)))]));
    let tree = set(TREE_DEPTH_MAX).unwrap();
    assert_eq!(totals(&objects, tree).unwrap(), (1, 1));
    assert_eq!(diff(&objects, none, tree).unwrap().len(), TREE_DEPTH_MAX);
    assert!(matches!(set(TREE_DEPTH_MAX + 1), Err(ObjectError::Rule { .. })));
    let mut below = none;
    for _ in 0..TREE_DEPTH_MAX + 2 {
        let name = Bytes(b"a".to_vec());
        let entry = TreeEntry { name, kind: EntryKind::Directory, hash: below.0, length: 0 };
        below = TreeId(build(&objects, vec![entry]).unwrap().hash);
    }
    assert!(matches!(totals(&objects, below), Err(ObjectError::Rule { .. })));
}

#[test]
fn one_file_in_a_large_tree_costs_the_folders_on_the_way() {
    let objects = Counting::default();
    let none = empty(&objects as &dyn Put).unwrap();
    let all = (0..20).flat_map(|a| (0..500).map(move |b| path(&format!("d{a}/e/f{b}"))));
    let all = all.map(|path| (path, leaf((false, 1)))).collect();
    let tree = edit(&objects, none, &all).unwrap();
    objects.reset();
    let edits = BTreeMap::from([(path("d7/e/f250"), leaf((false, 2)))]);
    let edited = edit(&objects, tree, &edits).unwrap();
    assert!(objects.fetched() < 30, "{}", objects.fetched());
    assert!(objects.new_bytes() < 40_000, "{}", objects.new_bytes());
    objects.reset();
    assert_eq!(diff(&objects, tree, edited).unwrap().len(), 1);
    assert!(objects.fetched() < 30, "{}", objects.fetched());
}
