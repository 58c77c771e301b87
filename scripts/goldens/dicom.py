"""Writes tiny DICOM series, and what SimpleITK reads from them, for the tests of semivox-data.

Run from the repository root with Python with numpy, pydicom, python-gdcm and SimpleITK (see requirements.txt):

    python scripts/goldens/dicom.py
"""

import json
import shutil
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage, RLELossless

OUT = Path("crates/data/tests/goldens/dicom")
ROOT = "1.2.826.0.1.3680043.10.1"
LPS = np.diag([-1.0, -1.0, 1.0])
SHAPE = (7, 5, 4)  # columns, rows, slices


def rotation():
    """Returns a rotation about all three axes."""
    a, b, c = 0.3, -0.2, 0.5
    about = lambda i, j, t: np.array([[1.0 if k == l and k not in (i, j) else 0.0 for l in range(3)] for k in range(3)]) + (
        np.cos(t) * (np.outer(np.eye(3)[i], np.eye(3)[i]) + np.outer(np.eye(3)[j], np.eye(3)[j]))
        + np.sin(t) * (np.outer(np.eye(3)[j], np.eye(3)[i]) - np.outer(np.eye(3)[i], np.eye(3)[j]))
    )
    return about(0, 1, a) @ about(1, 2, b) @ about(0, 2, c)


ORIENTATIONS = {
    "axial": np.eye(3),
    "sagittal": np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),  # rows along y, columns downward
    "oblique": rotation(),
}


def dataset(values, number, orientation, series, **change):
    """Makes one slice with the stored voxels `values`."""
    axes = ORIENTATIONS[orientation]
    position = np.array([-31.5, 12.25, -100.0]) + axes[:, 2] * 2.5 * number
    ds = FileDataset(None, {}, preamble=b"\0" * 128)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = change.pop("syntax", ExplicitVRLittleEndian)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"{ROOT}.{series}.{number + 1}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = ROOT, f"{ROOT}.{series}"
    ds.Modality, ds.PatientName, ds.PatientID = "MR", "Secret^Name", "SecretID"
    ds.SeriesDescription, ds.SeriesNumber = f"series {series}", series
    # The numbers follow the order of the files, not that of the positions.
    ds.InstanceNumber = (number * 3) % SHAPE[2] + 1
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "A", "nested"
    ds.ProcedureCodeSequence = [item]
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.PixelSpacing = [1.25, 0.75]
    ds.SliceThickness = 3
    ds.ImageOrientationPatient = [f"{x:.10g}"[:16] for x in [*axes[:, 0], *axes[:, 1]]]
    ds.ImagePositionPatient = [f"{x:.10g}"[:16] for x in position]
    ds.BitsAllocated = 8 * values.dtype.itemsize
    ds.BitsStored = change.pop("bits", ds.BitsAllocated)
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(values.dtype.kind == "i")
    ds.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    for name, value in change.items():
        setattr(ds, name, value)
    return ds


def jpeg(path):
    """Compresses the pixels of a file with lossless JPEG and keeps its other elements, which gdcm would rewrite."""
    ds = pydicom.dcmread(path)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    written = pydicom.dcmread(path)
    ds.PixelData, ds.file_meta.TransferSyntaxUID = written.PixelData, written.file_meta.TransferSyntaxUID
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.save_as(path, enforce_file_format=True)


def save(name, voxels, orientation, series, slopes=((1, 0),), **change):
    """Writes a series under shuffled names, with and without extension."""
    folder = OUT / name
    folder.mkdir(parents=True)
    compression = change.pop("compression", None)
    for number in range(voxels.shape[2]):
        slope, intercept = slopes[number % len(slopes)]
        own = {key: value(number) if callable(value) else value for key, value in change.items()}
        if slopes != ((1, 0),):
            own |= {"RescaleSlope": str(slope), "RescaleIntercept": str(intercept)}
        ds = dataset(np.ascontiguousarray(voxels[:, :, number].T), number, orientation, series, **own)
        path = folder / (f"IM{(number * 3 + 2) % SHAPE[2]}" + ("" if number % 2 else ".dcm"))
        if compression == "rle":
            ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        ds.save_as(path, enforce_file_format=True)
        if compression == "jpeg":
            jpeg(path)
    return golden(name)


def stripped(name, keep, voxels, orientation, series, **change):
    """Writes a series, and then takes from its files what says that they are DICOM.

    keep is "elements" for those of the image alone, "meta" for those before them as well, but without the 128 bytes and
    the mark, or "mark" for everything but the transfer syntax. pydicom reads all of them if it is forced; ITK reads only
    the first kind. The golden is that of the whole files.
    """
    result = save(name, voxels, orientation, series, **change)
    for path in sorted((OUT / name).iterdir()):
        whole, data = pydicom.dcmread(path), path.read_bytes()
        syntax = data.index(b"\x02\x00\x10\x00UI")
        after = syntax + 8 + int.from_bytes(data[syntax + 6 : syntax + 8], "little")
        # The length of the elements before the image's own is the first of them.
        image = 144 + int.from_bytes(data[140:144], "little")
        meta = (image - 144 - (after - syntax)).to_bytes(4, "little")
        parts = {"elements": data[image:], "meta": data[132:], "mark": data[:140] + meta + data[144:syntax] + data[after:]}
        path.write_bytes(parts[keep])
        forced = pydicom.dcmread(path, force=True)
        assert forced.PixelData == whole.PixelData and forced.ImagePositionPatient == whole.ImagePositionPatient
    if keep == "elements":
        assert golden(name) == result
    return result


def golden(name):
    """Returns the volume that ITK reads, in NIfTI's coordinate frame."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(OUT / name)))
    reader.SetOutputPixelType(sitk.sitkFloat64)
    image = reader.Execute()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = LPS @ direction @ np.diag(image.GetSpacing())
    affine[:3, 3] = LPS @ image.GetOrigin()
    data = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    values = [float(value) for value in data.ravel()]
    return {"folder": name, "shape": data.shape, "affine": affine.tolist(), "values": values}


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    rng = np.random.default_rng(16)
    draw = lambda low, high, kind: rng.integers(low, high, SHAPE).astype(kind)
    ct = ((2, -1024),)
    runs = np.repeat(draw(-900, 900, "i2"), 3, axis=1)
    cases = [
        save("axial", draw(0, 4096, "u2"), "axial", 1, ct, bits=12),
        save("oblique", draw(-2048, 2048, "i2"), "oblique", 2, bits=12),
        save("sagittal", draw(0, 256, "u1"), "sagittal", 3),
        save("implicit", draw(-32768, 32768, "i2"), "oblique", 4, ct, syntax=ImplicitVRLittleEndian),
        save("jpeg", draw(0, 4096, "u2"), "oblique", 5, ct, bits=12, compression="jpeg"),
        save("jpeg_signed", draw(-32768, 32768, "i2"), "sagittal", 6, compression="jpeg"),
        save("jpeg_bytes", draw(0, 256, "u1")[:6], "axial", 7, compression="jpeg"),
        save("rle", runs, "oblique", 8, ct, compression="rle"),
        save("rle_bytes", np.repeat(draw(0, 256, "u1"), 2, axis=0), "axial", 9, compression="rle"),
        save("slopes", draw(0, 4096, "u2"), "axial", 10, ((0.5, 0), (0.25, 1), (1.5, -2), (2, 3))),
        save("inverted", draw(0, 4096, "u2"), "axial", 11, ct, bits=12, PhotometricInterpretation="MONOCHROME1"),
        save("inverted_signed", draw(-900, 900, "i2"), "axial", 12, ct, PhotometricInterpretation="MONOCHROME1"),
        # As if every second slice were missing.
        save("skipped", draw(0, 256, "u1"), "oblique", 13, SliceThickness=1.25, InstanceNumber=lambda number: 2 * number + 1),
        stripped("bare_implicit", "elements", draw(-900, 900, "i2"), "oblique", 14, slopes=ct, syntax=ImplicitVRLittleEndian),
        stripped("bare_explicit", "elements", draw(0, 256, "u1"), "axial", 15),
        stripped("no_mark", "meta", draw(0, 256, "u1"), "axial", 16),
        stripped("no_syntax", "mark", draw(0, 4096, "u2"), "sagittal", 17, slopes=ct, bits=12),
        stripped("no_syntax_implicit", "mark", draw(0, 256, "u1"), "axial", 18, syntax=ImplicitVRLittleEndian),
    ]
    (OUT / "dicom.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
