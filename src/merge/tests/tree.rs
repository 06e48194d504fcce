//! Merging trees: cases, laws, and a map of paths as the model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::base::id::TreeId;
use crate::base::path::TreePath;
use crate::merge::{ConflictKind, Side, TextMerge, TreeMerge, merge_text, merge_trees};
use crate::object::memory::MemoryObjects;
use crate::object::traits::{Fetch, ObjectError, put_blob};
use crate::object::tree::{self, EntryKind, Leaf};

#[derive(Clone, Debug, PartialEq)]
enum Thing {
    Folder,
    Leaf(EntryKind, Vec<u8>),
}

type Files = BTreeMap<TreePath, Thing>;

fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).unwrap()
}

/// Puts something at a path as a file system would after clearing the way.
fn set(files: &mut Files, at: &TreePath, thing: Option<Thing>) {
    files.retain(|path, _| !path.is_within(at));
    if let Some(thing) = thing {
        let mut above = at.clone();
        while let Some((folder, _)) = above.split() {
            if !folder.is_root() {
                let there = files.entry(folder.clone()).or_insert(Thing::Folder);
                *there = Thing::Folder;
            }
            above = folder;
        }
        files.insert(at.clone(), thing);
    }
}

/// `a=text a/b=text c*=executable d@=target e/` as a map.
fn files(text: &str) -> Files {
    let mut files = Files::new();
    for word in text.split_whitespace() {
        let (name, content) = word.split_once('=').unwrap_or((word, ""));
        let content = content.replace(',', "\n").into_bytes();
        let (name, thing) = match name.as_bytes()[name.len() - 1] {
            b'/' => (&name[..name.len() - 1], Thing::Folder),
            b'*' => (&name[..name.len() - 1], Thing::Leaf(EntryKind::Executable, content)),
            b'@' => (&name[..name.len() - 1], Thing::Leaf(EntryKind::Symlink, content)),
            _ => (name, Thing::Leaf(EntryKind::File, content)),
        };
        set(&mut files, &path(name), Some(thing));
    }
    files
}

fn store(objects: &MemoryObjects, files: &Files) -> TreeId {
    let empty = tree::empty(objects).unwrap();
    let leaf = |thing: &Thing| match thing {
        Thing::Folder => Leaf::Tree(empty, 0),
        Thing::Leaf(kind, content) => {
            let blob = put_blob(objects, content.clone()).unwrap();
            Leaf::Blob(*kind, blob, content.len() as u64)
        }
    };
    let edits = files.iter().map(|(path, thing)| (path.clone(), leaf(thing))).collect();
    tree::edit(objects, empty, &edits).unwrap()
}

fn load(objects: &MemoryObjects, tree: TreeId) -> Files {
    let mut files = Files::new();
    tree::walk::<ObjectError>(objects, tree, &mut |walked| {
        let thing = match walked.entry.blob() {
            None => Thing::Folder,
            Some(blob) => Thing::Leaf(walked.entry.kind, objects.fetch(blob.object())?.to_vec()),
        };
        files.insert(walked.path, thing);
        Ok(())
    })
    .unwrap();
    files
}

fn merge(base: &Files, ours: &Files, theirs: &Files) -> (TreeMerge, Option<Files>) {
    let objects = MemoryObjects::new();
    let [base, ours, theirs] = [base, ours, theirs].map(|files| store(&objects, files));
    let merge = merge_trees(&objects, base, ours, theirs).unwrap();
    assert_eq!(merge.tree.is_some(), merge.conflicts.is_empty());
    let files = merge.tree.map(|tree| load(&objects, tree));
    // The same files have the same id, however they came about.
    if let (Some(files), Some(tree)) = (&files, merge.tree) {
        assert_eq!(store(&objects, files), tree);
    }
    (merge, files)
}

fn clean(base: &str, ours: &str, theirs: &str, expected: &str) -> TreeMerge {
    let (merge, merged) = merge(&files(base), &files(ours), &files(theirs));
    assert_eq!(merge.conflicts, [], "{base} | {ours} | {theirs}");
    assert_eq!(merged, Some(files(expected)), "{base} | {ours} | {theirs}");
    merge
}

#[test]
fn a_change_follows_a_file_that_the_other_side_renamed() {
    let base = "old=a,b,c,d,e,f,g,h,";
    for (renamed, changed, expected) in [
        // The same content; the same text for the most part; with a change of its own.
        ("new=a,b,c,d,e,f,g,h,", "old=a,b,X,d,e,f,g,h,", "new=a,b,X,d,e,f,g,h,"),
        ("in/new=a,b,c,d,e,f,g,h,", "old=a,b,X,d,e,f,g,h,", "in/new=a,b,X,d,e,f,g,h,"),
        ("new=a,b,c,d,e,f,g,Y,", "old=X,b,c,d,e,f,g,h,", "new=X,b,c,d,e,f,g,Y,"),
        ("new=a,b,c,d,e,f,g,h,", "old*=a,b,c,d,e,f,g,h,", "new*=a,b,c,d,e,f,g,h,"),
        // Of two with that content the one of the same name.
        (
            "in/old=a,b,c,d,e,f,g,h, aa=a,b,c,d,e,f,g,h,",
            "old=a,b,X,d,e,f,g,h,",
            "in/old=a,b,X,d,e,f,g,h, aa=a,b,c,d,e,f,g,h,",
        ),
    ] {
        let to = if expected.starts_with("in/old") {
            "in/old"
        } else {
            expected.split(['=', '*']).next().unwrap()
        };
        for (ours, theirs) in [(renamed, changed), (changed, renamed)] {
            let merge = clean(base, ours, theirs, expected);
            assert_eq!(merge.renamed, [(path("old"), path(to))], "{ours} | {theirs}");
        }
    }
    // Too little is the same, or both say otherwise: a conflict as before.
    let (other, _) =
        merge(&files(base), &files("new=1,2,3,4,5,6,g,h,"), &files("old=a,b,X,d,e,f,g,h,"));
    assert_eq!(other.conflicts.len(), 1);
    let (both, _) =
        merge(&files(base), &files("new=a,b,Y,d,e,f,g,h,"), &files("old=a,b,X,d,e,f,g,h,"));
    assert_eq!((both.conflicts.len(), &both.conflicts[0].path), (1, &path("new")));
    assert!(both.conflicts[0].ours.is_some() && both.conflicts[0].theirs.is_some());
}

#[test]
fn what_goes_together() {
    let merge = clean("a=1 b=1 c=1", "a=2 b=1 d/e=5", "a=1 b=3 c=1", "a=2 b=3 d/e=5");
    assert_eq!(merge.taken, [path("b")]);
    let merge = clean("a=1,2,3,", "a=x,2,3,", "a=1,2,y,", "a=x,2,y,");
    assert_eq!(merge.merged_text, [path("a")]);
    clean("a=1", "a*=1", "a=2", "a*=2");
    clean("a=1", "a=2", "a*=1", "a*=2");
    clean("a=1,2,3,", "a=0,2,3,", "a*=1,2,4,", "a*=0,2,4,");
    clean("a*=1,2,3,", "a=0,2,3,", "a*=1,2,4,", "a=0,2,4,");
    clean("a=1", "a@=x", "a@=x", "a@=x");
    clean("a=1 b=1", "b=1", "b=1", "b=1");
    // A file became a folder, a folder a file.
    clean("a=1 b=1", "a=1 b=2", "a/x=1 b=1", "a/x=1 b=2");
    clean("a/x=1 b=1", "a/x=1 b=2", "a=1 b=1", "a=1 b=2");
    clean("a/x=1 b=1", "a=1 b=1", "b=1", "a=1 b=1");
}

#[test]
fn empty_folders() {
    clean("d/ b=1", "d/ b=2", "b=1", "b=2");
    clean("b=1", "b=2", "d/e/ b=1", "b=2 d/e/");
    clean("d/x=1 d/y=1", "d/x=1", "d/y=1", "d/");
    clean("d/x=1", "d/x=1 d/y=1", "", "d/y=1");
    clean("d/x=1", "", "d/x=1 d/y=1", "d/y=1");
    clean("d/e/f/ b=1", "d/e/f/ b=2", "b=1 d/", "b=2 d/");
    clean("d/e/ b=1", "d/e/ d/g/ b=1", "b=1", "b=1 d/g/");
}

#[test]
fn what_does_not() {
    use ConflictKind::*;
    let cases = [
        ("a=1", "a=2", "a=3", vec![("a", Text { places: 1 })]),
        ("a=1", "a=2", "", vec![("a", ChangedAndRemoved { removed_by: Side::Theirs })]),
        ("a=1", "", "a=2", vec![("a", ChangedAndRemoved { removed_by: Side::Ours })]),
        ("", "a=1", "a=2", vec![("a", AddedDifferently)]),
        ("", "a=1", "a*=1", vec![("a", ModesDiffer)]),
        ("a=1", "a@=2", "a=3", vec![("a", KindsDiffer)]),
        ("a@=1", "a@=2", "a@=3", vec![("a", Link)]),
        ("a=\0", "a=\0x", "a=\0y", vec![("a", Binary)]),
        ("", "a=1", "a/b=1", vec![("a", FileAndFolder)]),
        ("a=1", "a=2", "a/b=1", vec![("a", FileAndFolder)]),
        ("a/b=1", "a=2", "a/b=2 a/c=3", vec![("a", FileAndFolder)]),
        ("a/b=1", "a=2", "a/b=1 a/c/", vec![("a", FileAndFolder)]),
        (
            "a=1 b=1 c=1",
            "a=2 c=2",
            "a=3 b=2 c=1",
            vec![("a", Text { places: 1 }), ("b", ChangedAndRemoved { removed_by: Side::Ours })],
        ),
    ];
    for (base, ours, theirs, expected) in cases {
        let (merge, _) = merge(&files(base), &files(ours), &files(theirs));
        let found: Vec<_> = merge.conflicts.iter().map(|c| (c.path.display(), c.kind)).collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(path, kind)| (path.to_owned(), kind)).collect();
        assert_eq!(found, expected, "{base} | {ours} | {theirs}");
    }
    let (merge, _) = merge(&files("a/b=1"), &files("a=2"), &files("a/b=1 a/c=3"));
    let conflict = &merge.conflicts[0];
    assert!(conflict.base.as_ref().is_some_and(|entry| entry.tree().is_some()));
    assert!(conflict.ours.as_ref().is_some_and(|entry| entry.blob().is_some()));
    assert!(conflict.theirs.as_ref().is_some_and(|entry| entry.tree().is_some()));
}

/// The rules again, over plain maps and without any thought for cost.
fn model(base: &Files, ours: &Files, theirs: &Files) -> Result<Files, BTreeSet<TreePath>> {
    let paths: BTreeSet<_> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    let clash = |at: &TreePath| {
        let one_way = |file: &Files, other: &Files| {
            let is_file = matches!(file.get(at), Some(Thing::Leaf(..)));
            let inside = |(path, thing): (&TreePath, &Thing)| {
                path != at && path.is_within(at) && base.get(path) != Some(thing)
            };
            is_file
                && file.get(at) != base.get(at)
                && other.get(at) == Some(&Thing::Folder)
                && (base.get(at) != Some(&Thing::Folder) || other.iter().any(inside))
        };
        one_way(ours, theirs) || one_way(theirs, ours)
    };
    let clashes: BTreeSet<_> =
        paths.iter().filter(|at| clash(at)).map(|at| (*at).clone()).collect();
    let mut conflicts = clashes.clone();
    let mut merged = Files::new();
    for at in paths {
        if clashes.iter().any(|clash| at.is_within(clash)) {
            continue;
        }
        let of = |files: &Files| files.get(at).filter(|t| **t != Thing::Folder).cloned();
        match model_leaf(of(base), of(ours), of(theirs)) {
            Err(()) => drop(conflicts.insert(at.clone())),
            Ok(Some(thing)) => set(&mut merged, at, Some(thing)),
            Ok(None) => {
                let is = |files: &Files| files.get(at) == Some(&Thing::Folder);
                let stays = if is(ours) == is(base) { is(theirs) } else { is(ours) };
                if stays {
                    set(&mut merged, at, Some(Thing::Folder));
                }
            }
        }
    }
    if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
}

fn model_leaf(
    base: Option<Thing>,
    ours: Option<Thing>,
    theirs: Option<Thing>,
) -> Result<Option<Thing>, ()> {
    if ours == theirs || theirs == base {
        return Ok(ours);
    }
    if ours == base {
        return Ok(theirs);
    }
    let (Some(Thing::Leaf(bk, b)), Some(Thing::Leaf(ok, o)), Some(Thing::Leaf(tk, t))) =
        (base, ours, theirs)
    else {
        return Err(());
    };
    if [bk, ok, tk].contains(&EntryKind::Symlink) {
        return Err(());
    }
    let kind = if ok == bk { tk } else { ok };
    match merge_text(&b, &o, &t) {
        TextMerge::Clean(text) => Ok(Some(Thing::Leaf(kind, text))),
        TextMerge::Conflicts { .. } => Err(()),
    }
}

const PATHS: [&str; 11] =
    ["a", "a/a", "a/b", "a/b/c", "a/b/d", "a-", "b", "b/a", "b/c/d", "b/c", "c"];
const TEXTS: [&str; 5] = ["1\n2\n3\n", "x\n2\n3\n", "1\n2\ny\n", "1\nz\n3\n", ""];

prop_compose! {
    fn thing()(kind in 0..8_usize, text in 0..TEXTS.len()) -> Option<Thing> {
        let text = TEXTS[text].as_bytes().to_vec();
        match kind {
            0 | 1 => None,
            2 | 3 => Some(Thing::Folder),
            4 => Some(Thing::Leaf(EntryKind::Symlink, text)),
            5 => Some(Thing::Leaf(EntryKind::Executable, text)),
            _ => Some(Thing::Leaf(EntryKind::File, text)),
        }
    }
}

fn edits(most: usize) -> impl Strategy<Value = Vec<(usize, Option<Thing>)>> {
    proptest::collection::vec((0..PATHS.len(), thing()), 0..most)
}

fn edited(files: &Files, edits: &[(usize, Option<Thing>)]) -> Files {
    let mut files = files.clone();
    for (at, thing) in edits {
        set(&mut files, &path(PATHS[*at]), thing.clone());
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_merge_as_the_model_says(base in edits(10), ours in edits(4), theirs in edits(4)) {
        let base = edited(&Files::new(), &base);
        let (ours, theirs) = (edited(&base, &ours), edited(&base, &theirs));
        let (one, merged) = merge(&base, &ours, &theirs);
        let conflicts = |merge: &TreeMerge| -> BTreeSet<_> {
            merge.conflicts.iter().map(|conflict| conflict.path.clone()).collect()
        };
        match model(&base, &ours, &theirs) {
            // The model knows no renames.
            _ if !one.renamed.is_empty() => {}
            Ok(expected) => prop_assert_eq!(merged, Some(expected)),
            Err(expected) => prop_assert_eq!(conflicts(&one), expected),
        }
        let (other, _) = merge(&base, &theirs, &ours);
        prop_assert_eq!(one.tree, other.tree);
        prop_assert_eq!(conflicts(&one), conflicts(&other));
        prop_assert_eq!(merge(&base, &ours, &base).1, Some(ours.clone()));
        prop_assert_eq!(merge(&base, &base, &ours).1, Some(ours.clone()));
        prop_assert_eq!(merge(&base, &ours, &ours).1, Some(ours.clone()));
    }
}
