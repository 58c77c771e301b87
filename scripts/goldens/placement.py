"""Writes scans whose headers state their position in unusual ways, and the headers that label maps on them must have,
for the tests of semivox-data.

Every label map's header is checked to give the same position as the scan's in nibabel, in ITK and by the qform alone.
For scans in other formats, ITK writes the label map.

Run from the repository root with Python with nibabel, numpy, pynrrd and SimpleITK (see requirements.txt):

    python scripts/goldens/placement.py
"""

import json
import struct
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from nifti import SHAPE, oblique

OUT = Path("crates/data/tests/goldens/placement")
# Scans that ITK refuses: their only form has shear.
REFUSED = {"sheared_only"}
# Scans of two axes, of whose voxels nibabel reads the third size from the header nevertheless.
FLAT = {"flat", "flat_qform_only", "flat_without_size"}


def scans():
    """Returns the unusual headers by name: changes of the two forms, and fields to overwrite."""
    q = oblique()
    moved = q.copy()
    moved[:3, :3] = np.array([[0.98, -0.2, 0], [0.2, 0.98, 0], [0, 0, 1.0]]) @ q[:3, :3]
    moved[:3, 3] += [7, -4, 3]
    sheared = q.copy()
    sheared[:3, 1] += 0.2 * q[:3, 0]
    short = lambda *codes: [(252, "2h", codes)]
    return {
        "disagree": (q, moved, short(1, 2)),
        "rounded": (q, np.round(q, 2), short(1, 1)),
        "neither": (q, q, short(0, 0)),
        "neither_flipped": (q, q, [*short(0, 0), (76, "f", [-1.0])]),
        "qform_only": (q, np.eye(4), short(1, 0)),
        "sform_only": (np.eye(4), q, short(0, 3)),
        "sheared": (q, sheared, short(1, 1)),
        "sheared_only": (np.eye(4), sheared, short(0, 1)),
        "zero_sform": (q, q, [*short(1, 1), (280, "12f", [0.0] * 12)]),
        "nan_sform": (q, q, [*short(1, 1), (280, "12f", [float("nan")] * 12)]),
        "singular_qform": (q, q, [*short(1, 1), (80, "3f", [0.7, 0.0, 3.0])]),
        "microns": (q, q, [*short(1, 1), (123, "B", [3])]),
        "meters_and_seconds": (q, moved, [*short(1, 2), (123, "B", [9])]),
        "no_unit": (q, q, [*short(2, 4), (123, "B", [0])]),
        "no_handedness": (q, q, [*short(1, 0), (76, "f", [0.0])]),
        "negative_sizes": (q, q, [*short(1, 1), (80, "3f", [-0.7, 1.2, -3.0])]),
        "big_endian": (q, moved, short(1, 2)),
        "flat": (q, q, short(1, 1)),
        "flat_qform_only": (q, np.eye(4), short(1, 0)),
        "flat_without_size": (np.eye(4), q, [*short(0, 1), (88, "f", [0.0])]),
    }


def shape_of(name):
    return SHAPE[:2] if name in FLAT else SHAPE


def write_scan(name, qform, sform, patches):
    order = ">" if name == "big_endian" else "<"
    shape = shape_of(name)
    header = nib.Nifti1Header(endianness=order)
    image = nib.Nifti1Image(np.zeros(shape, np.int16), None, header=header)
    image.header.set_data_dtype(np.int16)
    image.header["pixdim"][1:4] = np.sqrt((qform[:3, :3] ** 2).sum(0))
    image.header.set_qform(qform, 1)
    image.header.set_sform(sform, 1)
    # A label map must not take over the intent of the scan.
    image.header.set_intent("estimate", name="intensity")
    image.header["vox_offset"] = 352
    raw = bytearray(image.header.binaryblock + bytes(4) + bytes(2 * int(np.prod(shape))))
    for offset, code, numbers in patches:
        struct.pack_into(order + code, raw, offset, *numbers)
    path = OUT / f"{name}.nii"
    path.write_bytes(raw)
    return path


def label_header(scan):
    """Returns the little-endian header of a label map: position as in the scan, all else as Semivox writes it."""
    raw = scan.read_bytes()[:348]
    order = ">" if raw[:4] == b"\0\0\1\x5c" else "<"
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    shape = [*shape_of(scan.stem), 1][:3]
    struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<4f", header, 92, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[123], header[344:348] = raw[123], b"n+1\0"
    for offset, code in ((76, "4f"), (252, "2h"), (256, "6f"), (280, "12f")):
        struct.pack_into("<" + code, header, offset, *struct.unpack_from(order + code, raw, offset))
    if scan.stem == "flat_without_size":
        struct.pack_into("<f", header, 88, 1)
    return bytes(header)


def by_itk(path):
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        return None
    return [*image.GetOrigin(), *image.GetSpacing(), *image.GetDirection()]


def by_nibabel(path):
    image = nib.load(path)
    try:
        qform = image.header.get_qform()
    except ValueError:
        qform = None
    codes = [int(image.header[key]) for key in ("qform_code", "sform_code")]
    return image.affine, qform, codes


def check_same(scan, labels):
    for one, other in zip(by_nibabel(scan), by_nibabel(labels)):
        assert np.array_equal(one, other, equal_nan=one is not None), scan
    if scan.stem in FLAT:  # ITK reads them in two dimensions.
        return
    one, other = by_itk(scan), by_itk(labels)
    assert (one is None) == (other is None) == (scan.stem in REFUSED), scan
    assert one is None or np.array_equal(one, other, equal_nan=True), scan


def nifti_cases():
    for name, (qform, sform, patches) in scans().items():
        scan = write_scan(name, qform, sform, patches)
        header = label_header(scan)
        with tempfile.TemporaryDirectory() as folder:
            labels = Path(folder) / "labels.nii"
            labels.write_bytes(header + bytes(4) + bytes(int(np.prod(shape_of(name)))))
            check_same(scan, labels)
        yield {"file": scan.name, "header": header.hex()}


def itk_cases():
    """Returns scans in other formats, and the forms that ITK writes for a label map on them."""
    for name in ("formats/i2.mha", "formats/beside.nhdr", "formats/no_space.nrrd", "formats/spacings.nrrd", "formats/flat.mha"):
        scan = sitk.ReadImage(str(OUT.parent / name))
        if scan.GetDimension() == 2:
            scan = sitk.JoinSeries(scan)
        with tempfile.TemporaryDirectory() as folder:
            labels = Path(folder) / "labels.nii"
            sitk.WriteImage(sitk.Cast(scan * 0, sitk.sitkUInt8), str(labels))
            header = nib.load(labels).header
        yield {
            "file": f"../{name}",
            "sform": header.get_sform().tolist(),
            "qform": header.get_qform().tolist(),
        }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    found = {"nifti": list(nifti_cases()), "itk": list(itk_cases())}
    (OUT / "placement.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
