//! Text of others on a terminal: whatever verb shows it, nothing in it is obeyed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use expdag::object::tree::EntryKind;

use super::common::{Bench, text};
use super::made::Made;
use super::terminal;

/// A title, a colour, a bell, C1, an override of direction.
const HOSTILE: &str = "\u{1b}]0;OWNED\u{7}\u{1b}[31mRED\u{202e}\u{9b}31m";

/// What must not come from text of others. Our own colours are other ones, or stand elsewhere.
const OBEYED: [&str; 5] = ["\u{1b}]0;", "\u{1b}[31mRED", "\u{7}", "\u{9b}", "\u{202e}"];

/// What a command writes when standard output and error are one terminal.
fn sent(bench: &Bench, arguments: &[&str]) -> String {
    let (ours, theirs) = terminal(120, 40);
    let mut command = bench.command(arguments);
    command.env("TERM", "xterm").stdin(std::process::Stdio::null());
    command.stdout(theirs.try_clone().unwrap()).stderr(theirs);
    let mut child = command.spawn().unwrap();
    drop(command);
    let (mut all, mut ours, mut piece) = (Vec::new(), File::from(ours), [0; 4096]);
    while let Ok(count @ 1..) = ours.read(&mut piece) {
        all.extend_from_slice(&piece[..count]);
    }
    assert!(child.wait().unwrap().code().is_some(), "{arguments:?}");
    text(&all)
}

/// A workspace in which everything that can have a text of others has one.
fn hostile() -> Bench {
    let bench = Bench::project();
    bench.write("told.sh", &format!("printf '{HOSTILE}\\n'; printf '{HOSTILE}\\n' >&2\n"));
    bench.write(
        "exp.toml",
        &format!(
            "{}\n[[stage]]\nname = \"told\"\nkind = \"gate\"\nrun = \"sh told.sh; false\"\n",
            super::common::CONFIG
        ),
    );
    let mut made = Made::with_text(HOSTILE);
    let file = made.file(HOSTILE.as_bytes(), format!("{HOSTILE}\n").as_bytes());
    let link = made.leaf(b"link", EntryKind::Symlink, HOSTILE.as_bytes());
    let tree = made.tree(vec![file, link]);
    let bundle = bench.outside("bundle");
    made.write(tree, &bundle);
    bench.ok(&["import", bundle.to_str().unwrap()]);
    bench.ok(&["tag", "t", "evil", "-m", HOSTILE]);
    bench.write(HOSTILE, "new\n");
    bench.ok(&["snapshot", "-m", HOSTILE]);
    bench.write(
        "state.json",
        &format!("{{\"k\": \"{}\"}}", "\\u001b]0;OWNED\\u0007\\u202e\\u009b31m"),
    );
    bench.ok(&["state", "put", "state.json", "-m", HOSTILE]);
    bench.run(&["try", &format!("a=sh told.sh # {HOSTILE}"), "b=true"]);
    bench
}

/// Each verb with arguments under which it shows what it can.
fn lines(bundle: &Path) -> Vec<(&'static str, Vec<Vec<String>>)> {
    let of = |lines: &[&str]| -> Vec<Vec<String>> {
        lines
            .iter()
            .map(|line| {
                line.split(' ')
                    .map(|word| {
                        word.replace("BUNDLE", bundle.to_str().unwrap()).replace("HOSTILE", HOSTILE)
                    })
                    .collect()
            })
            .collect()
    };
    vec![
        ("init", of(&["init --dry-run"])),
        ("deinit", of(&["deinit --dry-run"])),
        ("snapshot", of(&["snapshot --dry-run", "snapshot -m HOSTILE"])),
        (
            "state",
            of(&[
                "state get",
                "state log",
                "state diff",
                "state branch",
                "state get HOSTILE",
                "state get --at HOSTILE",
            ]),
        ),
        ("status", of(&["status", "status --json"])),
        ("log", of(&["log --all", "log --all --json", "log HOSTILE"])),
        ("show", of(&["show evil", "show HOSTILE", "show evil --json", "show e1/a"])),
        ("diff", of(&["diff main evil", "diff main evil --names", "diff main evil --json"])),
        ("branch", of(&["branch", "branch HOSTILE", "branch --delete HOSTILE"])),
        ("switch", of(&["switch HOSTILE", "switch evil --dry-run"])),
        ("exec", of(&["exec HOSTILE -- true", "exec evil -- HOSTILE", "exec evil -- true"])),
        ("try", of(&["try HOSTILE=true", "try c=HOSTILE"])),
        ("eval", of(&["eval evil", "eval"])),
        ("rank", of(&["rank", "rank HOSTILE"])),
        ("select", of(&["select", "select HOSTILE"])),
        ("compare", of(&["compare main evil", "compare main HOSTILE"])),
        ("experiments", of(&["experiments"])),
        ("experiment", of(&["experiment show", "experiment show HOSTILE"])),
        ("logs", of(&["logs e1/a", "logs e1/a told", "logs HOSTILE"])),
        ("shell", of(&["shell HOSTILE"])),
        ("hook", of(&["hook HOSTILE"])),
        ("merge", of(&["merge evil --dry-run", "merge HOSTILE"])),
        ("rollback", of(&["rollback --to evil --dry-run", "rollback --to HOSTILE"])),
        ("guard", of(&["guard --keep"])),
        ("undo", of(&["undo --dry-run", "undo HOSTILE"])),
        ("redo", of(&["redo", "redo HOSTILE"])),
        ("op", of(&["op log", "op log --json"])),
        ("tag", of(&["tag", "tag HOSTILE", "tag --json"])),
        ("audit", of(&["audit", "audit HOSTILE"])),
        ("export", of(&["export HOSTILE", "export evil -o BUNDLE.out"])),
        ("import", of(&["import BUNDLE", "import BUNDLE --dry-run", "import HOSTILE"])),
        ("fsck", of(&["fsck"])),
        ("gc", of(&["gc --dry-run", "gc"])),
        ("forget", of(&["forget HOSTILE --dry-run", "forget nothing"])),
        ("doctor", of(&["doctor"])),
        ("stats", of(&["stats"])),
        ("demo", of(&["demo HOSTILE/not/there"])),
        ("guide", of(&["guide", "guide HOSTILE"])),
        ("completions", of(&["completions HOSTILE"])),
        ("help", of(&["help HOSTILE"])),
    ]
}

#[test]
fn no_verb_lets_a_terminal_obey_text_of_others() {
    let bench = hostile();
    let bundle = bench.outside("bundle");
    let lines = lines(&bundle);
    let known: BTreeSet<&str> = lines.iter().map(|(verb, _)| *verb).collect();
    let help = bench.ok(&["--help"]);
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let named = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: BTreeSet<&str> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(known, verbs, "each verb has its lines here");
    let mut shown = 0;
    for (verb, lines) in &lines {
        for line in lines {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let sent = sent(&bench, &words);
            for obeyed in OBEYED {
                assert!(
                    !sent.contains(obeyed),
                    "{verb} {line:?} lets {obeyed:?} through: {sent:?}"
                );
            }
            shown += usize::from(sent.contains("OWNED"));
        }
    }
    // Most of these lines show such a text, or this test proves nothing.
    assert!(shown > 40, "{shown}");
}

#[test]
fn the_page_obeys_nothing_either() {
    let bench = hostile();
    let page = bench.outside("page.html");
    bench.run(&["experiment", "show", "--html", page.to_str().unwrap()]);
    let Ok(page) = fs::read_to_string(page) else { return };
    for obeyed in ["\u{1b}", "\u{7}", "\u{9b}", "\u{202e}"] {
        assert!(!page.contains(obeyed), "{obeyed:?}");
    }
}
