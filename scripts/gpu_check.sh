#!/usr/bin/env bash
# Packs a folder with which a GPU of another machine is tested and benchmarked, and runs it there.
#
#   scripts/gpu_check.sh build [--cpu-only] [--data LA_FOLDER] [--offline-llvm DIR] [--out FOLDER]
#   scripts/gpu_check.sh run [--out FOLDER] [--device cuda|cpu|…] [--tiny] [--only a,b]
#
# build packs one program with the backends flex, cuda-nvrtc and wgpu, 8 training and 4 test cases of LA, and
# the PyTorch benchmarks. --cpu-only builds with the default features; --offline-llvm is the folder of a
# replacement for the crate cubecl-llvm, whose build downloads LLVM. The default FOLDER is gpu_check.
# run needs only that folder and python3; scripts/gpu_check.py describes its steps.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
most_bytes=$((60 * 1024 * 1024))

fail() { echo "error: $*" >&2; exit 1; }

# Copies the working tree as git sees it to another folder, as a patched build edits Cargo.lock.
copied_tree() {
    local copy=$1
    rm -rf "$copy"
    mkdir -p "$copy"
    git -C "$repository" ls-files -z --cached --others --exclude-standard --deduplicate |
        (cd "$repository" && while IFS= read -r -d '' file; do
            if [ -e "$file" ]; then printf '%s\0' "$file"; fi
        done | tar -c --null -T -) | tar -x -C "$copy"
}

# Builds the benchmark `device` and prints the path of its program.
program() {
    local tree=$repository settings=()
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$repository/target}
    if [ -z "$cpu_only" ]; then settings+=(--features cuda-nvrtc,wgpu); fi
    if [ -n "$llvm" ]; then
        tree=$CARGO_TARGET_DIR/gpu_check_tree
        copied_tree "$tree"
        settings+=(--config "patch.crates-io.cubecl-llvm.path=\"$llvm\"")
    fi
    (cd "$tree" && cargo build --release --bench device "${settings[@]}" --message-format=json-render-diagnostics) |
        python3 -c '
import json, sys
built = [json.loads(line) for line in sys.stdin if line.startswith("{")]
found = [m["executable"] for m in built if m.get("executable") and m["target"]["name"] == "device"]
print(found[-1] if found else "")'
}

# Copies the first cases of both lists, with their names and layout.
pack_cases() {
    local part count id file
    mkdir -p "$out/la/images" "$out/la/labels"
    for part in train:8 test:4; do
        count=${part#*:} part=${part%:*}
        [ -f "$data/$part.list" ] || fail "$data: expected the LA data set with $part.list, found none"
        head -n "$count" "$data/$part.list" > "$out/la/$part.list"
        while IFS= read -r id; do
            for file in images labels; do
                cp "$data/$file/$id".nii.gz "$out/la/$file/"
            done
        done < "$out/la/$part.list"
    done
    chmod -R u+w "$out/la"
}

build() {
    local cpu_only='' data='' llvm='' out=$repository/gpu_check built bytes commit
    # Read before the build, as a commit may be made while it runs.
    commit=$(git -C "$repository" describe --always --dirty)
    while [ $# -gt 0 ]; do
        case $1 in
            --cpu-only) cpu_only=yes; shift ;;
            --data) data=$(realpath "$2"); shift 2 ;;
            --offline-llvm) llvm=$(realpath "$2"); shift 2 ;;
            --out) out=$(realpath -m "$2"); shift 2 ;;
            *) fail "unknown flag '$1' of build: expected --cpu-only, --data, --offline-llvm or --out" ;;
        esac
    done
    built=$(program)
    [ -x "$built" ] || fail "cargo built no program; its messages stand above"
    # Removes only files of an earlier build; results stay.
    mkdir -p "$out/peers"
    rm -rf "$out/la" "$out/device" "$out/device.xz"
    strip -o "$out/device" "$built"
    if [ -z "$cpu_only" ]; then xz -T0 -6 "$out/device"; fi
    if [ -n "$data" ]; then pack_cases; fi
    cp "$repository"/scripts/gpu_{check,machine,measure,steps}.py "$out/"
    cp "$repository"/benches/peers/{clock,network,operators}.py "$out/peers/"
    echo "commit $commit, $(uname -m)" > "$out/built.txt"
    bytes=$(du -sb --exclude=results "$out" | cut -f1)
    [ "$bytes" -le "$most_bytes" ] || fail "$out: expected at most 60 MiB, found $bytes bytes; leave --data out"
    echo "$out: $((bytes / 1024 / 1024)) MiB"
    (cd "$out" && du -sh -- *)
}

run() {
    local out=$repository/gpu_check
    if [ "${1:-}" = --out ]; then out=$2; shift 2; fi
    [ -f "$out/gpu_check.py" ] || fail "$out: expected what build packs, found none; run scripts/gpu_check.sh build"
    exec python3 "$out/gpu_check.py" "$@"
}

case ${1:-} in
    build) shift; build "$@" ;;
    run) shift; run "$@" ;;
    *) fail "expected build or run, found '${1:-nothing}'" ;;
esac
