#!/usr/bin/env python3
"""The store's figures, with a bare loop, `git` and `restic` beside in the same run, on a source tree.

Wall clock, processor time and peak memory of whole commands, taken in turns (what disturbs the machine
disturbs all), given as medians with the range. Files that git ignores are removed from the copy first.
Nothing is deleted before a tree is read back: ext4 looks for inodes that were not freed lately, and
that would be measured.

    store.py SOURCE [PART …] --exp target/release/exp --helper STORE-BENCH [--runs N] [--scratch DIR]

Parts: first (snapshot of a whole tree), change (one file), back (the whole tree again), many (100,000
snapshots), large (a file of 4 GiB). All of them where none is named.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

import alone

PARTS = ["first", "change", "back", "many", "large"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=pathlib.Path, help="the source tree; it is copied")
    parser.add_argument("part", nargs="*", default=PARTS, help=f"of {', '.join(PARTS)}")
    parser.add_argument("--exp", default="target/release/exp")
    parser.add_argument("--helper", required=True, help="the program that benches/store.rs makes")
    parser.add_argument("--runs", type=int, default=3, help="samples of each slow command")
    parser.add_argument("--quick-runs", type=int, default=15, help="samples of each quick command")
    parser.add_argument("--snapshots", type=int, default=100_000)
    parser.add_argument("--large-mib", type=int, default=4096)
    parser.add_argument("--scratch", help="where the copy goes; the temporary folder if none is given")
    options = parser.parse_args()
    unknown = set(options.part) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


class Spent:
    def __init__(self, wall, busy, peak_kb):
        self.wall, self.busy, self.peak_kb = wall, busy, peak_kb


class Bench:
    def __init__(self, options, scratch):
        self.options, self.scratch, self.work = options, scratch, scratch / "work"
        self.exp_path, self.helper = os.path.abspath(options.exp), os.path.abspath(options.helper)
        self.has_restic = shutil.which("restic") is not None
        self.environment = {
            **alone.environment(scratch),
            "RESTIC_REPOSITORY": str(scratch / "restic"), "RESTIC_PASSWORD": "bench",
        }

    def run(self, *commands, stdin=b"", folder=None, **environment):
        """What these commands take together, the peak being that of the largest."""
        start, busy, peak = time.perf_counter(), 0.0, 0
        environment = {**self.environment, **environment}
        for words in commands:
            with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
                given.write(stdin)
                given.seek(0)
                process = subprocess.Popen(words, cwd=folder or self.work, env=environment, stdin=given,
                                           stdout=subprocess.DEVNULL, stderr=said)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode:
                    said.seek(0)
                    raise SystemExit(f"{words}: exit {process.returncode}\n{said.read()[:2000].decode()}")
            busy, peak = busy + usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss)
        return Spent(time.perf_counter() - start, busy, peak)

    def exp(self, *words):
        return [self.exp_path, *words]

    @staticmethod
    def git(*words):
        return ["git", "-c", "gc.auto=0", "-c", "maintenance.auto=false", *words]

    @staticmethod
    def restic(*words):
        return ["restic", "--quiet", "--no-cache", *words]

    def in_turns(self, title, ways, runs, to):
        """Takes all ways `runs` times, beginning with another one each time. A way is a function that
        returns what was spent, or none to be passed over. Prints each beside the one named `to`."""
        taken = {name: [] for name, _ in ways}
        for sample in range(runs):
            at = sample % len(ways)
            for name, way in ways[at:] + ways[:at]:
                spent = way()
                if spent:
                    taken[name].append(spent)
        print(f"\n{title}", flush=True)
        own = taken[to]
        for name, samples in taken.items():
            if samples:
                self.line(name, samples, own if name != to else None)
        return taken

    @staticmethod
    def line(name, samples, beside=None):
        middle = lambda of, field: statistics.median(getattr(one, field) for one in of)
        walls = [one.wall * 1e3 for one in samples]
        # What a process had before it became the command counts as its own: that is this program.
        peak, floor = middle(samples, "peak_kb"), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        text = (f"  {name:38}{statistics.median(walls):11.1f} ms ({min(walls):.1f} to {max(walls):.1f}; "
                f"n={len(walls)})  cpu {middle(samples, 'busy') * 1e3:9.1f} ms  "
                f"peak {'<' if peak <= floor else ' '}{max(peak, floor) / 1024:7.1f} MiB")
        if beside:
            ratio = lambda field: middle(samples, field) / max(middle(beside, field), 1e-6)
            text += f"  {ratio('wall'):6.2f} x exp (cpu {ratio('busy'):.2f})"
        print(text, flush=True)

    @staticmethod
    def disk_bytes(path):
        return sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
                   for folder, _, names in os.walk(path) for name in names)

    def fresh(self, name):
        shutil.rmtree(self.scratch / name, ignore_errors=True)
        return self.scratch / name

    def init(self):
        """A workspace with a store, if there is none yet."""
        if not (self.scratch / "store").exists():
            self.run(self.exp("init", "--yes"))


def first(bench):
    """Each begins with nothing; the content is in the page cache for all."""
    def exp():
        for name in ("store", "state"):
            bench.fresh(name)
        (bench.work / "exp.toml").unlink(missing_ok=True)
        subprocess.run(["sync"], check=True)
        return bench.run(bench.exp("init", "--yes"))

    def bare():
        subprocess.run(["sync"], check=True)
        return bench.run([bench.helper, "bare", str(bench.work), str(bench.scratch / "bare")])

    def git(folder, *settings):
        def way():
            where = str(bench.fresh(folder))
            bench.run(bench.git("init", "--quiet"), GIT_DIR=where)
            subprocess.run(["sync"], check=True)
            return bench.run(bench.git(*settings, "add", "--all"),
                             bench.git(*settings, "commit", "--quiet", "-m", "first"), GIT_DIR=where)
        return way

    def restic():
        if not bench.has_restic:
            return None
        bench.fresh("restic")
        bench.run(bench.restic("init"))
        subprocess.run(["sync"], check=True)
        return bench.run(bench.restic("backup", "."))

    ways = [("exp init", exp), ("bare loop", bare), ("git add, commit", git("git")),
            ("git -c core.compression=1", git("git-1", "-c", "core.compression=1")),
            ("restic backup", restic)]
    taken = bench.in_turns("first snapshot of the whole tree", ways, bench.options.runs, "exp init")
    loop = [statistics.median(getattr(one, field) for one in taken["exp init"]) /
            statistics.median(getattr(one, field) for one in taken["bare loop"]) for field in ("wall", "busy")]
    print(f"  exp takes {loop[0]:.2f} x the bare loop (cpu {loop[1]:.2f})")
    git = statistics.median(one.wall for one in taken["git add, commit"])
    print(f"  git takes {git / statistics.median(one.wall for one in taken['exp init']):.2f} x exp")
    sizes = {name: bench.disk_bytes(bench.scratch / name) / 1e6
             for name in ("store", "git", "git-1", "restic") if (bench.scratch / name).exists()}
    spent = bench.run(bench.git("gc", "--quiet"))
    sizes[f"git after {spent.wall:.0f} s of gc"] = bench.disk_bytes(bench.scratch / "git") / 1e6
    sizes["bare loop"] = (bench.scratch / "bare").stat().st_size / 1e6
    print("  on disk: " + ", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items()), flush=True)


def pick_file(work):
    """A source file of middling size, deep in the tree, the same in each run."""
    found = sorted(path for path in work.rglob("*.[ch]") if 4_000 < path.stat().st_size < 40_000)
    return found[len(found) // 2]


def change(bench):
    bench.init()
    file = pick_file(bench.work)
    original, counter = file.read_bytes(), [0]
    message = {"session_id": "s", "cwd": str(bench.work), "hook_event_name": "PostToolUse", "tool_name": "Edit",
               "tool_input": {"file_path": str(file)}, "tool_response": {}}
    message = json.dumps(message).encode()

    def edit():
        counter[0] += 1
        file.write_bytes(original + f"\n/* change {counter[0]} */\n".encode())
        # Older than the resolution of the file system's times, as a file is when an agent's tool ends.
        time.sleep(0.15)

    def timed(*commands, stdin=b""):
        def way():
            edit()
            return bench.run(*commands, stdin=stdin)
        return way

    ways = [("exp hook post", timed(bench.exp("hook", "post"), stdin=message)),
            ("exp snapshot", timed(bench.exp("snapshot", "-m", "one")))]
    if (bench.scratch / "git").exists():
        bench.run(bench.git("add", "--all"), bench.git("commit", "--quiet", "--allow-empty", "-m", "here"))
        ways.append(("git add, commit", timed(bench.git("add", "--all"),
                                              bench.git("commit", "--quiet", "-m", "one"))))
    if bench.has_restic and (bench.scratch / "restic").exists():
        ways.append(("restic backup", timed(bench.restic("backup", "."))))
    bench.in_turns("one file changed", ways, bench.options.quick_runs, "exp hook post")
    if shutil.which("strace"):
        # Each sixteenth also brings small packs together.
        taken = []
        for _ in range(16):
            edit()
            taken.append(written(bench, file, message))
        for word, (over, syncs, total, content, trees) in zip(("least", "median", "most"),
                                                              (min(taken), sorted(taken)[8], max(taken))):
            print(f"  {word} of 16: syncs {syncs}; bytes written {total} = compressed change {content} "
                  f"+ trees of its path {trees} + {over}", flush=True)
        print(f"  mean of 16: + {statistics.mean(over for over, *_ in taken):.0f} bytes", flush=True)
    file.write_bytes(original)


def written(bench, file, message):
    """What one hook writes beside the change and the trees of its path, and all of it."""
    trace = bench.scratch / "trace"
    calls = "fsync,fdatasync,syncfs,sync,write,writev,pwrite64,pwritev"
    bench.run(["strace", "-f", "-e", f"trace={calls}", "-o", str(trace), *bench.exp("hook", "post")], stdin=message)
    lines = trace.read_text(errors="replace").splitlines()
    syncs = [line for line in lines if re.search(r" (fsync|fdatasync|syncfs|sync)\(", line)]
    writes = [int(line.rsplit("= ", 1)[1].split()[0]) for line in lines
              if re.search(r" p?writev?(64)?\(", line) and not re.search(r"write\([12],", line)]
    path = str(file.relative_to(bench.work))
    done = subprocess.run([bench.helper, "change", str(bench.scratch / "store"), path],
                          stdout=subprocess.PIPE, check=True)
    content, trees = map(int, done.stdout.split())
    return sum(writes) - content - trees, len(syncs), sum(writes), content, trees


def back(bench):
    bench.init()
    # Links to folders are among the folders.
    count = lambda folder: sum(len(files) + sum(os.path.islink(os.path.join(at, name)) for name in folders)
                               for at, folders, files in os.walk(folder))
    bench.run(bench.exp("snapshot", "-m", "here"), bench.exp("tag", "whole"))
    shown = subprocess.run(bench.exp("show", "whole", "--json"), cwd=bench.work, env=bench.environment,
                           stdout=subprocess.PIPE, check=True).stdout
    # Not what lies there: what looks like a secret is not captured.
    numbers, whole = iter(range(1000)), json.loads(shown)["files"]

    def exp():
        aside = bench.scratch / f"aside-{next(numbers)}"
        aside.mkdir()
        for entry in list(bench.work.iterdir()):
            if entry.name != "exp.toml":
                entry.rename(aside / entry.name)
        subprocess.run(["sync"], check=True)
        spent = bench.run(bench.exp("rollback", "--to", "whole"))
        assert count(bench.work) == whole, "not all files came back"
        return spent

    def git(folder):
        def way():
            target = bench.scratch / f"aside-{next(numbers)}"
            target.mkdir()
            subprocess.run(["sync"], check=True)
            return bench.run(bench.git("checkout", "--force", "HEAD", "--", "."), folder=target,
                             GIT_DIR=str(bench.scratch / folder), GIT_WORK_TREE=str(target))
        return way

    def restic():
        target = bench.scratch / f"aside-{next(numbers)}"
        subprocess.run(["sync"], check=True)
        return bench.run(bench.restic("restore", "latest", "--target", str(target)))

    ways = [("exp rollback into an empty folder", exp)]
    # After the part `first` the one is packed and the other is not.
    for folder, name in (("git", "git checkout, packed"), ("git-1", "git checkout, loose objects")):
        if (bench.scratch / folder).exists():
            ways.append((name, git(folder)))
    if bench.has_restic and (bench.scratch / "restic").exists():
        ways.append(("restic restore", restic))
    bench.in_turns("the whole tree read back", ways, bench.options.runs, ways[0][0])


def small_workspace(bench, name):
    """A workspace of few files with a store of its own."""
    work, here = bench.scratch / name, {"EXP_STORE": str(bench.scratch / f"{name}-store")}
    work.mkdir()
    for number in range(200):
        (work / f"file_{number:03}.txt").write_text(f"content {number}\n" * 20)
    bench.run(bench.exp("init", "--yes"), folder=work, **here)
    return work, here


def many(bench):
    work, here = small_workspace(bench, "many")
    count = bench.options.snapshots
    spent = bench.run([bench.helper, "many", here["EXP_STORE"], str(count)])
    print(f"\n{count} snapshots in one store (made in {spent.wall:.0f} s, "
          f"{bench.disk_bytes(here['EXP_STORE']) / 1e6:.1f} MB on disk)", flush=True)
    file, number = work / "file_100.txt", iter(range(100_000))

    def take(name, words, runs, edits=False):
        samples = []
        for _ in range(runs):
            if edits:
                file.write_text(f"edit {next(number)}\n")
                time.sleep(0.15)
            samples.append(bench.run(bench.exp(*words()), folder=work, **here))
        bench.line(name, samples)

    runs = bench.options.quick_runs
    take("exp log -n 20", lambda: ["log", "-n", "20"], runs)
    take("exp branch NAME", lambda: ["branch", f"b{next(number)}"], runs)
    take("exp snapshot", lambda: ["snapshot", "-m", "one"], runs, edits=True)
    take("exp op log -n 20", lambda: ["op", "log", "-n", "20"], runs)
    take("exp stats, the catalogue made", lambda: ["stats"], 1)
    take("exp stats", lambda: ["stats"], runs)
    take("exp doctor", lambda: ["doctor"], runs)


def large(bench):
    work, here = small_workspace(bench, "large")
    file, size = work / "large.bin", bench.options.large_mib
    wanted = hashlib.blake2b()
    with open(file, "wb") as out:
        for number in range(size // 16):
            # Half of it can be compressed.
            block = os.urandom(8 << 20) + (f"line {number}\n".encode() * (1 << 20))[:8 << 20]
            wanted.update(block)
            out.write(block)
    subprocess.run(["sync"], check=True)
    print(f"\na file of {size} MiB", flush=True)
    bench.line("exp snapshot", [bench.run(bench.exp("snapshot", "-m", "large"), folder=work, **here)])
    bench.run(bench.exp("tag", "large"), folder=work, **here)
    file.unlink()
    bench.line("exp rollback", [bench.run(bench.exp("rollback", "--to", "large"), folder=work, **here)])
    found = hashlib.blake2b()
    with open(file, "rb") as again:
        while block := again.read(16 << 20):
            found.update(block)
    assert found.digest() == wanted.digest(), "the file is another one"
    print(f"  on disk {bench.disk_bytes(here['EXP_STORE']) / 1e6:.1f} MB; it came back as it was", flush=True)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="exp-bench-", dir=options.scratch) as folder:
        scratch = pathlib.Path(folder).resolve()
        bench = Bench(options, scratch)
        load = " ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"{os.uname().sysname} {os.uname().release}, {os.cpu_count()} cores, load {load}", flush=True)
        if {"first", "change", "back"} & set(options.part):
            subprocess.run(["cp", "-r", "--reflink=auto", str(options.source), str(bench.work)], check=True)
            count = lambda: sum(len(names) for _, _, names in os.walk(bench.work))
            before = count()
            bench.run(bench.git("init", "--quiet"), bench.git("clean", "-Xdffq"))
            shutil.rmtree(scratch / "git")
            print(f"{count()} of {before} files; git ignores the others", flush=True)
            if count() < before / 2:
                raise SystemExit(f"that is not the tree: which lines of {options.source}/.gitignore hide it? "
                                 "(Debian's Linux source has one, /*, that must go first.)")
        else:
            bench.work.mkdir()
        subprocess.run(["sync"], check=True)
        for part in PARTS:
            if part in options.part:
                globals()[part](bench)


if __name__ == "__main__":
    main()
