"""Writes small NIfTI files, and what nibabel reads from them, for the tests of semivox-data.

Run from the repository root with Python with nibabel and numpy (see requirements.txt):

    python scripts/goldens/nifti.py
"""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np

OUT = Path("crates/data/tests/goldens")
SHAPE = (5, 4, 3)
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]


def oblique():
    """Returns an affine with three rotations, one flipped axis, three spacings and an offset."""
    (ca, sa), (cb, sb), (cc, sc) = ((np.cos(t), np.sin(t)) for t in (0.3, -0.5, 1.1))
    x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = x @ y @ z @ np.diag([0.7, -1.2, 3.0])
    affine[:3, 3] = [-31.5, 12.25, 80.125]
    return affine


def values(code, rng):
    dtype = np.dtype(code)
    if dtype.kind == "f":
        return rng.normal(0, 100, SHAPE).astype(dtype)
    info = np.iinfo(dtype)
    low, high = max(info.min, -(2**40)), min(info.max, 2**40)
    data = rng.integers(low, high, SHAPE, dtype=np.int64, endpoint=True).astype(dtype)
    data[0, 0, 0], data[1, 0, 0] = low, high
    return data


def save(name, data, header, affine=None, sform=True, qform=True, slope=(1.0, 0.0)):
    """Writes `data` as stored values, so that slope and intercept are exactly these."""
    header = header.copy()
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    if affine is not None:
        header.set_zooms(tuple(np.sqrt((affine[:3, :3] ** 2).sum(0))) + (1.0,) * (data.ndim - 3))
        header.set_qform(affine, 1 if qform else 0)
        header.set_sform(affine if sform else np.eye(4), 1 if sform else 0)
    header.set_xyzt_units("mm")
    header["vox_offset"] = 352
    header["scl_slope"], header["scl_inter"] = slope
    raw = header.binaryblock + b"\0" * 4 + data.astype(header.get_data_dtype()).tobytes("F")
    path = OUT / name
    if name.endswith(".gz"):
        with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(raw)
    else:
        path.write_bytes(raw)
    read = nib.load(path)
    return {
        "file": name,
        "shape": read.shape,
        "affine": read.affine.tolist() if affine is not None else None,
        "values": [float(v) for v in np.asarray(read.dataobj, dtype=np.float64).reshape(read.shape[:3]).ravel()],
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    little, big = nib.Nifti1Header(endianness="<"), nib.Nifti1Header(endianness=">")
    cases = [save(f"{code}.nii.gz", values(code, rng), little, oblique()) for code in TYPES]
    scaled = values("i2", rng)
    cases += [
        save("big_endian.nii", values("i2", rng), big, oblique(), slope=(0.5, -3.0)),
        save("scaled.nii.gz", scaled, little, oblique(), slope=(0.0078125, 12.5)),
        save("zero_slope.nii.gz", scaled, little, oblique(), slope=(0.0, 5.0)),
        save("nan_slope.nii.gz", scaled, little, oblique(), slope=(np.nan, np.nan)),
        save("qform.nii.gz", values("u1", rng), little, oblique(), sform=False),
        save("sform.nii.gz", values("u1", rng), little, oblique(), qform=False),
        save("one_frame.nii.gz", values("u1", rng)[..., None], little, oblique()),
    ]
    bare = little.copy()
    bare["pixdim"][1:4] = [0.5, 0.75, 2.0]
    cases.append(save("pixdim.nii.gz", values("u1", rng), bare))
    (OUT / "nifti.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    frames = np.zeros(SHAPE + (2,), np.uint8)
    header = little.copy()
    header.set_data_dtype(frames.dtype)
    header.set_data_shape(frames.shape)
    header["vox_offset"] = 352
    (OUT / "two_frames.nii").write_bytes(header.binaryblock + b"\0" * 4 + frames.tobytes("F"))


if __name__ == "__main__":
    main()
