#!/usr/bin/env python3
"""Whole commands of `exp`, with `git` beside them in the same run, on a source tree.

Times are wall clock, taken in alternating pairs (what disturbs the machine disturbs both), given
as medians with the range, and beside them processor time, which a busy machine changes less.
Files that git ignores are removed from the copy first: a fresh checkout has none. Every command is checked for its exit code, and what it did is undone or
made different before the next sample, so that each sample does the same work.

    commands.py SOURCE --exp target/release/exp [--runs N] [--first N] [--scratch DIR] [--no-git]
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import alone


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=pathlib.Path, help="the source tree; it is copied")
    parser.add_argument("--exp", default="target/release/exp")
    parser.add_argument("--runs", type=int, default=9, help="samples of each quick command")
    parser.add_argument("--first", type=int, default=3, help="samples of the first snapshot")
    parser.add_argument("--scratch", help="where the copy goes; the temporary folder if none is given")
    parser.add_argument("--no-git", action="store_true", help="only exp")
    return parser.parse_args()


class Bench:
    def __init__(self, options, scratch):
        self.exp_path, self.scratch = os.path.abspath(options.exp), scratch
        self.options = options
        self.work = scratch / "work"
        self.environment = alone.environment(scratch)

    def run(self, *commands):
        """The seconds that these commands take together, by the clock and of processors."""
        start, spent = time.perf_counter(), os.times()
        for words in commands:
            done = subprocess.run(words, cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if done.returncode:
                raise SystemExit(f"{words}: exit {done.returncode}\n{done.stderr.decode()[:2000]}")
        wall, now = time.perf_counter() - start, os.times()
        busy = now.children_user + now.children_system - spent.children_user - spent.children_system
        return wall, busy

    def exp(self, *words):
        return [self.exp_path, *words]

    @staticmethod
    def git(*words):
        return ["git", "-c", "gc.auto=0", "-c", "maintenance.auto=false", *words]

    def compare(self, what, exp, git=None, prepare=lambda: None, restore=lambda: None, runs=None):
        """Alternates both, each after `prepare` and before `restore`; adds a row to the table."""
        ours, theirs = [], []
        for sample in range((runs or self.options.runs) + 1):
            pairs = [(ours, exp), (theirs, git)]
            for times, commands in pairs if sample % 2 else reversed(pairs):
                if commands and not (self.options.no_git and times is theirs):
                    prepare()
                    spent = self.run(*commands)
                    restore()
                    # The first sample of each warms the caches.
                    if sample or runs == 1:
                        times.append(spent)
        self.add(what, ours, theirs)

    @staticmethod
    def add(what, ours, theirs):
        def text(samples):
            if not samples:
                return "-"
            walls, busy = zip(*samples)
            low, high = min(walls) * 1e3, max(walls) * 1e3
            return (f"{statistics.median(walls) * 1e3:9.1f} ms ({low:.1f} to {high:.1f}; "
                    f"cpu {statistics.median(busy) * 1e3:.0f} ms; n={len(samples)})")

        def ratio(at):
            ours_middle = statistics.median(sample[at] for sample in ours)
            return statistics.median(sample[at] for sample in theirs) / max(ours_middle, 1e-3)

        ratios = f"{ratio(0):5.1f} x (cpu {ratio(1):.1f} x)" if theirs else ""
        print(f"{what:28} exp {text(ours):58} git {text(theirs):58} {ratios}", flush=True)

    def disk_bytes(self, path):
        return sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
                   for folder, _, names in os.walk(path) for name in names)


def first_snapshot(bench):
    """Each sample begins without a store; the content is in the page cache for both."""
    ours, theirs = [], []
    for _ in range(bench.options.first):
        shutil.rmtree(bench.scratch / "store", ignore_errors=True)
        (bench.work / "exp.toml").unlink(missing_ok=True)
        ours.append(bench.run(bench.exp("init", "--yes")))
        if not bench.options.no_git:
            shutil.rmtree(bench.scratch / "git", ignore_errors=True)
            bench.run(bench.git("init", "--quiet"))
            theirs.append(bench.run(bench.git("add", "--all"), bench.git("commit", "--quiet", "-m", "first")))
    bench.add("first snapshot", ours, theirs)
    size = lambda name: bench.disk_bytes(bench.scratch / name) / 1e6
    print(f"{'  on disk':28} exp {size('store'):9.1f} MB{'':46} git {size('git'):9.1f} MB", flush=True)


def pick_file(work):
    """A source file of middling size, deep in the tree, the same in each run."""
    found = sorted(path for path in work.rglob("*.[ch]") if 4_000 < path.stat().st_size < 40_000)
    if not found:
        raise SystemExit(f"no .c or .h file of 4 to 40 KB in {work.name}: give the source of a C project")
    return found[len(found) // 2]


def quick_commands(bench):
    bench.compare("status, nothing changed", [bench.exp("status")], [bench.git("status", "--short")])
    bench.compare("snapshot, nothing changed", [bench.exp("snapshot")],
                  [bench.git("add", "--all"), bench.git("diff", "--cached", "--quiet")])
    file = pick_file(bench.work)
    original, counter = file.read_bytes(), [0]

    def change():
        counter[0] += 1
        file.write_bytes(original + f"\n/* change {counter[0]} */\n".encode())

    bench.compare("snapshot, one file changed", [bench.exp("snapshot", "-m", "one")],
                  [bench.git("add", "--all"), bench.git("commit", "--quiet", "-m", "one")], prepare=change)
    # Both stand at the same files before one of them goes back.
    file.write_bytes(original)
    bench.run(bench.exp("snapshot", "-m", "here"), bench.exp("tag", "here"))
    if not bench.options.no_git:
        bench.run(bench.git("add", "--all"), bench.git("commit", "--quiet", "-m", "here"))
    bench.compare("go back one file", [bench.exp("rollback", "--to", "here")],
                  [bench.git("reset", "--hard", "--quiet")], prepare=change)
    branch = [0]

    def name():
        branch[0] += 1
        return [bench.exp("branch", f"b{branch[0]}")]

    ours = [bench.run(*name()) for _ in range(bench.options.runs + 1)]
    bench.add("create a branch", ours[1:], [])
    entering = bench.exp("exec", "b1", "--", "true")
    bench.run(entering)
    bench.compare("enter a branch's files (overlay)", [entering])
    if not bench.options.no_git:
        tree = bench.scratch / "worktree"
        spent = bench.run(bench.git("worktree", "add", "--quiet", str(tree)))
        bench.add("  git worktree add", [spent], [])
        shutil.rmtree(tree)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="exp-bench-", dir=options.scratch) as folder:
        scratch = pathlib.Path(folder).resolve()
        bench = Bench(options, scratch)
        subprocess.run(["cp", "-r", "--reflink=auto", str(options.source), str(bench.work)], check=True)
        bench.run(bench.git("init", "--quiet"), bench.git("clean", "-Xdffq"))
        subprocess.run(["sync"], check=True)
        first_snapshot(bench)
        quick_commands(bench)


if __name__ == "__main__":
    main()
