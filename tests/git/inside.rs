//! Commits in repositories inside of a view (submodules, nested ones, new ones), and work that git has
//! under other names than branches: all is kept, or set aside and said. Also of an `exp` that was killed.

use super::*;

/// A workspace `plain` with a submodule `module` and a repository `nested` that git does not know, and
/// the branch `idea`.
fn with_repositories(backend: &'static str, test: fn(&Table<'_>)) {
    let bench = Bench::project();
    if !works(&bench, backend) {
        eprintln!("SKIPPED: {backend} does not work here");
        return;
    }
    let (inner, folder) = (bench.outside("inner"), bench.outside("plain"));
    repository(&inner);
    repository(&folder);
    let url = inner.to_str().unwrap();
    git(&folder, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "module"]);
    git(&folder, &["commit", "-qm", "module"]);
    repository(&folder.join("nested"));
    let table = Table { bench: &bench, backend, form: "inside", folder };
    table.exp(0, &["init"]);
    table.exp(0, &["branch", "idea"]);
    test(&table);
}

fn on_both_inside(test: fn(&Table<'_>)) {
    for backend in ["overlay", "copy"] {
        with_repositories(backend, test);
    }
}

/// The repository and reference of each commit that was kept.
fn references(report: &Value) -> Vec<(String, String)> {
    let one = |kept: &Value| {
        let repository = kept["repository"].as_str().unwrap_or("").to_owned();
        (repository, word(&kept["reference"]))
    };
    array(&report["git_commits"]).iter().map(one).collect()
}

/// The path after `git clone` in a report's notes.
fn clone_of(report: &Value) -> String {
    let notes = array(&report["notes"]);
    let note = notes.iter().map(word).find(|note: &String| note.contains("git clone"));
    let note = note.unwrap_or_else(|| panic!("{report:#}"));
    note.split('\'').nth(1).unwrap().to_owned()
}

const COMMIT: &str = "echo 2 > a.txt && git add a.txt && git commit -qm inside";

#[test]
fn a_commit_in_a_submodule_is_kept_there() {
    on_both_inside(|table| {
        let update =
            "rm -rf module && git -c protocol.file.allow=always submodule --quiet update --init";
        // A slot has no repositories of submodules.
        let update = if table.backend == "copy" { update } else { "true" };
        let report = table
            .report(&format!("{update} && cd module && {COMMIT} && cd .. && git commit -qam up"));
        let kept = references(&report);
        let kept: Vec<_> = kept.iter().map(|(place, name)| (&**place, &**name)).collect();
        let mut wanted = [("submodule `module`", "refs/exp/idea"), ("", "refs/exp/idea")];
        wanted.sort_unstable_by_key(|wanted| kept.iter().position(|kept| kept == wanted));
        assert_eq!(kept, wanted, "{}: {report:#}", table.backend);
        let inner = git(&table.folder, &["rev-parse", "refs/exp/idea:module"]);
        let module = table.folder.join("module");
        assert_eq!(git(&module, &["show", &format!("{}:a.txt", inner.trim())]), "2\n");
        assert_eq!(git(&module, &["rev-parse", "refs/exp/idea"]), inner);
        assert_eq!(git(&module, &["status", "--porcelain"]), "");
        git(&module, &["fsck", "--strict"]);
        // One that was fetched and not committed to is not work.
        let again = table.report(&format!("{update}; true"));
        assert!(references(&again).is_empty() && array(&again["notes"]).is_empty(), "{again:#}");
    });
}

#[test]
fn a_commit_in_a_repository_inside_is_kept() {
    on_both_inside(|table| {
        let make = if table.backend == "copy" { "git init -q . && git add . && " } else { "" };
        let report = table.report(&format!("cd nested && {make}{COMMIT}"));
        let nested = table.folder.join("nested");
        let wanted = ("repository `nested`".to_owned(), "refs/exp/idea".to_owned());
        assert_eq!(references(&report), [wanted], "{report:#}");
        assert_eq!(git(&nested, &["show", "refs/exp/idea:a.txt"]), "2\n", "{}", table.backend);
        assert_eq!(git(&nested, &["status", "--porcelain"]), "");
        // Nothing of it lives on in the next view.
        let report = table.report("git -C nested log --oneline 2>&1 | grep inside; true");
        assert!(references(&report).is_empty(), "{report:#}");
    });
}

#[test]
fn a_new_repository_is_kept_as_one_to_clone() {
    on_both_inside(|table| {
        let report = table.report(&format!(
            "git init -q -b trunk made && cd made && {COMMIT} && git tag -a -m v v1 && git checkout -q --detach \
             && echo 3 > a.txt && git commit -qam third"
        ));
        let place = clone_of(&report);
        let copy = table.bench.outside("copy");
        git(&table.folder, &["clone", "-q", "-b", "trunk", &place, copy.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(copy.join("a.txt")).unwrap(), "2\n");
        assert_eq!(git(&copy, &["show", "origin/detached:a.txt"]), "3\n");
        assert_eq!(git(&copy, &["tag"]), "v1\n");
        // A clone in which nobody committed is somebody else's work.
        let from = table.bench.outside("inner");
        let clone = format!("git clone -q '{}' cloned", from.display());
        let report = table.report(&format!("{clone} && git -C cloned checkout -q --detach HEAD"));
        assert_eq!(array(&report["notes"]).len(), 0, "{}: {report:#}", table.backend);
        let report = table.report(&format!("rm -rf cloned; {clone} && cd cloned && {COMMIT}"));
        let place = clone_of(&report);
        let log = git(Path::new(&place), &["log", "--format=%s", "main"]);
        assert_eq!(log, "inside\nfirst\n", "{}", table.backend);
    });
}

#[test]
fn tags_notes_stashes_and_worktrees_are_kept() {
    on_both(|table| {
        let report = table.report(
            "git tag light && git tag -a -m said full && git notes add -m noted && \
             echo 1 > a.txt && git stash -q && echo 2 > a.txt && git stash -q && \
             git worktree add -q --detach tree 2>/dev/null && cd tree && git commit -q --allow-empty -m apart",
        );
        let mut kept: Vec<String> = references(&report).into_iter().map(|(_, name)| name).collect();
        kept.sort_unstable();
        let wanted = [
            "refs/exp/idea@notes/commits",
            "refs/exp/idea@stash",
            "refs/exp/idea@stash.1",
            "refs/exp/idea@tags/full",
            "refs/exp/idea@tags/light",
            "refs/exp/idea@worktrees/tree",
        ];
        assert_eq!(kept, wanted, "{}: {report:#}", table.backend);
        let show = |name: &str| git(&table.folder, &["show", name]);
        assert_eq!(
            show("refs/exp/idea@stash:a.txt") + &show("refs/exp/idea@stash.1:a.txt"),
            "2\n1\n"
        );
        assert!(show("refs/exp/idea@tags/full").contains("said"));
        assert_eq!(git(&table.folder, &["tag"]), "");
        table.is_sound();
    });
}

/// Contents that Git LFS keeps beside git's objects: a commit has only their names.
#[test]
fn contents_of_large_files_come_along() {
    on_both(|table| {
        let report = table.report(
            "hash=$(printf large | sha256sum | cut -d' ' -f1); other=$(printf 0%.0s $(seq 64)); \
             for h in $hash $other; do d=.git/lfs/objects/$(echo $h | cut -c1-2)/$(echo $h | cut -c3-4); \
             mkdir -p $d && printf large > $d/$h; done; echo x > x && git add x && git commit -qm x",
        );
        assert_eq!(array(&report["notes"]).len(), 0, "{report:#}");
        let found = Command::new("find")
            .args([table.folder.join(".git/lfs").to_str().unwrap(), "-type", "f"])
            .output()
            .unwrap();
        let found = text(&found.stdout);
        assert_eq!(found.lines().count(), 1, "what is not what its name says stays away: {found}");
        assert_eq!(fs::read_to_string(found.trim()).unwrap(), "large");
    });
}

#[test]
fn references_in_a_form_that_is_not_read_are_set_aside() {
    let bench = Bench::project();
    let folder = bench.outside("tables");
    fs::create_dir(&folder).unwrap();
    let made = Command::new("git")
        .args(["init", "-q", "--ref-format=reftable"])
        .current_dir(&folder)
        .status()
        .unwrap();
    if !made.success() || !works(&bench, "overlay") {
        eprintln!("SKIPPED: this git has no such form, or there is no overlay");
        return;
    }
    repository(&folder);
    let table = Table { bench: &bench, backend: "overlay", form: "reftable", folder };
    table.exp(0, &["init"]);
    table.exp(0, &["branch", "idea"]);
    let report =
        table.report("echo new > x && git add x && git commit -qm aside && git rev-parse HEAD");
    let note = array(&report["notes"])
        .iter()
        .map(word)
        .find(|note| note.contains("set aside") || note.contains("kept"));
    let note = note.unwrap_or_else(|| panic!("{report:#}"));
    let hint = note.split('`').find(|part| part.starts_with("GIT_ALT")).unwrap();
    let mut command = Command::new("sh");
    identify(command.arg("-c").arg(hint).current_dir(&table.folder));
    let shown = text(&command.output().unwrap().stdout);
    assert!(shown.contains("commit"), "{hint}\n{shown}");
}

/// What was committed in a view whose `exp` was killed is kept by the next command.
#[test]
fn commits_of_an_exp_that_was_killed_are_kept() {
    on_both_inside(|table| {
        let words = ["exec", "idea", "--backend", table.backend, "--", "sh", "-c"];
        let script = format!(
            "{COMMIT}; cd nested && git init -q . && {COMMIT}; cd .. && touch '{}'; sleep 60",
            table.bench.outside("ready").display()
        );
        let mut command = table.bench.command_in(&table.folder, &[&words[..], &[&script]].concat());
        identify(&mut command);
        let mut child = command.spawn().unwrap();
        while !table.bench.outside("ready").exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was ready");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(table.bench.outside("ready")).unwrap();
        let mut command = table.bench.command_in(&table.folder, &["status"]);
        identify(&mut command);
        let said = command.output().unwrap();
        let said = text(&said.stdout) + &text(&said.stderr);
        assert!(said.contains("is kept as refs/exp/idea"), "{}: {said}", table.backend);
        assert_eq!(git(&table.folder, &["show", "refs/exp/idea:a.txt"]), "2\n");
        assert_eq!(git(&table.folder.join("nested"), &["show", "refs/exp/idea:a.txt"]), "2\n");
    });
}
