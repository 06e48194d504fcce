//! What a restore changes, and what it never touches.

use super::*;

/// A workspace that was captured twice, with the first tree and the second, which it is at.
fn two_states() -> (Bench, TreeId, TreeId) {
    let mut bench = Bench::new();
    bench.write("a", "old");
    bench.write("gone/file", "1");
    bench.write("same", "2");
    let first = bench.capture(None).tree;
    bench.write("a", "new");
    bench.write("fresh/file", "3");
    fs::remove_dir_all(bench.at("gone")).unwrap();
    let second = bench.capture(Some(first)).tree;
    (bench, first, second)
}

#[test]
fn trap_1_ignored_and_secret_files_survive_every_restore() {
    let mut bench = Bench::new();
    bench.write(".gitignore", "node_modules\n*.log\n");
    let bare = bench.capture(None).tree;
    bench.write("src/main", "x");
    bench.write("src/debug.log", "ignored");
    bench.write("src/node_modules/m/index", "ignored");
    bench.write("src/.env", "secret");
    let full = bench.capture(Some(bare)).tree;
    let report = bench.restore(full, bare);
    assert_eq!(paths(&report.kept_folders), ["src"]);
    let check = |bench: &Bench| {
        assert_eq!(bench.read("src/debug.log"), "ignored");
        assert_eq!(bench.read("src/node_modules/m/index"), "ignored");
        assert_eq!(bench.read("src/.env"), "secret");
    };
    check(&bench);
    assert!(!bench.at("src/main").exists());
    let now = bench.capture(Some(bare)).tree;
    bench.restore(now, full);
    check(&bench);
    assert_eq!(bench.read("src/main"), "x");
    let empty = bench.empty();
    bench.restore(full, empty);
    check(&bench);
}

#[test]
fn trap_2_an_edit_after_the_capture_is_refused_and_nothing_changes() {
    let (mut bench, first, second) = two_states();
    bench.write("fresh/file", "later work");
    let error = bench.try_restore(second, first).unwrap_err();
    assert!(matches!(&error, RestoreError::Changed { path } if path.display() == "fresh/file"));
    assert_eq!(bench.read("a"), "new");
    assert_eq!(bench.read("fresh/file"), "later work");
    assert!(!bench.at("gone").exists());
}

#[test]
fn what_is_not_recorded_is_an_obstacle_and_never_overwritten() {
    let mut bench = Bench::new();
    bench.write("x", "1");
    let wants_file = {
        bench.write("place", "recorded");
        bench.write("late", "recorded");
        bench.write("deep/place", "recorded");
        bench.capture(None).tree
    };
    for name in ["place", "late", "deep/place"] {
        fs::remove_file(bench.at(name)).unwrap();
    }
    bench.write(".gitignore", "place\n");
    bench.write("place", "mine");
    bench.write("deep/place/inner", "mine");
    let found = bench.capture(None);
    let plan = plan_restore(&bench.objects, found.tree, wants_file).unwrap();
    bench.write("late", "mine");
    let all = obstacles(&plan, &bench.rules(), &found, &bench.cache).unwrap();
    let all: Vec<_> = all.iter().map(|o| (o.path.display(), o.kind)).collect();
    let expected = [
        ("deep/place", ObstacleKind::Ignored),
        ("late", ObstacleKind::Unrecorded),
        ("place", ObstacleKind::Ignored),
    ];
    assert_eq!(all, expected.map(|(path, kind)| (path.to_owned(), kind)));
    assert!(bench.try_restore(found.tree, wants_file).is_err());
    assert_eq!(bench.read("place"), "mine");
    assert_eq!(bench.read("deep/place/inner"), "mine");
}

#[test]
fn a_folder_with_ignored_files_is_not_replaced_by_a_file() {
    let mut bench = Bench::new();
    bench.write(".gitignore", "*.log\n");
    bench.write("thing", "a file");
    let file = bench.capture(None).tree;
    fs::remove_file(bench.at("thing")).unwrap();
    bench.write("thing/part", "x");
    bench.write("thing/run.log", "ignored");
    let found = bench.capture(Some(file));
    let plan = plan_restore(&bench.objects, found.tree, file).unwrap();
    let all = obstacles(&plan, &bench.rules(), &found, &bench.cache).unwrap();
    assert_eq!(all, [Obstacle { path: path("thing/run.log"), kind: ObstacleKind::Ignored }]);
    assert!(matches!(bench.try_restore(found.tree, file), Err(RestoreError::Changed { .. })));
    assert_eq!(bench.read("thing/part"), "x");
    fs::remove_file(bench.at("thing/run.log")).unwrap();
    bench.restore(found.tree, file);
    assert_eq!(bench.read("thing"), "a file");
}

#[test]
fn trap_7_a_link_in_place_of_a_folder_never_leads_outside() {
    let mut bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("inner"), "precious").unwrap();
    bench.write("a/inner", "recorded");
    bench.write("a/other", "recorded");
    let with_folder = bench.capture(None).tree;
    fs::remove_dir_all(bench.at("a")).unwrap();
    let without = bench.capture(Some(with_folder)).tree;
    // Not captured: refused. Neither direction touches what the link shows.
    std::os::unix::fs::symlink(outside.path(), bench.at("a")).unwrap();
    assert!(matches!(bench.try_restore(without, with_folder), Err(RestoreError::Changed { .. })));
    assert!(matches!(bench.try_restore(with_folder, without), Err(RestoreError::Changed { .. })));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    // Captured: the link itself is replaced.
    let with_link = bench.capture(Some(without)).tree;
    bench.restore(with_link, with_folder);
    assert!(fs::symlink_metadata(bench.at("a")).unwrap().is_dir());
    assert_eq!(bench.read("a/inner"), "recorded");
    bench.restore(with_folder, with_link);
    assert_eq!(fs::read_link(bench.at("a")).unwrap(), outside.path());
    assert_eq!(fs::read_to_string(outside.path().join("inner")).unwrap(), "precious");
}

#[test]
fn trap_31_what_is_written_has_the_present_time_and_the_rest_its_own() {
    let (mut bench, first, second) = two_states();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    for name in ["a", "same"] {
        let file = fs::File::options().write(true).open(bench.at(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    executable(&bench.at("same"));
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(1);
    let now = bench.capture(Some(second)).tree;
    bench.restore(now, first);
    let modified = |name: &str| fs::metadata(bench.at(name)).unwrap().modified().unwrap();
    assert!(modified("a") > before && modified("gone/file") > before);
    assert_eq!(modified("same"), old, "only its executable bit changed");
    assert_eq!(mode(&bench.at("same")) & 0o111, 0);
}

#[test]
fn permission_bits_of_a_replaced_file_are_kept() {
    let (mut bench, first, second) = two_states();
    fs::set_permissions(bench.at("a"), fs::Permissions::from_mode(0o600)).unwrap();
    let now = bench.capture(Some(second)).tree;
    assert_eq!(now, second);
    bench.restore(now, first);
    assert_eq!(bench.read("a"), "old");
    assert_eq!(mode(&bench.at("a")), 0o600);
}

#[test]
fn trap_4_a_file_with_another_name_elsewhere_keeps_its_content() {
    let (mut bench, first, second) = two_states();
    let outside = tempfile::tempdir().unwrap();
    fs::hard_link(bench.at("a"), outside.path().join("twin")).unwrap();
    let now = bench.capture(Some(second)).tree;
    bench.restore(now, first);
    assert_eq!(fs::read_to_string(outside.path().join("twin")).unwrap(), "new");
}

#[test]
fn a_restore_brings_the_cache_along() {
    let (mut bench, first, second) = two_states();
    let report = bench.restore(second, first);
    assert_eq!((report.written, report.removed), (2, 2));
    assert_eq!(bench.capture(Some(first)).tree, first);
    bench.restore(first, second);
    assert_eq!(bench.capture(Some(first)).tree, second);
    assert_eq!(bench.capture(Some(second)).tree, second);
}

#[test]
fn a_read_only_folder_is_found_before_anything_changes() {
    if rustix::process::geteuid().is_root() {
        // Root may write everywhere: the same path with a name that is in the way instead.
        let (mut bench, first, second) = two_states();
        bench.write("gone", "in the way");
        assert!(bench.try_restore(second, first).is_err());
        assert_eq!(bench.read("a"), "new");
        return;
    }
    let (mut bench, first, second) = two_states();
    let fresh = bench.at("fresh");
    let set = |mode| fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    let error = bench.try_restore(second, first);
    set(0o755);
    assert!(matches!(error, Err(RestoreError::ReadOnly { .. })));
    assert_eq!(bench.read("a"), "new");
}

#[test]
fn many_files_and_large_ones_are_restored_together() {
    let mut bench = Bench::new();
    for at in 0..200 {
        bench.write(&format!("f{}/x{at}", at % 5), at.to_string());
    }
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(|at| (at % 251).to_le_bytes()).collect();
    bench.write("large", &large);
    let full = bench.capture(None).tree;
    let empty = bench.empty();
    bench.restore(full, empty);
    assert_eq!(fs::read_dir(bench.root()).unwrap().count(), 0);
    let plan = plan_restore(&bench.objects, empty, full).unwrap();
    assert_eq!((plan.counts.written, plan.counts.folders_made), (201, 5));
    let durable = Durability::Durable;
    let (root, cache) = (bench.folder.path(), &mut bench.cache);
    apply_restore(&RealDisk, &bench.objects, root, &plan, cache, durable).unwrap();
    assert_eq!(fs::read(bench.at("large")).unwrap(), large);
    assert_eq!(bench.capture(Some(full)).tree, full);
}
