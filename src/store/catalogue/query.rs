//! What the catalogue is asked: children, searches, statistics.
//!
//! Answers are for the head that it was last brought forward to.

use super::counter::{self, CatalogueStatistics};
use super::error::CatalogueError;
use super::open::Catalogue;
use super::record::{EvaluationCounts, NodeRecord, VerdictSummary, cut};
use super::tables::{
    CHILD, EVALUATION, Key, NAME, NODE, TIME, Tables, VERDICT, key, snapshot_of, time_bytes,
};
use crate::base::id::{ID_BYTES, SnapshotId, TreeId};
use crate::base::limits::CATALOGUE_TEXT_BYTES_MAX;
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::names::{NameKey, VerdictWord};

/// Which verdict a snapshot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictIs {
    /// This one.
    Word(VerdictWord),
    /// None: it was not evaluated.
    Unknown,
}

/// What is searched for; all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Made in this session.
    pub session: Option<String>,
    /// Tagged so.
    pub tag: Option<Label>,
    /// Made on this branch.
    pub branch: Option<Label>,
    /// With this verdict.
    pub verdict: Option<VerdictIs>,
    /// Made then or later.
    pub since: Option<Timestamp>,
    /// Made then or earlier.
    pub until: Option<Timestamp>,
    /// With this text in the start of the message that is kept (400 bytes), upper and lower case
    /// alike.
    pub text: Option<String>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Default for Query {
    /// The newest 100.
    fn default() -> Self {
        let (session, tag, branch, verdict) = (None, None, None, None);
        let (since, until, text) = (None, None, None);
        Self { session, tag, branch, verdict, since, until, text, limit: 100 }
    }
}

/// A snapshot as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Which one.
    pub snapshot: SnapshotId,
    /// Its tree.
    pub tree: TreeId,
    /// Its parents.
    pub parents: Vec<SnapshotId>,
    /// When it was made.
    pub when: Timestamp,
    /// The branch on which it was made.
    pub branch: String,
    /// The session in which it was made, cut to 100 bytes.
    pub session: String,
    /// How it came to be: `initial`, `manual`, `automatic`, `approach`, `command`, `merge`.
    pub origin: String,
    /// Its message, cut to 400 bytes.
    pub message: String,
    /// Its verdict.
    pub verdict: Option<VerdictWord>,
}

impl Catalogue {
    /// The children of a snapshot, by id.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`]; the disk's.
    pub fn children(&self, parent: SnapshotId) -> Result<Vec<SnapshotId>, CatalogueError> {
        self.guarded(|tables| {
            let mut children = Vec::new();
            for item in tables.db.scan_prefix(key(CHILD, &[&parent.0.0])) {
                let (key, _) = item.map_err(|error| tables.fault(error))?;
                children.push(tables.snapshot_of(&key)?);
            }
            Ok(children)
        })
    }

    /// The snapshots that were searched for, the newest first. Walks those of the time that is given
    /// until it has enough.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`]; the disk's.
    pub fn find(&self, query: &Query) -> Result<Vec<CatalogueEntry>, CatalogueError> {
        self.guarded(|tables| find(&tables, query))
    }

    /// What is known of an evaluation, by the text of its name.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`]; the disk's.
    pub fn evaluation(&self, name: &NameKey) -> Result<Option<EvaluationCounts>, CatalogueError> {
        self.guarded(|tables| tables.get(&key(EVALUATION, &[name.text().as_bytes()])))
    }

    /// The numbers that are kept of everything: costs as many reads as there are sessions.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`]; the disk's.
    pub fn statistics(&self) -> Result<CatalogueStatistics, CatalogueError> {
        self.guarded(|tables| counter::statistics(&tables))
    }
}

impl Tables<'_> {
    fn snapshot_of(&self, key: &[u8]) -> Result<SnapshotId, CatalogueError> {
        snapshot_of(key).ok_or_else(|| self.damaged("a key is too short"))
    }

    fn entry(&self, snapshot: SnapshotId) -> Result<CatalogueEntry, CatalogueError> {
        let node: Option<NodeRecord> = self.get(&key(NODE, &[&snapshot.0.0]))?;
        let node = node.ok_or_else(|| self.damaged("an index leads to no node"))?;
        let verdict: Option<VerdictSummary> = self.get(&key(VERDICT, &[&snapshot.0.0]))?;
        let NodeRecord { when, tree, parents, branch, session, origin, message, .. } = node;
        let verdict = verdict.map(|verdict| verdict.word);
        Ok(CatalogueEntry {
            snapshot,
            tree,
            parents,
            when,
            branch,
            session,
            origin,
            message,
            verdict,
        })
    }
}

fn find(tables: &Tables<'_>, query: &Query) -> Result<Vec<CatalogueEntry>, CatalogueError> {
    let filter = Filter::new(query);
    if let Some(tag) = &query.tag {
        let name = NameKey::Tag(tag.clone()).text();
        let tagged: Option<SnapshotId> = tables.get(&key(NAME, &[name.as_bytes()]))?;
        let tagged = tagged.map(|snapshot| tables.entry(snapshot)).transpose()?;
        return Ok(tagged.into_iter().filter(|e| filter.takes(e)).take(query.limit).collect());
    }
    let mut found = Vec::new();
    let (from, to) = filter.range();
    if query.limit == 0 || from > to {
        return Ok(found);
    }
    for item in tables.db.range(from..=to).rev() {
        let (key, _) = item.map_err(|error| tables.fault(error))?;
        let entry = tables.entry(tables.snapshot_of(&key)?)?;
        if filter.takes(&entry) {
            found.push(entry);
            if found.len() == query.limit {
                break;
            }
        }
    }
    Ok(found)
}

/// A query made ready: texts cut and in lower case as the stored ones are compared.
struct Filter<'a> {
    query: &'a Query,
    session: Option<String>,
    text: Option<String>,
}

impl<'a> Filter<'a> {
    fn new(query: &'a Query) -> Self {
        let session = query.session.as_ref().map(|text| cut(text, CATALOGUE_TEXT_BYTES_MAX.1));
        let text = query.text.as_ref().map(|text| text.to_lowercase());
        Self { query, session, text }
    }

    fn takes(&self, entry: &CatalogueEntry) -> bool {
        let query = self.query;
        let verdict = entry.verdict.map_or(VerdictIs::Unknown, VerdictIs::Word);
        self.session.as_ref().is_none_or(|session| *session == entry.session)
            && query.branch.as_ref().is_none_or(|branch| branch.as_str() == entry.branch)
            && query.verdict.is_none_or(|wanted| wanted == verdict)
            && query.since.is_none_or(|since| since <= entry.when)
            && query.until.is_none_or(|until| entry.when <= until)
            && self.text.as_ref().is_none_or(|t| entry.message.to_lowercase().contains(t.as_str()))
    }

    /// The first and the last key of the times that are asked for.
    fn range(&self) -> (Key, Key) {
        let since = time_bytes(self.query.since.unwrap_or(Timestamp(i64::MIN)));
        let until = time_bytes(self.query.until.unwrap_or(Timestamp(i64::MAX)));
        (key(TIME, &[&since, &[0; ID_BYTES]]), key(TIME, &[&until, &[0xff; ID_BYTES]]))
    }
}
