//! Random workspaces: whatever the files are, a round trip changes nothing.

use proptest::prelude::*;

use super::*;
use crate::object::traits::put_blob;
use crate::object::tree::{EntryKind, Leaf};

/// Names that are awkward, few enough for two trees to meet.
const NAMES: [&[u8]; 6] = [b"a", b"a-b", b"b\xff", b"c d", b"-x", b"e\n"];

/// What stands at a path: a kind and a content.
#[derive(Clone, Debug)]
pub(super) enum Node {
    File(u8),
    Executable(u8),
    Link(u8),
    Folder,
}

pub(super) type Nodes = BTreeMap<Vec<usize>, Node>;

pub(super) fn nodes() -> impl Strategy<Value = Nodes> {
    let node = prop_oneof![
        3 => (0..4_u8).prop_map(Node::File),
        1 => (0..4_u8).prop_map(Node::Executable),
        1 => (0..4_u8).prop_map(Node::Link),
        1 => Just(Node::Folder),
    ];
    let place = proptest::collection::vec(0..NAMES.len(), 1..4);
    proptest::collection::btree_map(place, node, 0..14)
}

/// The tree of nodes; what stands below a file is left out.
pub(super) fn tree_of(objects: &MemoryObjects, nodes: &Nodes) -> TreeId {
    let mut edits = BTreeMap::new();
    for (place, node) in nodes {
        let is_below_leaf = (1..place.len())
            .any(|end| nodes.get(&place[..end]).is_some_and(|n| !matches!(n, Node::Folder)));
        if is_below_leaf {
            continue;
        }
        let path = place.iter().fold(TreePath::root(), |at, name| at.join(NAMES[*name]));
        let leaf = |kind, content: Vec<u8>| {
            let length = content.len() as u64;
            Leaf::Blob(kind, put_blob(objects, content).unwrap(), length)
        };
        let leaf = match node {
            Node::File(byte) => leaf(EntryKind::File, vec![*byte; usize::from(*byte) * 400_000]),
            Node::Executable(byte) => leaf(EntryKind::Executable, vec![*byte; 3]),
            Node::Link(byte) => leaf(EntryKind::Symlink, vec![b'a' + *byte; 2]),
            Node::Folder => Leaf::Tree(tree::empty(objects).unwrap(), 0),
        };
        edits.insert(path, leaf);
    }
    tree::edit(objects, tree::empty(objects).unwrap(), &edits).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn capture_and_restore_are_inverse(first in nodes(), second in nodes()) {
        let mut bench = Bench::new();
        let (first, second) = (tree_of(&bench.objects, &first), tree_of(&bench.objects, &second));
        let empty = bench.empty();
        let way = [empty, first, second, first, empty, second];
        for (at, (from, to)) in way.iter().zip(&way[1..]).enumerate() {
            bench.restore(*from, *to);
            // With a cache that came along, and with none.
            if at % 2 == 0 {
                bench.cache = StatCache::empty(SystemClock.now());
            }
            prop_assert_eq!(bench.capture(Some(*to)).tree, *to);
        }
    }
}
