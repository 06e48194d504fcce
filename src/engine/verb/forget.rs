//! `exp forget`: replaces content by a tombstone, wherever the store has it: in packs, in logs of
//! commands, and in bundles that are given.
//!
//! The snapshots stay, with their ids: who reads the file in one of them is told that it was forgotten.
//! What cannot be forgotten is said: the workspace's own file, copies in views, recorded evaluations
//! that quote it, stores that imported it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::codec::BlobHasher;
use crate::base::id::{BlobId, Kind, ObjectId, TreeId};
use crate::base::limits::{BLOB_WHOLE_BYTES_MAX, LOCK_TRIES_MAX};
use crate::base::path::TreePath;
use crate::engine::half::Half;
use crate::engine::quoted::{Logs, Needles, in_logs};
use crate::engine::report::ShownPath;
use crate::engine::{Engine, EngineError};
use crate::object::evaluation::Evaluation;
use crate::object::names::{self, NameValue};
use crate::object::tombstone::{Farewell, Tombstone};
use crate::object::traits::{Fetch, ObjectError};
use crate::object::tree;
use crate::run::Cancel;
use crate::store::bundle::{BundleError, write_without};
use crate::store::{Lock, LockFile, Sharing};

/// Digits of an id that are enough to mean one.
const DIGITS_MIN: usize = 8;

/// Places that are named for each content.
const PLACES_MAX: usize = 20;

/// What can be asked of `forget`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Paths in the workspace (files or folders), or the first digits of ids of contents.
    pub what: Vec<String>,
    /// Bundles to take it out of as well.
    pub bundles: Vec<PathBuf>,
    /// Really do it.
    pub yes: bool,
}

/// One content that is, or would be, forgotten.
#[derive(Clone, Debug, Serialize)]
pub struct Content {
    /// Its id.
    pub id: String,
    /// Its bytes.
    pub bytes: u64,
    /// Where snapshots have it, at most twenty places.
    pub places: Vec<ShownPath>,
    /// Whether the workspace has it at one of them, so that the next snapshot records it again.
    pub in_workspace: bool,
}

/// What was, or would be, forgotten.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The contents.
    pub contents: Vec<Content>,
    /// Whether it was done.
    pub forgotten: bool,
    /// Packs that were written anew.
    pub packs: usize,
    /// Packs that are damaged, and may still have it.
    pub damaged: Vec<String>,
    /// Logs of commands that quote it.
    pub logs: Vec<String>,
    /// Logs that are too long to be looked through.
    pub unread_logs: Vec<String>,
    /// Evaluations that quote it; they stay.
    pub evaluations: usize,
    /// Bundles, and how many objects of it each has.
    pub bundles: Vec<(String, usize)>,
}

/// Shows what would be forgotten, or forgets it.
///
/// # Errors
/// [`EngineError::NotFound`] for what no snapshot has; the store's.
pub fn run(engine: &Engine, options: &Options, cancel: &Cancel) -> Result<Report, EngineError> {
    engine.refuse_in_every_view("and the store is that of the workspace outside")?;
    let found = Finding::of(engine, options)?;
    let ids = found.objects(engine)?;
    let needles = found.needles(engine)?;
    let runs = engine.store.layout().runs();
    let disk = engine.surroundings.disk.clone();
    let yes = options.yes;
    let _alone = yes.then(|| alone(engine)).transpose()?;
    let mut report = Report {
        evaluations: quoting(engine, &needles)?,
        contents: found.contents(engine)?,
        forgotten: yes,
        packs: 0,
        damaged: Vec::new(),
        logs: Vec::new(),
        unread_logs: Vec::new(),
        bundles: Vec::new(),
    };
    let (who, now) = (&engine.surroundings.who, engine.surroundings.now());
    for bundle in &options.bundles {
        let tombstone =
            Tombstone { kind: 0, why: Farewell::Forgotten, who: who.clone(), when: now };
        let count = in_bundle(engine, bundle, (&ids, &tombstone), yes)?;
        report.bundles.push((bundle.display().to_string(), count));
    }
    if cancel.is_cancelled() {
        return Err(EngineError::Interrupted);
    }
    let Logs { quoting, unread } = in_logs(&runs, &needles, yes.then_some(&*disk))?;
    report.logs = quoting.iter().map(|path| path.display().to_string()).collect();
    report.unread_logs = unread.iter().map(|path| path.display().to_string()).collect();
    if yes {
        let blobs: Vec<BlobId> = found.blobs.keys().copied().collect();
        let done = engine.store.forget(&blobs, who, now)?;
        report.packs = done.packs;
        report.damaged = done
            .damaged
            .iter()
            .map(|(path, what)| format!("`{}`: {what}", path.display()))
            .collect();
    }
    Ok(report)
}

/// That nobody else forgets meanwhile: what lies half written beside a log was left by somebody who
/// was killed.
fn alone(engine: &Engine) -> Result<Lock, EngineError> {
    let file = LockFile::new(&engine.store.layout().locks(), "forget", "the logs of the store");
    let lock = file.lock(Sharing::Exclusive, LOCK_TRIES_MAX)?;
    lock.note("forget");
    Ok(lock)
}

/// What is to be forgotten, and where it stands.
struct Finding {
    blobs: BTreeMap<BlobId, BTreeSet<TreePath>>,
}

impl Finding {
    fn of(engine: &Engine, options: &Options) -> Result<Self, EngineError> {
        let region = engine.all_snapshots()?;
        let trees: BTreeSet<TreeId> =
            region.snapshots.iter().map(|(_, snapshot)| snapshot.tree).collect();
        let mut found = Self { blobs: BTreeMap::new() };
        for what in &options.what {
            let before = found.blobs.len();
            let path = path_of(engine, what);
            if let Some(path) = &path {
                for tree in &trees {
                    found.take_path(engine, *tree, path)?;
                }
            }
            if found.blobs.len() == before && !found.take_id(engine, what)? {
                let near = Vec::new();
                let (what, name) = ("file of a snapshot, and no content,", what.clone());
                return Err(EngineError::NotFound { what, name, near });
            }
        }
        found.take_places(engine, &trees)?;
        Ok(found)
    }

    /// Everything at and below a path of a tree.
    fn take_path(
        &mut self,
        engine: &Engine,
        root: TreeId,
        path: &TreePath,
    ) -> Result<(), EngineError> {
        let entry = match tree::lookup(&engine.store, root, path) {
            Err(ObjectError::Gone { .. }) => return Ok(()),
            entry => entry?,
        };
        let Some(entry) = entry else { return Ok(()) };
        if let Some(blob) = entry.blob() {
            self.blobs.entry(blob).or_default();
        }
        let Some(tree) = entry.tree() else { return Ok(()) };
        let walked = tree::walk::<ObjectError>(&engine.store, tree, &mut |walked| {
            if let Some(blob) = walked.entry.blob() {
                self.blobs.entry(blob).or_default();
            }
            Ok(())
        });
        match walked {
            Err(ObjectError::Gone { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The one content whose id begins so; whether there is one.
    fn take_id(&mut self, engine: &Engine, text: &str) -> Result<bool, EngineError> {
        let digits = text.to_ascii_lowercase();
        if digits.len() < DIGITS_MIN || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(false);
        }
        match engine.store.find(Kind::Blob, &digits, 8)?.as_slice() {
            [] => Ok(false),
            [one] => {
                self.blobs.entry(BlobId(*one)).or_default();
                Ok(true)
            }
            several => {
                let candidates = several.iter().map(|hash| hash.hex()).collect();
                Err(EngineError::Ambiguous { name: text.to_owned(), candidates })
            }
        }
    }

    /// Where else the same content stands. Each folder is looked at once, however many have it.
    fn take_places(
        &mut self,
        engine: &Engine,
        trees: &BTreeSet<TreeId>,
    ) -> Result<(), EngineError> {
        let mut seen = HashSet::new();
        let mut pending: Vec<(TreeId, TreePath)> =
            trees.iter().map(|tree| (*tree, TreePath::root())).collect();
        while let Some((tree, at)) = pending.pop() {
            if !seen.insert((tree, at.clone())) {
                continue;
            }
            let entries = match tree::entries(&engine.store, tree) {
                Err(ObjectError::Gone { .. }) => continue,
                entries => entries?,
            };
            for entry in entries {
                let path = at.join(&entry.name.0);
                if let Some(places) = entry.blob().and_then(|blob| self.blobs.get_mut(&blob)) {
                    places.insert(path.clone());
                }
                pending.extend(entry.tree().map(|tree| (tree, path)));
            }
        }
        Ok(())
    }

    /// The objects that hold it: contents, and the pieces of large ones.
    fn objects(&self, engine: &Engine) -> Result<HashSet<ObjectId>, EngineError> {
        let blobs: Vec<BlobId> = self.blobs.keys().copied().collect();
        let mut ids: HashSet<ObjectId> =
            engine.store.content_objects(&blobs)?.into_iter().collect();
        // A bundle may have what is not stored here any more.
        ids.extend(blobs.iter().map(|blob| blob.object()));
        Ok(ids)
    }

    fn needles(&self, engine: &Engine) -> Result<Needles, EngineError> {
        let mut needles = Needles::default();
        for blob in self.blobs.keys() {
            // A secret is short; the words of a large file stand everywhere.
            match engine.store.fetch(blob.object()) {
                Ok(content) if content.len() as u64 <= BLOB_WHOLE_BYTES_MAX => {
                    needles.add(&content)
                }
                Ok(_) | Err(ObjectError::Gone { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(needles)
    }

    fn contents(&self, engine: &Engine) -> Result<Vec<Content>, EngineError> {
        let mut contents = Vec::new();
        for (blob, places) in &self.blobs {
            let bytes = match engine.store.fetch_blob_to(*blob, &mut std::io::sink()) {
                Err(ObjectError::Gone { .. }) => continue,
                bytes => bytes?,
            };
            let is_there = |path: &TreePath| has(engine.root(), path, *blob);
            contents.push(Content {
                id: blob.0.hex(),
                bytes,
                in_workspace: places.iter().any(is_there),
                places: places.iter().take(PLACES_MAX).cloned().map(ShownPath).collect(),
            });
        }
        Ok(contents)
    }
}

/// A path as given, from the folder in which the command was given; none outside of the workspace.
fn path_of(engine: &Engine, text: &str) -> Option<TreePath> {
    let path = engine.surroundings.folder.join(text);
    let below = path.strip_prefix(engine.root()).ok()?;
    TreePath::new(below.as_os_str().as_bytes()).ok().filter(|path| !path.is_root())
}

/// Whether the workspace has this content at that place.
fn has(root: &Path, path: &TreePath, blob: BlobId) -> bool {
    let file = File::open(path.under(root));
    file.is_ok_and(|file| BlobHasher::read(file).is_ok_and(|(id, _)| id == blob))
}

/// How many recorded evaluations quote it.
fn quoting(engine: &Engine, needles: &Needles) -> Result<usize, EngineError> {
    if needles.is_empty() {
        return Ok(0);
    }
    let mut count = 0;
    for entry in names::list(&engine.store, engine.store.names()?, "evaluation/")? {
        if let NameValue::Evaluation(id) = entry.value {
            let evaluation = Evaluation::fetch(&engine.store, id)?;
            let excerpts = evaluation.stages.iter().flat_map(|stage| &stage.excerpt);
            count += usize::from(excerpts.into_iter().any(|line| needles.are_in(line.as_bytes())));
        }
    }
    Ok(count)
}

/// Takes objects out of a bundle, or counts them.
fn in_bundle(
    engine: &Engine,
    path: &Path,
    (ids, tombstone): (&HashSet<ObjectId>, &Tombstone),
    yes: bool,
) -> Result<usize, EngineError> {
    let path = engine.surroundings.folder.join(path);
    let failed = |what| {
        let path = path.clone();
        move |source| EngineError::File { what, path, source }
    };
    let open = || File::open(&path).map(BufReader::new).map_err(BundleError::Read);
    open().map_err(|error| match error {
        BundleError::Read(source) => failed("read")(source),
        error => error.into(),
    })?;
    if !yes {
        let (_, count) = write_without(open, ids, tombstone, std::io::sink())?;
        return Ok(count);
    }
    let mut half = Half::create(engine.surroundings.disk.as_ref(), &path)?;
    let into = BufWriter::new(half.take_file());
    let (into, count) = write_without(open, ids, tombstone, into)?;
    let mut file = into.into_inner().map_err(|e| failed("write")(e.into_error()))?;
    file.sync().map_err(failed("write"))?;
    half.place().map_err(failed("write"))?;
    Ok(count)
}
