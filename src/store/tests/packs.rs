//! Objects in packs: bytes, round trips, damage, compaction.

use std::sync::Arc;

use proptest::prelude::*;

use super::{commit_branch, fresh, open, put_snapshot};
use crate::base::codec::{self, blob_id};
use crate::base::disk::RealDisk;
use crate::base::id::{BlobId, Kind, ObjectId};
use crate::base::limits::PACKS_PER_CLASS_MAX;
use crate::object::traits::{Fetch, Put, put_blob};
use crate::store::pack::block::RawBlock;
use crate::store::pack::set::pack_file_name;
use crate::store::pack::write::PackWriter;
use crate::store::{Store, StoreError};

/// A pack of one blob and one tree record, byte for byte except for what zstd writes.
#[test]
fn the_bytes_of_a_pack_are_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let mut pack = PackWriter::create(Arc::new(RealDisk), folder.path()).unwrap();
    let mut block = RawBlock::default();
    let blob = blob_id(b"abc");
    block.push(blob.object(), Arc::new(b"abc".to_vec()));
    let record = codec::encode(Kind::Tree, &7_u32).unwrap();
    let tree = ObjectId { kind: Kind::Tree, hash: codec::record_hash(Kind::Tree, &record) };
    block.push(tree, Arc::new(record));
    let block = block.compress().unwrap();
    let frame = block.compressed.clone();
    pack.add(&block).unwrap();
    let pack = pack.finish(folder.path()).unwrap();
    let bytes = std::fs::read(&pack.path).unwrap();

    let digest = |purpose, bytes: &[u8]| codec::digest(purpose, bytes).0;
    let mut table = Vec::new();
    table.extend(16_u64.to_le_bytes());
    table.extend((frame.len() as u32).to_le_bytes());
    table.extend(11_u32.to_le_bytes());
    table.extend([0; 8]);
    table.extend(digest("pack block", &frame));
    let mut index = Vec::new();
    for (kind, offset, length, hash) in [(0_u8, 0_u32, 3_u32, blob.0), (1, 3, 8, tree.hash)] {
        index.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
        index.extend(offset.to_le_bytes());
        index.extend(length.to_le_bytes());
        index.extend(hash.0);
    }
    let mut footer = Vec::new();
    footer.extend([1_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat());
    let table_at = 16 + frame.len() as u64;
    footer.extend([table_at.to_le_bytes(), (table_at + 56).to_le_bytes()].concat());
    footer.extend(digest("pack tables", &[table.clone(), index.clone()].concat()));
    let name = codec::digest("pack footer", &footer);
    footer.extend(name.0);
    footer.extend([0; 8]);
    footer.extend(b"kcap px\n");
    let header = b"xp pack\n\x01\0\0\0\0\0\0\0".to_vec();
    assert_eq!(bytes, [header, frame, table, index, footer].concat());
    assert_eq!(pack.path.file_name().unwrap().to_str().unwrap(), pack_file_name(name));
    // The digests themselves are frozen by one of them.
    assert_eq!(codec::digest("pack block", b"").hex(), GOLDEN_DIGEST);
}

const GOLDEN_DIGEST: &str = "eb9954c2e258983d55be3a5c8f84014c4fa31ef67f1ad3e974524e5da0cae49e";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_was_put_is_fetched(contents in prop::collection::vec(
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..2_000),
            (0..200_000_usize, any::<u8>()).prop_map(|(count, byte)| vec![byte; count]),
        ],
        1..30,
    )) {
        let (_folder, store) = fresh();
        let writer = store.writer().unwrap();
        let half = contents.len() / 2;
        let ids: Vec<BlobId> = contents.iter().enumerate().map(|(at, content)| {
            if at == half {
                writer.flush().unwrap();
            }
            put_blob(&writer, content.clone()).unwrap()
        }).collect();
        for (id, content) in ids.iter().zip(&contents) {
            prop_assert_eq!(&*writer.fetch(id.object()).unwrap(), content);
        }
        writer.flush().unwrap();
        drop(writer);
        let store = open(store.root());
        for (id, content) in ids.iter().zip(&contents) {
            prop_assert_eq!(&*store.fetch(id.object()).unwrap(), content);
            prop_assert_eq!(store.find(Kind::Blob, &id.hex()[..20], 2).unwrap(), vec![id.0]);
        }
        let different: std::collections::BTreeSet<_> = ids.into_iter().collect();
        prop_assert_eq!(store.statistics().unwrap().objects(), different.len() as u64);
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

#[test]
fn a_large_blob_is_cut_and_put_together() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let mut content = crate::store::blob::noise(3 << 20);
    let (id, length) = writer.put_blob_from(&mut content.as_slice()).unwrap();
    assert_eq!((id, length), (blob_id(&content), content.len() as u64));
    assert!(writer.contains(id.object()).unwrap());
    assert_eq!(*writer.fetch(id.object()).unwrap(), content, "before it is flushed");
    writer.flush().unwrap();
    let before = store.statistics().unwrap();
    assert_eq!(before.kinds[&Kind::Recipe].objects, 1);
    let again = open(store.root());
    let mut whole = Vec::new();
    assert_eq!(again.fetch_blob_to(id, &mut whole).unwrap(), length);
    assert_eq!(whole, content);
    assert_eq!(again.find(Kind::Blob, &id.hex(), 9).unwrap(), [id.0]);

    content.insert(1 << 20, 7);
    put_blob(&writer, content.clone()).unwrap();
    writer.flush().unwrap();
    let after = store.statistics().unwrap();
    let added = after.kinds[&Kind::Blob].bytes - before.kinds[&Kind::Blob].bytes;
    assert!(added <= 2 << 20, "one byte more shares the other pieces, {added} bytes are new");
}

#[test]
fn threads_put_side_by_side() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let content = |n: usize| format!("{n} ").repeat(3_000 + n % 7).into_bytes();
    rayon::scope(|scope| {
        for thread in 0..4 {
            let (writer, content) = (&writer, &content);
            scope.spawn(move |_| {
                for n in 0..150 {
                    // Half of them are the same in all threads.
                    let n = if n % 2 == 0 { n } else { n + 1_000 * thread };
                    put_blob(writer, content(n)).unwrap();
                    if n == 71 {
                        writer.flush().unwrap();
                    }
                }
            });
        }
    });
    writer.flush().unwrap();
    let store = open(store.root());
    for thread in 0..4 {
        for n in (1..150).step_by(2) {
            let content = content(n + 1_000 * thread);
            assert_eq!(*store.fetch(blob_id(&content).object()).unwrap(), content);
        }
    }
    let statistics = store.statistics().unwrap();
    assert_eq!(statistics.objects(), 75 + 4 * 75, "each is stored once");
}

#[test]
fn compaction_keeps_every_object_and_its_readers() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    let reader = open(store.root());
    let mut seen = None;
    for n in 0..PACKS_PER_CLASS_MAX + 3 {
        let (snapshot, _) = commit_branch(&writer, "main", seen, &format!("content {n}")).unwrap();
        seen = Some(snapshot);
        if n == 0 {
            // It knows one pack, and has it open.
            reader.names().unwrap();
        }
    }
    let before = store.statistics().unwrap();
    assert_eq!(store.compact().unwrap(), PACKS_PER_CLASS_MAX + 3);
    let after = store.statistics().unwrap();
    assert_eq!(after.packs, 1);
    assert_eq!(after.kinds, before.kinds);
    let report = reader.check(&|_| ()).unwrap();
    assert!(report.is_sound() && report.unreferenced == 0, "{report:?}");
    // A reader that knew packs which are gone before it opened them.
    let late = open(store.root());
    late.packs.packs().unwrap();
    commit_branch(&writer, "other", None, "x").unwrap();
    for n in 0..PACKS_PER_CLASS_MAX {
        put_snapshot(&writer, &format!("more {n}"));
        writer.flush().unwrap();
    }
    assert!(store.compact().unwrap() > 0);
    assert!(late.fetch(seen.unwrap().object()).is_ok());
    assert_eq!(store.compact().unwrap(), 0, "there is nothing more to do");
}

#[test]
fn a_damaged_pack_is_not_compacted_away() {
    let (_folder, store) = fresh();
    let writer = store.writer().unwrap();
    for n in 0..PACKS_PER_CLASS_MAX {
        put_blob(&writer, format!("content {n}").into_bytes()).unwrap();
        writer.flush().unwrap();
    }
    let packs = store.root().join("packs");
    let path = std::fs::read_dir(&packs).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = Store::open(store.root(), Arc::new(RealDisk)).unwrap();
    let failed = store.compact().unwrap_err();
    assert!(matches!(&failed, StoreError::Objects(e) if e.is_corruption()), "{failed}");
    assert_eq!(std::fs::read_dir(&packs).unwrap().count(), PACKS_PER_CLASS_MAX);
    assert_eq!(std::fs::read_dir(store.root().join("tmp")).unwrap().count(), 0);
}
