"""Checks that a real scan is segmented with the same result as a DICOM series and as NIfTI.

    python scripts/dicom_la.py --data LA_FOLDER [--semivox target/release/semivox] [--work FOLDER] [--slices N]

A small network is trained on three cases of LA_FOLDER (images/, labels/, train.list, test.list; one or two minutes).
The first test case is then written as NIfTI and as DICOM series, in every orientation and transfer syntax below, and
all are segmented. Prints a Markdown table with one line per series: voxels whose label differs from that of the
NIfTI, the largest difference of a probability, and how far the corner voxels of the prediction are from those of the
NIfTI and of the series as SimpleITK reads it. Exits with 1 if a voxel differs, if corners are more than 1e-4 mm apart,
or if a prediction is all background. Needs Python with nibabel and with what goldens/dicom.py needs.
"""

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from pydicom.uid import RLELossless
from pydicom.valuerep import format_number_as_ds as decimal

sys.path.insert(0, str(Path(__file__).parent / "goldens"))
from dicom import LPS, dataset, jpeg, rotation  # noqa: E402

TOLERANCE_MM = 1e-4
TRAINING_CASES = 3
SYNTAXES = {"explicit little endian": None, "JPEG lossless SV1": "jpeg", "RLE": "rle"}
# Order of the scan's axes as columns, rows and slices, and rotation and shift (mm) of the patient. A cyclic order of
# right-handed axes is right-handed, as a series must be to keep its order of slices.
SHIFT_MM = np.array([-31.7, 12.3, -104.9])
ORIENTATIONS = {
    "axial": ((0, 1, 2), np.eye(3), np.zeros(3)),
    "oblique": ((0, 1, 2), rotation(), SHIFT_MM),
    "oblique sagittal": ((1, 2, 0), rotation(), SHIFT_MM),
}
COLUMNS = (
    "orientation",
    "transfer syntax",
    "voxels",
    "foreground voxels of the NIfTI",
    "voxels that differ",
    "difference of probabilities",
    "mm from NIfTI",
    "mm from SimpleITK",
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the LA data set")
    parser.add_argument("--semivox", default="target/release/semivox", help="the program")
    parser.add_argument("--work", type=Path, help="folder for all files, kept [default: a temporary one]")
    parser.add_argument("--iterations", type=int, default=100, help="training iterations [default: 100]")
    parser.add_argument("--slices", type=int, help="only the first slices of the scan [default: all]")
    return parser.parse_args()


def semivox(program, *words):
    """Runs the program, and stops with its messages if it fails."""
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")


def names(data, file, count):
    """Returns the first names of a list of cases."""
    return (data / file).read_text().split()[:count]


def train(args, work):
    """Trains a small network on a few cases, and returns its run folder."""
    for kind in ("images", "labels"):
        (work / "scans" / kind).mkdir(parents=True)
        for number, case in enumerate(names(args.data, "train.list", TRAINING_CASES)):
            shutil.copy(args.data / kind / f"{case}.nii.gz", work / "scans" / kind / f"case{number}.nii.gz")
    settings = ["--iterations", args.iterations, "--set", "method.optimizer.learning_rate=0.05", "--quiet"]
    semivox(args.semivox, "train", "supervised", "--data", work / "scans", "--out", work / "run", *settings)
    return work / "run"


def stored(scan):
    """Returns the voxels as int16 over nearly its whole range, with the slope and intercept as DICOM writes them."""
    values = scan.get_fdata()
    slope, intercept = (decimal(x) for x in (np.ptp(values) / 65000, (values.max() + values.min()) / 2))
    voxels = np.round((values - float(intercept)) / float(slope)).astype("<i2")
    return voxels, slope, intercept


def oriented(voxels, affine, orientation):
    """Returns the voxels with their axes reordered, and the affine of the scan so reordered and moved."""
    order, turn, shift = ORIENTATIONS[orientation]
    turned = np.eye(4)
    turned[:3, :3] = turn @ affine[:3, order]
    turned[:3, 3] = turn @ affine[:3, 3] + shift
    return np.ascontiguousarray(voxels.transpose(order)), turned


def write_series(folder, voxels, affine, scaling, compression, rng):
    """Writes the slices in random order, under names and instance numbers of another random order."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    axes, origin = LPS @ affine[:3, :3], LPS @ affine[:3, 3]
    own = {
        "ImageOrientationPatient": [decimal(x) for x in (axes / spacing)[:, :2].T.ravel()],
        "PixelSpacing": [decimal(spacing[1]), decimal(spacing[0])],
        "SliceThickness": decimal(spacing[2]),
        "RescaleSlope": scaling[0],
        "RescaleIntercept": scaling[1],
    }
    folder.mkdir(parents=True)
    count = voxels.shape[2]
    for number, name in zip(rng.permutation(count), rng.permutation(count)):
        own["ImagePositionPatient"] = [decimal(x) for x in origin + axes[:, 2] * number]
        own["InstanceNumber"] = int(name) + 1
        ds = dataset(np.ascontiguousarray(voxels[:, :, number].T), int(number), "axial", 1, **own)
        if compression == "rle":
            ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        path = folder / f"IM{name:04}.dcm"
        ds.save_as(path, enforce_file_format=True)
        if compression == "jpeg":
            jpeg(path)


def read_by_itk(folder):
    """Returns the voxels and the affine that SimpleITK reads from a series, in NIfTI's coordinate frame."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetOutputPixelType(sitk.sitkFloat64)
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = LPS @ np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine[:3, 3] = LPS @ image.GetOrigin()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine


def apart(shape, one, other):
    """Returns the largest distance of corresponding corner voxels, in mm."""
    corners = np.array([[*corner, 1] for corner in itertools.product(*((0, size - 1) for size in shape))])
    return np.linalg.norm(corners @ (one - other).T, axis=1).max()


def write_all(args, work):
    """Writes the scan in all orientations and syntaxes, and returns the paths by orientation."""
    scan = nib.load(args.data / "images" / f"{names(args.data, 'test.list', 1)[0]}.nii.gz")
    if np.linalg.det(scan.affine) < 0:
        sys.exit("expected a scan with right-handed axes, which a series can have; found left-handed ones")
    scan = scan.slicer[:, :, : args.slices]
    stored_voxels, *scaling = stored(scan)
    rng = np.random.default_rng(16)
    paths = {}
    for orientation in ORIENTATIONS:
        voxels, affine = oriented(stored_voxels, scan.affine, orientation)
        values = (voxels * float(scaling[0]) + float(scaling[1])).astype("<f4")
        stem = orientation.replace(" ", "_")
        nifti = work / f"{stem}.nii.gz"
        nib.save(nib.Nifti1Image(values, affine), nifti)
        paths[orientation] = nifti, {name: work / f"{stem}_{kind or 'plain'}" for name, kind in SYNTAXES.items()}
        for name, folder in paths[orientation][1].items():
            write_series(folder, voxels, affine, scaling, SYNTAXES[name], rng)
            if not np.array_equal(read_by_itk(folder)[0].astype("<f4"), values):
                sys.exit(f"{folder}: SimpleITK reads other values than were written")
    return paths


def prediction(folder, source):
    """Returns the label map, the probabilities of the foreground and the affine that were predicted for a scan."""
    name = source.name.removesuffix(".nii.gz")
    labels = nib.load(folder / f"{name}.nii.gz")
    foreground = nib.load(folder / "probabilities" / f"{name}_class_1.nii.gz")
    return np.asarray(labels.dataobj), foreground.get_fdata(), labels.affine


def compare(nifti, series, folder):
    """Returns the figures of a series for the table, and whether its prediction is right."""
    expected, expected_probabilities, _ = prediction(folder, nifti)
    labels, probabilities, affine = prediction(folder, series)
    if labels.shape != expected.shape:
        sys.exit(f"{series}: expected a prediction of shape {expected.shape}, as for {nifti}, found {labels.shape}")
    foreground, differ = int((expected > 0).sum()), int((labels != expected).sum())
    probability = np.abs(probabilities - expected_probabilities).max()
    distances = [apart(labels.shape, affine, other) for other in (nib.load(nifti).affine, read_by_itk(series)[1])]
    grid = "×".join(map(str, labels.shape))
    right = differ == 0 and foreground > 0 and max(distances) <= TOLERANCE_MM
    return [grid, f"{foreground:,}", f"{differ:,}", *(f"{x:.1g}" for x in (probability, *distances))], right


def check(args, work):
    """Trains, writes, predicts and prints the table; returns whether every prediction is right."""
    run = train(args, work)
    paths = write_all(args, work)
    inputs = [path for nifti, series in paths.values() for path in (nifti, *series.values())]
    semivox(args.semivox, "predict", run, *inputs, "--probabilities", "--out", work / "predicted", "--quiet")
    print(f"| {' | '.join(COLUMNS)} |", "|---|---|--:|--:|--:|--:|--:|--:|", sep="\n")
    all_right = True
    for orientation, (nifti, series) in paths.items():
        for syntax, folder in series.items():
            figures, right = compare(nifti, folder, work / "predicted")
            print(f"| {' | '.join([orientation, syntax, *figures])} |")
            all_right &= right
    return all_right


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        if work.exists() and any(work.iterdir()):
            sys.exit(f"{work}: expected a new or empty folder for --work, found files in it")
        sys.exit(0 if check(args, work) else 1)


if __name__ == "__main__":
    main()
