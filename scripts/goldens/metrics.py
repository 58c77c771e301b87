"""Reference values for semivox-metrics: MedPy on ellipsoids given by formula and on real label maps.

Usage: python scripts/goldens/metrics.py DATA   (DATA holds la/labels and la/test.list)
Writes crates/metrics/tests/goldens/medpy.json: numbers and the recipe of each prediction, no images.
Needs Python with numpy, scipy, nibabel and medpy 0.5.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
from medpy.metric import binary
from scipy import ndimage

OUT = Path(__file__).parents[2] / "crates/metrics/tests/goldens/medpy.json"
SPACINGS = [(0.625, 0.625, 0.625), (0.8, 1.2, 2.5)]
CASES = 4
ELLIPSOIDS = [
    # shape, then center and radii of prediction and reference
    ((24, 20, 17), ((11, 9, 8), (7, 6, 5)), ((12, 10, 7), (6, 7, 4))),
    ((15, 30, 9), ((3, 20, 4), (6, 5, 4)), ((7, 12, 5), (4, 9, 3))),
    ((31, 11, 13), ((20, 5, 6), (12, 8, 9)), ((18, 5, 6), (5, 3, 2))),
]


def shift(mask, by):
    """Shifts a mask; voxels that enter at the edge are background."""
    return ndimage.shift(mask.astype(np.uint8), by, order=0, mode="constant").astype(bool)


def recipes(mask):
    yield {"shift": [2, -1, 1], "erode": 0, "dilate": 0}, shift(mask, (2, -1, 1))
    yield {"shift": [0, 0, 0], "erode": 2, "dilate": 0}, ndimage.binary_erosion(mask, iterations=2)
    moved = shift(mask, (-3, 2, 0))
    yield {"shift": [-3, 2, 0], "erode": 0, "dilate": 3}, ndimage.binary_dilation(
        moved, iterations=3
    )


def ellipsoid(shape, center, radii):
    grid = np.indices(shape)
    terms = [((g - c) / r) ** 2 for g, c, r in zip(grid, center, radii)]
    return terms[0] + terms[1] + terms[2] <= 1.0


def directed_max(prediction, reference, spacing):
    """Returns the larger of both directed 95th percentiles, from the distances of which MedPy's metrics are made."""
    distances = binary.__dict__["__surface_distances"]
    return max(
        np.percentile(distances(a, b, spacing), 95)
        for a, b in ((prediction, reference), (reference, prediction))
    )


def mean_of_means(prediction, reference, spacing):
    """Returns the mean of both directions, as in earlier versions of MedPy; in 0.5 its assd pools the distances."""
    asd = [binary.asd(a, b, spacing) for a, b in ((prediction, reference), (reference, prediction))]
    return np.mean(asd)


def measure(prediction, reference, spacing):
    assert prediction.any() and reference.any()
    return {
        "spacing": spacing,
        "dice": binary.dc(prediction, reference),
        "jaccard": binary.jc(prediction, reference),
        "hd95": float(binary.hd95(prediction, reference, spacing)),
        "hd95_directed_max": float(directed_max(prediction, reference, spacing)),
        "asd": float(binary.asd(prediction, reference, spacing)),
        "assd": float(mean_of_means(prediction, reference, spacing)),
        "assd_pooled": float(binary.assd(prediction, reference, spacing)),
    }


def synthetic():
    for shape, prediction, reference in ELLIPSOIDS:
        p, r = ellipsoid(shape, *prediction), ellipsoid(shape, *reference)
        yield {
            "shape": shape,
            "prediction": prediction,
            "reference": reference,
            "metrics": [measure(p, r, spacing) for spacing in SPACINGS],
        }


def real(root):
    for case in (root / "la/test.list").read_text().split()[:CASES]:
        reference = nibabel.load(root / f"la/labels/{case}.nii.gz").get_fdata() > 0
        for recipe, prediction in recipes(reference):
            metrics = [measure(prediction, reference, spacing) for spacing in SPACINGS]
            yield {"case": case, "recipe": recipe, "metrics": metrics}


goldens = {"synthetic": list(synthetic()), "real": list(real(Path(sys.argv[1])))}
OUT.write_text(json.dumps(goldens) + "\n")
