//! How little several versions of one tree cost: `benches/versions.py` calls it, with git beside it.
//!
//! Stores each version as a commit of its own, as a capture would, then says what the packs take as
//! they were written, after compaction, and after a collection that writes all of them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use expdag::base::disk::RealDisk;
use expdag::base::id::{SnapshotId, TreeId};
use expdag::base::name::Label;
use expdag::base::time::Timestamp;
use expdag::object::names::{NameKey, NameValue};
use expdag::object::operation::OperationKind;
use expdag::object::snapshot::{Origin, Snapshot, Tier};
use expdag::object::traits::{Fetch, Put};
use expdag::object::tree::{self, EntryKind, TreeEntry};
use expdag::store::{Change, Keep, NameMove, Store, Writer};

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (Some(versions), Some(scratch)) = (words.next(), words.next()) else {
        // `cargo bench` and `cargo test` start it without anything to measure.
        return println!("versions FOLDER_OF_VERSIONS SCRATCH");
    };
    let mut folders: Vec<PathBuf> = fs::read_dir(versions)
        .expect("a folder")
        .map(|entry| entry.expect("read").path())
        .collect();
    folders.sort_by_key(|path| numbers(path));
    let root = Path::new(&scratch).join("store");
    let store = Store::create(&root, Arc::new(RealDisk), "").expect("a new store");
    let (mut parent, mut kept) = (None, Keep::default());
    for (at, folder) in folders.iter().enumerate() {
        let writer = store.writer().expect("nobody else writes");
        let tree = put_folder(&writer, folder);
        let (snapshot, operation) = commit(&writer, parent, TreeId(tree.0), at);
        drop(writer);
        (parent, _) = (Some(snapshot), kept.whole.insert(snapshot));
        kept.operations.insert(operation);
        if at == 0 {
            say("first version", &store, None);
        }
    }
    say("as written", &store, None);
    let start = Instant::now();
    store.compact().expect("compaction");
    say("compacted", &store, Some(start));
    let start = Instant::now();
    let plan = store.plan_collection(kept).expect("a plan");
    println!("planned in {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    store.collect(plan.rewriting_all(), "bench", Timestamp(1)).expect("a collection");
    say("written anew", &store, Some(start));
    let start = Instant::now();
    let store = Store::open(&root, Arc::new(RealDisk)).expect("a store");
    let bytes = read_all(&store, parent.expect("a version"));
    println!("newest read back: {bytes} bytes in {:.3} s", start.elapsed().as_secs_f64());
}

/// The numbers in a name, so that 1.9 comes before 1.10.
fn numbers(path: &Path) -> Vec<u64> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

fn say(what: &str, store: &Store, since: Option<Instant>) {
    let found = store.statistics().expect("statistics");
    let time =
        since.map_or(String::new(), |since| format!(" {:.2} s", since.elapsed().as_secs_f64()));
    let (packs, bytes, objects) = (found.packs, found.pack_bytes, found.objects());
    println!(
        "{what}: {bytes} bytes in {packs} packs, {objects} objects, {} raw{time}",
        found.bytes()
    );
}

fn put_folder(writer: &Writer<'_>, folder: &Path) -> (expdag::base::id::Hash, u64) {
    use std::os::unix::ffi::OsStrExt;
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path()).collect();
    paths.sort();
    let mut entries = Vec::new();
    for path in paths {
        let facts = fs::symlink_metadata(&path).expect("facts");
        let name = path.file_name().unwrap_or_default().as_bytes().into();
        let (kind, (hash, length)) = if facts.is_dir() {
            (EntryKind::Directory, put_folder(writer, &path))
        } else {
            let content = fs::read(&path).expect("content");
            let (blob, length) = writer.put_blob_from(&mut content.as_slice()).expect("stored");
            (EntryKind::File, (blob.0, length))
        };
        entries.push(TreeEntry { name, kind, hash, length });
    }
    let root = tree::build(writer, entries).expect("a tree");
    (root.hash, root.length)
}

fn commit(
    writer: &Writer<'_>,
    parent: Option<SnapshotId>,
    tree: TreeId,
    at: usize,
) -> (SnapshotId, expdag::base::id::OperationId) {
    let branch = Label::new("main").expect("a label");
    let when = Timestamp(at as i64 * 1_000_000_000);
    let snapshot = Snapshot {
        parents: parent.into_iter().collect(),
        tree,
        state: None,
        git_head: None,
        branch: branch.clone(),
        origin: Origin::Manual,
        tier: Tier::Checkpoint,
        who: "bench".to_owned(),
        session: "bench".to_owned(),
        when,
        message: format!("version {at}"),
    };
    let id = snapshot.put(writer).expect("stored");
    let (expected, new) = (parent.map(NameValue::Branch), Some(NameValue::Branch(id)));
    let change = Change {
        moves: vec![NameMove { key: NameKey::Branch(branch), expected, new }],
        kind: OperationKind::Verb,
        verb: "snapshot".to_owned(),
        summary: String::new(),
        who: "bench".to_owned(),
        session: "bench".to_owned(),
        workspace: None,
        when,
    };
    (id, writer.commit(change).expect("committed").operation)
}

fn read_all(store: &Store, id: SnapshotId) -> u64 {
    fn below(store: &Store, tree: TreeId) -> u64 {
        let entries = tree::entries(store, tree).expect("a folder").into_iter();
        let bytes = |entry: TreeEntry| match (entry.tree(), entry.blob()) {
            (Some(tree), _) => below(store, tree),
            (_, Some(blob)) => store.fetch_blob_to(blob, &mut std::io::sink()).expect("content"),
            _ => 0,
        };
        entries.map(bytes).sum()
    }
    below(store, Snapshot::fetch(store, id).expect("a snapshot").tree)
}
