#!/usr/bin/env bash
# Whole commands with git beside, on a source tree: benches/commands.sh SOURCE [options of
# commands.py]. Builds the release binary first. The timer is its own, not hyperfine: it takes
# `exp` and `git` in turns, so that a disturbance does not fall on one of them alone.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "usage: benches/commands.sh SOURCE [--runs N] [--first N] [--no-git]" >&2; exit 2; }
source=$(cd "$1" && pwd)
shift
cargo build --quiet --release
exec python3 benches/commands.py "$source" --exp target/release/exp "$@"
