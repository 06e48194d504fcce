#!/usr/bin/env python3
"""The whole job on a Cargo project: several approaches, each a changed line, built and tested, to a
ranked table. Several ways, in one run and at the same parallelism:

- git worktree: a fresh worktree for each approach, `cargo build`, `cargo test`;
- copied target: the same, with the project's `target` copied into each worktree first;
- exp try: overlay views, warm from the project's own `target`;
- bare overlay (as root): the limit. The same commands in overlays mounted by a shell script over the
  project's own path: nothing captured, proved, recorded, read or ranked.

The project is built and tested once before anything is timed, for all three. What `exp` spends on
the base is given apart: it is measured once and remembered. Every approach must pass.

    race.py SOURCE --exp target/release/exp [--approaches 8] [--jobs 2] [--rounds 1]
            [--file src/main.rs] [--test "--bin rg"] [--scratch DIR]
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=pathlib.Path, help="a Cargo project; it is copied")
    parser.add_argument("--exp", default="target/release/exp")
    parser.add_argument("--approaches", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--file", default="src/main.rs", help="the file that each approach changes")
    parser.add_argument("--test", default="", help="what follows `cargo test`")
    parser.add_argument("--quick", action="store_true", help="without cold worktrees")
    parser.add_argument("--scratch", help="where the copies go")
    return parser.parse_args()


class Bench:
    def __init__(self, options, scratch):
        self.options, self.scratch, self.work = options, scratch, scratch / "work"
        self.exp_path = os.path.abspath(options.exp)
        self.test = f"cargo test {options.test}".strip()
        self.environment = dict(os.environ, XDG_STATE_HOME=str(scratch / "state"), EXP_SESSION="bench",
                                GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
        for name in ("AUTHOR", "COMMITTER"):
            self.environment[f"GIT_{name}_NAME"] = "bench"
            self.environment[f"GIT_{name}_EMAIL"] = "bench@localhost"
        self.environment.pop("CARGO_TARGET_DIR", None)

    def run(self, words, folder=None):
        done = subprocess.run(words, cwd=folder or self.work, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"{words}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def change(self, round_, number):
        return f"echo '// approach {round_}-{number}' >> {self.options.file}"

    def worktrees(self, round_, copy_target):
        """The seconds until every approach is built and tested in a worktree of its own."""
        def approach(number):
            folder = self.scratch / f"tree-{number}"
            self.run(["git", "worktree", "add", "--quiet", "--detach", str(folder)])
            if copy_target:
                self.run(["cp", "-a", "--reflink=auto", "target", str(folder / "target")])
            steps = f"{self.change(round_, number)} && cargo build --offline && {self.test} --offline"
            self.run(["sh", "-c", steps], folder)

        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            list(pool.map(approach, range(self.options.approaches)))
        spent = time.perf_counter() - start
        for number in range(self.options.approaches):
            shutil.rmtree(self.scratch / f"tree-{number}")
        self.run(["git", "worktree", "prune"])
        return spent

    def bare(self, round_):
        """The seconds until every approach is built and tested in an overlay that a script mounts."""
        def approach(number):
            layer = self.scratch / f"layer-{number}"
            for part in ("upper", "work"):
                (layer / part).mkdir(parents=True)
            mount = (f"mount -t overlay overlay -o lowerdir={self.work},upperdir={layer}/upper,"
                     f"workdir={layer}/work {self.work} && cd {self.work}")
            steps = f"{self.change(round_, number)} && cargo build --offline && {self.test} --offline"
            self.run(["unshare", "--mount", "sh", "-c", f"{mount} && {steps}"])
            shutil.rmtree(layer)

        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            list(pool.map(approach, range(self.options.approaches)))
        return time.perf_counter() - start

    def race(self, round_):
        """The seconds until the ranked table stands there."""
        approaches = [f"a{number}={self.change(round_, number)}" for number in range(self.options.approaches)]
        start = time.perf_counter()
        report = self.run([self.exp_path, "--json", "try", *approaches, "--jobs", str(self.options.jobs)])
        spent = time.perf_counter() - start
        rows = json.loads(report)["ranking"]["rows"]
        good = [row for row in rows if row["verdict"]["word"] == "good"]
        if len(good) != self.options.approaches:
            raise SystemExit(f"only {len(good)} approaches are good: {report[-2000:]}")
        return spent

    def prepare(self):
        ignored = shutil.ignore_patterns("target", ".git", ".cargo-ok", ".cargo_vcs_info.json")
        shutil.copytree(self.options.source, self.work, symlinks=True, ignore=ignored)
        (self.work / ".gitignore").write_text("/target\n")
        self.run(["cargo", "fetch", "--quiet"])
        self.run(["git", "init", "--quiet"])
        self.run(["git", "add", "--all"])
        self.run(["git", "commit", "--quiet", "-m", "first"])
        start = time.perf_counter()
        self.run(["cargo", "build", "--offline"])
        cold = time.perf_counter() - start
        self.run(["sh", "-c", f"{self.test} --offline"])
        (self.work / "exp.toml").write_text(
            '[workspace]\nwarm = ["target"]\n\n'
            '[[stage]]\nname = "build"\nkind = "gate"\nrun = "cargo build --offline"\ntimeout = "10m"\n\n'
            f'[[stage]]\nname = "test"\nkind = "test"\nrun = "{self.test} --offline --no-fail-fast"\n'
            'report = "cargo"\ntimeout = "10m"\n')
        print(f"cold `cargo build` of the project: {cold:.1f} s", flush=True)
        self.run([self.exp_path, "init", "--yes"])
        start = time.perf_counter()
        self.run([self.exp_path, "eval"])
        print(f"the base, measured once:           {time.perf_counter() - start:.1f} s", flush=True)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="exp-race-", dir=options.scratch) as folder:
        bench = Bench(options, pathlib.Path(folder).resolve())
        bench.prepare()
        ways = {"exp try": [], "bare overlay": [], "copied target": [], "git worktree": []}
        is_root = os.geteuid() == 0
        for round_ in range(options.rounds):
            ways["exp try"].append(bench.race(round_))
            if is_root:
                ways["bare overlay"].append(bench.bare(round_))
            ways["copied target"].append(bench.worktrees(round_, True))
            if not options.quick:
                ways["git worktree"].append(bench.worktrees(round_, False))
        ours = statistics.median(ways["exp try"])
        print(f"{options.approaches} approaches, {options.jobs} at a time, {bench.test}:")
        for way, times in ways.items():
            if not times:
                continue
            middle = statistics.median(times)
            print(f"  {way:15} {middle:7.1f} s  {middle / ours:5.1f} x  (n={len(times)})", flush=True)


if __name__ == "__main__":
    main()
