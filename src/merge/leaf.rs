//! One path that is a file or a link on both sides: which version stands, or why none can.
//!
//! Guarantees the same answer with the sides exchanged. Folders are `folder`'s matter.

use super::lines::{TextKind, text_kind};
use super::text::{TextMerge, merge_text};
use crate::base::id::BlobId;
use crate::base::limits::TEXT_BYTES_MAX;
use crate::base::path::TreePath;
use crate::object::traits::{Fetch, ObjectError, Put, put_blob};
use crate::object::tree::{EntryKind, Leaf, TreeEntry};

/// One of the two sides of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// What is merged into.
    Ours,
    /// What is merged.
    Theirs,
}

/// Why a path could not be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Both changed the same lines of a text.
    Text {
        /// In how many places.
        places: usize,
    },
    /// Both changed a file, and a version of it is binary.
    Binary,
    /// Both changed a file, and a version of it is too large to be merged by line.
    TooLarge,
    /// Both changed the target of a link.
    Link,
    /// One side changed it, the other removed it.
    ChangedAndRemoved {
        /// The side that removed it.
        removed_by: Side,
    },
    /// Both added it, with different content.
    AddedDifferently,
    /// Both added it with the same content, one as an executable, one not.
    ModesDiffer,
    /// It is a file on one side and a link on the other, and both changed it.
    KindsDiffer,
    /// It is a file or link on one side, and on the other a folder with something in it.
    FileAndFolder,
}

/// A path that both sides changed in ways that do not go together.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Where.
    pub path: TreePath,
    /// Why.
    pub kind: ConflictKind,
    /// What stood there at first.
    pub base: Option<TreeEntry>,
    /// What stands there in ours.
    pub ours: Option<TreeEntry>,
    /// What stands there in theirs.
    pub theirs: Option<TreeEntry>,
}

/// What shall stand at a path that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Settled {
    /// What ours has.
    Ours,
    /// What theirs has.
    Theirs,
    /// Something of both; whether a text was merged by line.
    Both { leaf: Leaf, by_line: bool },
    /// It cannot be said.
    Conflict(ConflictKind),
}

/// The three versions of a file or link; none where there is nothing, or a folder.
#[derive(Clone, Copy)]
pub(super) struct Versions<'a> {
    pub(super) base: Option<&'a TreeEntry>,
    pub(super) ours: Option<&'a TreeEntry>,
    pub(super) theirs: Option<&'a TreeEntry>,
}

/// Whether two versions are the same thing.
pub(super) fn same(a: Option<&TreeEntry>, b: Option<&TreeEntry>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.same_content(b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Settles one path.
pub(super) fn settle(
    objects: &(impl Put + ?Sized),
    versions: Versions<'_>,
) -> Result<Settled, ObjectError> {
    let Versions { base, ours, theirs } = versions;
    if same(ours, theirs) || same(base, theirs) {
        return Ok(Settled::Ours);
    }
    if same(base, ours) {
        return Ok(Settled::Theirs);
    }
    let removed = |removed_by| Settled::Conflict(ConflictKind::ChangedAndRemoved { removed_by });
    match (ours, theirs) {
        (None, _) => Ok(removed(Side::Ours)),
        (_, None) => Ok(removed(Side::Theirs)),
        (Some(ours), Some(theirs)) => settle_changed(objects, base, ours, theirs),
    }
}

fn settle_changed(
    objects: &(impl Put + ?Sized),
    base: Option<&TreeEntry>,
    ours: &TreeEntry,
    theirs: &TreeEntry,
) -> Result<Settled, ObjectError> {
    let is_link = |entry: &TreeEntry| entry.kind == EntryKind::Symlink;
    if is_link(ours) != is_link(theirs) {
        return Ok(Settled::Conflict(ConflictKind::KindsDiffer));
    }
    // A link has nothing in common with a file that it replaced.
    let Some(base) = base.filter(|base| is_link(base) == is_link(ours)) else {
        let modes = ours.hash == theirs.hash;
        let kind = if modes { ConflictKind::ModesDiffer } else { ConflictKind::AddedDifferently };
        return Ok(Settled::Conflict(kind));
    };
    if is_link(ours) {
        return Ok(Settled::Conflict(ConflictKind::Link));
    }
    settle_files(objects, base, ours, theirs)
}

/// Settles three regular files. The executable bit has two values, so two sides that both changed
/// it agree.
fn settle_files(
    objects: &(impl Put + ?Sized),
    base: &TreeEntry,
    ours: &TreeEntry,
    theirs: &TreeEntry,
) -> Result<Settled, ObjectError> {
    let kind = if ours.kind == base.kind { theirs.kind } else { ours.kind };
    let by_line = |blob: BlobId, length| Settled::Both {
        leaf: Leaf::Blob(kind, blob, length),
        by_line: true,
    };
    let content = if theirs.hash == base.hash || theirs.hash == ours.hash {
        ours
    } else if ours.hash == base.hash {
        theirs
    } else {
        return Ok(match merge_content(objects, [base, ours, theirs])? {
            Ok((blob, length)) => by_line(blob, length),
            Err(conflict) => Settled::Conflict(conflict),
        });
    };
    let leaf = Leaf::Blob(kind, BlobId(content.hash), content.length);
    Ok(Settled::Both { leaf, by_line: false })
}

fn merge_content(
    objects: &(impl Put + ?Sized),
    entries: [&TreeEntry; 3],
) -> Result<Result<(BlobId, u64), ConflictKind>, ObjectError> {
    if entries.iter().any(|entry| entry.length > TEXT_BYTES_MAX) {
        return Ok(Err(ConflictKind::TooLarge));
    }
    let [base, ours, theirs] = entries.map(|entry| content(objects, entry));
    let (base, ours, theirs) = (base?, ours?, theirs?);
    let kinds = [&base, &ours, &theirs].map(|content| text_kind(content));
    if kinds.contains(&TextKind::Binary) {
        return Ok(Err(ConflictKind::Binary));
    }
    if kinds.contains(&TextKind::TooLarge) {
        return Ok(Err(ConflictKind::TooLarge));
    }
    match merge_text(&base, &ours, &theirs) {
        TextMerge::Clean(text) => {
            let length = text.len() as u64;
            Ok(Ok((put_blob(objects, text)?, length)))
        }
        TextMerge::Conflicts { count, .. } => Ok(Err(ConflictKind::Text { places: count })),
    }
}

fn content(objects: &(impl Fetch + ?Sized), entry: &TreeEntry) -> Result<Vec<u8>, ObjectError> {
    let mut content = Vec::new();
    objects.fetch_blob_to(BlobId(entry.hash), &mut content)?;
    Ok(content)
}
