//! Which store a folder has, which repository is entered, and whose they may be: one test for each row
//! of the table in ARCHITECTURE.md.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use common::{Bench, text};

/// A user that is not us.
const NOBODY: u32 = 65534;

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]);
    let output = command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn plain() -> Bench {
    let bench = Bench::empty();
    bench.write("a", "one\n");
    bench
}

#[test]
fn a_folder_that_becomes_a_repository_keeps_its_store() {
    let bench = plain();
    bench.ok(&["init"]);
    bench.write("a", "two\n");
    bench.ok(&["snapshot", "-m", "important"]);
    git(&bench.root(), &["init", "-q"]);
    assert!(bench.ok(&["log"]).contains("important"));
    bench.write("a", "three\n");
    bench.ok(&["snapshot", "-m", "later"]);
    git(&bench.root(), &["add", "-A"]);
    let listed = Command::new("git").current_dir(bench.root()).arg("ls-files").output().unwrap();
    assert_eq!(text(&listed.stdout), "a\nexp.toml\n");
    assert!(bench.complains(3, &["init"]).contains("already"));
    assert!(!bench.exists(".git/exp"));
    // Below the folder, too.
    fs::create_dir(bench.root().join("sub")).unwrap();
    let below = bench.command_in(&bench.root().join("sub"), &["log"]).output().unwrap();
    assert!(text(&below.stdout).contains("later"));
}

#[test]
fn what_cannot_be_read_is_not_absent() {
    if is_root() {
        // Root may read everything: a loop of links stands for what cannot be looked at.
        let bench = plain();
        git(&bench.root(), &["init", "-q"]);
        bench.ok(&["init"]);
        fs::rename(bench.root().join(".git"), bench.outside("git")).unwrap();
        symlink(".git", bench.root().join(".git")).unwrap();
        let said = bench.complains(9, &["status"]);
        assert!(said.contains("/.git`"), "{said}");
        bench.complains(9, &["init"]);
        assert!(!bench.exists(".exp"));
        return;
    }
    for (place, mode) in [(".git", 0o755), (".git/exp", 0o700)] {
        let bench = plain();
        git(&bench.root(), &["init", "-q"]);
        bench.ok(&["init"]);
        let place = bench.root().join(place);
        chmod(&place, 0);
        let said = bench.complains(9, &["status"]);
        let again = bench.run(&["init"]);
        chmod(&place, mode);
        assert!(said.contains(place.to_str().unwrap()), "{said}");
        assert_eq!(again.status.code(), Some(9));
        assert!(!bench.exists(".exp"));
    }
}

#[test]
fn no_link_leads_to_a_store() {
    let bench = plain();
    fs::create_dir_all(bench.outside("files/tmp")).unwrap();
    fs::write(bench.outside("files/tmp/notes"), "mine").unwrap();
    symlink("../files", bench.root().join(".exp")).unwrap();
    let said = bench.complains(2, &["init"]);
    assert!(said.contains("is a link"), "{said}");
    fs::remove_file(bench.root().join(".exp")).unwrap();
    bench.ok(&["init"]);
    // A folder of the store.
    let tmp = bench.root().join(".exp/tmp");
    fs::remove_dir(&tmp).unwrap();
    symlink(bench.outside("files/tmp"), &tmp).unwrap();
    for verb in ["status", "snapshot", "gc"] {
        let said = bench.complains(2, &[verb]);
        assert!(said.contains("is a link"), "{verb}: {said}");
    }
    assert!(bench.outside("files/tmp/notes").exists());
}

#[test]
fn a_store_is_made_in_no_folder_of_other_files() {
    let bench = plain();
    fs::create_dir_all(bench.outside("files/tmp")).unwrap();
    fs::write(bench.outside("files/tmp/notes"), "mine").unwrap();
    fs::write(bench.outside("files/letter"), "mine").unwrap();
    let with_store = |arguments: &[&str]| {
        let mut command = bench.command(arguments);
        command.env("EXP_STORE", bench.outside("files")).output().unwrap()
    };
    let output = with_store(&["init"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("letter"));
    fs::remove_file(bench.outside("files/letter")).unwrap();
    // Only `tmp/` is there, as in a store whose making was cut short: nothing of others is removed.
    assert_eq!(with_store(&["init"]).status.code(), Some(0));
    bench.write("a", "two\n");
    assert_eq!(with_store(&["snapshot"]).status.code(), Some(0));
    assert!(bench.outside("files/tmp/notes").exists());
}

#[test]
fn a_repository_of_another_user_is_not_entered() {
    if !is_root() {
        return;
    }
    let bench = plain();
    let above = bench.root();
    git(&above, &["init", "-q"]);
    fs::write(above.join(".gitignore"), "*\n").unwrap();
    chown(above.join(".git"), Some(NOBODY), Some(NOBODY)).unwrap();
    let mine = above.join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("work"), "work\n").unwrap();
    let run = |arguments: &[&str]| bench.command_in(&mine, arguments).output().unwrap();
    let output = run(&["init", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!above.join(".git/exp").exists() && mine.join(".exp").exists());
    assert!(text(&run(&["log", "--json"]).stdout).contains("entries"));
    // As git has it, unless the person trusts it.
    let config = format!("[safe]\n\tdirectory = {}\n", above.display());
    fs::write(bench.outside("home/.gitconfig"), config).unwrap();
    let other = above.join("other");
    fs::create_dir(&other).unwrap();
    let output = bench.command_in(&other, &["init"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(above.join(".git/exp").exists() && !other.join(".exp").exists());
}

#[test]
fn a_folder_of_another_user_is_refused_with_the_way_to_allow_it() {
    if !is_root() {
        return;
    }
    let bench = plain();
    chown(bench.root(), Some(NOBODY), Some(NOBODY)).unwrap();
    let said = bench.complains(2, &["init"]);
    assert!(said.contains("EXP_SAFE_DIRECTORY") && said.contains("65534"), "{said}");
    let mut command = bench.command(&["init"]);
    let output = command.env("EXP_SAFE_DIRECTORY", bench.root()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    bench.write("a", "two\n");
    bench.ok(&["snapshot"]);
}

/// A sparse index, a missing tree and a remote that promises it: git would fetch it by a command.
#[test]
fn a_prepared_repository_runs_nothing() {
    let bench = Bench::empty();
    let source = bench.outside("source");
    fs::create_dir_all(source.join("a")).unwrap();
    fs::create_dir_all(source.join("b")).unwrap();
    for path in ["a/1", "b/2", "r"] {
        fs::write(source.join(path), path).unwrap();
    }
    git(&source, &["init", "-q"]);
    git(&source, &["add", "."]);
    git(&source, &["commit", "-qm", "x"]);
    let root = bench.root();
    git(&root, &["init", "-q"]);
    git(&root, &["pull", "-q", source.to_str().unwrap()]);
    git(&root, &["sparse-checkout", "set", "--cone", "--sparse-index", "a"]);
    let tree =
        Command::new("git").current_dir(&root).args(["rev-parse", "HEAD:b"]).output().unwrap();
    let tree = text(&tree.stdout).trim().to_owned();
    // Whether it came as a pack or alone: alone it can be taken away.
    let packs = root.join(".git/objects/pack");
    for pack in fs::read_dir(&packs).unwrap().flatten() {
        let moved = bench.outside(pack.file_name().to_str().unwrap());
        fs::rename(pack.path(), &moved).unwrap();
        if moved.extension().is_some_and(|extension| extension == "pack") {
            let mut command = Command::new("git");
            command.current_dir(&root).args(["unpack-objects", "-q"]);
            let status = command.stdin(fs::File::open(&moved).unwrap()).status().unwrap();
            assert!(status.success());
        }
    }
    fs::remove_file(root.join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    let owned = bench.outside("owned");
    let remote = format!("ext::sh -c touch% {};% false", owned.display());
    for (key, value) in [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &remote),
        ("protocol.ext.allow", "always"),
        ("core.fsmonitor", &format!("touch {}; false", owned.display())),
        ("core.sshCommand", &format!("touch {}; false", owned.display())),
        ("diff.external", &format!("touch {}", owned.display())),
    ] {
        git(&root, &["config", key, value]);
    }
    bench.write(".gitignore", "*.log\n");
    let _ = fs::remove_file(&owned);
    for verb in ["init", "status", "snapshot", "diff", "doctor"] {
        bench.run(&[verb]);
        assert!(!owned.exists(), "{verb}");
    }
}

/// Wherever it is set: in the repository, by the user, in an included file; and set anew.
#[test]
fn what_core_excludes_file_names_is_ignored() {
    let bench = plain();
    git(&bench.root(), &["init", "-q"]);
    let config = |text: String| fs::write(bench.outside("home/.gitconfig"), text).unwrap();
    let list = |name: &str, rule: &str| {
        let file = bench.outside(name);
        fs::write(&file, rule).unwrap();
        file.display().to_string()
    };
    let user = list("user", "*.user\n");
    config(format!("[core]\n\texcludesFile = {user}\n"));
    bench.ok(&["init"]);
    bench.write("n.user", "x");
    bench.write("n.repo", "x");
    bench.write("n.later", "x");
    let seen = || bench.json(&["status"])["changes"].to_string();
    assert!(!seen().contains("n.user") && seen().contains("n.repo"), "{}", seen());
    let repo = list("repo", "*.repo\n");
    git(&bench.root(), &["config", "core.excludesFile", &repo]);
    assert!(seen().contains("n.user") && !seen().contains("n.repo"), "{}", seen());
    git(&bench.root(), &["config", "--unset", "core.excludesFile"]);
    let included = bench.outside("included");
    config(format!("[include]\n\tpath = {}\n", included.display()));
    assert!(seen().contains("n.later"));
    let later = list("later", "*.later\n");
    fs::write(&included, format!("[core]\n\texcludesFile = {later}\n")).unwrap();
    config(format!("[include]\n\tpath = {}\n[user]\n\tname = x\n", included.display()));
    assert!(!seen().contains("n.later") && seen().contains("n.user"), "{}", seen());
    let other = list("other", "*.repo\n");
    fs::write(&included, format!("[core]\n\texcludesFile = {other}\n\n")).unwrap();
    assert!(seen().contains("n.later") && !seen().contains("n.repo"), "{}", seen());
}
