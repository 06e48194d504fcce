//! The model, shown on small recordings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, Image, Node, RecordingDisk, crash_points, crash_states};
use crate::base::disk::{Disk, write_new};

/// What a recording may leave: each state as its paths with their content.
fn states(run: impl FnOnce(&RecordingDisk, &Path)) -> BTreeSet<Vec<String>> {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("a")).unwrap();
    std::fs::write(home.path().join("a/old"), "old").unwrap();
    let initial = Image::read(home.path()).unwrap();
    let disk = RecordingDisk::new(home.path());
    run(&disk, home.path());
    let shown = |image: &Image| {
        let mut lines = Vec::new();
        list(&image.0, &PathBuf::new(), &mut lines);
        lines
    };
    crash_states(&initial, &disk.recorded(), 1, 200).iter().map(shown).collect()
}

fn list(node: &Node, at: &Path, lines: &mut Vec<String>) {
    match node {
        Node::File(content, _) => {
            lines.push(format!("{}={}", at.display(), String::from_utf8_lossy(content)));
        }
        Node::Link(target) => lines.push(format!("{}->{}", at.display(), target.display())),
        Node::Folder(_, names) => {
            names.iter().for_each(|(name, node)| list(node, &at.join(name), lines));
        }
    }
}

fn sets(states: &[&[&str]]) -> BTreeSet<Vec<String>> {
    states.iter().map(|lines| lines.iter().map(|&line| line.to_owned()).collect()).collect()
}

#[test]
fn a_name_and_its_content_are_synced_apart() {
    let named = states(|disk, root| {
        disk.create(&root.join("a/new"), 0o600).unwrap().write_all(b"xy").unwrap();
        disk.sync_dir(&root.join("a")).unwrap();
    });
    let old = "a/old=old";
    assert_eq!(
        named,
        sets(&[
            &["a/new=", old],
            &["a/new=x", old],
            &["a/new=x\0", old],
            &["a/new=\0\0", old],
            &["a/new=xy", old],
        ])
    );
    let filled = states(|disk, root| write_new(disk, &root.join("a/new"), 0o600, b"xy").unwrap());
    assert_eq!(filled, sets(&[&[old], &["a/new=xy", old]]));
}

#[test]
fn changes_of_a_folder_survive_each_for_itself() {
    let found = states(|disk, root| {
        write_new(disk, &root.join("a/new"), 0o600, b"x").unwrap();
        disk.remove_file(&root.join("a/old")).unwrap();
    });
    let (old, new) = ("a/old=old", "a/new=x");
    assert_eq!(found, sets(&[&[old], &[new, old], &[], &[new]]), "the removal without the file");
}

#[test]
fn a_rename_is_one_change_and_never_loses_the_file() {
    let within =
        states(|disk, root| disk.rename(&root.join("a/old"), &root.join("a/new")).unwrap());
    assert_eq!(within, sets(&[&["a/old=old"], &["a/new=old"]]));
    let across = states(|disk, root| {
        disk.create_dir(&root.join("b"), 0o700).unwrap();
        disk.sync_dir(root).unwrap();
        disk.rename(&root.join("a/old"), &root.join("b/new")).unwrap();
    });
    assert_eq!(across, sets(&[&["a/old=old"], &["a/old=old", "b/new=old"], &["b/new=old"]]));
}

#[test]
fn a_folder_that_is_lost_takes_its_files_along() {
    let found = states(|disk, root| {
        disk.create_dir(&root.join("b"), 0o700).unwrap();
        write_new(disk, &root.join("b/f"), 0o600, b"x").unwrap();
        disk.sync_dir(&root.join("b")).unwrap();
    });
    assert_eq!(found, sets(&[&["a/old=old"], &["a/old=old", "b/f=x"]]));
    let all = states(|disk, root| {
        disk.create_dir(&root.join("b"), 0o700).unwrap();
        disk.create(&root.join("b/f"), 0o600).unwrap().write_all(b"x").unwrap();
        disk.symlink(Path::new("f"), &root.join("b/l")).unwrap();
        disk.sync_all(root).unwrap();
    });
    assert_eq!(all, sets(&[&["a/old=old", "b/f=x", "b/l->f"]]));
}

#[test]
fn bytes_written_over_others_are_old_new_or_new_in_part() {
    let over = states(|disk, root| {
        disk.place(&root.join("a/old"), None).unwrap().write_at(b"xy", 1).unwrap();
    });
    assert_eq!(over, sets(&[&["a/old=old"], &["a/old=oxd"], &["a/old=oly"], &["a/old=oxy"]]));
    let grown = states(|disk, root| {
        disk.place(&root.join("a/old"), None).unwrap().write_at(b"z", 4).unwrap();
    });
    assert_eq!(grown, sets(&[&["a/old=old"], &["a/old=old\0\0"], &["a/old=old\0z"]]));
    let apart = states(|disk, root| {
        let file = disk.place(&root.join("a/old"), None).unwrap();
        file.write_at(b"x", 0).unwrap();
        file.write_at(b"y", 2).unwrap();
    });
    let all = ["a/old=old", "a/old=xld", "a/old=oly", "a/old=xly"];
    assert_eq!(apart, sets(&all.each_ref().map(std::slice::from_ref)), "in any order");
    let cut = states(|disk, root| disk.place(&root.join("a/old"), None).unwrap().cut(1).unwrap());
    assert_eq!(cut, sets(&[&["a/old=old"], &["a/old=o"]]));
}

#[test]
fn a_sync_of_a_file_covers_what_others_wrote_to_it() {
    let old = "a/old=old";
    let found = states(|disk, root| {
        let path = root.join("a/new");
        let (one, two) = (disk.place(&path, Some(0o600)).unwrap(), disk.place(&path, None));
        disk.sync_dir(&root.join("a")).unwrap();
        one.write_at(b"x", 0).unwrap();
        two.unwrap().sync().unwrap();
        one.write_at(b"y", 1).unwrap();
    });
    assert_eq!(found, sets(&[&["a/new=x", old], &["a/new=x\0", old], &["a/new=xy", old]]));
    let mixed = states(|disk, root| {
        let path = root.join("a/new");
        disk.create(&path, 0o600).unwrap().write_all(b"x").unwrap();
        disk.place(&path, None).unwrap().write_at(b"y", 0).unwrap();
        disk.sync_dir(&root.join("a")).unwrap();
    });
    assert_eq!(
        mixed,
        sets(&[&["a/new=", old], &["a/new=\0", old], &["a/new=x", old], &["a/new=y", old]])
    );
}

#[test]
fn a_forgotten_sync_is_no_sync() {
    let home = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::forgetting(home.path(), 1);
    let initial = Image::read(home.path()).unwrap();
    write_new(&disk, &home.path().join("f"), 0o600, b"x").unwrap();
    disk.sync_dir(home.path()).unwrap();
    assert_eq!(disk.syncs(), 2);
    let states = crash_states(&initial, &disk.recorded(), 0, 0);
    assert_eq!(states[0], initial, "the name was never synced");
}

#[test]
fn a_failure_comes_at_its_turn() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    for is_lasting in [false, true] {
        let failure = Failure { at: 1, errno: 28, is_lasting };
        let disk = RecordingDisk::failing(home.path(), failure);
        disk.create_dir(&file("a"), 0o700).unwrap();
        let failed = disk.create_dir(&file("b"), 0o700).unwrap_err();
        assert_eq!(failed.raw_os_error(), Some(28));
        assert_eq!(disk.create_dir(&file("b"), 0o700).is_err(), is_lasting);
        assert_eq!(disk.recorded().len(), if is_lasting { 1 } else { 2 });
        std::fs::remove_dir(file("a")).unwrap();
    }
}

#[test]
fn a_driver_shows_each_moment_with_what_was_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = home.path().join("f");
    let mut lost = 0;
    let run = |disk: Arc<RecordingDisk>| {
        write_new(disk.as_ref(), &path, 0o600, b"x").unwrap();
        disk.sync_dir(home.path()).unwrap();
        disk.mark("written");
    };
    crash_points(home.path(), scratch.path(), run, |state, point| {
        let found = std::fs::read(state.join("f"));
        assert!(!point.has("written") || found.as_deref().is_ok_and(|bytes| bytes == b"x"));
        lost += usize::from(found.is_err());
    })
    .unwrap();
    assert!(lost > 0);
    assert!(!scratch.path().join("state").exists());
}
