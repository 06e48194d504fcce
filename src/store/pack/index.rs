//! The index of an open pack: which page an object is on, and the pages that have been needed.
//!
//! Guarantees that an entry comes from a page that is what its digest says. A page is read when it
//! is first needed and kept: one look-up costs one page, and many cost the whole index once.
//!
//! Does not know where pages come from.

use std::sync::OnceLock;

use super::format::{
    Footer, INDEX_ENTRY_BYTES, IndexEntry, PAGE_ENTRIES, PAGE_ENTRY_BYTES, PageEntry, Version,
    page_digest,
};
use crate::base::id::ObjectId;
use crate::object::traits::ObjectError;

/// What an index is sorted by: the number of a kind and the bytes of a hash.
pub type Key<'k> = (u8, &'k [u8]);

/// The pages of one pack.
#[derive(Debug)]
pub struct PagedIndex {
    objects: usize,
    /// Objects of a full page.
    page_entries: usize,
    /// The table of pages as it lies in the file: searched as bytes, because turning it into
    /// values would cost more than most commands do.
    table: Vec<u8>,
    pages: Vec<OnceLock<Vec<u8>>>,
}

/// Where the bytes of a page come from, and whom to blame for them.
pub trait PageSource {
    /// So many bytes of the index, from a place in it.
    ///
    /// # Errors
    /// The disk's; where the file ends before.
    fn read(&self, offset: usize, count: usize) -> Result<Vec<u8>, ObjectError>;

    /// The error that says what is wrong with the file.
    fn damaged(&self, what: &str) -> ObjectError;
}

impl PagedIndex {
    /// The index of a pack from what lies behind its table of blocks: the table of pages, or in
    /// version 1 the whole index, which is then the only page. Both have been verified.
    pub fn new(footer: &Footer, verified: &[u8]) -> Self {
        let objects = footer.objects as usize;
        let pages = std::iter::repeat_with(OnceLock::new).take(footer.pages()).collect();
        if footer.version == Version::Two {
            let table = verified.to_vec();
            return Self { objects, page_entries: PAGE_ENTRIES, table, pages };
        }
        let mut table = Vec::new();
        if let Some(first) = verified.first_chunk::<INDEX_ENTRY_BYTES>() {
            table.resize(PAGE_ENTRY_BYTES, 0);
            table[0] = first[0];
            table[8..40].copy_from_slice(&first[16..]);
        }
        let index = Self { objects, page_entries: objects.max(1), table, pages };
        if let Some(page) = index.pages.first() {
            let _ = page.set(verified.to_vec());
        }
        index
    }

    /// The object at that place.
    ///
    /// # Errors
    /// The source's; for a kind that this program does not know.
    pub fn entry(&self, source: &impl PageSource, at: usize) -> Result<IndexEntry, ObjectError> {
        let page = self.page(source, at / self.page_entries)?;
        let entry = page.get(at % self.page_entries).and_then(IndexEntry::read);
        entry.ok_or_else(|| source.damaged("its index names an unknown kind"))
    }

    /// The place of the first object that is not before this key.
    ///
    /// # Errors
    /// The source's.
    pub fn position(&self, source: &impl PageSource, key: Key<'_>) -> Result<usize, ObjectError> {
        let Some(number) = self.page_of(key) else { return Ok(0) };
        let page = self.page(source, number)?;
        let within = page.partition_point(|entry| key_of(entry) < key);
        Ok(number * self.page_entries + within)
    }

    /// Where an object lies, if it is there.
    ///
    /// # Errors
    /// As [`PagedIndex::entry`].
    pub fn lookup(
        &self,
        source: &impl PageSource,
        id: ObjectId,
    ) -> Result<Option<IndexEntry>, ObjectError> {
        let key = (id.kind as u8, &id.hash.0[..]);
        let Some(number) = self.page_of(key) else { return Ok(None) };
        let page = self.page(source, number)?;
        let found = page.binary_search_by(|entry| key_of(entry).cmp(&key)).ok();
        let Some(entry) = found.map(|at| IndexEntry::read(&page[at])) else { return Ok(None) };
        entry.map(Some).ok_or_else(|| source.damaged("its index names an unknown kind"))
    }

    /// The last page that does not begin behind a key; none for a key before all.
    fn page_of(&self, key: Key<'_>) -> Option<usize> {
        let table = self.table.as_chunks::<PAGE_ENTRY_BYTES>().0;
        table.partition_point(|page| PageEntry::key(page) <= key).checked_sub(1)
    }

    fn page(
        &self,
        source: &impl PageSource,
        number: usize,
    ) -> Result<&[[u8; INDEX_ENTRY_BYTES]], ObjectError> {
        let page = &self.pages[number];
        let bytes = match page.get() {
            Some(bytes) => bytes,
            None => {
                let bytes = self.load(source, number)?;
                page.get_or_init(|| bytes)
            }
        };
        Ok(bytes.as_chunks().0)
    }

    fn load(&self, source: &impl PageSource, number: usize) -> Result<Vec<u8>, ObjectError> {
        let first = number * self.page_entries;
        let count = self.page_entries.min(self.objects - first);
        let bytes = source.read(first * INDEX_ENTRY_BYTES, count * INDEX_ENTRY_BYTES)?;
        let entry = &self.table.as_chunks::<PAGE_ENTRY_BYTES>().0[number];
        if page_digest(&bytes) != PageEntry::digest(entry) {
            return Err(source.damaged("a page of its index is not what its digest says"));
        }
        let begins = bytes.first_chunk().map(key_of);
        if begins != Some(PageEntry::key(entry)) {
            return Err(source.damaged("a page of its index begins with another object"));
        }
        Ok(bytes)
    }
}

fn key_of(entry: &[u8; INDEX_ENTRY_BYTES]) -> Key<'_> {
    (entry[0], &entry[16..])
}
