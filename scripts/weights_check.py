"""Loads networks that Semivox exported into PyTorch and compares their logits.

Run from the repository root in a Python with torch and safetensors:
    cargo run --release --example export_weights -- FOLDER
    python scripts/weights_check.py FOLDER
Fails if a file lacks a tensor, has one too many or if a logit differs by more than 1e-4.
"""
import pathlib
import sys

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).parent / "goldens"))
from vnet import wave  # noqa: E402
from weights import UNet, VNet  # noqa: E402

TOLERANCE = 1e-4


def network(notes):
    """Creates the public network that the file's metadata describe."""
    channels, classes, filters = (int(notes[k]) for k in ("in_channels", "classes", "filters"))
    resizes = notes["upsampling"] != "transposed"
    if notes["architecture"] == "unet":
        model, shape = UNet(channels, classes, filters, resizes), [2, channels, 64, 48]
    else:
        distance = int(notes.get("signed_distance", 0)) or None
        model, shape = VNet(channels, classes, filters, resizes, distance), [2, channels, 32, 32, 16]
    if notes["upsampling"] == "nearest":
        for module in model.modules():
            if isinstance(module, torch.nn.Upsample):
                module.mode, module.align_corners = "nearest", None
    return model, shape


def difference(path):
    with safe_open(path, "pt") as file:
        model, shape = network(file.metadata())
    model.load_state_dict(load_file(path), strict=True)
    with torch.no_grad():
        theirs = model.eval()(wave(shape, 0).float()).flatten().numpy()
    ours = np.fromfile(path.with_suffix(".logits"), dtype="<f4")
    assert np.isfinite(ours).all() and ours.shape == theirs.shape
    return np.abs(ours - theirs).max(), np.abs(theirs).max()


if __name__ == "__main__":
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors"))
    assert paths, f"no safetensors in {sys.argv[1]}"
    for path in paths:
        error, largest = difference(path)
        print(f"{path.stem}: largest error {error:.1e}, largest logit {largest:.2f}")
        assert error <= TOLERANCE, f"{path}: error {error:.1e} above {TOLERANCE:.0e}"
