"""Reference values for semivox-sdf: distance transforms, signed distance maps and components by SciPy.

Usage: python scripts/goldens/sdf.py (writes crates/sdf/tests/goldens/scipy.json)
Needs Python with numpy and scipy.
"""

import json
from pathlib import Path

import numpy as np
from scipy import ndimage

OUT = Path(__file__).parents[2] / "crates/sdf/tests/goldens/scipy.json"


def signed(mask, spacing, unit):
    """Computes the map as DTC does, with the inner boundary as an erosion that ignores the volume's edge."""
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    if unit:
        inside, outside = inside / inside.max(), outside / outside.max()
    result = outside - inside
    result[mask & ~ndimage.binary_erosion(mask, border_value=1)] = 0
    return result


def case(shape, spacing, density, seed):
    mask = np.random.default_rng(seed).random(shape) < density
    labels = [
        ndimage.label(mask, ndimage.generate_binary_structure(3, order)) for order in (1, 2, 3)
    ]
    return {
        "shape": shape,
        "spacing": spacing,
        "mask": "".join("01"[int(v)] for v in mask.ravel()),
        "distance": rounded(ndimage.distance_transform_edt(mask, sampling=spacing)),
        "signed_mm": rounded(signed(mask, spacing, False)),
        "signed_unit": rounded(signed(mask, spacing, True)),
        "components": [count for _, count in labels],
        "labels": [found.ravel().tolist() for found, _ in labels],
    }


def rounded(values):
    return [round(float(v), 9) for v in values.ravel()]


CASES = [
    case((5, 6, 7), (1.0, 1.0, 1.0), 0.6, 0),
    case((7, 5, 9), (0.625, 1.25, 3.0), 0.9, 1),
    case((11, 3, 5), (2.5, 0.7, 1.1), 0.4, 2),
    case((8, 9, 1), (1.5, 1.5, 10.0), 0.95, 3),
]
OUT.write_text(json.dumps(CASES) + "\n")
