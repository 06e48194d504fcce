//! Changed packs of both versions, recipes, `format` files and heads: an error, or what is true.

use std::path::Path;

use super::pack_format::{pack_of, two_pages, version_1};
use super::{folder_in_memory, fresh};
use crate::base::codec;
use crate::base::fuzz::fuzz;
use crate::base::id::{Hash, Kind, ObjectId};
use crate::object::traits::{Fetch, put_blob};
use crate::store::blob::{self, RawObjects};
use crate::store::pack::format::{
    FOOTER_BYTES, INDEX_ENTRY_BYTES, PAGE_ENTRIES, PAGE_ENTRY_BYTES, TABLE_ENTRY_BYTES,
    block_digest, page_digest, tables_digest,
};
use crate::store::pack::read::{Pack, cut};
use crate::store::pack::set::check_hash;
use crate::store::{StoreError, heads, layout};

/// Entries that one case looks at: a footer may claim as many as its file has bytes for.
const ENTRIES: usize = 300;

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

fn put_digest(bytes: &mut [u8], at: usize, digest: Hash) {
    if let Some(place) = at.checked_add(32).and_then(|end| bytes.get_mut(at..end)) {
        place.copy_from_slice(&digest.0);
    }
}

/// Puts every digest of a pack right, from the blocks to the footer, where there is room for it.
fn seal(bytes: &mut [u8]) {
    let Some(footer) = bytes.len().checked_sub(FOOTER_BYTES) else { return };
    let (blocks, objects) = (u32_at(bytes, footer), u32_at(bytes, footer + 4));
    let (table, index) = (u64_at(bytes, footer + 8), u64_at(bytes, footer + 16));
    let part = |bytes: &[u8], from: usize, length: usize| {
        bytes.get(from..from.checked_add(length)?).map(<[u8]>::to_vec)
    };
    for number in 0..blocks.min(ENTRIES) {
        let at = table.saturating_add(number * TABLE_ENTRY_BYTES);
        let Some(entry) = part(bytes, at, TABLE_ENTRY_BYTES) else { break };
        if let Some(block) = part(bytes, u64_at(&entry, 0), u32_at(&entry, 8)) {
            put_digest(bytes, at + 24, block_digest(&block));
        }
    }
    let version = u32_at(bytes, footer + 88);
    if version == 2 {
        let pages = table.saturating_add(blocks.saturating_mul(TABLE_ENTRY_BYTES));
        for number in 0..objects.div_ceil(PAGE_ENTRIES).min(ENTRIES) {
            let first = number * PAGE_ENTRIES;
            let length = (objects - first).min(PAGE_ENTRIES) * INDEX_ENTRY_BYTES;
            let from = index.saturating_add(first * INDEX_ENTRY_BYTES);
            let Some(page) = part(bytes, from, length) else { break };
            let at = pages.saturating_add(number * PAGE_ENTRY_BYTES + 40);
            put_digest(bytes, at, page_digest(&page));
        }
    }
    if let Some(tables) = bytes.get(table..footer).map(tables_digest) {
        put_digest(bytes, footer + 24, tables);
    }
    let purpose = if version == 2 { "pack footer 2" } else { "pack footer" };
    let name = codec::digest(purpose, &bytes[footer..footer + 56]);
    put_digest(bytes, footer + 56, name);
}

/// Opens a pack and reads all that it says it has. Whether it could be opened.
fn use_pack(folder: &Path, bytes: &[u8]) -> bool {
    let path = folder.join("a.pack");
    std::fs::write(&path, bytes).unwrap();
    let named = bytes.len().checked_sub(48).and_then(|at| bytes[at..].first_chunk());
    let pack = Pack::new(path, Hash(*named.unwrap_or(&[0; 32])), bytes.len() as u64);
    let Ok(open) = pack.open() else { return false };
    let _ = open.check_header();
    for at in 0..open.count().min(ENTRIES) {
        let Ok(entry) = open.entry(at) else { continue };
        if let Ok(Some(found)) = open.lookup(entry.id) {
            assert_eq!(found.id, entry.id);
        }
        let Ok(block) = open.block(entry.block) else { continue };
        if let Ok(content) = cut(&pack.path, &block, &entry)
            && check_hash(entry.id, content).is_ok()
            && entry.id.kind == Kind::Blob
        {
            assert_eq!(codec::blob_id(content).0, entry.id.hash, "wrong content");
        }
    }
    let absent = ObjectId { kind: Kind::Tree, hash: Hash([9; 32]) };
    assert!(!matches!(open.lookup(absent), Ok(Some(found)) if found.id != absent));
    true
}

fn fuzz_packs(name: &str, sample: Vec<u8>) {
    let folder = folder_in_memory();
    // Where nothing is put right nothing is accepted but changes of what only a reader of it sees.
    fuzz(name, std::slice::from_ref(&sample), (0, 300), |bytes| use_pack(folder.path(), bytes));
    let footer = sample.len() - FOOTER_BYTES;
    let end = &format!("{name}, put right");
    let accepted = fuzz(end, &[sample], (footer.saturating_sub(200), 700), |bytes| {
        let mut bytes = bytes.to_vec();
        seal(&mut bytes);
        use_pack(folder.path(), &bytes)
    });
    assert!(accepted > 20, "{accepted} are opened");
}

#[test]
fn changed_packs_of_version_1_are_refused_or_say_what_is_true() {
    let folder = folder_in_memory();
    let (pack, _) = version_1(folder.path());
    fuzz_packs("pack 1", std::fs::read(&pack.path).unwrap());
}

#[test]
fn changed_packs_of_version_2_are_refused_or_say_what_is_true() {
    let folder = folder_in_memory();
    let (pack, _) = pack_of(folder.path(), &two_pages());
    fuzz_packs("pack 2", std::fs::read(&pack.path).unwrap());
}

/// Objects of which one recipe is another.
struct Recipes<'s> {
    store: &'s crate::store::Store,
    at: ObjectId,
    bytes: &'s [u8],
}

impl RawObjects for Recipes<'_> {
    fn raw(&self, id: ObjectId) -> Result<Option<Vec<u8>>, crate::object::traits::ObjectError> {
        if id == self.at { Ok(Some(self.bytes.to_vec())) } else { self.store.raw(id) }
    }

    fn holds(&self, id: ObjectId) -> Result<bool, crate::object::traits::ObjectError> {
        self.store.holds(id)
    }
}

#[test]
fn a_changed_recipe_is_refused_or_makes_the_same_blob() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let large = put_blob(&writer, blob::noise(1_500_000)).unwrap();
    writer.flush().unwrap();
    let at = ObjectId { kind: Kind::Recipe, hash: large.0 };
    let sample = store.raw(at).unwrap().expect("it is cut");
    let whole = store.fetch(large.object()).unwrap();
    fuzz("recipe", &[sample], (4, 300), |bytes| {
        let objects = Recipes { store: &store, at, bytes };
        let Ok(Some(_)) = blob::recipe_of(&objects, large) else { return false };
        let mut made = Vec::new();
        let done = blob::fetch_to(&objects, large, &mut made);
        assert!(done.is_err() || made == *whole, "another blob was put together");
        true
    });
}

#[test]
fn a_changed_format_file_is_refused_or_names_this_format() {
    let (_folder, store) = fresh();
    let path = store.root().join("format");
    let sample = std::fs::read(&path).unwrap();
    fuzz("format", &[sample], (0, 500), |bytes| {
        std::fs::write(&path, bytes).unwrap();
        match layout::check(store.root()) {
            Ok(()) => true,
            Err(StoreError::Corrupt { .. } | StoreError::NewerFormat { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    });
}

#[test]
fn names_of_heads_that_are_none_are_passed_over() {
    let folder = folder_in_memory();
    let sample = Hash([0xab; 32]).hex().into_bytes();
    fuzz("heads", &[sample], (0, 500), |bytes| {
        use std::os::unix::ffi::OsStrExt;
        let path = folder.path().join(std::ffi::OsStr::from_bytes(bytes));
        // Not every name is one, and some lead elsewhere.
        if bytes.contains(&b'/') || std::fs::File::create_new(&path).is_err() {
            return false;
        }
        let found = heads::list(folder.path()).unwrap();
        std::fs::remove_file(path).unwrap();
        assert!(found.iter().all(|id| id.hex().as_bytes() == bytes.to_ascii_lowercase()));
        !found.is_empty()
    });
}
