#!/usr/bin/env bash
# The whole job on a Cargo project, with git worktrees beside: benches/race.sh SOURCE [options of
# race.py]. Builds the release binary first.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "usage: benches/race.sh SOURCE [--approaches N] [--jobs N] [--test ARGS] [--file PATH]" >&2; exit 2; }
source=$(cd "$1" && pwd)
shift
cargo build --quiet --release
exec python3 benches/race.py "$source" --exp target/release/exp "$@"
