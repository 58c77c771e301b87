#!/usr/bin/env bash
# Runs the tests of the CPU operators under Valgrind, which checks every read and
# write of their unsafe code and every decision on memory that no one has written,
# at every SIMD level that it supports (portable and AVX2, not AVX-512). Takes the
# build of `cargo test --release --workspace`. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
messages=$(cargo test --release --workspace --lib --no-run --message-format=json)
program=$(printf '%s\n' "$messages" | python3 -c '
import json, sys
for line in sys.stdin:
    found = json.loads(line)
    if found.get("executable") and found["target"]["name"] == "semivox_kernels":
        print(found["executable"])')
valgrind --quiet --error-exitcode=1 "$program" --test-threads 1
