//! What `benches/store.py` needs beside the commands: a bare loop to be measured against, and a
//! store of very many snapshots.
//!
//! `store bare SOURCE FILE` reads every file below SOURCE, hashes it (BLAKE3), compresses it with
//! its neighbours (zstd as packs do, blocks of 1 MiB) on all cores, writes the blocks to FILE and syncs it:
//! what a first snapshot cannot do without, and nothing else. `store many STORE COUNT` adds that
//! many snapshots, each a commit of one changed file, to the first workspace of a store, and a tag
//! for every hundredth; nothing is synced. `store change STORE PATH` prints what the newest snapshot
//! of the first workspace cannot do without, if its parent has all but that file: the bytes of the
//! file and of the trees on the way to it, each compressed. `cargo bench` without such words runs
//! nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use expdag::base::disk::{Disk, DiskFile, PlacedFile, RealDisk};
use expdag::base::id::{ObjectId, SnapshotId, TreeId};
use expdag::base::limits::LARGE_BLOCK_ZSTD;
use expdag::base::name::Label;
use expdag::base::path::TreePath;
use expdag::base::time::{Clock, SystemClock, Timestamp};
use expdag::object::names::{self, NameKey, NameValue};
use expdag::object::operation::OperationKind;
use expdag::object::snapshot::{Origin, Snapshot, Tier};
use expdag::object::traits::{Fetch, ObjectError, Put, put_blob};
use expdag::object::tree::{self, EntryKind, Leaf};
use expdag::store::{Change, NameMove, Store};
use rayon::prelude::*;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", source, file] => bare(Path::new(source), Path::new(file)),
        ["many", store, count] => many(Path::new(store), count.parse()?),
        ["change", store, path] => changed(Path::new(store), path),
        _ => Ok(()),
    }
}

const BLOCK_BYTES: usize = 1 << 20;

/// Files that one thread takes at a time: neighbours compress well together.
const TASK_FILES: usize = 256;

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_below(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn bare(source: &Path, target: &Path) -> Outcome<()> {
    let mut files = Vec::new();
    files_below(source, &mut files)?;
    files.sort();
    let out = Mutex::new(File::create(target)?);
    let write = |compressor: &mut Compressor<'_>, block: &mut Vec<u8>| -> io::Result<()> {
        let frame = compressor.compress(block)?;
        block.clear();
        out.lock().map_err(|_| io::Error::other("a writer panicked"))?.write_all(&frame)
    };
    let task = |files: &[PathBuf]| -> io::Result<Vec<[u8; 32]>> {
        let (level, hash, matches, window) = LARGE_BLOCK_ZSTD;
        let mut compressor = Compressor::new(level)?;
        compressor.set_parameter(CParameter::HashLog(hash))?;
        compressor.set_parameter(CParameter::MinMatch(matches))?;
        compressor.set_parameter(CParameter::WindowLog(window))?;
        let mut block = Vec::with_capacity(2 * BLOCK_BYTES);
        let mut hashes = Vec::new();
        for file in files {
            let start = block.len();
            io::Read::read_to_end(&mut File::open(file)?, &mut block)?;
            hashes.push(*blake3::hash(&block[start..]).as_bytes());
            if block.len() >= BLOCK_BYTES {
                write(&mut compressor, &mut block)?;
            }
        }
        write(&mut compressor, &mut block)?;
        Ok(hashes)
    };
    let hashes: io::Result<Vec<_>> =
        files.par_chunks(TASK_FILES).with_max_len(1).map(task).collect();
    let hashes = hashes?.concat();
    let mut out = out.into_inner()?;
    out.write_all(hashes.as_flattened())?;
    out.sync_all()?;
    Ok(())
}

/// The disk, less the waiting: what is measured is reading what was written here.
#[derive(Debug)]
struct Unsynced(RealDisk);

struct UnsyncedFile(Box<dyn DiskFile>);

impl Write for UnsyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl DiskFile for UnsyncedFile {
    fn sync(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Disk for Unsynced {
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(UnsyncedFile(self.0.create(path, mode)?)))
    }

    fn place(&self, path: &Path, mode: Option<u32>) -> io::Result<Arc<dyn PlacedFile>> {
        self.0.place(path, mode)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.remove_dir(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.0.create_dir(path, mode)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.0.symlink(target, path)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.0.set_mode(path, mode)
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self, _root: &Path) -> io::Result<()> {
        Ok(())
    }
}

fn change(moves: Vec<NameMove>, when: Timestamp) -> Change {
    Change {
        moves,
        kind: OperationKind::Verb,
        verb: "snapshot".to_owned(),
        summary: "a step".to_owned(),
        who: "bench".to_owned(),
        session: "bench".to_owned(),
        workspace: None,
        when,
    }
}

/// Where the first workspace of a store stands.
fn position_in(store: &Store) -> Outcome<(NameKey, names::Position)> {
    let found = names::list(store, store.names()?, "position/")?;
    let [entry, ..] = &found[..] else { return Err("the store has no workspace".into()) };
    let key = NameKey::parse(&entry.key).ok_or("a key of a name")?;
    match entry.value.clone() {
        NameValue::Position(position) => Ok((key, position)),
        _ => Err("a position is none".into()),
    }
}

/// A store to which nothing is written; what is put is noted.
struct Noting<'s>(&'s Store, Mutex<Vec<u8>>);

impl Fetch for Noting<'_> {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        self.0.fetch(id)
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        self.0.contains(id)
    }
}

impl Put for Noting<'_> {
    fn put(&self, _id: ObjectId, bytes: Vec<u8>) -> Result<(), ObjectError> {
        self.1.lock().expect("no thread panicked").extend(bytes);
        Ok(())
    }
}

fn changed(root: &Path, path: &str) -> Outcome<()> {
    let store = Store::open(root, Arc::new(RealDisk))?;
    let (_, position) = position_in(&store)?;
    let newest = Snapshot::fetch(&store, position.snapshot)?;
    let [parent, ..] = newest.parents[..] else { return Err("it has no parent".into()) };
    let parent = Snapshot::fetch(&store, parent)?;
    let path = TreePath::new(path.as_bytes())?;
    let leaf = tree::diff(&store, parent.tree, newest.tree)?
        .into_iter()
        .find(|change| change.path == path)
        .and_then(|change| change.after)
        .ok_or("that file did not change")?;
    let blob = leaf.blob().ok_or("it is no file")?;
    let noting = Noting(&store, Mutex::default());
    let leaf = Leaf::Blob(leaf.kind, blob, leaf.length);
    tree::edit(&noting, parent.tree, &[(path, leaf)].into())?;
    let trees = noting.1.into_inner()?;
    let mut content = Vec::new();
    store.fetch_blob_to(blob, &mut content)?;
    let packed = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).map(|frame| frame.len());
    println!("{} {}", packed(&content)?, packed(&trees)?);
    Ok(())
}

fn many(root: &Path, count: u64) -> Outcome<()> {
    let store = Store::open(root, Arc::new(Unsynced(RealDisk)))?;
    let (key, mut position) = position_in(&store)?;
    let branch = NameKey::Branch(position.branch.clone());
    let path = TreePath::new(b"step.txt")?;
    let mut tree = Snapshot::fetch(&store, position.snapshot)?.tree;
    let mut writer = store.writer()?;
    for number in 0..count {
        let content = format!("this is step {number}\n").into_bytes();
        let length = content.len() as u64;
        let leaf = Leaf::Blob(EntryKind::File, put_blob(&writer, content)?, length);
        tree = tree::edit(&writer, tree, &[(path.clone(), leaf)].into())?;
        let when = SystemClock.now();
        let seen = position.clone();
        position.snapshot = snapshot(&position, tree, number, when).put(&writer)?;
        let old = Some(NameValue::Branch(seen.snapshot));
        let new = Some(NameValue::Branch(position.snapshot));
        let mut moves = vec![
            NameMove { key: branch.clone(), expected: old, new },
            NameMove {
                key: key.clone(),
                expected: Some(NameValue::Position(seen)),
                new: Some(NameValue::Position(position.clone())),
            },
        ];
        if number % 100 == 0 {
            moves.push(tag(position.snapshot, number)?);
        }
        writer.commit(change(moves, when))?;
        store.compact()?;
        if number % 1000 == 0 {
            // What it remembers of objects that were put is no part of what is measured.
            drop(writer);
            writer = store.writer()?;
        }
    }
    println!("{} of {}", count, String::from_utf8_lossy(root.as_os_str().as_bytes()));
    Ok(())
}

fn snapshot(at: &names::Position, tree: TreeId, number: u64, when: Timestamp) -> Snapshot {
    Snapshot {
        parents: vec![at.snapshot],
        tree,
        state: None,
        git_head: None,
        branch: at.branch.clone(),
        origin: Origin::Manual,
        tier: Tier::Checkpoint,
        who: "bench".to_owned(),
        session: format!("s{}", number / 1000),
        when,
        message: format!("step {number}"),
    }
}

fn tag(snapshot: SnapshotId, number: u64) -> Outcome<NameMove> {
    let key = NameKey::Tag(Label::new(format!("t{number}"))?);
    let new = Some(NameValue::Tag { snapshot, note: String::new() });
    Ok(NameMove { key, expected: None, new })
}
