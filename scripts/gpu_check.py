"""Tests and benchmarks the device of this machine, with the files packed by scripts/gpu_check.sh build.

    python3 gpu_check.py [--device cuda|wgpu|cpu] [--tiny] [--only a,b]

| step | what |
|---|---|
| a | the device: name, memory, one forward pass |
| b | agreement with the CPU: logits, three training steps of every method |
| c | training step and inference of networks, ours and PyTorch's |
| d | the operators of a V-Net one by one, ours and PyTorch's |
| e | mean teacher and ACTION on scans of the left atrium: Dice, seconds per step |
| f | agreement and training step through wgpu |

Each step has a time limit; all together end within nine minutes. The results of a step are written to
results/STEP.json and the output of its programs to results/STEP.txt as soon as they are available. A failure is
reported, and the next step begins. The table is results/table.md. Exit code 3: there is no such device, 1: a step failed or something disagrees.
Needs python3, for cuda the driver and the CUDA toolkit (CUDA_PATH), for the peers PyTorch.
"""

import argparse
import sys
import time

from gpu_machine import HERE, RESULTS, no_device, toolkit, unpack
from gpu_measure import Check
from gpu_steps import STEPS

ALL_SECONDS = 530
LIMITS = {"a": 60, "b": 150, "c": 170, "d": 90, "e": 160, "f": 60}
TITLES = {
    "a": "device", "b": "agreement", "c": "networks", "d": "operators", "e": "training", "f": "wgpu"}


def table(checks, name, size):
    built = (HERE / "built.txt").read_text().strip()
    single = "TF32" if name.startswith("cuda") else "f32"
    lines = [f"Device `{name}`, {'' if size == 'gpu' else 'short lengths, '}{built}; memory is what the allocator "
             "held at most (on the CPU the whole process).", "",
             f"| step | what | ours | PyTorch, {single} | PyTorch, bf16 | ours / {single} |", "|---|---|---|---|---|---|"]
    for check in checks:
        lines += [f"| {' | '.join(map(str, row))} |" for row in check.rows]
        lines += [f"| {check.step} | failed | {reason.replace('|', '/')} | – | – | – |" for reason in check.failures]
    return "\n".join(lines) + "\n"


def attempt(check):
    start = time.monotonic()
    try:
        STEPS[check.step](check)
    except Exception as error:  # An error in one step must not prevent the others.
        check.failed(f"{type(error).__name__}: {error}")
    check.record(step_seconds=round(time.monotonic() - start, 1))
    print(f"{check.step} {TITLES[check.step]}: {time.monotonic() - start:.0f} s, "
          f"{len(check.rows)} rows, {len(check.failures)} failures", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--only", default=",".join(STEPS))
    args = parser.parse_args()
    wanted = args.only.split(",")
    if set(wanted) - set(STEPS):
        parser.error(f"--only: expected some of {','.join(STEPS)}, found {args.only}")
    toolkit()
    unpack()
    reason = no_device(args.device)
    if reason:
        print(f"not run on {args.device}: {reason}; --device cpu runs everything on the CPU, with short lengths")
        return 3
    size = "tiny" if args.tiny else "cpu" if args.device == "cpu" else "gpu"
    RESULTS.mkdir(exist_ok=True)
    end, checks = time.monotonic() + ALL_SECONDS, []
    for step in (step for step in STEPS if step in wanted):
        limit = min(end, time.monotonic() + LIMITS[step])
        checks.append(Check(step, args.device, size, limit))
        attempt(checks[-1])
        (RESULTS / "table.md").write_text(table(checks, args.device, size))
    print("\n" + table(checks, args.device, size), end="")
    return 1 if any(check.failures for check in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
