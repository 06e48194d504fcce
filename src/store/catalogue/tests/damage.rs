//! What can be wrong with a catalogue, from a missing head to any byte of its files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::store::catalogue::tables::HEAD_KEY;

#[test]
fn without_a_head_it_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let history = line(20);
    let catalogue = open(folder.path());
    catalogue.bring_forward(&history.objects, history.head()).unwrap();
    let before = content(&catalogue);
    // What a crash in the middle of a large step leaves.
    let halve = |tables: tables::Tables<'_>| {
        tables.db.remove(HEAD_KEY).unwrap();
        for key in before.keys().filter(|key| key[0] == b'n').step_by(2) {
            tables.db.remove(key).unwrap();
        }
        Ok(())
    };
    catalogue.guarded(halve).unwrap();
    let progress = catalogue.bring_forward(&history.objects, history.head()).unwrap();
    assert!(progress.from_nothing);
    assert_eq!(content(&catalogue), before);
}

#[test]
fn another_version_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = open(folder.path());
    let change = |tables: tables::Tables<'_>| {
        tables.db.insert(tables::FORMAT_KEY, record::to_bytes(&99_u32)).unwrap();
        tables.flush()
    };
    catalogue.guarded(change).unwrap();
    drop(catalogue);
    let (_, notices) = Catalogue::open(folder.path(), NOW).unwrap();
    let path = folder.path().join("set-aside-5000");
    assert!(path.is_dir());
    let reason = format!("it has version 99, not {}", record::FORMAT);
    assert_eq!(notices, [Notice::SetAside { path: Some(path), reason }]);
}

#[test]
fn an_opening_that_hangs_or_panics_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let hang = |_: &Path| loop {
        std::thread::park();
    };
    let patience = Duration::from_millis(50);
    let (catalogue, notices) = Catalogue::open_with(folder.path(), NOW, hang, patience).unwrap();
    assert!(matches!(&notices[..], [Notice::SetAside { path: Some(_), .. }]), "{notices:?}");
    drop(catalogue);
    let panic = |_: &Path| panic!("on purpose");
    let (_, notices) =
        Catalogue::open_with(folder.path(), Timestamp(0), panic, Duration::from_secs(9)).unwrap();
    let [Notice::SetAside { path: Some(path), reason }] = &notices[..] else {
        panic!("{notices:?}");
    };
    assert_eq!(reason, "sled gave up: on purpose");
    // The one set aside before is gone: they must not pile up.
    let aside = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = aside.filter(|path| path.to_string_lossy().contains("set-aside")).collect();
    assert_eq!(aside.iter().collect::<Vec<_>>(), [path]);
}

#[test]
fn a_panic_at_work_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = open(folder.path());
    let answer = catalogue.guarded(|_| -> Result<(), _> { panic!("on purpose") });
    assert!(matches!(answer, Err(CatalogueError::Damaged { .. })), "{answer:?}");
}

/// How many places of each file are damaged by themselves.
const PLACES: usize = 8;

/// Ways to damage the bytes of a file.
fn damages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let part = |from: usize, to: usize, value: u8| {
        let mut bytes = bytes.to_vec();
        let (from, to) = (from.min(bytes.len()), to.min(bytes.len()));
        bytes[from..to].fill(value);
        bytes
    };
    let length = bytes.len();
    // Some single places, spread over the file without a pattern.
    let place = |number: usize| number.wrapping_mul(0x9e37_79b9) % bytes.len();
    let places = (1..PLACES).map(|number| part(place(number), place(number) + 40, 0xa5));
    let wholes = vec![
        Vec::new(),
        bytes[..length / 2].to_vec(),
        bytes[..length.saturating_sub(1)].to_vec(),
        part(0, 64, 0),
        part(length / 4, length / 4 + 4_096, 0),
        part(1_000, 60_000, 0xff),
        part(0, length, 0x5a),
    ];
    wholes.into_iter().chain(places).collect()
}

/// Every table is asked.
fn answers(
    catalogue: &Catalogue,
) -> Result<(CatalogueStatistics, Vec<Vec<CatalogueEntry>>), CatalogueError> {
    let mut found = Vec::new();
    let all = Query { limit: usize::MAX, ..Query::default() };
    for session in [None, Some("s0".to_owned()), Some("s1".to_owned())] {
        found.push(catalogue.find(&Query { session, ..all.clone() })?);
    }
    found.push(catalogue.find(&Query { branch: Some(label("fix")), ..all.clone() })?);
    found.push(catalogue.find(&Query { tag: Some(label("v1")), ..all })?);
    for entry in found[0].clone() {
        for child in catalogue.children(entry.snapshot)? {
            assert!(
                found[0].iter().any(|e| e.snapshot == child && e.parents.contains(&entry.snapshot))
            );
        }
    }
    Ok((catalogue.statistics()?, found))
}

#[test]
fn damaged_files_end_in_a_whole_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let mut history = line(300);
    // Several sittings, so that sled has rewritten some of its pages.
    for number in 0..3 {
        let catalogue = open(&whole);
        catalogue.bring_forward(&history.objects, history.head()).unwrap();
        history.verdict(history.snapshots[number * 9], VerdictWord::Inconclusive);
    }
    let catalogue = open(&whole);
    catalogue.bring_forward(&history.objects, history.head()).unwrap();
    let expected = answers(&catalogue).unwrap();
    drop(catalogue);

    let files: Vec<_> = fs::read_dir(whole.join("sled")).unwrap().map(|e| e.unwrap()).collect();
    let files: Vec<_> = files.into_iter().filter(|entry| entry.path().is_file()).collect();
    assert!(files.len() >= 2, "sled keeps its data and its settings");
    let mut set_aside = 0;
    for file in &files {
        let bytes = fs::read(file.path()).unwrap();
        for (number, damaged) in damages(&bytes).into_iter().enumerate() {
            let name = file.file_name().into_string().unwrap();
            let copy = folder.path().join(format!("{name}-{number}"));
            fs::create_dir_all(copy.join("sled")).unwrap();
            for other in &files {
                fs::copy(other.path(), copy.join("sled").join(other.file_name())).unwrap();
            }
            fs::write(copy.join("sled").join(&name), damaged).unwrap();
            let (catalogue, notices, _) =
                Catalogue::open_at(&copy, NOW, &history.objects, history.head()).unwrap();
            set_aside += notices.len();
            match answers(&catalogue) {
                Ok(found) => assert_eq!(found, expected, "{name} {number}"),
                Err(CatalogueError::Damaged { reason, .. }) => {
                    let (catalogue, _) = catalogue.set_aside(NOW, reason).unwrap();
                    catalogue.bring_forward(&history.objects, history.head()).unwrap();
                    assert_eq!(answers(&catalogue).unwrap(), expected, "{name} {number}");
                    set_aside += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(set_aside > 0, "no damage was noticed");
}
