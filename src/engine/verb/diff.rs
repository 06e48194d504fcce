//! `exp diff`: what differs between two snapshots, or between a snapshot and the files.

use std::fs::read_link;
use std::os::unix::ffi::OsStringExt;

use serde::Serialize;

use crate::base::codec::blob_id;
use crate::base::id::{DocumentId, TreeId};
use crate::base::limits::{PATCH_BYTES_MAX, TEXT_BYTES_MAX};
use crate::base::regular;
use crate::document::{self, DocumentChange};
use crate::engine::report::ShownChange;
use crate::engine::{Engine, EngineError};
use crate::merge::{PatchSide, TextDiff, file_patch, unified};
use crate::object::memory::Scratch;
use crate::object::traits::Fetch;
use crate::object::tree::{self, EntryKind, TreeChange, TreeEntry};

/// What can be asked of `diff`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The older side; the workspace's snapshot if none is given.
    pub from: Option<String>,
    /// The newer side; the workspace's files if none is given.
    pub to: Option<String>,
    /// Lines of context.
    pub context: usize,
    /// Only names, no lines.
    pub names_only: bool,
    /// Make each file's patch, for `git apply`.
    pub as_patch: bool,
    /// Compare the state documents, too.
    pub state: bool,
}

/// One file that differs.
#[derive(Clone, Debug, Serialize)]
pub struct FileDiff {
    /// Which file, and how.
    #[serde(flatten)]
    pub change: ShownChange,
    /// Lines added and removed; none for binary and very large files.
    pub lines: Option<(usize, usize)>,
    /// The mode or kind before and after, where it differs.
    pub kinds: Option<(&'static str, &'static str)>,
    /// git's words for the mode before and after, of files and links.
    #[serde(skip)]
    pub modes: (Option<&'static str>, Option<&'static str>),
    /// The lines.
    #[serde(skip)]
    pub text: Option<TextDiff>,
    /// The patch, where it was asked for and no side is over `PATCH_BYTES_MAX`.
    #[serde(skip)]
    pub patch: Option<Vec<u8>>,
}

/// One place of the state documents that differs.
#[derive(Clone, Debug, Serialize)]
pub struct StateChange {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// For an item that moved within its list: where it stood before.
    pub from: Option<String>,
    /// The value before, as JSON text.
    pub before: Option<String>,
    /// The value after.
    pub after: Option<String>,
}

/// What differs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The older side, as it was resolved.
    pub from: String,
    /// The newer side.
    pub to: String,
    /// The files.
    pub files: Vec<FileDiff>,
    /// The state.
    pub state: Vec<StateChange>,
}

/// Compares.
///
/// # Errors
/// As `Engine::resolve`, and those of a capture.
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let from = engine.resolve(options.from.as_deref().unwrap_or("@"))?;
    let objects = ContentScratch::new(engine);
    let (to_tree, to_state, to_name) = match &options.to {
        Some(to) => {
            let to = engine.resolve(to)?;
            (to.snapshot.tree, to.snapshot.state, to.id.hex())
        }
        None => {
            let standing = engine.standing()?;
            let config = engine.config_or_default();
            let taken = engine.take(&objects.scratch, &config, standing.snapshot.tree)?;
            (taken.capture.tree, standing.snapshot.state, "the files".to_owned())
        }
    };
    let files = file_diffs(&objects, (from.snapshot.tree, to_tree), options);
    let rather = |error| {
        [from.snapshot.tree, to_tree]
            .into_iter()
            .fold(error, |error, tree| engine.let_go_rather(tree, error))
    };
    let files = files.map_err(rather)?;
    let state = match options.state {
        true => state_changes(engine, from.snapshot.state, to_state)?,
        false => Vec::new(),
    };
    Ok(Report { from: from.id.hex(), to: to_name, files, state })
}

fn file_diffs(
    objects: &ContentScratch<'_>,
    (from, to): (TreeId, TreeId),
    options: &Options,
) -> Result<Vec<FileDiff>, EngineError> {
    let changes = tree::diff(&objects.scratch, from, to)?;
    let files = changes.iter().filter(|change| !change.is_only_directory());
    files.map(|change| file_diff(objects, change, options)).collect()
}

/// A state that one side does not have differs as a whole.
fn state_changes(
    engine: &Engine,
    before: Option<DocumentId>,
    after: Option<DocumentId>,
) -> Result<Vec<StateChange>, EngineError> {
    let changes = match (before, after) {
        (Some(a), Some(b)) => document::diff_by(&engine.store, a, b, &engine.list_keys())?,
        (None, None) => Vec::new(),
        (before, after) => {
            let read =
                |id: Option<DocumentId>| id.map(|id| document::read(&engine.store, id)).transpose();
            let (before, after) = (read(before)?, read(after)?);
            let (pointer, from) = (document::Pointer::root(), None);
            vec![DocumentChange { pointer, from, before, after }]
        }
    };
    Ok(changes.into_iter().map(StateChange::from).collect())
}

impl From<DocumentChange> for StateChange {
    fn from(change: DocumentChange) -> Self {
        let text = |json: Option<document::Json>| json.map(|json| json.compact());
        Self {
            pointer: change.pointer.to_string(),
            from: change.from.map(|from| from.to_string()),
            before: text(change.before),
            after: text(change.after),
        }
    }
}

fn file_diff(
    objects: &ContentScratch<'_>,
    change: &TreeChange,
    options: &Options,
) -> Result<FileDiff, EngineError> {
    let kinds = match (&change.before, &change.after) {
        (Some(a), Some(b)) if a.kind != b.kind => Some((kind_word(a.kind), kind_word(b.kind))),
        _ => None,
    };
    let mode = |side: &Option<TreeEntry>| side.as_ref().and_then(|e| git_mode(e.kind));
    let modes = (mode(&change.before), mode(&change.after));
    let shown = ShownChange::from(change);
    if options.names_only {
        return Ok(FileDiff { change: shown, lines: None, kinds, modes, text: None, patch: None });
    }
    let bytes_max = if options.as_patch { PATCH_BYTES_MAX } else { TEXT_BYTES_MAX };
    let content = |side: &Option<TreeEntry>, is_of_files| {
        objects.content(change, side.as_ref(), is_of_files, bytes_max)
    };
    let (old, new) =
        (content(&change.before, false)?, content(&change.after, options.to.is_none())?);
    if options.as_patch {
        let side =
            |content, mode: Option<&'static str>| mode.map(|mode| PatchSide { mode, content });
        let is_whole = |side: &Option<TreeEntry>| {
            side.as_ref().is_none_or(|entry| entry.tree().is_some() || entry.length <= bytes_max)
        };
        let is_whole = is_whole(&change.before) && is_whole(&change.after);
        let patch = is_whole.then(|| {
            let path = change.path.as_bytes();
            file_patch(path, side(&old[..], modes.0), side(&new, modes.1), options.context)
        });
        return Ok(FileDiff { change: shown, lines: None, kinds, modes, text: None, patch });
    }
    let text = unified(&old, &new, options.context);
    let lines = match &text {
        TextDiff::Lines(lines) => Some((lines.added, lines.removed)),
        TextDiff::Binary | TextDiff::TooLarge => None,
    };
    Ok(FileDiff { change: shown, lines, kinds, modes, text: Some(text), patch: None })
}

fn git_mode(kind: EntryKind) -> Option<&'static str> {
    match kind {
        EntryKind::File => Some("100644"),
        EntryKind::Executable => Some("100755"),
        EntryKind::Symlink => Some("120000"),
        EntryKind::Directory => None,
    }
}

fn kind_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Executable => "executable",
        EntryKind::Symlink => "symbolic link",
        EntryKind::Directory => "folder",
    }
}

/// The store, and over it the trees of the files as they are. Their content is read from the disk:
/// a diff need not put it anywhere.
struct ContentScratch<'a> {
    engine: &'a Engine,
    scratch: Scratch<'a, crate::store::Store>,
}

impl<'a> ContentScratch<'a> {
    fn new(engine: &'a Engine) -> Self {
        Self { engine, scratch: Scratch::over(&engine.store) }
    }

    /// The content of a file or link, or nothing where there is none. A file of more bytes than
    /// `bytes_max` is given as one byte that makes it binary: it is never diffed by line.
    /// What is not stored is looked for among the files only where it was found there.
    fn content(
        &self,
        change: &TreeChange,
        entry: Option<&TreeEntry>,
        is_of_files: bool,
        bytes_max: u64,
    ) -> Result<Vec<u8>, EngineError> {
        let Some((entry, blob)) = entry.and_then(|entry| Some((entry, entry.blob()?))) else {
            return Ok(Vec::new());
        };
        if entry.length > bytes_max {
            return Ok(vec![0]);
        }
        let mut content = Vec::new();
        if !is_of_files || self.scratch.contains(blob.object())? {
            self.scratch.fetch_blob_to(blob, &mut content)?;
            return Ok(content);
        }
        let path = change.path.under(self.engine.root());
        let read = match entry.kind {
            EntryKind::Symlink => read_link(&path).map(|to| to.into_os_string().into_vec()),
            _ => regular::read(&path, bytes_max),
        };
        let content = read.map_err(|source| EngineError::File { what: "read", path, source })?;
        if blob_id(&content) != blob {
            return Err(EngineError::ChangedMeanwhile { path: change.path.display() });
        }
        Ok(content)
    }
}
