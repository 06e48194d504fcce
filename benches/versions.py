#!/usr/bin/env python3
"""What several versions of one tree take, with git beside it in the same run.

    versions.py FOLDER_OF_VERSIONS [--scratch DIR]

The folder holds one folder for each version, named so that the numbers in the names order them.
A real one: twenty releases of a crate out of `~/.cargo/registry/src`. exp stores each as a commit and then
collects, writing all packs anew; git commits each and then does `gc --aggressive`. Both sizes are
those of packs with their indexes. Can be imported: `measure(versions, scratch)` gives the figures.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent


def in_order(versions):
    return sorted(versions.iterdir(), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])


def checked(words, **options):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode:
        raise SystemExit(f"{words}: exit {done.returncode}\n{done.stderr[:2000]}")
    return done.stdout


def of_exp(versions, scratch):
    """The lines that the bench says, and the bytes of the packs in the end."""
    words = ["cargo", "bench", "--quiet", "--bench", "versions", "--", str(versions), str(scratch)]
    said = checked(words, cwd=HERE)
    return said, int(re.search(r"written anew: (\d+) bytes", said).group(1))


def of_git(versions, scratch):
    """Bytes of git's packs, and the seconds that its collection took."""
    work = scratch / "work"
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(scratch), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@localhost",
        "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@localhost",
    }
    work.mkdir()

    def git(*words):
        return checked(["git", *words], cwd=work, env=environment)

    git("init", "--quiet")
    for version in in_order(versions):
        for old in work.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        shutil.copytree(version, work, symlinks=True, dirs_exist_ok=True)
        git("add", "--all", "--force", ".")
        git("commit", "--quiet", "--message", version.name)
    start = time.perf_counter()
    git("gc", "--aggressive", "--quiet", "--prune=now")
    seconds = time.perf_counter() - start
    packs = work / ".git" / "objects" / "pack"
    return sum(path.stat().st_size for path in packs.iterdir()), seconds


def measure(versions, scratch):
    """What exp said; bytes of exp; bytes of git; seconds of git's collection."""
    said, ours = of_exp(versions, scratch)
    theirs, seconds = of_git(versions, scratch)
    return said, ours, theirs, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("versions", type=pathlib.Path)
    parser.add_argument("--scratch", help="where stores go; the temporary folder if none is given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        said, ours, theirs, seconds = measure(options.versions.resolve(), pathlib.Path(scratch))
    print(said.strip())
    print(f"git after gc --aggressive: {theirs} bytes, {seconds:.2f} s")
    print(f"exp / git: {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
