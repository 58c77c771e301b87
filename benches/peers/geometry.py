"""Distances, surface metrics and file reading with edt, scipy, MedPy and nibabel: the counterpart of
benches/geometry.rs.

Usage: geometry.py edt|scipy|metrics|read LA_FOLDER CASE REPETITIONS [THREADS]
"""

import json
import pathlib
import sys
import time

import nibabel
import numpy as np

SPACING_MM = (0.625, 0.625, 0.625)


def main(what, root, case, repetitions, threads="2"):
    root = pathlib.Path(root)
    mask = np.asarray(nibabel.load(root / "labels" / f"{case}.nii.gz").dataobj) != 0
    moved = np.zeros_like(mask)
    moved[3:, 2:, 1:] = mask[:-3, :-2, :-1]
    images = [root / "images" / f"{i}.nii.gz" for i in (root / "train.list").read_text().split()[:10]]
    if what == "edt":
        import edt
        run = lambda: edt.edt(mask, anisotropy=SPACING_MM, parallel=int(threads))
    elif what == "scipy":
        from scipy import ndimage
        run = lambda: ndimage.distance_transform_edt(mask, sampling=SPACING_MM)
    elif what == "metrics":
        from medpy.metric import binary
        run = lambda: (binary.hd95(moved, mask, SPACING_MM), binary.asd(moved, mask, SPACING_MM))
    else:
        run = lambda: [nibabel.load(path).get_fdata(dtype=np.float32) for path in images]
    seconds = []
    for _ in range(int(repetitions) + 1):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds[1:]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
