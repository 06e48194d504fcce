//! The bytes of packs, of both versions, and what becomes of changed ones.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::{folder_in_memory, fresh, open};
use crate::base::codec::{self, blob_id};
use crate::base::disk::RealDisk;
use crate::base::id::{Hash, Kind, ObjectId};
use crate::object::traits::{Fetch, ObjectError, put_blob};
use crate::store::pack::block::RawBlock;
use crate::store::pack::format::{IndexEntry, PAGE_ENTRIES};
use crate::store::pack::read::{OpenPack, Pack, cut};
use crate::store::pack::set::pack_file_name;
use crate::store::pack::write::PackWriter;

pub(super) type Content = (ObjectId, Vec<u8>);

fn blob(content: &[u8]) -> Content {
    (blob_id(content).object(), content.to_vec())
}

fn tree() -> Content {
    let record = codec::encode(Kind::Tree, &7_u32).unwrap();
    (ObjectId { kind: Kind::Tree, hash: codec::record_hash(Kind::Tree, &record) }, record)
}

/// One object more than a page of the index holds.
pub(super) fn two_pages() -> Vec<Content> {
    let blobs = (0..PAGE_ENTRIES).map(|n| blob(format!("content {n}").as_bytes()));
    blobs.chain([tree()]).collect()
}

/// Writes a pack of one block; returns it and the block's frame.
pub(super) fn pack_of(folder: &Path, objects: &[Content]) -> (Pack, Vec<u8>) {
    let mut pack = PackWriter::create(Arc::new(RealDisk), folder).unwrap();
    let mut block = RawBlock::default();
    objects.iter().for_each(|(id, content)| block.push(*id, Arc::new(content.clone())));
    let block = block.compress().unwrap();
    pack.add(&block).unwrap();
    (pack.finish(folder).unwrap(), block.compressed)
}

/// The content of an object as that pack has it.
fn content_in(pack: &Pack, id: ObjectId) -> Result<Option<Vec<u8>>, ObjectError> {
    let open = pack.open()?;
    let read = |entry: IndexEntry| {
        let block = open.block(entry.block)?;
        Ok(cut(&pack.path, &block, &entry)?.to_vec())
    };
    open.lookup(id)?.map(read).transpose()
}

/// A whole pack, put together by hand from the description of the format. Only what zstd writes
/// is taken as it comes.
#[test]
fn the_bytes_of_a_pack_are_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let objects = two_pages();
    let (pack, frame) = pack_of(folder.path(), &objects);
    let bytes = std::fs::read(&pack.path).unwrap();

    let digest = |purpose, bytes: &[u8]| codec::digest(purpose, bytes).0;
    let mut offset = 0;
    let mut entries: Vec<(ObjectId, u32, u32)> = Vec::new();
    for (id, content) in &objects {
        entries.push((*id, offset, content.len() as u32));
        offset += content.len() as u32;
    }
    entries.sort_unstable_by_key(|(id, ..)| (id.kind as u8, id.hash));
    let (mut index, mut pages) = (Vec::new(), Vec::new());
    for page in entries.chunks(128) {
        let start = index.len();
        for (id, offset, length) in page {
            index.extend([id.kind as u8, 0, 0, 0, 0, 0, 0, 0]);
            index.extend([offset.to_le_bytes(), length.to_le_bytes()].concat());
            index.extend(id.hash.0);
        }
        pages.extend([page[0].0.kind as u8, 0, 0, 0, 0, 0, 0, 0]);
        pages.extend(page[0].0.hash.0);
        pages.extend(digest("pack page", &index[start..]));
    }
    let mut table = Vec::new();
    table.extend(16_u64.to_le_bytes());
    table.extend([(frame.len() as u32).to_le_bytes(), offset.to_le_bytes()].concat());
    table.extend([0; 8]);
    table.extend(digest("pack block", &frame));
    let mut footer = Vec::new();
    footer.extend([1_u32.to_le_bytes(), 129_u32.to_le_bytes()].concat());
    let index_at = 16 + frame.len() as u64;
    let table_at = index_at + 129 * 48;
    footer.extend([table_at.to_le_bytes(), index_at.to_le_bytes()].concat());
    footer.extend(digest("pack tables", &[table.clone(), pages.clone()].concat()));
    let name = codec::digest("pack footer 2", &footer);
    footer.extend(name.0);
    footer.extend([2, 0, 0, 0, 0, 0, 0, 0]);
    footer.extend(b"kcap px\n");
    let header = b"xp pack\n\x02\0\0\0\0\0\0\0".to_vec();
    assert_eq!(bytes, [header, frame, index, table, pages, footer].concat());
    assert_eq!(pack.path.file_name().unwrap().to_str().unwrap(), pack_file_name(name));
    // The digests themselves are frozen by one of them.
    assert_eq!(codec::digest("pack block", b"").hex(), GOLDEN_DIGEST);
}

const GOLDEN_DIGEST: &str = "eb9954c2e258983d55be3a5c8f84014c4fa31ef67f1ad3e974524e5da0cae49e";

/// A pack of version 1 with two blocks, written before there was another version: its name, then
/// its bytes.
const VERSION_1: &str = include_str!("golden/pack-1.hex");

pub(super) fn version_1(folder: &Path) -> (Pack, Vec<u8>) {
    let mut lines = VERSION_1.lines();
    let name = Hash::from_hex(lines.next().unwrap()).unwrap();
    let digits: String = lines.collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    let path = folder.join(pack_file_name(name));
    std::fs::write(&path, &bytes).unwrap();
    (Pack::new(path, name, bytes.len() as u64), bytes)
}

fn objects_of_version_1() -> Vec<Content> {
    vec![blob(b"abc"), blob(b"a second blob"), tree()]
}

#[test]
fn a_pack_of_version_1_is_still_read() {
    let (_folder, store) = fresh();
    let (pack, _) = version_1(&store.root().join("packs"));
    for (id, content) in objects_of_version_1() {
        assert_eq!(content_in(&pack, id).unwrap(), Some(content.clone()));
        assert_eq!(*store.fetch(id).unwrap(), content);
        assert_eq!(store.find(id.kind, &id.hash.hex()[..9], 2).unwrap(), [id.hash]);
    }
    assert_eq!(store.statistics().unwrap().objects(), 3);
    let report = store.check(&|_| ()).unwrap();
    // The tree's record is none: it stands for any.
    assert_eq!((report.packs, report.objects, report.problems), (1, 3, Vec::new()));
}

#[test]
fn an_unknown_version_is_refused_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let (pack, _) = pack_of(folder.path(), &[blob(b"abc")]);
    let mut bytes = std::fs::read(&pack.path).unwrap();
    let at = bytes.len() - 16;
    bytes[at] = 3;
    std::fs::write(&pack.path, bytes).unwrap();
    let error = pack.open().unwrap_err();
    assert!(error.is_corruption() && error.to_string().contains("version 3"), "{error}");
}

#[test]
fn an_index_of_pages_finds_what_is_there_and_nothing_else() {
    for count in [1, 127, 128, 129, 255, 256, 257, 700] {
        let folder = tempfile::tempdir().unwrap();
        let objects: Vec<_> = (0..count).map(|n: u32| blob(&n.to_le_bytes())).collect();
        let (pack, _) = pack_of(folder.path(), &objects);
        let open = pack.open().unwrap();
        let mut sorted: Vec<_> = objects.iter().map(|(id, _)| *id).collect();
        sorted.sort_unstable();
        for (at, id) in sorted.iter().enumerate() {
            assert_eq!(open.lookup(*id).unwrap().unwrap().id, *id);
            assert_eq!(open.position(id.kind, &id.hash.0).unwrap(), at);
            assert_eq!(open.entry(at).unwrap().id, *id);
            let mut behind = *id;
            behind.hash.0[31] ^= 1;
            assert_eq!(open.lookup(behind).unwrap(), None);
            let place = at + usize::from(behind > *id);
            assert_eq!(open.position(behind.kind, &behind.hash.0).unwrap(), place);
        }
        assert_eq!(open.position(Kind::Blob, &[0; 32]).unwrap(), 0);
        assert_eq!(open.position(Kind::Tree, &[0; 32]).unwrap(), sorted.len());
    }
}

/// Every byte of a pack is changed, and the pack read object by object.
fn change_each_byte(pack: &Pack, objects: &[Content]) {
    let good = std::fs::read(&pack.path).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&pack.path).unwrap();
    for (at, byte) in good.iter().enumerate() {
        file.write_all_at(&[byte ^ (1 << (at % 8))], at as u64).unwrap();
        let changed = Pack::new(pack.path.clone(), pack.name, pack.bytes);
        let mut is_found = changed.open().and_then(OpenPack::check_header).is_err();
        for (id, content) in objects {
            match content_in(&changed, *id) {
                Ok(found) => assert_eq!(found.as_ref(), Some(content), "byte {at}"),
                Err(error) => {
                    assert!(error.is_corruption(), "byte {at}: {error}");
                    is_found = true;
                }
            }
        }
        assert!(is_found, "byte {at} is covered");
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
    assert_eq!(std::fs::read(&pack.path).unwrap(), good);
}

#[test]
fn a_changed_byte_is_named_and_never_a_wrong_answer() {
    let folder = folder_in_memory();
    let objects = two_pages();
    let (pack, _) = pack_of(folder.path(), &objects);
    // One object of each page, and those at its ends, prove all of it.
    let mut asked = objects;
    asked.sort_unstable();
    let last = asked.len() - 1;
    let asked = [0, 60, 127, last].map(|at| asked[at].clone());
    change_each_byte(&pack, &asked);
}

#[test]
fn a_changed_byte_of_version_1_is_named_and_never_a_wrong_answer() {
    let folder = folder_in_memory();
    let (pack, _) = version_1(folder.path());
    change_each_byte(&pack, &objects_of_version_1());
}

#[test]
fn pages_that_change_places_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..256_u32).map(|n| blob(&n.to_le_bytes())).collect();
    let (pack, frame) = pack_of(folder.path(), &objects);
    let mut bytes = std::fs::read(&pack.path).unwrap();
    let (first, second) = bytes[16 + frame.len()..][..2 * 128 * 48].split_at_mut(128 * 48);
    first.swap_with_slice(second);
    std::fs::write(&pack.path, bytes).unwrap();
    for (id, _) in &objects {
        assert!(content_in(&pack, *id).unwrap_err().is_corruption());
    }
}

/// Every byte of a small pack is changed in turn.
#[test]
fn a_damaged_byte_is_an_error_or_changes_nothing() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let contents: Vec<Vec<u8>> = (0..4_u8).map(|n| vec![n; 40 + usize::from(n)]).collect();
    let ids: Vec<_> =
        contents.iter().map(|content| put_blob(&writer, content.clone()).unwrap()).collect();
    writer.flush().unwrap();
    drop(writer);
    let packs = std::fs::read_dir(store.root().join("packs")).unwrap();
    let path = packs.map(|file| file.unwrap().path()).next().unwrap();
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bad).unwrap();
        let store = open(store.root());
        for (id, content) in ids.iter().zip(&contents) {
            if let Ok(found) = store.fetch(id.object()) {
                assert_eq!(&*found, content, "byte {at}");
            }
        }
        assert!(!store.check(&|_| ()).unwrap().is_sound(), "byte {at} is covered by the check");
    }
    for length in 0..good.len() {
        std::fs::write(&path, &good[..length]).unwrap();
        let store = open(store.root());
        let found = store.fetch(ids[0].object());
        assert!(found.is_err_and(|e| e.is_corruption()), "cut to {length}");
    }
}
