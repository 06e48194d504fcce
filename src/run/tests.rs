//! Commands run for real. What this machine's kernel refuses is asked of [`probe`] first.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::base::mount::{Bind, MountPlan, Overlay};

fn go(command: &Command) -> Finished {
    run(command, &Cancel::new(), &mut |_| {}).unwrap()
}

fn stdout(finished: &Finished) -> String {
    String::from_utf8(finished.stdout.clone()).unwrap()
}

/// Whether a process with this number runs (one that has ended but was not reaped does not).
fn is_alive(pid: &str) -> bool {
    if pid.trim().is_empty() {
        return false;
    }
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// A workspace with layers beside it, and a plan that shows it at its own path.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// None where the kernel refuses views; then the probe has said why.
    fn new() -> Option<Self> {
        let scratch = tempfile::tempdir().unwrap();
        if let Err(reason) = probe(scratch.path()) {
            // The reason itself is asserted: a probe that fails for want of care would hide all.
            assert!(reason.starts_with("could not"), "{reason}");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("odd,:\\ name").tempdir().unwrap();
        for name in ["work space", "upper", "work", "store"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("work space/file"), "below\n").unwrap();
        Some(Self { folder })
    }

    fn workspace(&self) -> std::path::PathBuf {
        self.folder.path().join("work space")
    }

    fn plan(&self) -> MountPlan {
        let at = self.folder.path();
        let overlay = Overlay {
            lowers: vec![self.workspace()],
            upper: at.join("upper"),
            work: at.join("work"),
            target: self.workspace(),
        };
        MountPlan { overlays: vec![overlay], binds: Vec::new() }
    }

    fn shell(&self, text: &str) -> Command {
        let mut command = Command::shell(text, self.workspace());
        command.mount = Some(self.plan());
        command
    }
}

#[test]
fn codes_and_signals_pass_through() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = |text: &str| go(&Command::shell(text, folder.path())).outcome;
    assert_eq!(outcome("exit 0"), Outcome::Exited(0));
    assert_eq!(outcome("exit 125"), Outcome::Exited(125));
    assert_eq!(outcome("kill -9 $$"), Outcome::Signalled(9));
    assert_eq!(outcome("kill -TERM $$"), Outcome::Signalled(15));
    // A command that signals its own group must not end the keeper.
    assert_eq!(outcome("kill -TERM 0"), Outcome::Signalled(15));
}

#[test]
fn what_does_not_exist_did_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let shell = go(&Command::shell("no-such-program --help", folder.path())).outcome;
    let Outcome::DidNotStart { reason, exit: 127 } = shell else { panic!("{shell:?}") };
    assert!(reason.contains("no-such-program"), "{reason}");
    let mut missing = Command::argv(["no-such-program"], folder.path());
    // A folder of the search path that may not be entered would be the reason instead.
    missing.environment = vec![("PATH".into(), Some("/usr/bin:/bin".into()))];
    let argv = go(&missing).outcome;
    assert!(matches!(argv, Outcome::DidNotStart { exit: 127, .. }), "{argv:?}");
    fs::write(folder.path().join("plain"), "").unwrap();
    let argv = go(&Command::argv(["./plain"], folder.path())).outcome;
    assert!(matches!(argv, Outcome::DidNotStart { exit: 126, .. }), "{argv:?}");
    // From a program that is no shell, 127 is an answer like any other.
    let argv = go(&Command::argv(["sh", "-c", "exit 127"], folder.path())).outcome;
    assert_eq!(argv, Outcome::Exited(127));
}

#[test]
fn a_missing_folder_is_named() {
    let error = run(&Command::shell("true", "/no/such"), &Cancel::new(), &mut |_| {}).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("could not enter the folder `/no/such`"), "{message}");
}

#[test]
fn output_is_joined_in_order_or_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        Command::shell("for i in 1 2 3; do echo o$i; echo e$i >&2; done", folder.path());
    command.log = Some(folder.path().join("log"));
    let finished = go(&command);
    assert_eq!(stdout(&finished), "o1\ne1\no2\ne2\no3\ne3\n");
    assert_eq!(fs::read(folder.path().join("log")).unwrap(), finished.tail);
    command.stdio = Stdio::Separate;
    let finished = go(&command);
    assert_eq!(stdout(&finished), "o1\no2\no3\n");
    assert_eq!(finished.output_bytes, 18);
}

#[test]
fn the_environment_is_changed_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        Command::shell("echo ${EXP_A-none} ${HOME-none}; test -n \"$PATH\"", folder.path());
    command.environment = vec![("EXP_A".into(), Some("set".into())), ("HOME".into(), None)];
    let finished = go(&command);
    assert_eq!(stdout(&finished), "set none\n");
    assert_eq!(finished.outcome, Outcome::Exited(0));
}

#[test]
fn at_the_limit_all_descendants_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    // One that ignores being asked, in a session of its own, below one that waits.
    let text = "setsid sh -c 'trap \"\" TERM; echo $$ > stubborn; while :; do sleep 60; done' & \
                while ! test -s stubborn; do :; done; trap '' TERM; sleep 60; sleep 60";
    let mut command = Command::shell(text, folder.path());
    command.limit = Some(Duration::from_millis(300));
    command.grace = Duration::from_millis(100);
    let started = Instant::now();
    let finished = go(&command);
    assert_eq!(finished.outcome, Outcome::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(20));
    let pid = fs::read_to_string(folder.path().join("stubborn")).unwrap();
    assert!(!is_alive(&pid));
}

#[test]
fn at_the_limit_it_is_asked_first() {
    let folder = tempfile::tempdir().unwrap();
    let text = "trap 'echo asked; exit 3' TERM; while :; do sleep 0.05; done";
    let mut command = Command::shell(text, folder.path());
    command.limit = Some(Duration::from_millis(100));
    let finished = go(&command);
    assert_eq!(finished.outcome, Outcome::TimedOut);
    // The shell may also say that what it waited for was terminated.
    assert!(stdout(&finished).ends_with("asked\n"));
}

#[test]
fn a_daemon_that_keeps_the_pipe_open_does_not_hold_us() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "setsid sh -c 'echo $$ > daemon; sleep 60' & while ! test -s daemon; do :; done; echo done";
    let started = Instant::now();
    let finished = go(&Command::shell(text, folder.path()));
    assert_eq!(
        (finished.outcome.clone(), stdout(&finished)),
        (Outcome::Exited(0), "done\n".into())
    );
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(!is_alive(&fs::read_to_string(folder.path().join("daemon")).unwrap()));
}

#[test]
fn cancelling_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::new();
    let finished =
        run(&Command::shell("echo go; sleep 60", folder.path()), &cancel, &mut |_| cancel.cancel());
    assert_eq!(finished.unwrap().outcome, Outcome::Cancelled);
}

#[test]
fn a_flood_of_output_is_bounded_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::shell("yes", folder.path());
    command.limit = Some(Duration::from_millis(200));
    command.stdio = Stdio::Separate;
    let finished = go(&command);
    assert_eq!(finished.outcome, Outcome::TimedOut);
    assert!(finished.stdout_truncated && finished.tail.len() <= 64 << 10);
}

#[test]
fn only_the_three_descriptors_are_inherited() {
    use std::os::fd::AsRawFd;
    let folder = tempfile::tempdir().unwrap();
    let leaked = fs::File::open(folder.path()).unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let mut command = Command::argv(["ls", "-1", "/proc/self/fd"], folder.path());
    let check = |command: &Command| {
        let listed = stdout(&go(command));
        let numbers: Vec<i32> = listed.lines().map(|line| line.parse().unwrap()).collect();
        // `ls` itself opens the folder that it lists.
        assert!(numbers.len() == 4 && numbers.starts_with(&[0, 1, 2]), "{listed}");
        assert!(leaked.as_raw_fd() == 3 || !numbers.contains(&leaked.as_raw_fd()));
    };
    check(&command);
    if let Some(place) = Place::new() {
        command.mount = Some(place.plan());
        check(&command);
    }
}

#[test]
fn a_view_is_at_the_same_path_and_lets_nothing_through() {
    let Some(place) = Place::new() else { return };
    let finished =
        go(&place.shell("pwd && echo more >> file && mkdir new && rm -f none && cat file"));
    let wanted = format!("{}\nbelow\nmore\n", place.workspace().display());
    assert_eq!((finished.outcome.clone(), stdout(&finished)), (Outcome::Exited(0), wanted));
    assert_eq!(fs::read(place.workspace().join("file")).unwrap(), b"below\n");
    assert!(!place.workspace().join("new").exists());
    assert_eq!(fs::read(place.folder.path().join("upper/file")).unwrap(), b"below\nmore\n");
    // A later command in the same view sees it, and codes pass through from inside.
    assert_eq!(go(&place.shell("grep -q more file && exit 7")).outcome, Outcome::Exited(7));
    assert_eq!(go(&place.shell("kill -9 $$")).outcome, Outcome::Signalled(9));
    let missing = go(&place.shell("no-such-program")).outcome;
    assert!(matches!(missing, Outcome::DidNotStart { exit: 127, .. }), "{missing:?}");
}

#[test]
fn owners_stay_themselves_and_capabilities_do_not_come_along() {
    let Some(place) = Place::new() else { return };
    let user = rustix::process::geteuid().as_raw();
    let finished = go(&place.shell("id -u; grep CapEff /proc/self/status; stat -c %u file"));
    let lines: Vec<String> = stdout(&finished).lines().map(str::to_owned).collect();
    assert_eq!((lines[0].clone(), lines[2].clone()), (user.to_string(), user.to_string()));
    // What tries to keep owners must not fail, as it does for a false root.
    let copying = "mkdir sub && cp -a file sub/a && tar cf - file | tar xpf - -C sub && ls sub";
    assert_eq!(stdout(&go(&place.shell(copying))), "a\nfile\n");
    if user != 0 {
        assert_eq!(lines[1], "CapEff:\t0000000000000000");
    }
}

#[test]
fn no_daemon_outlives_a_view() {
    let Some(place) = Place::new() else { return };
    // It would go on writing into the upper; the namespace's number of it says nothing outside,
    // so its work is watched: the file stands still once the command has ended.
    let text = "setsid sh -c 'trap \"\" TERM HUP; while :; do echo x >> ticks; done' & \
                while ! test -s ticks; do :; done; echo $$";
    let started = Instant::now();
    let finished = go(&place.shell(text));
    assert_eq!(finished.outcome, Outcome::Exited(0));
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(stdout(&finished).trim().parse::<u32>().unwrap() < 10, "a PID namespace of its own");
    let length = || fs::metadata(place.folder.path().join("upper/ticks")).unwrap().len();
    let before = length();
    go(&Command::shell("for i in 1 2 3 4 5 6 7 8 9; do :; done", "/"));
    assert_eq!(length(), before);
}

#[test]
fn a_view_is_stopped_at_its_limit() {
    let Some(place) = Place::new() else { return };
    let mut command = place.shell("trap '' TERM; setsid sleep 60 & sleep 60; sleep 60");
    command.limit = Some(Duration::from_millis(200));
    command.grace = Duration::from_millis(100);
    let started = Instant::now();
    assert_eq!(go(&command).outcome, Outcome::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(20));
    let mut command = place.shell("trap 'echo asked; exit 3' TERM; while :; do sleep 0.05; done");
    command.limit = Some(Duration::from_millis(300));
    let finished = go(&command);
    assert_eq!(finished.outcome, Outcome::TimedOut);
    assert!(stdout(&finished).ends_with("asked\n"));
}

#[test]
fn binds_show_the_real_place_and_read_only_ones_refuse() {
    let Some(place) = Place::new() else { return };
    let inside = place.workspace().join("inner");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("heads"), "real").unwrap();
    let mut command = place.shell(
        "cat inner/heads; echo x 2>/dev/null > inner/heads || echo refused; echo y > store/y; cat store/y",
    );
    fs::create_dir(place.workspace().join("store")).unwrap();
    let plan = command.mount.as_mut().unwrap();
    plan.binds.push(Bind { source: inside.clone(), target: inside, read_only: true });
    let (source, target) = (place.folder.path().join("store"), place.workspace().join("store"));
    plan.binds.push(Bind { source: source.clone(), target, read_only: false });
    assert_eq!(stdout(&go(&command)), "realrefused\ny\n");
    assert_eq!(fs::read(source.join("y")).unwrap(), b"y\n");
}

#[test]
fn a_mount_that_fails_names_the_step() {
    let Some(place) = Place::new() else { return };
    let mut command = place.shell("true");
    let gone = place.folder.path().join("gone");
    command.mount.as_mut().unwrap().binds.push(Bind {
        source: gone.clone(),
        target: gone,
        read_only: true,
    });
    let message = run(&command, &Cancel::new(), &mut |_| {}).unwrap_err().to_string();
    assert!(message.starts_with("could not open the source of a bind at `"), "{message}");
    let mut command = place.shell("true");
    fs::remove_dir_all(place.folder.path().join("upper")).unwrap();
    command.limit = None;
    let message = run(&command, &Cancel::new(), &mut |_| {}).unwrap_err().to_string();
    assert!(message.starts_with("could not mount an overlay over `"), "{message}");
}

/// The children of this very test: a run of it as a process that is then killed.
#[test]
fn killing_the_caller_ends_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new();
    let inner = "setsid sh -c 'echo $$ > orphan; exec sleep 60' & while ! test -s orphan; do :; done; sleep 60";
    // A shell in the place of the caller cannot be used: only `run` makes keepers. So a thread is
    // the caller, and ends without waiting: the child is bound to the thread that started it.
    let mut commands = vec![Command::shell(inner, folder.path())];
    if let Some(place) = &place {
        commands.push(place.shell("exec sleep 60"));
    }
    for command in commands {
        let keeper = super::process::start_and_abandon(&command);
        wait_until(|| !is_alive(&keeper));
    }
    wait_until(|| !is_alive(&fs::read_to_string(folder.path().join("orphan")).unwrap_or_default()));
}

/// Without a namespace the keeper is a process like any other: its command can kill or stop it.
#[test]
fn a_command_that_kills_its_keeper_ends_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let text = "setsid sh -c 'echo $$ > orphan; exec sleep 60' & while ! test -s orphan; do :; done; \
                kill -9 $PPID; exec sleep 60";
    let finished = go(&Command::shell(text, folder.path()));
    assert!(finished.is_keeper_lost);
    assert_eq!(finished.outcome, Outcome::Signalled(9));
    let orphan = fs::read_to_string(folder.path().join("orphan")).unwrap();
    wait_until(|| !is_alive(&orphan));
    let finished = go(&Command::shell("kill -STOP $PPID; exit 3", folder.path()));
    assert_eq!((finished.outcome, finished.is_keeper_lost), (Outcome::Exited(3), false));
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "it did not come true in time");
        std::thread::yield_now();
    }
}

#[test]
fn the_probe_leaves_the_folder_below_alone() {
    let scratch = tempfile::tempdir().unwrap();
    if probe(scratch.path()).is_ok() {
        assert_eq!(fs::read(scratch.path().join("lower/below")).unwrap(), b"below");
        assert!(Path::new(&scratch.path().join("upper/locked")).symlink_metadata().is_err());
    }
}

/// Renaming a folder from below is refused as between two file systems; tools fall back to copying.
#[test]
fn renaming_a_folder_from_below_is_refused_not_half_done() {
    let Some(place) = Place::new() else { return };
    fs::create_dir(place.workspace().join("dir")).unwrap();
    fs::write(place.workspace().join("dir/file"), "x").unwrap();
    let finished = go(&place.shell("mv dir moved && ls dir moved/file 2>/dev/null"));
    assert_eq!(stdout(&finished), "moved/file\n");
    assert!(place.workspace().join("dir/file").exists());
}

/// A caller that is killed cannot clean up, so the kernel has to. The caller is this very test
/// program, started again to run the test below.
#[test]
fn killing_the_calling_process_ends_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    // Not through `run`, whose own keeper would hide that the caller's keepers do nothing.
    let mut caller = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "run::tests::as_a_caller"])
        .env("EXP_TEST_CALLER", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    wait_until(|| read("plain").ends_with('\n') && read("orphan").ends_with('\n'));
    caller.kill().unwrap();
    caller.wait().unwrap();
    for name in ["plain", "orphan"] {
        wait_until(|| !is_alive(&read(name)));
    }
    // The view's own numbers say nothing outside: what it wrote last must stay the last.
    wait_until(|| {
        let before = read("ticks").len();
        go(&Command::shell("for i in 1 2 3 4 5 6 7 8 9; do :; done", "/"));
        read("ticks").len() == before
    });
}

/// Does nothing by itself: the caller of the test above.
#[test]
fn as_a_caller() {
    let Some(folder) = std::env::var_os("EXP_TEST_CALLER") else { return };
    let folder = Path::new(&folder);
    fs::write(folder.join("caller"), std::process::id().to_string()).unwrap();
    let place = Place::new();
    std::thread::scope(|scope| {
        if let Some(place) = &place {
            let text = format!("while :; do echo x >> '{}'/ticks; done", folder.display());
            scope.spawn(move || go(&place.shell(&text)));
            wait_until(|| folder.join("ticks").exists());
        }
        let text = "echo $$ > plain; setsid sh -c 'trap \"\" TERM HUP; echo $$ > orphan; sleep 60; sleep 60' & sleep 60";
        go(&Command::shell(text, folder));
    });
}

/// A view of a git worktree: its references lie in the main repository's folder, which needs an
/// overlay of its own, or a commit in the view moves the user's branch.
#[test]
fn a_commit_in_a_view_of_a_worktree_moves_nothing_outside() {
    let Some(place) = Place::new() else { return };
    let at = place.folder.path();
    let identity = "git() { command git -c user.name=n -c user.email=e@e \"$@\"; }; set -e; ";
    let setup = "rm -r 'work space' && git init -q main && git -C main commit -q --allow-empty -m x && \
                 git -C main worktree add -q -b side '../work space' 2>/dev/null && mkdir git git-work";
    let mut command = Command::shell(format!("{identity}{setup}"), at);
    let finished = go(&command);
    assert!(finished.outcome.is_success(), "{}", stdout(&finished));
    let git_place = git::discover(&place.workspace()).unwrap().unwrap();
    let before = git::head(&git_place).unwrap();
    let common = git_place.common_dir.clone();
    let mut plan = place.plan();
    plan.overlays.push(Overlay {
        lowers: vec![common.clone()],
        upper: at.join("git"),
        work: at.join("git-work"),
        target: common,
    });
    let store = git_place.common_dir.join("exp");
    fs::create_dir(&store).unwrap();
    plan.binds.push(Bind { source: store.clone(), target: store, read_only: true });
    command = place.shell(&format!(
        "{identity}echo y > y; git add y; git commit -q -m y; git rev-list --count HEAD; \
         git clean -qfdx; git -C ../main stash -qa || true"
    ));
    command.mount = Some(plan);
    let finished = go(&command);
    assert!(finished.outcome.is_success(), "{}", stdout(&finished));
    assert!(stdout(&finished).starts_with("2\n"), "{}", stdout(&finished));
    assert_eq!(git::head(&git_place).unwrap(), before);
}

#[test]
fn what_does_not_exist_in_a_view_did_not_start() {
    let Some(place) = Place::new() else { return };
    let mut command = place.shell("");
    command.program = Program::Argv(vec!["./no-such-program".into()]);
    let outcome = go(&command).outcome;
    assert!(matches!(outcome, Outcome::DidNotStart { exit: 127, .. }), "{outcome:?}");
}

#[test]
fn inherited_streams_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::shell("exec < /dev/null; exit 5", folder.path());
    command.stdio = Stdio::Inherited;
    let finished = go(&command);
    assert_eq!((finished.outcome, finished.output_bytes), (Outcome::Exited(5), 0));
}
