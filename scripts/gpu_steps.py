"""The steps of gpu_check.py."""

import json
import shutil
import statistics
import subprocess
import sys

from gpu_machine import HERE, RESULTS, no_torch, no_wgpu
from gpu_measure import median, seconds, share

# Batch, sides, filters, timed steps.
NETWORKS = {
    "gpu": ["4 112 112 80 16 5", "4 64 64 48 16 20", "24 256 256 1 16 10"],
    "cpu": ["1 48 48 32 4 2", "2 64 64 1 4 2"]}
NETWORKS["tiny"] = ["1 32 32 16 2 1"]
OPERATORS = {"gpu": "4 112 112 80 16 10", "cpu": "1 32 32 16 4 2", "tiny": "1 32 32 16 2 1"}
ITERATIONS = {"gpu": 500, "cpu": 8, "tiny": 8}
SHORT = ["--set", "patch=[32, 32, 32]", "--set", "network.filters=2", "--set",
         'inference={ window = [32, 32, 32], stride = [32, 32, 32], blend = "uniform" }',
         "--set", "data.preprocess.spacing_mm=[2.5, 2.5, 2.5]"]
AUTOTUNE_LITTLE = {"CUBECL_AUTOTUNE_LEVEL": "minimal"}


def device(check):
    found = check.ours("cli", "device", check.device, "--json", env=AUTOTUNE_LITTLE)
    of_pass = next((row for row in found if "pass_seconds" in row), None)
    if of_pass:
        check.record(**of_pass)
        check.row("name", of_pass["name"] or "gives none")
        check.row("forward pass, V-Net 64×64×32, 16 filters",
                  f"first {of_pass['first_pass_seconds']:.2f} s, second {of_pass['pass_seconds'] * 1e3:.1f} ms")
    tell_agreement(check, found)
    if shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=20)
        check.row("nvidia-smi", told.stdout.strip() or told.stderr.strip())


def agreement(check):
    methods = ["--method", "supervised", "--method", "simcvd"] if check.size == "tiny" else ["--all-methods"]
    found = check.ours("cli", "device", check.device, "--json", *methods, env=AUTOTUNE_LITTLE)
    tell_agreement(check, found)


def tell_agreement(check, found):
    """Adds one row for logits and each method: the difference that is largest relative to its tolerance."""
    groups = {}
    for row in (row for row in found if "agrees" in row):
        check.record(**row)
        groups.setdefault(row["what"].split(",")[0], []).append(row)
    for name, rows in groups.items():
        errors = [row["error"] for row in rows if "error" in row]
        wrong = [row for row in rows if not row["agrees"]]
        if wrong:
            check.failed(f"{name}: disagrees")
        if errors:
            check.row(name, f"not compared: {errors[0]}")
            continue
        numbers = [row for row in rows if row["difference"] is not None]
        worst = max(numbers, key=lambda row: row["difference"] / row["tolerance"], default=None)
        told = f"{worst['difference']:.1e} of {worst['tolerance']:.0e}" if worst else "no number"
        check.row(f"{name}: largest of {len(rows)} difference{'s' * (len(rows) > 1)}",
                  f"{told}: {'DISAGREES' if wrong else 'agrees'}")


def networks(check):
    """Times networks: Semivox first, then PyTorch with the faster of both memory layouts."""
    jobs = [f"{mode} {shape}" for shape in NETWORKS[check.size] for mode in ("train", "infer")]
    ours = {}
    for job in jobs:
        ours[job] = check.ours("network", *job.split(), check.device, share=0.25)[-1]
        check.record(job=job, ours=ours[job])
    theirs = {}
    for precision in ("f32", "bf16"):
        lines = [f"{job} {layout} 2 {check.device} {precision}"
                 for job in jobs for layout in ("contiguous", "channels_last")]
        found = peers(check, lines, share=0.6 if precision == "f32" else 1.0)
        check.record(precision=precision, theirs=found)
        for index, job in enumerate(jobs):
            pair = found[2 * index:2 * index + 2]
            theirs[job, precision] = min(pair, key=lambda r: median(r) if "seconds" in r else 1e9)
    for job in jobs:
        tf32, bf16 = theirs[job, "f32"], theirs[job, "bf16"]
        check.row(job_name(job), seconds(ours[job]), seconds(tf32), seconds(bf16), share(ours[job], tf32))


def peers(check, lines, share):
    """Returns PyTorch's results in the order of the lines; on the CPU, each is measured in a process of its own."""
    def call(arguments, **options):
        return check.run([sys.executable, "peers/network.py", *arguments], **options)
    if no_torch(check.device):
        return [{"error": no_torch(check.device)}] * len(lines)
    if check.device == "cpu":
        return [call(line.split())[-1] for line in lines]
    found = call(["-"], text="\n".join(lines) + "\n", share=share)
    return found + [{"error": "PyTorch was stopped"}] * (len(lines) - len(found))


def job_name(job):
    mode, batch, d, h, w, filters, _ = job.split()
    shape = f"U-Net {batch}×{d}×{h}" if w == "1" else f"V-Net {batch}×{d}×{h}×{w}"
    return f"{'training step' if mode == 'train' else 'inference'}, {shape}, {filters} filters"


def operators(check):
    arguments = ["all", *OPERATORS[check.size].split(), check.device]

    def by_name(found):
        return {(r["operator"], r["part"], r["level"]): r for r in found if "operator" in r}
    ours = by_name(check.ours("operator", *arguments, share=0.6))
    theirs = {}
    for precision, part in (("f32", 0.6), ("bf16", 1.0)):
        missing = no_torch(check.device)
        command = [sys.executable, "peers/operators.py", *arguments, precision]
        theirs[precision] = {} if missing else by_name(check.run(command, share=part))
    nothing = {"error": no_torch(check.device) or "the step ended before"}
    for name in ours or theirs["f32"]:
        own = ours.get(name, {"error": "the step ended before"})
        tf32, bf16 = (theirs[p].get(name, nothing) for p in ("f32", "bf16"))
        check.record(name=name, ours=own, f32=tf32, bf16=bf16)
        shape = "×".join(map(str, (own if "input" in own else tf32)["input"]))
        check.row(f"{name[0]} {name[1]}, {shape}", seconds(own, False), seconds(tf32, False),
                  seconds(bf16, False), share(own, tf32))


def training(check):
    if not (HERE / "la").is_dir():
        check.row("mean teacher, ACTION", "not measured: no scans in the folder (build --data)")
        return
    for method, part in (("mean_teacher", 0.5), ("action", 1.0)):
        out = RESULTS / "runs" / method
        shutil.rmtree(out, ignore_errors=True)
        found = check.ours(
            "cli", "train", method, "--data", "la", "--labeled", "4", "--preset", "quick", "--iterations",
            str(ITERATIONS[check.size]), "--device", check.device, "--out", str(out), "--quiet", "--json",
            *(SHORT if check.size != "gpu" else []), share=part)[-1]
        steps = steps_of(out / "metrics.jsonl")
        check.record(method=method, result=found, seconds_per_step=steps)
        timed = f"{statistics.median(steps) * 1e3:.1f} ms a step" if steps else "no step done"
        check.row(f"{method}, {len(steps)} iterations, 4 + 4 scans, 4 tested", f"{dice_of(found)}, {timed}")
        shutil.rmtree(out / "checkpoints", ignore_errors=True)


def steps_of(log):
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    return [row["seconds_per_step"] for row in rows]


def dice_of(found):
    mean = found.get("mean")
    return f"Dice {mean['dice']:.3f}" if mean else f"no Dice: {found.get('error', 'not evaluated')}"


def wgpu(check):
    reason = no_wgpu()
    if reason:
        check.row("wgpu", f"skipped: {reason}")
        return
    found = check.ours("cli", "device", "wgpu", "--json", "--method", "supervised", env=AUTOTUNE_LITTLE, share=0.6)
    tell_agreement(check, found)
    job = "train 4 64 64 32 8 5" if check.size == "gpu" else f"train {NETWORKS['tiny'][0]}"
    check.row(f"{job_name(job)}, wgpu", seconds(check.ours("network", *job.split(), "wgpu")[-1]))


STEPS = {"a": device, "b": agreement, "c": networks, "d": operators, "e": training, "f": wgpu}
