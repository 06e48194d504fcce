#!/usr/bin/env bash
# Sessions of states beside SQLite (WAL, synchronous=FULL), deep copies and a JSON file for each
# step, in one run: benches/states.sh [durable] [run] [size] [memory] [--quick] [--scratch DIR].
# DIR lies on the disk that is measured. The peer program is a package of its own. In a run of
# everything syncs are counted by strace and instructions by valgrind, where these are installed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=${TMPDIR:-/tmp}
is_all=true
for word in "$@"; do
    [ "${last:-}" = --scratch ] && scratch=$word
    case $word in durable | run | size | memory) is_all=false ;; esac
    last=$word
done
(cd "$root/benches/peer" && cargo build --quiet --release --locked)
peer=$root/target/peer/release/peer

uname -srm
echo "$(nproc) cores, $(stat -f -c %T "$scratch") at $scratch"
"$peer" "$@"
$is_all || exit 0

syncs() {
    strace -f -c -e trace=fsync,fdatasync,sync_file_range -o "$counts" \
        "$peer" "$1" --quick --scratch "$scratch" --only "$2" >/dev/null
    awk -v part="$1" -v way="$2" -v puts="$3" '
        $NF == "fsync" || $NF == "fdatasync" { sum += $4 }
        END { printf "| %-8s | %-20s | %5d | %5d |\n", part, way, puts, sum }' "$counts"
}

printf '\nCalls of fsync and fdatasync, with those that set up the stores\n'
if command -v strace >/dev/null; then
    counts=$(mktemp)
    trap 'rm -f "$counts"' EXIT
    printf '| %-8s | %-20s | %5s | %5s |\n' part way puts syncs
    echo '|---|---|---|---|'
    syncs alone "exp, edits" 100
    syncs alone "SQLite full" 100
    syncs alone "SQLite patch" 100
    syncs grouped "put_all, edits" 256
    syncs grouped "SQLite patch" 256
    syncs threads "exp, edits" 320
    syncs threads "SQLite patch" 640
else
    echo "left out: strace is not installed"
fi

# Two runs of different length leave out what comes before the steps.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$peer" tracked "$1" "$2" 2>&1 |
        awk '/Collected/ { print $NF }'
}

printf '\nInstructions of a tracked edit of three fields and a snapshot, in memory\n'
if command -v valgrind >/dev/null; then
    for components in 20 100 1000; do
        more=$(instructions "$components" 2000)
        printf '%5s components %6s\n' "$components" \
            "$(((more - $(instructions "$components" 1000)) / 1000))"
    done
else
    echo "left out: valgrind is not installed"
fi
