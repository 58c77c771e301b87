"""Runs the program on realistic, difficult inputs, and compares its results with the expected ones.

    python scripts/cases.py FOLDER_OF_CASES [--semivox target/debug/semivox] [--only 05 10] [--work FOLDER]

FOLDER_OF_CASES has one folder per case, with make.py, which writes the input under $CASES, expect.txt, and optionally
check.py, which compares with the reference programs. Needs Python with nibabel, numpy, pynrrd, h5py and SimpleITK.

Every data set is inspected: how many cases are labeled, unlabeled and for testing, and the first error, note and
warning. Where EXPECTED has an entry, the line begins with `right` or `WRONG`. For the case of two affines, a model is
trained for one step, scans are predicted, and check.py prints the distance of scan and label map in each reader.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Expected counts of labeled and unlabeled cases, or a part of the message, by data set; * matches any text.
EXPECTED = {
    "02_bogus_sform/zero_sform_good_qform": "placed by its qform",
    "02_bogus_sform/nan_sform_good_qform": "placed by its qform",
    "02_bogus_sform/zero_sform_no_qform": "singular sform",
    "02_bogus_sform/no_forms": "which side is left is not known",
    "02_bogus_sform/no_forms_zero_pixdim": "nonzero volume",
    "03_rounded_affines/half_voxel": "voxels apart",
    "03_rounded_affines/*": (3, 1),
    "05_two_affines/*": (3, 1),
    # Not the unlabeled case of expect.txt: the image of imagesTs/ has a label map in labelsTs/, so it is the test case.
    "07_nnunet_v1/*": (3, 0),
    "14_empty_and_constant/outlier": "far darker or brighter",
    "06_label_255/v255": "`0 background`, `255 class 1`",
    "06_label_255/v255_named": (4, 1),
    "06_label_255/v205_420": (4, 1),
    "06_label_255/brats": "no labeled case contains label 2 (class 2), 3 (class 3)",
    "06_label_255/v1_7": "no labeled case contains label 2 (class 2), 3 (class 3), 4 (class 4)",
    "08_nnunet_labels/ignore": "(ignore) take no part in losses and metrics",
    "08_nnunet_labels/msd_ignore": "(ignore) take no part in losses and metrics",
    "08_nnunet_labels/regions": "regions, which may overlap, are not supported",
    "08_nnunet_labels/no_background": "labels that begin with 0 for the background",
    # These label maps were written without the origin of their images.
    "10_ignored_files/mha_labels": "labels/c1.mha`, found corresponding corner voxels",
    "10_ignored_files/nhdr_labels": "labels/c1.nhdr`, found corresponding corner voxels",
    "10_ignored_files/*_labels": (3, 1),
    "10_ignored_files/*_images": (1, 3),
    "13_slicer_seg/layers": "a volume of three axes",
    "13_slicer_seg/seg_name": "perhaps to `c0`",
    "13_slicer_seg/ascii": "encoding raw or gzip",
    "13_slicer_seg/bzip2": "encoding raw or gzip",
    "13_slicer_seg/cropped": "a part of the image's grid",
    "13_slicer_seg/*": (3, 1),
    "19_names/odd": (12, 2),
    "19_names/links": "dangling",
    "19_names/nfd": (3, 1),
    "23_ct_scales/mixed_offset": "rescale intercept",
    "23_ct_scales/mr_padding": "far darker or brighter",
    "25_layout_guesses/accession*": (4, 1),
    "25_layout_guesses/frames": (4, 1),
    "25_layout_guesses/msd_no_ts": (3, 0),
    "25_layout_guesses/v2_dataset_key": (3, 0),
    "25_layout_guesses/only_*": (3, 0),
    "27_headers/ni1": "without the .img",
    "27_headers/*": (2, 1),
}


def expected(name):
    """Returns the expectation for a data set: the first entry of EXPECTED that matches."""
    for pattern, right in EXPECTED.items():
        start, star, end = pattern.partition("*")
        if name == pattern or star and name.startswith(start) and name.endswith(end):
            return right
    return None


def datasets(folder):
    """Returns the folders that hold a data set, or should."""
    found = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(("pred", "run"))]
    return [path for path in found if any(path.iterdir())]


def inspect(semivox, folder):
    """Returns the result of `inspect`: the counts, and all its messages."""
    out = subprocess.run([semivox, "inspect", str(folder), "--json"], capture_output=True, text=True, timeout=300)
    if not out.stdout:
        return None, [out.stderr.strip() or f"no message, exit code {out.returncode}"]
    found = json.loads(out.stdout)
    roles = [case["role"] for case in found["cases"]]
    said = [*found["errors"], *found.get("notes", []), *found["warnings"]]
    return (roles.count("labeled"), roles.count("unlabeled")), said


def line(semivox, case, folder):
    counts, said = inspect(semivox, folder)
    right = expected(f"{case}/{folder.name}")
    match right:
        case None:
            verdict = "     "
        case str():
            verdict = "right" if any(right in text for text in said) else "WRONG"
        case _:
            verdict = "right" if counts == right else "WRONG"
    count = "refused" if counts is None else f"{counts[0]} labeled, {counts[1]} unlabeled"
    print(f"  {verdict} {folder.name}: {count}" + "".join(f"\n          {text[:230]}" for text in said[:3]))
    return verdict


def predict_all(semivox, work):
    """Trains for one step and predicts the first scan of each data set."""
    root, run = work / "05_two_affines", work / "05_two_affines" / "run"
    shutil.rmtree(run, ignore_errors=True)
    train = ["train", "supervised", "--data", str(root / "qform_only"), "--iterations", "1", "--out", str(run), "-q"]
    subprocess.run([semivox, *train], check=True, timeout=1800, stdout=subprocess.DEVNULL)
    names = [folder.name for folder in datasets(root)]
    for name in names:
        scan, out = root / name / "images" / "c0.nii", root / f"pred_{name}"
        subprocess.run([semivox, "predict", str(run), str(scan), "--out", str(out), "--existing", "overwrite", "-q"], check=True)
    return names


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", type=Path)
    parser.add_argument("--semivox", default="target/debug/semivox")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "semivox_cases")
    arguments = parser.parse_args()
    semivox = os.path.abspath(arguments.semivox)
    environment = {**os.environ, "CASES": str(arguments.work), "SEMIVOX": semivox}
    wrong = 0
    for make in sorted(arguments.cases.glob("*/make.py")):
        case = make.parent.name
        if arguments.only and not case.startswith(tuple(arguments.only)):
            continue
        subprocess.run([sys.executable, str(make)], check=True, env=environment, stdout=subprocess.DEVNULL)
        print(f"{case}\n  " + (make.parent / "expect.txt").read_text().strip().replace("\n", "\n  "))
        for folder in datasets(arguments.work / case):
            wrong += line(semivox, case, folder) == "WRONG"
        check = make.parent / "check.py"
        if check.is_file():
            names = predict_all(semivox, arguments.work) if case == "05_two_affines" else []
            sys.stdout.flush()
            ended = subprocess.run([sys.executable, str(check), *names], env=environment)
            if ended.returncode:
                print(f"  WRONG check.py ended with {ended.returncode}")
                wrong += 1
    print(f"{wrong} wrong")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
