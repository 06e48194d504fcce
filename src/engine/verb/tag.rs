//! `exp tag`: names snapshots for good; lists and removes such names.

use serde::Serialize;

use crate::base::id::SnapshotId;
use crate::base::name::Label;
use crate::engine::transact::{Act, moved};
use crate::engine::{Engine, EngineError};
use crate::object::names::{self, NameKey, NameValue};

/// What can be asked of `tag`.
#[derive(Clone, Debug)]
pub enum Options {
    /// All tags.
    List,
    /// A new one.
    Create {
        /// Its name.
        name: Label,
        /// What it names; the workspace's snapshot if nothing is given.
        what: Option<String>,
        /// What is said with it.
        note: String,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// One goes.
    Delete {
        /// Its name.
        name: Label,
        /// Only say what would be done.
        dry_run: bool,
    },
}

/// One tag.
#[derive(Clone, Debug, Serialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The snapshot.
    pub snapshot: String,
    /// What was said with it.
    pub note: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The tags: all for a list, else the one concerned.
    pub tags: Vec<Tag>,
    /// What was done, in a sentence; none for a list.
    pub done: Option<String>,
}

/// Lists or changes tags.
///
/// # Errors
/// [`EngineError::Exists`], [`EngineError::NotFound`].
pub fn run(engine: &Engine, options: &Options) -> Result<Report, EngineError> {
    let names = engine.store.names()?;
    match options {
        Options::List => {
            let mut tags = Vec::new();
            for entry in names::list(&engine.store, names, "tag/")? {
                if let (Some(NameKey::Tag(label)), NameValue::Tag { snapshot, note }) =
                    (NameKey::parse(&entry.key), entry.value)
                {
                    tags.push(tag(&label, snapshot, &note));
                }
            }
            Ok(Report { tags, done: None })
        }
        Options::Create { name, what, note, dry_run } => {
            engine.refuse_in_view()?;
            let key = NameKey::Tag(name.clone());
            engine.refuse_taken(names, name)?;
            let snapshot = engine.resolve(what.as_deref().unwrap_or("@"))?.id;
            let value = NameValue::Tag { snapshot, note: note.clone() };
            let did = if *dry_run { "would tag" } else { "tagged" };
            let done = format!("{did} {} as {name}", snapshot.short());
            change(engine, key, None, Some(value), &done, *dry_run)?;
            Ok(Report { tags: vec![tag(name, snapshot, note)], done: Some(done) })
        }
        Options::Delete { name, dry_run } => {
            engine.refuse_in_view()?;
            let key = NameKey::Tag(name.clone());
            let Some(NameValue::Tag { snapshot, note }) = names::get(&engine.store, names, &key)?
            else {
                return Err(engine.not_found(names, "tag", name.as_str())?);
            };
            let old = NameValue::Tag { snapshot, note: note.clone() };
            let did = if *dry_run { "would remove" } else { "removed" };
            let done = format!("{did} tag {name}, which named {}", snapshot.short());
            change(engine, key, Some(old), None, &done, *dry_run)?;
            Ok(Report { tags: vec![tag(name, snapshot, &note)], done: Some(done) })
        }
    }
}

fn tag(label: &Label, snapshot: SnapshotId, note: &str) -> Tag {
    Tag { name: label.to_string(), snapshot: snapshot.hex(), note: note.to_owned() }
}

fn change(
    engine: &Engine,
    key: NameKey,
    before: Option<NameValue>,
    after: Option<NameValue>,
    done: &str,
    dry_run: bool,
) -> Result<(), EngineError> {
    if !dry_run {
        let moves = vec![moved(key, before, after)];
        let frees = moves.iter().all(|name| name.new.is_none());
        let writer = if frees { engine.writer_to_free()? } else { engine.writer()? };
        engine.commit(&writer, moves, Act::verb("tag", done))?;
    }
    Ok(())
}
