#!/usr/bin/env python3
"""Collects runs in a table with one line per run, and prints means and standard deviations over seeds.

    scripts/results.py docs/results/hippocampus.csv [RUN_FOLDER...]

Runs are added to the file, in place of earlier ones of the same method, labels and seed; then the file's
Markdown table is printed: mean ± sample standard deviation over seeds. Only Python's standard library is used.
"""

import csv
import json
import pathlib
import statistics
import sys

KEY = ["method", "labeled", "seed"]


def row(folder):
    """Returns the line of a run: means over all test cases, Dice also by class."""
    found = json.loads((pathlib.Path(folder) / "evaluation.json").read_text())
    protocol, mean = found["protocol"], found["mean"]
    labels = sorted({c["label"] for case in found["cases"] for c in case["classes"]})
    line = {
        "method": protocol["method"].removesuffix(" (reconstruction)"),
        "labeled": protocol["labeled"], "seed": protocol["seed"], "iterations": protocol["iterations"],
        "dice": mean["dice"],
    }
    for label in labels:
        dice = [c["dice"] for case in found["cases"] for c in case["classes"] if c["label"] == label]
        line[f"dice_{label}"] = statistics.mean(value for value in dice if value is not None)
    line |= {"hd95_mm": mean["hd95_mm"], "asd_mm": mean["asd_mm"], "undefined": found["undefined"]["hd95_mm"],
             "commit": protocol["commit"]}
    return {name: f"{value:.4f}" if isinstance(value, float) else str(value) for name, value in line.items()}


def merged(path, new):
    old = list(csv.DictReader(path.open())) if path.exists() else []
    lines = {tuple(line[name] for name in KEY): line for line in old + new}
    return sorted(lines.values(), key=lambda line: (int(line["labeled"]), line["method"], int(line["seed"])))


def spread(lines, name, digits):
    values = [float(line[name]) for line in lines]
    text = f"{statistics.mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {statistics.stdev(values):.{digits}f}"


def table(lines):
    groups = {}
    for line in lines:
        groups.setdefault((int(line["labeled"]), line["method"]), []).append(line)
    print("| method | labeled | seeds | Dice | HD95 mm | ASD mm | undefined |\n|---|---|---|---|---|---|---|")
    order = sorted(groups, key=lambda key: (-key[0], -statistics.mean(float(r["dice"]) for r in groups[key])))
    for labeled, method in order:
        runs = groups[labeled, method]
        seeds = ", ".join(run["seed"] for run in runs)
        cells = [spread(runs, "dice", 3), spread(runs, "hd95_mm", 2), spread(runs, "asd_mm", 2)]
        undefined = sum(int(run["undefined"]) for run in runs)
        print(f"| {method} | {labeled} | {seeds} | {' | '.join(cells)} | {undefined} |")


def main():
    path, folders = pathlib.Path(sys.argv[1]), sys.argv[2:]
    lines = merged(path, [row(folder) for folder in folders])
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    table(lines)


if __name__ == "__main__":
    main()
