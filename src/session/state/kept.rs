//! The index of a long session beside the journal, so that who opens it reads only what is new.
//!
//! Holds no truth: it is believed if the entry that it ends with stands where it says and has the
//! digest that it says, because each entry carries the digest of the one before it. What does not
//! check, and what cannot be written, is passed over. An index with damage is not kept.
//!
//! **Format**: `journal/<stream, 32 digits>.session`: `x s i`, version u8 = 3, the fields of [`Kept`]
//! as in records, digest of all that (32, purpose `session index`). Written beside and renamed, never synced.
//!
//! **Invariant**: it is kept only where each segment that it names is known to be durable. So one that
//! names a segment which is not there, and was not let go of, proves that it was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::index::{Head, Index, Number, Slot, SlotKind};
use super::log::Log;
use super::put::PutKind;
use super::wire;
use crate::base::codec::{self, decode_fields, encode_fields};
use crate::base::id::{Hash, ID_BYTES, SnapshotId};
use crate::base::limits::SMALL_FILE_BYTES_MAX;
use crate::base::limits::STATE_INDEX_KEEP_ENTRIES;
use crate::base::name::Label;
use crate::base::regular;
use crate::base::time::Timestamp;
use crate::store::journal::{Position, StreamId};

const MAGIC: &[u8; 4] = b"xsi\x03";

#[derive(Serialize, Deserialize)]
struct Kept {
    session: String,
    slots: Vec<KeptSlot>,
    digest: Hash,
    names: Vec<Label>,
    heads: BTreeMap<u16, (Number, Number)>,
    tags: BTreeMap<Label, BTreeSet<Number>>,
    marks: BTreeMap<Number, bool>,
    seconds: BTreeMap<Number, Number>,
}

#[derive(Serialize, Deserialize)]
struct KeptSlot {
    place: (u32, u32),
    when: Timestamp,
    kind: KeptKind,
}

#[derive(Serialize, Deserialize)]
enum KeptKind {
    Put { id: SnapshotId, parent: Option<Number>, branch: u16, depth: u8, why: PutKind },
    Move { branch: u16, to: Number },
    Other,
    Gone,
}

/// Where the index of a session is kept.
fn path(folder: &Path, stream: StreamId) -> PathBuf {
    let digits: String = stream.0.iter().map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("{digits}.session"))
}

/// Writes the index, if so much is new since it was read that it is worth it.
pub(super) fn keep(folder: &Path, (session, stream): (&str, StreamId), index: &Index, new: u64) {
    let is_worth_it = new >= STATE_INDEX_KEEP_ENTRIES.max(index.slots.len() as u64 / 8);
    if is_worth_it && let Some(kept) = kept(session, index) {
        // Who opens the session next reads more: nothing else follows from an error here.
        let _ = write(&path(folder, stream), &kept);
    }
}

fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    encode_fields(kept, &mut bytes).map_err(io::Error::other)?;
    let digest = codec::digest("session index", &bytes);
    bytes.extend_from_slice(&digest.0);
    let beside = path.with_extension(format!("tmp-{}", std::process::id()));
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}

/// Removes the index of a session that is gone. What cannot be removed is not believed.
pub(super) fn remove(folder: &Path, stream: StreamId) {
    let _ = fs::remove_file(path(folder, stream));
}

/// The index that was kept, if the journal goes on from it.
pub(super) fn load(
    folder: &Path,
    (session, stream): (&str, StreamId),
    log: &dyn Log,
) -> Option<Index> {
    let index = index(read(&path(folder, stream))?, session)?;
    let last = index.last?;
    let at = index.slots.len().checked_sub(index.gone() + 1)?;
    let is_there = log.positions(stream, None).ok()?.get(at) == Some(&last);
    let is_same = is_there && wire::digest(&log.read(last).ok()?) == index.digest;
    is_same.then_some(index)
}

/// What a file holds; none where it is not whole.
fn read(path: &Path) -> Option<Kept> {
    let bytes = regular::read(path, SMALL_FILE_BYTES_MAX).ok()?;
    let (bytes, digest) = bytes.split_at_checked(bytes.len().checked_sub(ID_BYTES)?)?;
    if codec::digest("session index", bytes).0 != digest {
        return None;
    }
    decode_fields(bytes.strip_prefix(MAGIC)?).ok()
}

/// Which segments the kept indexes in a folder name, and in which session. What is not whole names none.
pub(super) fn segments(folder: &Path) -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = file.path();
        let is_kept = path.extension().is_some_and(|end| end == "session");
        let Some(kept) = is_kept.then(|| read(&path)).flatten() else { continue };
        let there = kept.slots.iter().filter(|slot| !matches!(slot.kind, KeptKind::Gone));
        for slot in there {
            found.entry(slot.place.0).or_insert_with(|| kept.session.clone());
        }
    }
    found
}

/// None where an entry is damaged.
fn kept(session: &str, index: &Index) -> Option<Kept> {
    let slot = |slot: &Slot| {
        let kind = match slot.kind {
            SlotKind::Put { id, parent, branch, depth, why } => {
                KeptKind::Put { id, parent, branch, depth, why }
            }
            SlotKind::Move { branch, to } => KeptKind::Move { branch, to },
            SlotKind::Other => KeptKind::Other,
            SlotKind::Gone => KeptKind::Gone,
            SlotKind::Damaged => return None,
        };
        Some(KeptSlot { place: (slot.place.segment, slot.place.offset), when: slot.when, kind })
    };
    let heads = index.heads.iter().map(|(at, head)| (*at, (head.state, head.by)));
    Some(Kept {
        session: session.to_owned(),
        slots: index.slots.iter().map(slot).collect::<Option<_>>()?,
        digest: index.digest,
        names: index.names.clone(),
        heads: heads.collect(),
        tags: index.tags.clone(),
        marks: index.marks.clone(),
        seconds: index.seconds.clone(),
    })
}

/// None where it is of another session, or leads to what is not there.
fn index(kept: Kept, session: &str) -> Option<Index> {
    let count = kept.slots.len() as Number;
    // Entries lead only back, so that no way through them is a circle.
    let is_back = |(at, slot): (usize, &KeptSlot)| match &slot.kind {
        KeptKind::Put { parent: Some(to), .. } | KeptKind::Move { to, .. } => (*to as usize) < at,
        KeptKind::Put { parent: None, .. } | KeptKind::Other | KeptKind::Gone => true,
    };
    let is_sound = kept.session == session
        && kept.slots.iter().enumerate().all(is_back)
        && kept.seconds.iter().all(|(at, to)| to < at)
        && kept.heads.iter().all(|(at, (state, by))| {
            usize::from(*at) < kept.names.len() && *state < count && *by < count
        });
    if !is_sound {
        return None;
    }
    let slot = |slot: KeptSlot| {
        let (segment, offset) = slot.place;
        let kind = match slot.kind {
            KeptKind::Put { id, parent, branch, depth, why } => {
                SlotKind::Put { id, parent, branch, depth, why }
            }
            KeptKind::Move { branch, to } => SlotKind::Move { branch, to },
            KeptKind::Other => SlotKind::Other,
            KeptKind::Gone => SlotKind::Gone,
        };
        Slot { place: Position { segment, offset }, when: slot.when, kind }
    };
    let slots: Vec<Slot> = kept.slots.into_iter().map(slot).collect();
    let heads = kept.heads.into_iter().map(|(at, (state, by))| (at, Head { state, by }));
    Some(Index {
        last: slots.last().map(|slot| slot.place),
        slots,
        digest: kept.digest,
        names: kept.names,
        heads: heads.collect(),
        tags: kept.tags,
        marks: kept.marks,
        seconds: kept.seconds,
        ..Index::default()
    })
}
