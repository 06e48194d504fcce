#!/usr/bin/env bash
# Sessions of states beside SQLite (WAL, synchronous=FULL), deep copies and a JSON file for each
# step, in one run: benches/states.sh [durable] [run] [size] [memory] [--quick] [--scratch DIR].
# DIR lies on the disk that is measured. The peer program is a package of its own. Where strace is
# installed, syncs are counted in a run of their own.
set -euo pipefail
cd "$(dirname "$0")/peer"
scratch=${TMPDIR:-/tmp}
for word in "$@"; do
    [ "${last:-}" = --scratch ] && scratch=$word
    last=$word
done
uname -srm
printf '%s cores, %s on %s\n' "$(nproc)" "$(stat -f -c %T "$scratch")" "$scratch"
cargo build --quiet --release --locked
peer=../../target/peer/release/peer
"$peer" "$@"

case " $* " in *" run "* | *" size "* | *" memory "*) exit 0 ;; esac
if ! command -v strace >/dev/null; then
    echo "left out: syncs are counted by strace, which is not installed"
    exit 0
fi
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
printf '\nSystem calls that sync, in a quick run of each way\n'
for way in "exp, edits" "exp, whole" "exp, put_all, edits" "SQLite full" "SQLite patch"; do
    strace -f -c -e trace=fsync,fdatasync,sync_file_range -o "$counts" \
        "$peer" durable --quick --scratch "$scratch" --only "$way" >/dev/null
    printf '%-20s' "$way"
    awk '$NF ~ /sync/ { printf "  %s %s", $NF, $4 }' "$counts"
    echo
done
