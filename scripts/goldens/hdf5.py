"""Writes HDF5 files with 16-bit floats, and the same values as 32-bit floats, as h5py does, and files with links.

    python scripts/goldens/hdf5.py crates/data/tests/goldens/hdf5
"""

import sys
from pathlib import Path

import h5py
import numpy as np

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
# Normal, subnormal, largest and zero values of both signs.
values = np.array([0.0, -0.0, 0.37, -1.5, 65504.0, -65504.0, 6e-8, 6.1e-5, -3.2e-6, 1000.1, 2.0, 0.1], dtype="f2")
for name, order, options in [
    ("half.h5", "<f2", {}),
    ("half_big_endian.h5", ">f2", {"chunks": (2, 3, 1), "compression": "gzip", "shuffle": True}),
]:
    with h5py.File(folder / name, "w", track_order=False) as file:
        image = values.reshape(2, 3, 2)
        file.create_dataset("image", data=image.astype(order), **options)
        file.create_dataset("single", data=image.astype("f4"))
        file.create_dataset("label", data=(image > 1).astype(order))
# Links in the two formats of groups, and in groups that keep the order of their members.
for name, options in [
    ("links.h5", {}),
    ("links_new.h5", {"libver": ("v110", "v114")}),
    ("links_ordered.h5", {"libver": ("v110", "v114"), "track_order": True}),
]:
    with h5py.File(folder / name, "w", **options) as file:
        file.create_dataset("data/single", data=values.reshape(2, 3, 2).astype("f4"))
        file["hard"] = file["data/single"]
        file["image"] = h5py.SoftLink("/data/single")
        if name != "links.h5":
            file["label"] = h5py.ExternalLink("other.h5", "drawn/label")
