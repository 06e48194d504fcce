#!/usr/bin/env bash
# The store's figures with a bare loop, git and restic beside, on a source tree:
# benches/store.sh SOURCE [first] [change] [back] [many] [large] [options of store.py]; all parts
# where none is named. Builds the release binary and `benches/store.rs` first.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "usage: benches/store.sh SOURCE [first|change|back|many|large …] [--runs N] [--scratch DIR]" >&2; exit 2; }
source=$(cd "$1" && pwd)
shift
cargo build --quiet --release
helper=$(cargo build --quiet --release --bench store --message-format=json |
    sed -n 's/.*"name":"store".*"executable":"\([^"]*\)".*/\1/p')
exec python3 benches/store.py "$source" "$@" --exp target/release/exp --helper "$helper"
