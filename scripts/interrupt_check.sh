#!/usr/bin/env bash
# Trains 60 steps of the quick preset without interruption, and again with a
# Ctrl-C and a kill -9, and compares the final student weights bit by bit.
#
#   scripts/interrupt_check.sh LA_FOLDER
set -euo pipefail
data=$(realpath "$1")
cd "$(dirname "$0")/.."
cargo build --release --example action_la
program=${CARGO_TARGET_DIR:-target}/release/examples/action_la
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
settings=(--data "$data" --preset quick --labeled 8 --iterations 60)

# Waits until the run's log has N lines, then sends a signal to the process.
signal_at() {
    local lines=$1 signal=$2 run=$3 process=$4
    until [ -f "$run/metrics.jsonl" ] && [ "$(wc -l < "$run/metrics.jsonl")" -ge "$lines" ]; do sleep 0.2; done
    kill "-$signal" "$process"
    wait "$process" || echo "ended by $signal with status $?"
}

"$program" "${settings[@]}" --out "$out/whole" 2>/dev/null | tail -n 2
"$program" "${settings[@]}" --out "$out/pieces" 2>/dev/null &
signal_at 15 INT "$out/pieces" $!
"$program" --resume --out "$out/pieces" 2>/dev/null &
signal_at 35 KILL "$out/pieces" $!
"$program" --resume --out "$out/pieces" 2>/dev/null | tail -n 2

# A file begins with names and parameter ids, which differ between processes;
# all but the first 64 kB are values.
values() { tail -c +65537 "$out/$1/checkpoints/step-00000060/student.bpk" | sha256sum; }
values whole
values pieces
[ "$(values whole)" = "$(values pieces)" ] && echo "bit-equal"
