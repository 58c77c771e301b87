"""Reads a run folder's event files with TensorBoard and compares them with metrics.jsonl.

    python tfevents_check.py runs/NAME

Needs Python with tensorboard. Fails if a logged scalar is missing or differs
by more than single precision.
"""

import json
import math
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main(folder: pathlib.Path) -> None:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    seen = {
        (tag, event.step): event.value
        for tag in events.Tags()["scalars"]
        for event in events.Scalars(tag)
    }
    count = 0
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        expected = {f"loss/{name}": value for name, value in row["losses"].items()}
        expected["lr"] = row["lr"]
        for tag, value in expected.items():
            found = seen[tag, row["step"]]
            same = not math.isfinite(found) if value is None else math.isclose(found, value, rel_tol=1e-6)
            assert same, f"{tag} at step {row['step']}: logged {value}, event file {found}"
            count += 1
    print(f"{count} scalars agree")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
