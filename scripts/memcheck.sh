#!/usr/bin/env bash
# Runs the tests of the CPU operators under Valgrind, which checks that reads and
# writes of their unsafe code stay inside their blocks of memory, at every SIMD level
# that it supports (portable and AVX2, not AVX-512). It does not see reads of the old
# contents of a reused block of the pool, for which tests fill the pool with NaN, nor
# overruns within a block that is longer than its buffer. Takes the build of
# `cargo test --release --workspace`, without checks of overflow. Needs valgrind.
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
