"""Writes small volumes in formats other than .nii and .nrrd, and what SimpleITK or nibabel reads from them, for the
tests of semivox-data.

Run from the repository root with Python with nibabel, numpy, pynrrd and SimpleITK (see requirements.txt):

    python scripts/goldens/formats.py
"""

import gzip
import json
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import SimpleITK as sitk

from nifti import SHAPE, TYPES, oblique, values

OUT = Path("crates/data/tests/goldens/formats")
LPS = np.diag([-1.0, -1.0, 1.0])


def itk_image(data):
    """Returns the array on the oblique grid."""
    affine = LPS @ oblique()[:3]
    spacing = np.sqrt((affine[:, :3] ** 2).sum(0))
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine[:, 3].tolist())
    return image


def by_itk(name):
    """Returns the volume that ITK reads, in NIfTI's coordinate frame."""
    image = sitk.ReadImage(str(OUT / name))
    size, dimension = image.GetSize(), image.GetDimension()
    direction = np.eye(3)
    origin, spacing = np.zeros(3), np.ones(3)
    n = min(dimension, 3)
    direction[:n, :n] = np.array(image.GetDirection()).reshape(dimension, dimension)[:n, :n]
    origin[:n], spacing[:n] = image.GetOrigin()[:n], image.GetSpacing()[:n]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = LPS @ direction @ np.diag(spacing), LPS @ origin
    data = np.asarray(sitk.GetArrayFromImage(image), np.float64)
    shape = [*size, 1, 1][:3]
    return golden(name, affine, data.reshape(shape[::-1]).transpose(2, 1, 0))


def by_nibabel(name):
    image = nib.load(OUT / name)
    return golden(name, image.affine, np.asarray(image.dataobj, np.float64).reshape(image.shape[:3]))


def golden(name, affine, data):
    values = [float(value) for value in data.ravel()]
    return {"file": name, "shape": data.shape, "affine": np.asarray(affine, float).tolist(), "values": values}


def meta_image(name, fields, voxels):
    """Writes a file with these lines before the name of the element data."""
    text = "".join(f"{key} = {value}\n" for key, value in fields)
    (OUT / name).write_bytes(text.encode() + voxels)
    return by_itk(name)


def meta_images(rng):
    cases = []
    for code in TYPES:
        sitk.WriteImage(itk_image(values(code, rng)), str(OUT / f"{code}.mha"))
        cases.append(by_itk(f"{code}.mha"))
    image = itk_image(values("i2", rng))
    sitk.WriteImage(image, str(OUT / "packed.mha"), useCompression=True)
    sitk.WriteImage(image, str(OUT / "apart.mhd"))
    sitk.WriteImage(image, str(OUT / "apart_packed.mhd"), useCompression=True)
    cases += [by_itk(name) for name in ("packed.mha", "apart.mhd", "apart_packed.mhd")]
    data = np.arange(24)
    start = [("ObjectType", "Image"), ("NDims", 3), ("BinaryData", "True"), ("DimSize", "4 3 2")]
    end = ("ElementDataFile", "LOCAL")
    turned = ("TransformMatrix", "0 1 0 0 0 1 1 0 0")
    big = [*start, turned, ("Position", "1 2 3"), ("ElementSpacing", "1 2 3"), ("ElementByteOrderMSB", "True")]
    cases += [
        meta_image("big_endian.mha", [*big, ("ElementType", "MET_SHORT"), end], data.astype(">i2").tobytes()),
        meta_image("long.mha", [*start, ("ElementType", "MET_LONG"), end], data.astype("<i4").tobytes()),
        meta_image("size.mha", [*start, ("ElementSize", "1 2 3"), ("ElementType", "MET_UCHAR"), end], data.astype("u1").tobytes()),
    ]
    four = [("NDims", 4), ("BinaryData", "True"), ("DimSize", "4 3 2 1"), ("ElementSpacing", "1 2 3 4")]
    flat = [("ObjectType", "Image"), ("NDims", 2), ("DimSize", "6 4"), ("ElementSpacing", "0.5 2")]
    element = ("ElementType", "MET_UCHAR")
    cases += [
        meta_image("one_frame.mha", [("ObjectType", "Image"), *four, element, end], data.astype("u1").tobytes()),
        meta_image("flat.mha", [*flat, ("TransformMatrix", "0 1 -1 0"), element, end], data.astype("u1").tobytes()),
    ]
    # Matrices that are no rotation, which ITK takes as they are.
    spaced = [*start, ("ElementSpacing", "1 2 3"), ("Offset", "4 5 6")]
    for name, matrix in (("sheared", "1 0 0 0.2 0.98 0 0 -0.1 1"), ("stretched", "1.5 0 0 0 1 0 0 0 2")):
        fields = [*spaced, ("TransformMatrix", matrix), element, end]
        cases.append(meta_image(f"{name}.mha", fields, data.astype("u1").tobytes()))
    # A header of 7 bytes before the voxels, with and without its size in the file.
    (OUT / "skipped.raw").write_bytes(b"header." + data.astype("u1").tobytes())
    for name, size in (("skipped.mhd", 7), ("from_end.mhd", -1)):
        cases.append(meta_image(name, [*start, ("HeaderSize", size), element, ("ElementDataFile", "skipped.raw")], b""))
    return cases


def niftis(rng):
    cases = []
    affine = oblique()
    for name, order in (("two.nii.gz", "<"), ("two_big_endian.nii", ">")):
        image = nib.Nifti2Image(values("i2", rng), affine, header=nib.Nifti2Header(endianness=order))
        image.header.set_xyzt_units("mm")
        nib.save(image, OUT / name)
        cases.append(by_nibabel(name))
    for name, kind in (("pair.img", nib.Nifti1Pair), ("packed_pair.img.gz", nib.Nifti1Pair), ("two_pair.img", nib.Nifti2Pair)):
        image = kind(values("f4", rng), affine)
        image.header.set_xyzt_units("mm")
        nib.save(image, OUT / name)
        cases.append(by_nibabel(name.replace("img", "hdr")))
    image = nib.Nifti1Image(values("u1", rng), affine)
    image.header.set_xyzt_units("mm")
    packed = gzip.compress(image.to_bytes(), mtime=0)
    for name, rest in (("padded.nii.gz", bytes(512)), ("trailing.nii.gz", b"signature of an archive")):
        (OUT / name).write_bytes(packed + rest)
        cases.append(by_itk(name))
    return cases


def nrrds(rng):
    affine = LPS @ oblique()[:3]
    placed = {"space": "left-posterior-superior", "space directions": affine[:, :3].T, "space origin": affine[:, 3]}
    data = values("i2", rng)
    cases = []
    for name, encoding in (("beside.nhdr", "raw"), ("beside_packed.nhdr", "gzip")):
        nrrd.write(str(OUT / name), data, {"encoding": encoding, **placed}, detached_header=True)
        cases.append(by_itk(name))
    voxels = data.tobytes("F")
    (OUT / "lines.raw").write_bytes(b"first line\nsecond line\n" + voxels)
    start = ["NRRD0004", "type: short", "dimension: 3", f"sizes: {SHAPE[0]} {SHAPE[1]} {SHAPE[2]}", "endian: little"]
    end = ["encoding: raw", "data file: lines.raw"]

    def text(name, *lines, voxels=b""):
        (OUT / name).write_bytes("\n".join([*start, *lines, ""]).encode() + b"\n" + voxels)
        cases.append(by_itk(name))

    text("lines.nhdr", "line skip: 2", *end)
    text("bytes.nhdr", "byte skip: 23", *end)
    text("from_end.nhdr", "byte skip: -1", *end)
    directions = ["space directions: (1.5,0,0) (0,0,1.5) (0,2,0)", "space origin: (3,4,5)"]
    text("no_space.nrrd", "space dimension: 3", *directions, "encoding: raw", voxels=voxels)
    text("spacings.nrrd", "spacings: 1.5 -1.5 2", "encoding: RAW", voxels=voxels)
    mins = ["spacings: 1.5 1.5 2", "axis mins: 10 20 30", "encoding: raw"]
    text("cells.nrrd", *mins, voxels=voxels)
    text("nodes.nrrd", "centers: node node node", *mins, voxels=voxels)
    text("upper.nrrd", "spacings: 1.5 1.5 2", "encoding: GZIP", voxels=gzip.compress(voxels, mtime=0))
    ends = ["axis mins: 3 4 5", "axis maxs: 10.5 10 11", "encoding: raw"]
    text("ends.nrrd", *ends, voxels=voxels)
    text("ends_of_nodes.nrrd", "centers: node node node", *ends, voxels=voxels)
    text("mins.nrrd", *ends[::2], voxels=voxels)
    # Slices of two axes, one beside an axis of length 1 that has no direction.
    flat = ["dimension: 2", f"sizes: {SHAPE[0]} {SHAPE[1]}"]
    turned = "(0,1.5) (-2,0)"
    layer = ["dimension: 3", f"sizes: 1 {SHAPE[0]} {SHAPE[1]}", "kinds: scalar domain domain"]
    for name, lines in {
        "flat_mins.nrrd": [*flat, "spacings: 0.5 2", "axis mins: 3 4"],
        "flat_turned.nrrd": [*flat, "space dimension: 2", f"space directions: {turned}", "space origin: (3,4)"],
        "flat_layer.nrrd": [*layer, "space dimension: 2", f"space directions: none {turned}"],
    }.items():
        lines = ["NRRD0004", "type: short", *lines, "endian: little", "encoding: raw"]
        (OUT / name).write_bytes("\n".join([*lines, "", ""]).encode() + data[:, :, 0].tobytes("F"))
        cases.append(by_itk(name))
    return cases


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(13)
    cases = meta_images(rng) + niftis(rng) + nrrds(rng)
    (OUT / "formats.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
