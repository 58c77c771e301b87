"""Runs the benchmarks of Semivox and of other libraries alternately on the same work and writes docs/performance.md.

Run from the repository root in a Python with the packages of benches/peers/requirements.txt:
    python benches/peers/compare.py --data LA_FOLDER [--rounds 3] [--threads 2 1]
Without --data the rows that need real scans are left out. Every measurement is a process of its own;
ours and the peer's take turns, so that a slow minute of the machine hits both. Medians are over all
timed steps of all rounds. PyTorch runs eagerly and through torch.compile, in both memory formats. With
several numbers of threads, networks are measured with each of them, the rest with the first.

Other work on the machine is measured before every run; if there was any, no table is written.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
LAYOUTS = ["contiguous", "channels_last", "contiguous_compiled", "channels_last_compiled"]
# Share of the processors that other programs may use.
MOST_BUSY = 0.1
NETWORKS = [
    # name, arguments of device network: mode, batch, depth, height, width, filters, steps
    ("train step 1×112×112×80, 16 filters", "train 1 112 112 80 16 3"),
    ("train step 4×64×64×48, 16 filters", "train 4 64 64 48 16 3"),
    ("train step 1×64×64×48, 16 filters", "train 1 64 64 48 16 8"),
    ("train step 4×64×64×32, 8 filters", "train 4 64 64 32 8 8"),
    ("U-Net, train step 8×256×256, 16 filters", "train 8 256 256 1 16 5"),
    ("U-Net, train step 8×128×128, 16 filters", "train 8 128 128 1 16 8"),
    ("inference 1×112×112×80, 16 filters", "infer 1 112 112 80 16 5"),
    ("U-Net, inference 8×256×256, 16 filters", "infer 8 256 256 1 16 8"),
    ("LA case 183×140×88 by sliding window 18/18/4", "window 1 183 140 88 16 1"),
]
CUBES = [32, 64, 96, 128]
CASE = "06SR5RBREL16DQ6M8LWS"
GEOMETRY = [
    # name, our mode, peer's mode, name of the peer, largest ratio allowed, repetitions
    ("distance transform with spacing, 183×140×88", "edt", "edt", "edt", 0.5, 10),
    ("distance transform with spacing, 183×140×88", "edt", "scipy", "scipy", 0.1, 5),
    ("HD95 + ASD + ASSD of a case (MedPy: HD95 + ASD)", "metrics", "metrics", "MedPy", 0.1, 5),
    ("reading ten LA images", "read", "read", "nibabel", 0.5, 5),
]


HEADER = """| work | Semivox | contiguous | channels last | contiguous, compiled | channels last, compiled | ratio | memory | memory ratio |
|---|---|---|---|---|---|---|---|---|"""


def processor_times():
    """Returns the processors' idle and total time since the start of the machine."""
    times = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    return times[3] + times[4], sum(times)


class Others:
    """The work of other programs and of the host's other guests, sampled while none of ours runs."""

    def __init__(self):
        self.most = 0.0

    def sample(self):
        idle, total = processor_times()
        time.sleep(0.5)
        idle, total = processor_times()[0] - idle, processor_times()[1] - total
        self.most = max(self.most, 1 - idle / max(total, 1))


OTHERS = Others()


def run(command, threads):
    OTHERS.sample()
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def build(name):
    """Builds a benchmark and returns the path of its program."""
    # The features of the whole workspace, as in the tests, so that nothing is built a second time.
    command = ["cargo", "bench", "--workspace", "--no-run", "--bench", name, "--message-format=json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    messages = (json.loads(line) for line in lines if line.startswith("{"))
    found = [m["executable"] for m in messages
             if m.get("executable") and m["target"]["name"] == name]
    return found[-1]


def peer(script, *arguments):
    return [sys.executable, str(HERE / script), *map(str, arguments)]


def median(results):
    return statistics.median(s for result in results for s in result["seconds"])


def peak(results):
    return statistics.median(result["peak_bytes"] for result in results)


def networks(program, rounds, threads):
    rows = []
    for name, arguments in NETWORKS:
        arguments = arguments.split()
        ours, theirs = [], {layout: [] for layout in LAYOUTS}
        for _ in range(rounds):
            ours.append(run([program, "network", *arguments], threads))
            for layout in LAYOUTS:
                command = peer("network.py", *arguments, layout, threads)
                theirs[layout].append(run(command, threads))
        best = min(LAYOUTS, key=lambda layout: median(theirs[layout]))
        time, memory = median(ours), peak(ours)
        times = [median(theirs[layout]) for layout in LAYOUTS]
        cells = " | ".join(f"**{t:.3f} s**" if t == min(times) else f"{t:.3f} s" for t in times)
        rows.append(f"| {name} | {time:.3f} s | {cells} | **{time / min(times):.2f}** "
                    f"| {memory / 1e9:.2f} GB | {memory / peak(theirs[best]):.2f} |")
        print(rows[-1], flush=True)
    return rows


def scaling(program, rounds, threads):
    arguments = "train 1 112 112 80 16 2".split()
    one, all_threads = [], []
    for _ in range(rounds):
        one.append(run([program, "network", *arguments], 1))
        all_threads.append(run([program, "network", *arguments], threads))
    speedup = median(one) / median(all_threads)
    cubes = []
    for side in CUBES:
        steps = 20 if side == 32 else 3
        results = [run([program, "network", "train", "1", *[str(side)] * 3, "16", str(steps)], threads)
                   for _ in range(rounds)]
        cubes.append(median(results) / side**3 * 1e9)
    return speedup, cubes


def geometry(program, data, rounds, threads):
    rows = []
    for name, what, theirs_what, package, limit, steps in GEOMETRY:
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(run([program, what, data, CASE, str(steps)], threads))
            command = peer("geometry.py", theirs_what, data, CASE, steps, threads)
            theirs.append(run(command, threads))
        a, b = median(ours), median(theirs)
        rows.append(f"| {name} | {a * 1e3:.1f} ms | {package} {b * 1e3:.1f} ms "
                    f"| **{a / b:.3f}** | {limit} |")
        print(rows[-1], flush=True)
    return rows


def profile(program, threads):
    """Returns the profile of a training step of mean teacher of the preset quick of the left atrium."""
    OTHERS.sample()
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    command = [program, "quick", "mean_teacher"]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


def versions():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.processor())
    flags = open("/proc/cpuinfo").read()
    simd = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX"
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1]
    import edt, medpy, nibabel, scipy, torch
    packages = [("PyTorch", torch), ("scipy", scipy), ("MedPy", medpy), ("nibabel", nibabel)]
    named = ", ".join(f"{name} {getattr(package, '__version__', '')}" for name, package in packages)
    from importlib.metadata import version
    return f"{model} ({simd}), Rust {rust}, {named}, edt {version('edt')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of the LA data set")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    args = parser.parse_args()
    program, shapes, passes = build("device"), build("geometry"), build("profile")
    threads = args.threads[0]
    tables = []
    for count in args.threads:
        tables += ["", f"{count} threads:" if count > 1 else "1 thread:", "", HEADER]
        tables += networks(program, args.rounds, count)
    speedup, cubes = scaling(program, args.rounds, threads)
    distances = geometry(shapes, args.data, args.rounds, threads) if args.data else []
    profiled = profile(passes, threads)
    if OTHERS.most > MOST_BUSY:
        sys.exit(f"docs/performance.md is not written: other programs used {OTHERS.most:.0%} of the processors at "
                 f"some time, at most {MOST_BUSY:.0%} is allowed; run it again on an idle machine")
    template = (HERE / "performance.md").read_text()
    text = template.format(
        arguments=f"--rounds {args.rounds} --threads {' '.join(map(str, args.threads))}",
        date=datetime.date.today().isoformat(), threads=threads, rounds=f"{args.rounds} round{'s' * (args.rounds > 1)}",
        machine=versions(), networks="\n".join(tables).strip(), busy=f"{OTHERS.most:.0%}", speedup=f"{speedup:.2f}",
        cubes=" | ".join(f"{c:.0f} ns" for c in cubes),
        sides=" | ".join(f"{side}³" for side in CUBES), rules="---|" * len(CUBES),
        profile=profiled, geometry="\n".join(distances) or "| not run (no --data) | | | | |")
    pathlib.Path("docs/performance.md").write_text(text)


if __name__ == "__main__":
    main()
