//! Views of workspaces in git repositories of every form, on every backend: git works in the view,
//! what it commits arrives as `refs/exp/<branch>`, and nothing else that it does there reaches the
//! user's repository (trap 33) or the store (trap 32). What each test of the table proves:
//!
//! | | plain | linked worktree | submodule | superproject | separate git folder | subfolder |
//! |---|---|---|---|---|---|---|
//! | **overlay**: status as in the workspace; a commit arrives and moves nothing else; clean, stash, reset stay inside | yes | yes | yes | yes | yes | yes |
//! | **copy**: the same | yes | yes | yes | yes | yes | no `.git`: git says that there is no repository |
//!
//! Where overlay does not work its half of the table proves that it is refused with a reason, and
//! says on standard error that it was skipped.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;
#[path = "git/inside.rs"]
mod inside;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::state::{array, word};
use common::{Bench, text};
use serde_json::Value;

/// Git with an identity and nothing of the machine's configuration.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    identify(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn identify(command: &mut Command) {
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "tester"), ("EMAIL", "tester@example.org")] {
        command.env(format!("GIT_AUTHOR_{name}"), value);
        command.env(format!("GIT_COMMITTER_{name}"), value);
    }
}

fn repository(folder: &Path) {
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("a.txt"), "a\n").unwrap();
    fs::write(folder.join("sub/b.txt"), "b\n").unwrap();
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", "first"]);
}

/// Each form of a workspace in git: its name, its folder, and the git folder whose references must
/// not move.
fn forms(bench: &Bench) -> Vec<(&'static str, PathBuf)> {
    let outside = |name: &str| bench.outside(name);
    let plain = outside("plain");
    repository(&plain);
    let main = outside("main-tree");
    repository(&main);
    git(&main, &["worktree", "add", "-q", "-b", "side", "../linked"]);
    let inner = outside("inner");
    repository(&inner);
    let outer = outside("outer");
    repository(&outer);
    let url = inner.to_str().unwrap();
    git(&outer, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "module"]);
    git(&outer, &["commit", "-qm", "module"]);
    let above = outside("above");
    repository(&above);
    git(&above, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "module"]);
    git(&above, &["commit", "-qm", "module"]);
    let folder = outside("folder");
    repository(&folder);
    let separate = outside("separate");
    fs::create_dir(&separate).unwrap();
    let elsewhere = format!("--separate-git-dir={}", outside("elsewhere").display());
    git(&separate, &["init", "-q", "-b", "main", &elsewhere]);
    fs::write(separate.join("a.txt"), "a\n").unwrap();
    git(&separate, &["add", "-A"]);
    git(&separate, &["commit", "-qm", "first"]);
    vec![
        ("plain", plain),
        ("linked worktree", outside("linked")),
        ("submodule", outer.join("module")),
        ("superproject", above),
        ("subfolder", folder.join("sub")),
        ("separate git folder", separate),
    ]
}

/// A workspace in one of the forms, worked on through one backend.
struct Table<'a> {
    bench: &'a Bench,
    backend: &'static str,
    form: &'static str,
    folder: PathBuf,
}

impl Table<'_> {
    fn exp(&self, code: i32, arguments: &[&str]) -> String {
        let mut command = self.bench.command_in(&self.folder, arguments);
        identify(&mut command);
        let output = command.output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let whose = format!("{} {}", self.backend, self.form);
        assert_eq!(output.status.code(), Some(code), "{whose}: {arguments:?}\n{out}\n{err}");
        out
    }

    /// What a script prints in a fresh view of `idea`.
    fn inside(&self, code: i32, script: &str) -> String {
        self.exp(code, &["exec", "idea", "--backend", self.backend, "--", "sh", "-c", script])
    }

    /// The report on a script in a fresh view of `idea`; it must succeed.
    fn report(&self, script: &str) -> Value {
        let backend = self.backend;
        let words = ["--json", "exec", "idea", "--backend", backend, "--", "sh", "-c", script];
        serde_json::from_str(&self.exp(0, &words)).unwrap()
    }

    /// All that must not change: references but ours, HEAD, status, stash.
    fn users(&self) -> String {
        let refs = git(&self.folder, &["for-each-ref"]);
        let refs: Vec<_> = refs.lines().filter(|line| !line.contains("refs/exp/")).collect();
        let more = [
            &["rev-parse", "HEAD"][..],
            &["symbolic-ref", "HEAD"],
            &["status", "--porcelain", "--branch"],
            &["stash", "list"],
            &["config", "--list", "--local"],
        ];
        refs.join("\n") + &more.map(|words| git(&self.folder, words)).join("\n")
    }

    fn is_sound(&self) {
        git(&self.folder, &["fsck", "--strict"]);
        let checked: Value = serde_json::from_str(&self.exp(0, &["--json", "fsck"])).unwrap();
        assert_eq!(array(&checked["problems"]).len(), 0, "{checked:#}");
    }
}

fn works(bench: &Bench, backend: &str) -> bool {
    let checks = bench.json(&["doctor"]);
    array(&checks["checks"]).iter().any(|check| check["what"] == backend && check["well"] == true)
}

/// Runs a test for each backend that works here, in a workspace of that form with a branch `idea`
/// and with changes that are not committed.
fn for_each(backend: &'static str, test: fn(&Table<'_>)) {
    let bench = Bench::project();
    if !works(&bench, backend) {
        eprintln!("SKIPPED: {backend} does not work here");
        bench.ok(&["branch", "x"]);
        let error = bench.complains(125, &["exec", "x", "--backend", backend, "--", "true"]);
        assert!(error.contains("does not work here: "), "{error}");
        return;
    }
    for (form, folder) in forms(&bench) {
        let tracked = if folder.join("b.txt").exists() { "b.txt" } else { "a.txt" };
        fs::write(folder.join(tracked), "changed\n").unwrap();
        fs::write(folder.join("staged.txt"), "staged\n").unwrap();
        git(&folder, &["add", "staged.txt"]);
        fs::write(folder.join("untracked.txt"), "untracked\n").unwrap();
        let table = Table { bench: &bench, backend, form, folder };
        table.exp(0, &["init"]);
        table.exp(0, &["branch", "idea"]);
        test(&table);
    }
}

/// One cell of the table.
fn cell(table: &Table<'_>) {
    let Table { form, folder, .. } = table;
    let before = table.users();
    if (table.backend, *form) == ("copy", "subfolder") {
        table.inside(128, "git status");
        assert_eq!(table.users(), before);
        return;
    }
    if table.backend == "copy" {
        // Some tools read it where git itself does not look: a submodule's leads to the user's files.
        assert_eq!(table.inside(0, "git config core.worktree"), "..\n", "{form}");
    }
    let status = ["status", "--porcelain", "--branch"];
    assert_eq!(table.inside(0, "git status --porcelain --branch"), git(folder, &status), "{form}");
    let commit = "echo new > new.txt && git add -A && git commit -qm inside && git clean -fdxq \
                  && test -z \"$(git status --porcelain)\"";
    let report = table.report(commit);
    assert_eq!(table.users(), before, "{form}: a commit in the view");
    let kept = array(&report["git_commits"]);
    assert_eq!((kept.len(), array(&report["notes"]).len()), (1, 0), "{form}: {report:#}");
    assert_eq!(kept[0]["reference"], "refs/exp/idea");
    let at = git(folder, &["rev-parse", "refs/exp/idea"]);
    assert_eq!(at.trim(), word(&kept[0]["commit"]), "{form}");
    assert_eq!(git(folder, &["log", "-1", "--format=%s %an", "refs/exp/idea"]), "inside tester\n");
    assert_eq!(git(folder, &["rev-parse", "refs/exp/idea~1"]), git(folder, &["rev-parse", "HEAD"]));
    assert_eq!(git(folder, &["show", "refs/exp/idea:./new.txt"]), "new\n", "{form}");
    assert!(!folder.join("new.txt").exists(), "{form}: it was written in the view");
    let wild = "git stash -aq && git clean -fdxq && git checkout -q . && git reset -q --hard \
                && git gc -q --prune=now && test -z \"$(git status --porcelain)\"";
    table.report(wild);
    assert_eq!(table.users(), before, "{form}: stash, clean and gc in the view");
    table.is_sound();
    let log = table.exp(0, &["log", "--all"]);
    assert!(log.contains("idea"), "{form}: {log}");
    git(folder, &["clean", "-fdxq"]);
    git(folder, &["stash", "-aq"]);
    assert_eq!(table.exp(0, &["log", "--all"]), log, "{form}: clean and stash outside");
    table.is_sound();
}

#[test]
fn trap_33_git_in_a_view_by_overlay_in_every_form() {
    for_each("overlay", cell);
}

#[test]
fn trap_33_git_in_a_view_by_copy_in_every_form() {
    for_each("copy", cell);
}

fn plain_only(backend: &'static str, test: fn(&Table<'_>)) {
    let bench = Bench::project();
    if !works(&bench, backend) {
        eprintln!("SKIPPED: {backend} does not work here");
        return;
    }
    let folder = bench.outside("plain");
    repository(&folder);
    let table = Table { bench: &bench, backend, form: "plain", folder };
    table.exp(0, &["init"]);
    table.exp(0, &["branch", "idea"]);
    test(&table);
}

fn on_both(test: fn(&Table<'_>)) {
    for backend in ["overlay", "copy"] {
        plain_only(backend, test);
    }
}

/// Each approach has a reference of its own; one that commits nothing has none, and neither has one
/// that only looks at what is there.
#[test]
fn approaches_that_commit_have_references() {
    on_both(|table| {
        let make = "=echo $EXP_BRANCH > made && git add -A && git commit -qm made";
        let words = [
            "--json",
            "try",
            &format!("a{make}"),
            &format!("b{make}"),
            "c=echo c > c",
            "d=git checkout -q --detach",
            "--no-eval",
            "--backend",
            table.backend,
        ];
        let tried: Value = serde_json::from_str(&table.exp(0, &words)).unwrap();
        let kept: Vec<usize> = array(&tried["approaches"])
            .iter()
            .map(|approach| array(&approach["git_commits"]).len())
            .collect();
        assert_eq!(kept, [1, 1, 0, 0], "{tried:#}");
        for name in ["e1/a", "e1/b"] {
            let made = git(&table.folder, &["show", &format!("refs/exp/{name}:made")]);
            assert_eq!(made.trim(), name);
        }
        let refs = git(&table.folder, &["for-each-ref", "refs/exp"]);
        assert_eq!(refs.lines().count(), 2, "{refs}");
        table.is_sound();
    });
}

/// Work on another branch, what was stashed, and what an `exp` in the view kept, are kept, too; what
/// HEAD has already is not kept twice. A second commit moves the reference, and the first is found in its reflog.
#[test]
fn other_branches_and_the_stash_are_kept() {
    on_both(|table| {
        let commit =
            |name: &str| format!("echo {name} > {name} && git add {name} && git commit -qm {name}");
        let merged = format!(
            "git checkout -qb merged && {} && git checkout -q main && git merge -q --no-ff merged \
             && git checkout -qb other && {} && git checkout -q main \
             && echo s > a.txt && git stash -q \
             && git update-ref refs/exp/e9/in $(git commit-tree -m in HEAD^{{tree}}) && git pack-refs --all",
            commit("one"),
            commit("two"),
        );
        let report = table.report(&merged);
        let names: Vec<_> =
            array(&report["git_commits"]).iter().map(|kept| word(&kept["reference"])).collect();
        let wanted =
            ["refs/exp/idea", "refs/exp/e9/in", "refs/exp/idea@heads/other", "refs/exp/idea@stash"];
        assert_eq!(names, wanted, "{report:#}");
        assert_eq!(git(&table.folder, &["show", "refs/exp/idea@stash:a.txt"]), "s\n");
        table.report(&commit("three"));
        let subjects = git(&table.folder, &["log", "-g", "--format=%s", "refs/exp/idea"]);
        assert_eq!(subjects.lines().collect::<Vec<_>>(), ["three", "Merge branch 'merged'"]);
        table.is_sound();
    });
}

/// Where nothing was committed `exp` starts no git.
#[test]
fn without_a_commit_no_git_is_started() {
    on_both(|table| {
        use std::os::unix::fs::PermissionsExt;
        let (folder, log) = (table.bench.outside("fake"), table.bench.outside("fake.log"));
        let path = std::env::var("PATH").unwrap();
        fs::create_dir(&folder).unwrap();
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\nPATH='{path}' exec git \"$@\"\n",
            log.display()
        );
        fs::write(folder.join("git"), script).unwrap();
        fs::set_permissions(folder.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
        let started = |script: &str| {
            fs::write(&log, "").unwrap();
            let words = ["exec", "idea", "--backend", table.backend, "--", "sh", "-c", script];
            let mut command = table.bench.command_in(&table.folder, &words);
            identify(command.env("PATH", format!("{}:{path}", folder.display())));
            assert!(command.output().unwrap().status.success());
            fs::read_to_string(&log).unwrap()
        };
        started("git status");
        let looked = started("echo x > x; git branch more; git add x; git checkout -q more");
        assert_eq!(
            looked.lines().collect::<Vec<_>>(),
            ["branch more", "add x", "checkout -q more"]
        );
        let committed = started("git commit -q --allow-empty -m x");
        assert!(committed.contains("index-pack"), "{committed}");
    });
}

/// Hooks and settings that a command leaves in its view are not obeyed when its commits are fetched,
/// and are not there in the next view.
#[test]
fn what_a_command_leaves_in_git_does_not_live_on() {
    on_both(|table| {
        let mark = table.bench.outside("mark");
        fs::write(&mark, "").unwrap();
        let hook = format!("#!/bin/sh\necho ran >> {}\n", mark.display());
        let script = format!(
            "echo x > x && git add x && git commit -qm x && mkdir -p .git/hooks && \
             for h in pre-commit reference-transaction post-index-change; do \
             printf '{}' > .git/hooks/$h; chmod +x .git/hooks/$h; done && \
             git config core.hooksPath \"$PWD/.git/hooks\" && git config core.fsmonitor \"$PWD/.git/hooks/pre-commit\"",
            hook.replace('\n', "\\n")
        );
        // The last settings themselves may run it once more.
        let before = table.report(&format!("{script} && : > {}", mark.display()));
        assert_eq!(array(&before["git_commits"]).len(), 1, "{before:#}");
        assert_eq!(fs::read_to_string(&mark).unwrap(), "", "a hook of the view was run");
        let next = "test ! -e .git/hooks/pre-commit && ! git config core.hooksPath && git status -s && \
                    echo y > y && git add y && git commit -qm y";
        table.inside(0, next);
        assert_eq!(fs::read_to_string(&mark).unwrap(), "", "a hook lived on");
        assert!(!table.folder.join(".git/hooks/pre-commit").exists());
    });
}

/// The user's own hooks and identity are there: a commit in a view is one like any other.
#[test]
fn the_users_hooks_and_settings_are_there() {
    on_both(|table| {
        use std::os::unix::fs::PermissionsExt;
        let hook = table.folder.join(".git/hooks/pre-commit");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, "#!/bin/sh\necho hooked > hooked && git add hooked\n").unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        git(&table.folder, &["config", "user.name", "of the repository"]);
        let script = "unset GIT_AUTHOR_NAME && echo x > x && git add x && git commit -qm x";
        table.inside(0, script);
        let shown =
            git(&table.folder, &["log", "-1", "--format=%an", "--name-only", "refs/exp/idea"]);
        assert_eq!(shown, "of the repository\n\nhooked\nx\n");
    });
}

/// Commits that cannot be brought are set aside, and the note says how to see them.
#[test]
fn commits_that_cannot_be_brought_are_set_aside() {
    on_both(|table| {
        let before = table.users();
        let script = "echo x > x && git add x && git commit -qm lost && \
                      rm -f .git/objects/$(git rev-parse HEAD:x | sed 's,^..,&/,')";
        let report = table.report(script);
        let notes = array(&report["notes"]);
        assert_eq!((array(&report["git_commits"]).len(), notes.len()), (0, 1), "{report:#}");
        let note = word(&notes[0]);
        let hint = note.split('`').find(|part| part.starts_with("GIT_ALT")).unwrap();
        let mut command = Command::new("sh");
        identify(command.arg("-c").arg(hint).current_dir(&table.folder));
        let shown = text(&command.output().unwrap().stdout);
        assert!(shown.contains("lost") && shown.contains("first"), "{hint}\n{shown}");
        assert_eq!(table.users(), before);
        assert_eq!(git(&table.folder, &["for-each-ref", "refs/exp"]), "");
        table.is_sound();
    });
}

/// Repositories in states that are not the usual one: nothing committed yet, HEAD on no branch,
/// references in one file, a merge with a conflict, hashes of SHA-256.
#[test]
fn repositories_in_odd_states() {
    let states: [(&str, &[&str]); 5] = [
        ("unborn", &["update-ref -d HEAD"]),
        ("detached", &["checkout -q --detach", "commit -q --allow-empty -m here"]),
        ("packed", &["pack-refs --all", "tag -a -m note annotated", "gc -q"]),
        ("merging", &["checkout -qb side", "commit -qam side", "checkout -q main"]),
        ("sha256", &[]),
    ];
    for backend in ["overlay", "copy"] {
        for (state, steps) in states {
            let bench = Bench::project();
            if !works(&bench, backend) {
                eprintln!("SKIPPED: {backend} does not work here");
                continue;
            }
            let folder = bench.outside(state);
            if state == "sha256" {
                fs::create_dir(&folder).unwrap();
                git(&folder, &["init", "-q", "-b", "main", "--object-format=sha256"]);
            }
            repository(&folder);
            fs::write(folder.join("a.txt"), "changed\n").unwrap();
            for step in steps {
                git(&folder, &step.split(' ').collect::<Vec<_>>());
            }
            if state == "merging" {
                fs::write(folder.join("a.txt"), "other\n").unwrap();
                git(&folder, &["commit", "-qam", "other"]);
                let mut merge = Command::new("git");
                identify(merge.args(["merge", "-q", "side"]).current_dir(&folder));
                assert!(!merge.output().unwrap().status.success(), "it must conflict");
            }
            let table = Table { bench: &bench, backend, form: state, folder };
            table.exp(0, &["init"]);
            table.exp(0, &["branch", "idea"]);
            let outside =
                || git(&table.folder, &["status"]) + &git(&table.folder, &["branch", "-v"]);
            let before = outside();
            assert_eq!(table.inside(0, "git status && git branch -v"), before, "{backend} {state}");
            let report = table.report("echo x > x && git add -A && git commit -qm inside");
            let kept = array(&report["git_commits"]);
            assert_eq!(kept[0]["reference"], "refs/exp/idea", "{state}: {report:#}");
            assert_eq!(outside(), before, "{backend} {state}");
            let log = git(&table.folder, &["log", "-1", "--format=%s", "refs/exp/idea"]);
            assert_eq!(log, "inside\n", "{backend} {state}");
            table.is_sound();
        }
    }
}

/// `exp` may itself be started by a hook of git, which points its children at a repository.
#[test]
fn variables_of_git_do_not_lead_out_of_the_view() {
    on_both(|table| {
        let other = table.bench.outside("other");
        repository(&other);
        let show = "git rev-parse --show-toplevel > top && test -e top && git log -1 --format=%s";
        let words = ["exec", "idea", "--backend", table.backend, "--", "sh", "-c", show];
        let mut command = table.bench.command_in(&table.folder, &words);
        command.env("GIT_DIR", other.join(".git")).env("GIT_WORK_TREE", &other);
        command.env("GIT_INDEX_FILE", other.join(".git/index"));
        assert!(command.output().unwrap().status.success());
        assert!(!other.join("top").exists());
        let top = table.exp(0, &["diff", "main", "idea"]);
        assert!(top.contains("top") && !top.contains("other"), "{top}");
    });
}

#[test]
fn in_a_view_nothing_is_said_to_have_moved() {
    let bench = Bench::empty();
    let plain = bench.outside("plain");
    repository(&plain);
    let exp = |arguments: &[&str]| {
        let output = bench.command_in(&plain, arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    exp(&["init"]);
    exp(&["branch", "idea"]);
    let own = env!("CARGO_BIN_EXE_exp");
    for backend in ["overlay", "copy"] {
        let said = exp(&["exec", "idea", "--backend", backend, "--", own, "status"]);
        assert!(said.contains("On idea") && !said.contains("has moved"), "{backend}: {said}");
    }
}
