"""Writes small NRRD files, and what pynrrd reads from them, for the tests of semivox-data.

Run from the repository root with Python with pynrrd and numpy (see requirements.txt):

    python scripts/goldens/nrrd_files.py
"""

import json
from pathlib import Path

import nrrd
import numpy as np

from nifti import TYPES, oblique, values

OUT = Path("crates/data/tests/goldens/nrrd")
# Signs that convert a space to the right-anterior-superior frame.
SPACES = {
    "left-posterior-superior": (-1, -1, 1),
    "LPS": (-1, -1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "RAS": (1, 1, 1),
}


def affine_of(header):
    """Returns the affine of the axes that have a direction, in the right-anterior-superior frame."""
    if "space directions" not in header:
        # As ITK does, the axes are taken for left-posterior-superior.
        return np.diag([*(SPACES["LPS"] * header.get("spacings", np.ones(3))[:3]), 1.0])
    signs = np.array(SPACES[header["space"]])
    directions = np.array([d for d in np.asarray(header["space directions"], float) if not np.isnan(d).any()])
    affine = np.eye(4)
    affine[:3, :3] = signs[:, None] * directions.T
    affine[:3, 3] = signs * header["space origin"]
    return affine


def save(name, data, **header):
    """Writes a file with a comment and a program-specific key, and reads it again."""
    path = OUT / f"{name}.nrrd"
    header = {"encoding": "gzip", "program": "semivox: a remark", **header}
    nrrd.write(str(path), data, header, compression_level=9)
    # The comments of pynrrd contain the time.
    lines, voxels = path.read_bytes().split(b"\n\n", 1)
    lines = [line for line in lines.split(b"\n") if not line.startswith(b"#")]
    path.write_bytes(b"\n".join([lines[0], b"# a comment: no field", *lines[1:]]) + b"\n\n" + voxels)
    read, found = nrrd.read(str(path))
    volume = np.asarray(read, np.float64).reshape([n for n in read.shape if n != 1] if read.ndim > 3 else read.shape)
    return {
        "file": path.name,
        "shape": volume.shape,
        "affine": affine_of(found).tolist(),
        "values": [float(v) for v in volume.ravel()],
    }


def in_space(space):
    """Returns the header fields of the same oblique volume in a given space."""
    signs, affine = np.array(SPACES[space]), oblique()
    directions = (signs[:, None] * affine[:3, :3]).T
    return {"space": space, "space directions": directions, "space origin": signs * affine[:3, 3]}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    lps = in_space("left-posterior-superior")
    cases = [save(code, values(code, rng), **lps) for code in TYPES]
    cases += [save(f"space_{number}", values("i2", rng), **in_space(space)) for number, space in enumerate(SPACES)]
    cases += [
        save("raw_big_endian", values("i2", rng).astype(">i2"), encoding="raw", **lps),
        save("spacings", values("u1", rng), spacings=[0.5, 0.75, 2.0]),
        save("bare", values("u1", rng)),
    ]
    # A single layer as segmentation programs write it: with a first axis without direction.
    layer = dict(lps, **{"space directions": np.vstack([[np.nan] * 3, lps["space directions"]])})
    cases.append(save("one_layer", values("u1", rng)[None], kinds=["list", "domain", "domain", "domain"], **layer))
    (OUT / "nrrd.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
