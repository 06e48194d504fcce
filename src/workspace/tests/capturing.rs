//! What is captured, what is not, and what is read.

use super::*;
use crate::base::limits::TREE_DEPTH_MAX;
use crate::base::time::Timestamp;
use crate::object::memory::Scratch;
use crate::object::traits::Fetch;
use crate::object::tree::EntryKind;

const FUTURE: Timestamp = Timestamp(i64::MAX / 2);

#[test]
fn trap_7_awkward_files_are_captured_as_they_are() {
    let mut bench = Bench::new();
    bench.write("empty", "");
    bench.write("run.sh", "#!/bin/sh\n");
    executable(&bench.at("run.sh"));
    bench.write(&"n".repeat(255), "long name");
    bench.write("large", vec![b'x'; 3 << 20]);
    fs::write(bench.root().join(OsStr::from_bytes(b"no\xfftext")), "x").unwrap();
    fs::create_dir_all(bench.at("hollow/inner")).unwrap();
    for (name, target) in [("dangling", "nowhere"), ("absolute", "/etc"), ("to-folder", "hollow")] {
        std::os::unix::fs::symlink(target, bench.at(name)).unwrap();
    }
    let found = bench.capture(None);
    assert_eq!(found.files, 8);
    assert_eq!((found.read_files, found.read_bytes), (8, found.bytes));
    let entry = |name: &[u8]| {
        let entry = tree::lookup(&bench.objects, found.tree, &TreePath::new(name).unwrap());
        entry.unwrap().unwrap()
    };
    assert_eq!(entry(b"run.sh").kind, EntryKind::Executable);
    assert_eq!(entry(b"no\xfftext").kind, EntryKind::File);
    assert_eq!(entry(b"large").length, 3 << 20);
    assert_eq!(entry(b"hollow/inner").kind, EntryKind::Directory);
    assert_eq!(entry(b"absolute").kind, EntryKind::Symlink);
    let target = bench.objects.fetch(entry(b"absolute").blob().unwrap().object()).unwrap();
    assert_eq!(target.as_slice(), b"/etc");
}

#[test]
fn the_rules_follow_their_precedence() {
    let mut bench = Bench::new();
    bench.write(".gitignore", "\u{feff}/target\n*.log\n!keep.log\nsub/deep.txt\n");
    bench.write("sub/.gitignore", "!special.log\n/only-here\n");
    bench.write(".expignore", "big.bin\n!.env.shown\n");
    for name in [
        "target/x",
        "a.log",
        "keep.log",
        "sub/deep.txt",
        "sub/special.log",
        "sub/only-here",
        "only-here",
        "big.bin",
        ".env",
        ".env.shown",
        ".env.example",
        "key.pem",
        "excluded",
        "sub/excluded",
        "global",
        ".git/config",
        ".env.d/file",
    ] {
        bench.write(name, name);
    }
    bench.write(".git/info/exclude", "/excluded\n");
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("ignore"), "global\n").unwrap();
    bench.options.git_dir = Some(bench.at(".git"));
    bench.options.global_excludes = Some(outside.path().join("ignore"));
    let found = bench.capture(None);
    let ignored =
        ["a.log", "big.bin", "excluded", "global", "sub/deep.txt", "sub/only-here", "target"];
    assert_eq!(paths(&found.ignored), ignored);
    assert_eq!(paths(&found.secrets), [".env", "key.pem"]);
    assert!(found.skipped.is_empty());
    let content = bench.content(found.tree);
    for name in [".env.shown", ".env.example", ".env.d/file", "sub/excluded", "only-here"] {
        assert!(content.contains_key(name), "{name}");
    }
    assert!(!content.contains_key(".git"));
}

#[test]
fn rules_of_the_folders_above_apply_in_a_subfolder() {
    let mut bench = Bench::new();
    bench.write(".gitignore", "/app/out\n*.tmp\n");
    bench.write("app/out/x", "x");
    bench.write("app/a.tmp", "x");
    bench.write("app/main", "x");
    bench.options.git_top = Some(bench.root().to_owned());
    let rules = Rules::load(&bench.at("app"), &bench.options).unwrap();
    let found = capture(&bench.objects, &rules, &mut bench.cache, None).unwrap();
    assert_eq!(paths(&found.ignored), ["a.tmp", "out"]);
    assert_eq!(found.files, 1);
}

#[test]
fn what_git_tracks_or_the_base_has_is_captured_although_ignored() {
    let mut bench = Bench::new();
    bench.write("build/kept", "1");
    bench.write("build/other", "2");
    bench.write("certificates/test.pem", "3");
    bench.write("note", "4");
    bench.write("build.d/x", "5");
    let base = bench.capture(None);
    bench.write(".gitignore", "build\nnote\nnew\nbuild.d\n");
    bench.write("build/new", "untracked");
    bench.write("new/tracked", "6");
    bench.write("new/untracked", "7");
    bench.track(&["certificates/test.pem", "new/tracked", "gone/file"]);
    for _ in 0..2 {
        let found = bench.capture(Some(base.tree));
        assert_eq!(paths(&found.ignored), ["build/new", "new/untracked"]);
        let content = bench.content(found.tree);
        for name in ["build/kept", "certificates/test.pem", "note", "new/tracked", "build.d/x"] {
            assert!(content.contains_key(name), "{name}");
        }
        assert!(!content.contains_key("build/new"));
    }
    let alone = bench.capture(None);
    assert_eq!(paths(&alone.ignored), ["build", "build.d", "new/untracked", "note"]);
}

#[test]
fn trap_6_a_nested_repository_keeps_its_git_folder_and_its_files_are_captured() {
    let mut bench = Bench::new();
    bench.write("vendor/lib/.git/HEAD", "ref");
    bench.write("vendor/lib/code.c", "x");
    bench.write("module/.git", "gitdir: elsewhere");
    bench.write("other/.exp/format", "1");
    let found = bench.capture(None);
    let skipped: Vec<_> = found.skipped.iter().map(|(p, why)| (p.display(), *why)).collect();
    assert_eq!(
        skipped,
        [
            ("module/.git".to_owned(), SkipReason::Repository),
            ("other/.exp".to_owned(), SkipReason::Store),
            ("vendor/lib/.git".to_owned(), SkipReason::Repository),
        ]
    );
    let empty = bench.empty();
    bench.restore(found.tree, empty);
    assert_eq!(bench.read("vendor/lib/.git/HEAD"), "ref");
    assert!(!bench.at("vendor/lib/code.c").exists());
}

#[test]
fn the_store_and_special_files_are_left_out() {
    let mut bench = Bench::new();
    bench.write("state/packs/1", "x");
    bench.write("a", "x");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    bench.options.store = Some(bench.at("state"));
    let found = bench.capture(None);
    assert_eq!(found.skipped, [(path("pipe"), SkipReason::Special)]);
    assert_eq!(found.files, 1);
}

#[test]
fn an_unchanged_workspace_is_not_read_again() {
    let mut bench = Bench::new();
    for at in 0..300 {
        bench.write(&format!("folder{}/file{at}", at % 7), at.to_string());
    }
    bench.write(".gitignore", "*.o\n");
    bench.write("folder1/x.o", "ignored");
    let rules = bench.rules();
    // By this clock no stamp is old enough to be believed.
    bench.cache = StatCache::empty(Timestamp(0));
    let first = capture(&bench.objects, &rules, &mut bench.cache, None).unwrap();
    // By this one every stamp is.
    bench.cache = reload(&mut bench, FUTURE);
    let again = capture(&bench.objects, &rules, &mut bench.cache, Some(first.tree)).unwrap();
    assert_eq!(again.read_files, 301, "too young to be believed");
    let third = capture(&bench.objects, &rules, &mut bench.cache, Some(first.tree)).unwrap();
    assert_eq!(third, Capture { read_files: 0, read_bytes: 0, ..first.clone() });
    let mut cache = reload(&mut bench, FUTURE);
    let fourth = capture(&bench.objects, &rules, &mut cache, Some(first.tree)).unwrap();
    assert_eq!(fourth, third);
    assert!(!cache.is_changed(), "nothing to save");
    bench.write("folder3/file3", "3!");
    let fifth = capture(&bench.objects, &rules, &mut cache, Some(first.tree)).unwrap();
    assert_eq!((fifth.read_files, fifth.files), (1, 301));
    assert_ne!(fifth.tree, first.tree);
}

fn reload(bench: &mut Bench, now: Timestamp) -> StatCache {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache");
    bench.cache.save(&RealDisk, &file).unwrap();
    StatCache::load(&file, now)
}

#[test]
fn an_edit_of_the_same_size_and_time_is_seen() {
    let mut bench = Bench::new();
    bench.write("a", "one");
    let first = bench.capture(None);
    let modified = fs::metadata(bench.at("a")).unwrap().modified().unwrap();
    bench.write("a", "two");
    let file = fs::File::options().write(true).open(bench.at("a")).unwrap();
    file.set_modified(modified).unwrap();
    let second = bench.capture(Some(first.tree));
    assert_ne!(first.tree, second.tree);
    // Within one tick of the kernel's clock not even the other time differs.
    for round in 0..50 {
        bench.write("a", format!("{round:03}"));
        let before = bench.capture(Some(second.tree)).tree;
        bench.write("a", format!("{:03}", round + 500));
        assert_ne!(bench.capture(Some(second.tree)).tree, before, "round {round}");
    }
}

#[test]
fn content_that_only_a_dry_run_saw_is_read_again() {
    let mut bench = Bench::new();
    bench.write("a", "1");
    let base = bench.capture(None).tree;
    bench.write("a", "22");
    bench.write("new/b", "3");
    let rules = bench.rules();
    bench.cache.advance(FUTURE);
    let scratch = Scratch::over(&bench.objects);
    let dry = capture(&scratch, &rules, &mut bench.cache, Some(base)).unwrap();
    assert_eq!(dry.read_files, 2);
    let real = capture(&bench.objects, &rules, &mut bench.cache, Some(base)).unwrap();
    assert_eq!((real.tree, real.read_files), (dry.tree, 2));
    tree::walk::<crate::object::traits::ObjectError>(&bench.objects, real.tree, &mut |walked| {
        let blob = walked.entry.blob();
        assert!(blob.is_none_or(|blob| bench.objects.contains(blob.object()).unwrap()));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_cache_that_outlived_its_store_costs_time_only() {
    let mut bench = Bench::new();
    bench.write("a/b", "1");
    bench.cache.advance(FUTURE);
    let rules = bench.rules();
    let first = capture(&bench.objects, &rules, &mut bench.cache, None).unwrap();
    bench.objects = MemoryObjects::new();
    let again = capture(&bench.objects, &rules, &mut bench.cache, None).unwrap();
    assert_eq!((again.tree, again.read_files), (first.tree, 1));
    assert_eq!(bench.content(again.tree).len(), 2);
}

#[test]
fn deep_folders_take_neither_stack_nor_handles() {
    let mut bench = Bench::new();
    bench.write(&format!("{}file", "d/".repeat(TREE_DEPTH_MAX - 1)), "x");
    let found = bench.capture(None);
    assert_eq!(found.files, 1);
    let again = bench.capture(Some(found.tree));
    assert_eq!(again.tree, found.tree);
}

#[test]
fn what_is_nested_too_deeply_is_named_and_the_rest_is_captured() {
    let mut bench = Bench::new();
    bench.write(&format!("{}file", "d/".repeat(TREE_DEPTH_MAX + 4)), "x");
    bench.write("beside", "y");
    let found = bench.capture(None);
    assert_eq!(found.files, 1);
    let [(skipped, SkipReason::TooDeep)] = &found.skipped[..] else {
        panic!("{:?}", found.skipped)
    };
    assert_eq!(skipped.parts().count(), TREE_DEPTH_MAX);
    assert_eq!(bench.capture(Some(found.tree)).tree, found.tree);
}

#[test]
fn names_that_are_taken_for_a_repository_or_a_store_are_named_and_left_out() {
    let mut bench = Bench::new();
    for path in [".GIT/config", "sub/.git./hooks/x", "git~1", ".EXP/heads/x", "exp~1", "a/kept"] {
        bench.write(path, "x");
    }
    let found = bench.capture(None);
    assert_eq!(found.files, 1);
    let named = |reason| found.skipped.iter().filter(move |found| found.1 == reason);
    let left: Vec<_> = named(SkipReason::Reserved).map(|(path, _)| path.display()).collect();
    assert_eq!(left, [".EXP", ".GIT", "exp~1", "git~1", "sub/.git."]);
}

#[test]
fn a_change_of_the_rules_is_felt_although_no_file_changed() {
    let mut bench = Bench::new();
    bench.write("a.log", "1");
    bench.write("sub/b.log", "2");
    bench.write(".gitignore", "*.log\n");
    assert_eq!(paths(&bench.capture(None).ignored), ["a.log", "sub/b.log"]);
    bench.write(".gitignore", "a.*\n");
    assert_eq!(paths(&bench.capture(None).ignored), ["a.log"]);
}

#[test]
fn a_survey_counts_what_a_capture_takes() {
    let mut bench = Bench::new();
    bench.write(".gitignore", "out\n");
    bench.write("out/x", "ignored");
    bench.write(".env", "secret");
    for (at, size) in [5, 1, 9, 3, 7, 2, 8].into_iter().enumerate() {
        bench.write(&format!("f{at}/inner/x"), vec![b'x'; size]);
    }
    let survey = survey(&bench.rules()).unwrap();
    let found = bench.capture(None);
    assert_eq!((survey.files, survey.bytes), (found.files, found.bytes));
    assert_eq!((&survey.ignored, &survey.secrets), (&found.ignored, &found.secrets));
    assert_eq!(survey, survey_of(&found, &bench.cache));
    let largest: Vec<_> =
        survey.largest_folders.iter().map(|f| (f.path.display(), f.bytes)).collect();
    let expected = [("f2", 9), ("f6", 8), ("f4", 7), ("f0", 5), ("f3", 3)];
    assert_eq!(largest, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
}

#[test]
fn a_root_that_is_no_folder_is_an_error_with_its_path() {
    let bench = Bench::new();
    let error = Rules::load(&bench.at("none"), &bench.options).err().unwrap();
    assert!(error.to_string().contains("none"), "{error}");
}

#[test]
fn what_cannot_be_read_is_said_and_never_recorded_as_deleted() {
    let mut bench = Bench::new();
    bench.write("a/known", "1");
    bench.write("known", "2");
    let base = bench.capture(None).tree;
    bench.write("b/unknown", "3");
    bench.write("unknown", "4");
    let set = |bench: &Bench, mode| {
        for name in ["a", "b", "known", "unknown"] {
            fs::set_permissions(bench.at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(&bench, 0);
    let (with_base, without) = (bench.try_capture(Some(base)), bench.try_capture(None));
    set(&bench, 0o755);
    if rustix::process::geteuid().is_root() {
        // Root reads everything: then everything is captured.
        assert_eq!(with_base.unwrap().files, 4);
        assert_eq!(without.unwrap().files, 4);
        return;
    }
    for capture in [with_base.as_ref().unwrap(), without.as_ref().unwrap()] {
        let skipped: Vec<_> = capture.skipped.iter().map(|(p, _)| p.display()).collect();
        assert_eq!(skipped, ["a", "b", "known", "unknown"]);
    }
    let with_base = with_base.unwrap();
    assert_eq!((with_base.tree, with_base.files), (base, 2), "the base's stays");
    assert_eq!(without.unwrap().files, 0);
}
