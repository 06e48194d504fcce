#!/usr/bin/env python3
"""The main job of `exp` on a real crate, with real cargo builds, asserted on `--json`.

Takes the source of a published crate with a real test suite, makes it a workspace, tries four
approaches that change its code by patches (`fast`, `slow`, `broken`, `wrong`), ranks, selects and
merges; then breaks it twice by hand and lets `guard` go back; undoes and redoes; proves the store.

    story.py --exp target/release/exp [--record FILE]    the story on the crate
    story.py --exp target/release/exp --small            a smoke of it with shell scripts alone:
                                                         needs no cargo, so any user can run it

Exits with 0 when every step came out as it must, else with 1 at the first that did not.
"""

import argparse
import difflib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CRATE, VERSION = "semver", "1.0.27"
COMMAND_SECONDS_MAX = 900

CONFIG = """\
[workspace]
warm = ["target"]

[[stage]]
name = "build"
kind = "gate"
run = "cargo build --all-targets --offline --features serde"
timeout = "5m"

[[stage]]
name = "test"
kind = "test"
run = "cargo test --offline --features serde --no-fail-fast"
report = "cargo"
timeout = "5m"

[[stage]]
name = "timing"
kind = "metric"
run = "cargo run --quiet --release --offline --example timing"
report = "number"
metric = "to_string"
unit = "ns"
better = "lower"
samples = 5
guard = true
timeout = "5m"

[limits]
failure_ratio = 0.30
slowdown = 0.20

[rank]
order = ["to_string"]
tolerance = 0.05
"""

TIMING = """\
//! Prints how long `Version::to_string` takes, in nanoseconds: the best of many rounds.

use semver::Version;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let texts = ["1.2.3", "10.20.30-alpha.1", "4294967296.0.7+build.5", "0.0.1-rc.2+exp.sha"];
    let versions: Vec<Version> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let (rounds, calls) = (200, 2_000);
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..calls {
            for version in &versions {
                black_box(black_box(version).to_string());
            }
        }
        let spent = start.elapsed().as_nanos() as f64;
        best = best.min(spent / (calls * versions.len()) as f64);
    }
    println!("{best:.2}");
}
"""

DISPLAY_CORE = '            write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)?;\n'
DISPLAY_TAIL = """\
            if !self.pre.is_empty() {
                write!(formatter, "-{}", self.pre)?;
            }
            if !self.build.is_empty() {
                write!(formatter, "+{}", self.build)?;
            }
"""

FAST_CORE = """\
            let mut text = [0_u8; 62];
            let mut at = text.len();
            for (i, mut number) in [self.patch, self.minor, self.major].iter().copied().enumerate() {
                if i > 0 {
                    at -= 1;
                    text[at] = b'.';
                }
                loop {
                    at -= 1;
                    text[at] = b'0' + (number % 10) as u8;
                    number /= 10;
                    if number == 0 {
                        break;
                    }
                }
            }
            formatter.write_str(core::str::from_utf8(&text[at..]).map_err(|_| fmt::Error)?)?;
"""
FAST_TAIL = """\
            if !self.pre.is_empty() {
                formatter.write_str("-")?;
                formatter.write_str(self.pre.as_str())?;
            }
            if !self.build.is_empty() {
                formatter.write_str("+")?;
                formatter.write_str(self.build.as_str())?;
            }
"""
SLOW_CORE = """\
            let numbers = [self.major, self.minor, self.patch];
            let words = numbers.iter().map(|number| alloc::format!("{:>1}", number));
            let words = words.collect::<alloc::vec::Vec<alloc::string::String>>();
            let text = words.iter().fold(alloc::string::String::new(), |text, word| {
                let dot = if text.is_empty() { "" } else { "." };
                alloc::format!("{}{}{}", text, dot, word)
            });
            formatter.write_str(&text)?;
"""
BROKEN_CORE = DISPLAY_CORE.replace("self.major", "self.mayor")
WRONG_CORE = DISPLAY_CORE.replace("{}.{}.{}", "{}.{}-{}")

PARSED = "            return Ok(Version::new(major, minor, patch));\n"
MISREAD = "            return Ok(Version::new(minor, major, patch));\n"
REQUIRED = "        unsafe { comparators.set_len(len) }\n"
FORGOTTEN = "        unsafe { comparators.set_len(len / 2) }\n"

# The project of `--small`: its stages are shell scripts.
SMALL_CONFIG = """\
[[stage]]
name = "build"
kind = "gate"
run = "test -f value.txt"
timeout = "1m"

[[stage]]
name = "test"
kind = "test"
run = "sh test.sh"
report = "cargo"
timeout = "1m"

[[stage]]
name = "value"
kind = "metric"
run = "cat value.txt"
report = "number"
better = "lower"
"""
SMALL_TEST = """\
bad=$(grep -c ^bad tests.txt)
total=$(grep -c . tests.txt)
echo "     Running tests/all.rs (target/debug/deps/all-0123456789abcdef)"
echo
echo "running $total tests"
while read -r word name; do
  if [ "$word" = ok ]; then echo "test $name ... ok"; else echo "test $name ... FAILED"; fi
done < tests.txt
echo
word=ok; [ "$bad" -eq 0 ] || word=FAILED
echo "test result: $word. $((total - bad)) passed; $bad failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"
[ "$bad" -eq 0 ]
"""


class Failed(Exception):
    """A step that came out otherwise than it must."""


class Transcript:
    """What is said, on standard output and in the file that `--record` names."""

    def __init__(self, record, hidden):
        self.lines, self.record, self.hidden = [], record, hidden

    def say(self, text=""):
        for real, shown in self.hidden:
            text = text.replace(real, shown)
        print(text, flush=True)
        self.lines.append(text)

    def save(self):
        if self.record:
            pathlib.Path(self.record).write_text("\n".join(self.lines) + "\n")


class Story:
    def __init__(self, exp, home, root, transcript):
        self.exp_path, self.root, self.transcript = exp, root, transcript
        kept = ("PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "HTTPS_PROXY", "https_proxy")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        user_home = os.path.expanduser("~")
        self.environment.setdefault("CARGO_HOME", os.path.join(user_home, ".cargo"))
        self.environment.setdefault("RUSTUP_HOME", os.path.join(user_home, ".rustup"))
        self.environment |= {
            "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "TMPDIR": str(home / "tmp"),
            "EXP_SESSION": "story", "USER": "story", "CARGO_TERM_COLOR": "never", "NO_COLOR": "1",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "story", "GIT_AUTHOR_EMAIL": "story@localhost",
            "GIT_COMMITTER_NAME": "story", "GIT_COMMITTER_EMAIL": "story@localhost",
        }
        (home / "tmp").mkdir()

    def say(self, text=""):
        self.transcript.say(text)

    def chapter(self, text):
        self.say(f"\n# {text}")

    def program(self, words, wanted=0, cwd=None):
        done = subprocess.run(
            words, cwd=cwd or self.root, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=COMMAND_SECONDS_MAX)
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if done.returncode != wanted:
            shown = " ".join(map(str, words))
            raise Failed(f"`{shown}` exited with {done.returncode} instead of {wanted}\n{out}\n{err}")
        return out, err

    def shell(self, text):
        self.say(f"$ {text}")
        self.program(["sh", "-ec", text])

    def exp(self, *words, wanted=0):
        """Runs a verb with `--json` and returns the value."""
        quoted = " ".join(f"'{word}'" if " " in word else word for word in words)
        self.say(f"$ exp {quoted}")
        out, err = self.program([self.exp_path, "--json", *words], wanted)
        try:
            return json.loads(out)
        except json.JSONDecodeError as error:
            raise Failed(f"exp {quoted}: no JSON: {error}\n{out}\n{err}")

    def show(self, *words):
        """Runs a verb that only reads, and shows its page."""
        self.say(f"$ exp {' '.join(words)}")
        self.say(self.program([self.exp_path, *words])[0].rstrip())

    def check(self, holds, what, value=None):
        if not holds:
            detail = "" if value is None else "\n" + json.dumps(value, indent=1, default=str)[:6000]
            raise Failed(f"not so: {what}{detail}")
        self.say(f"  ok: {what}")

    def files(self):
        """Every file that is captured, with its content and mode."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in (".git", ".exp", "target")]
            for name in names:
                path = pathlib.Path(folder, name)
                found[str(path.relative_to(self.root))] = (path.read_bytes(), path.stat().st_mode)
        return found

    def edit(self, path, changes):
        file = self.root / path
        file.write_text(replaced(file.read_text(), changes))

    def patch(self, name, path, changes):
        """Writes a patch file that makes these changes."""
        old = (self.root / path).read_text()
        lines = difflib.unified_diff(
            old.splitlines(True), replaced(old, changes).splitlines(True), f"a/{path}", f"b/{path}")
        folder = self.root / "approaches"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.patch").write_text("".join(lines))


def replaced(text, changes):
    for old, new in changes:
        if text.count(old) != 1:
            raise Failed(f"the crate's source is not as expected: {old!r}")
        text = text.replace(old, new)
    return text


def fetch(story, scratch):
    """Copies the crate's source, as cargo vendors it, into the workspace's folder."""
    fetcher = scratch / "fetcher"
    (fetcher / "src").mkdir(parents=True)
    (fetcher / "src/lib.rs").write_text("")
    (fetcher / "Cargo.toml").write_text(
        "[package]\nname = \"fetcher\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n"
        f"[dependencies]\n{CRATE} = {{ version = \"={VERSION}\", features = [\"serde\"] }}\n\n[workspace]\n")
    story.program(["cargo", "vendor", "--quiet", "vendor"], cwd=fetcher)
    source = fetcher / "vendor" / CRATE
    for name in ("src", "tests", "README.md", "LICENSE-MIT", "LICENSE-APACHE"):
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy(source / name, story.root / name)
    # The published manifest names every target by hand; the author's own finds them.
    shutil.copy(source / "Cargo.toml.orig", story.root / "Cargo.toml")
    (story.root / "examples").mkdir()
    (story.root / "examples/timing.rs").write_text(TIMING)
    (story.root / ".gitignore").write_text("/target\n")
    (story.root / "exp.toml").write_text(CONFIG)
    story.program(["cargo", "fetch", "--quiet"])


def build_crate(story):
    display, parse = "src/display.rs", "src/parse.rs"
    story.patch("fast", display, [(DISPLAY_CORE, FAST_CORE), (DISPLAY_TAIL, FAST_TAIL)])
    story.patch("slow", display, [(DISPLAY_CORE, SLOW_CORE)])
    story.patch("broken", display, [(DISPLAY_CORE, BROKEN_CORE)])
    story.patch("wrong", display, [(DISPLAY_CORE, WRONG_CORE)])
    story.patch("regression", parse, [(PARSED, MISREAD), (REQUIRED, FORGOTTEN)])
    story.patch("typo", parse, [(PARSED, PARSED.replace("new", "mew"))])


def race(story, approaches, evaluated_tests_min):
    """From `try` to the merge. Returns the names by verdict."""
    chapter = story.chapter
    chapter("Evaluate what is there")
    base = story.exp("eval")
    story.check(base["verdict"]["word"] == "good", "the start is good", base)
    tests = base["evaluation"]["passed"]
    story.check(tests >= evaluated_tests_min, f"{tests} tests were counted", base)

    chapter("Try four approaches at once, two at a time")
    before = story.files()
    tried = story.exp("try", *[f"{name}={run}" for name, run in approaches.items()], "--jobs", "2")
    story.check(tried["base_evaluation"]["from_memo"], "the base was not measured again", tried)
    story.check(tried["base_verdict"]["word"] == "good", "and is good", tried)
    left = {row["name"]: row for row in tried["approaches"]}
    story.check(all(row["candidate"] for row in left.values()), "each left a candidate", tried)
    story.check(story.files() == before, "the workspace's own files are untouched")

    chapter("Rank")
    ranked = story.exp("rank")
    story.show("rank")
    rows = {row["approach"]: row for row in ranked["rows"]}
    verdict = {name: rows[name]["verdict"] for name in approaches}
    story.check(ranked["winner"] == "fast", "the winner is fast", ranked)
    story.check(verdict["fast"]["word"] == "good", "fast is good", ranked)
    story.check(
        verdict["broken"]["word"] == "bad" and verdict["broken"]["trigger"] == "gate",
        "broken is bad: the gate failed", ranked)
    wrong, (passed, failed) = verdict["wrong"], rows["wrong"]["tests"] or (0, 0)
    by_policy = "bad" if failed > 0.30 * tests else "inconclusive"
    story.check(
        wrong["word"] == by_policy and failed > 0,
        f"wrong is {by_policy}: {failed} of {tests} tests fail", ranked)
    story.check(not rows["broken"]["feasible"], "broken cannot be chosen", ranked)
    story.check(not rows["wrong"]["feasible"], "wrong cannot be chosen", ranked)
    metric = {name: rows[name]["metrics"][0] for name in ("fast", "slow")}
    story.check(
        metric["fast"]["ratio"] < 1 < metric["slow"]["ratio"],
        f"fast takes {metric['fast']['ratio']:.2f} of the base's value, slow {metric['slow']['ratio']:.2f}",
        ranked)
    story.check(verdict["slow"]["word"] != "good" or rows["slow"]["place"] > rows["fast"]["place"],
                f"slow is behind ({verdict['slow']['word']})", ranked)

    chapter("Select, and merge what was selected")
    selected = story.exp("select")
    story.check(selected["selected"] == "fast", f"selected: fast ({selected['reason']})", selected)
    story.check(story.files() == before, "nothing is merged yet")
    merged = story.exp("merge", "--selected")
    story.check(merged["outcome"] == "fast-forward", "the merge was a fast-forward", merged)
    story.check(merged["verdict"]["word"] == "good", "and is good as merged", merged)
    return before


def regress(story, name, trigger):
    """A regression that is in the files already: `guard` must go back to the good tree."""
    good = story.good
    bad = story.files()
    story.check(bad != good, f"the files now hold a {name}")
    guarded = story.exp("guard", wanted=1)
    story.check(
        guarded["outcome"] == "rolled back" and guarded["verdict"]["trigger"] == trigger,
        f"guard went back (exit 1): {guarded['verdict']['reason']}", guarded)
    story.check(story.files() == good, "every file is again as in the good tree")
    return bad, guarded


def endings(story, bad):
    story.chapter("Undo and redo")
    story.exp("undo")
    story.check(story.files() == bad, "undo brings the bad files back: nothing was lost")
    story.exp("redo")
    story.check(story.files() == story.good, "redo goes to the good ones again")
    story.chapter("Prove the store")
    checked = story.exp("fsck")
    story.check(checked["problems"] == [], f"{checked['objects']} objects are sound", checked)
    rebuilt = story.exp("fsck", "--rebuild")
    story.check(rebuilt["problems"] == [], "and the catalogue can be built anew", rebuilt)
    story.show("log", "--all")


def on_crate(story, scratch):
    story.say(f"`exp` on the source of {CRATE} {VERSION}: real tests, real cargo builds.")
    story.chapter("A workspace")
    fetch(story, scratch)
    build_crate(story)
    story.shell("git init --quiet . && git add --all && git commit --quiet -m start")
    story.shell("cargo build --quiet --offline --all-targets --features serde")
    initial = story.exp("init", "--yes")
    story.check(isinstance(initial, dict), "init took the first snapshot")
    story.show("status")
    approaches = {
        name: f"git apply approaches/{name}.patch" for name in ("fast", "slow", "broken", "wrong")}
    before = race(story, approaches, 30)
    after = story.files()
    changed = {path for path in after | before if before.get(path) != after.get(path)}
    story.check(changed == {"src/display.rs"}, "it brought one file: src/display.rs", sorted(changed))
    story.good = after

    story.chapter("Branches are warm")
    words = [story.exp_path, "exec", "e1/slow", "--no-capture", "--", "cargo", "build", "--offline",
             "--features", "serde"]
    story.say("$ exp exec e1/slow --no-capture -- cargo build --offline --features serde")
    out, err = story.program(words)
    compiled = [line.split()[1] for line in (out + err).splitlines() if line.split()[:1] == ["Compiling"]]
    story.check(compiled == [CRATE], f"only what differs was compiled: {compiled}", out + err)

    story.chapter("Somebody breaks many tests; guard notices, and goes back")
    story.shell("git apply approaches/regression.patch")
    bad, guarded = regress(story, "regression", "failures")
    story.check(len(guarded["newly_failing"]) > 0.3 * guarded["evaluation"]["passed"] / 2,
                f"{len(guarded['newly_failing'])} tests are named", guarded)
    story.shell("cargo test --quiet --offline --features serde")
    story.check(True, "and cargo agrees: the workspace builds and passes")
    endings(story, bad)

    story.chapter("Somebody leaves what does not compile; guard goes back again")
    story.shell("git apply approaches/typo.patch")
    bad, guarded = regress(story, "typo", "gate")
    story.check(any("mew" in line for line in guarded["errors"]),
                "the compiler's error is quoted", guarded["errors"])
    story.shell("cargo build --quiet --offline --features serde")
    endings(story, bad)


def on_small(story, _scratch):
    story.say("`exp` on a project of shell scripts.")
    story.chapter("A workspace")
    for path, text in {
        "exp.toml": SMALL_CONFIG, "test.sh": SMALL_TEST, "value.txt": "10\n",
        "tests.txt": "ok a\nok b\nok c\nok d\n",
    }.items():
        (story.root / path).write_text(text)
    story.exp("init", "--yes")
    race(story, {
        "fast": "echo 5 > value.txt", "slow": "echo 20 > value.txt", "broken": "rm value.txt",
        "wrong": "printf 'bad a\\nok b\\nok c\\nok d\\n' > tests.txt",
    }, 4)
    story.good = story.files()
    story.chapter("A regression")
    story.shell("printf 'bad a\\nbad b\\nok c\\nok d\\n' > tests.txt")
    bad, _ = regress(story, "regression", "failures")
    endings(story, bad)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", required=True, help="the command to tell the story with")
    parser.add_argument("--record", metavar="FILE", help="write the transcript to this file")
    parser.add_argument("--small", action="store_true", help="shell scripts instead of a crate")
    options = parser.parse_args()
    exp = os.path.abspath(options.exp)
    with tempfile.TemporaryDirectory(prefix="exp-story-") as folder:
        scratch = pathlib.Path(folder).resolve()
        root, home = scratch / "work", scratch / "home"
        root.mkdir()
        home.mkdir()
        transcript = Transcript(options.record, [(str(root), "~/work"), (str(scratch), "~")])
        story = Story(exp, home, root, transcript)
        try:
            (on_small if options.small else on_crate)(story, scratch)
        except (Failed, subprocess.TimeoutExpired, OSError, KeyError, TypeError) as failure:
            print(f"story: {type(failure).__name__}: {failure}", file=sys.stderr)
            return 1
        story.say("\nThe story came out as it must.")
        transcript.save()
        return 0


if __name__ == "__main__":
    sys.exit(main())
