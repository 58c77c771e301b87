"""Reference values of the U-Net for semivox-models, made with PyTorch.

Run from the repository root in a Python with torch:
    python scripts/goldens/unet.py
Writes crates/models/tests/goldens/unet.json: some logits, the norms of the five maps and, in training
without dropout, the norm and first entries of every parameter's gradient; for both kinds of upsampling.
Parameters come from `wave`, which the Rust test computes as well, so no weights are stored.
"""
import json
import math
import pathlib

import torch
from torch import nn
from vnet import fill, wave

OUT = pathlib.Path("crates/models/tests/goldens/unet.json")
FILTERS = 2
SIDE = 32


def pair(a, b):
    unit = lambda a, b: [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(0.01)]
    return nn.Sequential(*unit(a, b), *unit(b, b))


class UNet(nn.Module):
    """Network whose modules are in the order of the Rust struct's fields, so that parameters() agree."""

    def __init__(self, linear, in_channels=1, classes=4, n=FILTERS):
        super().__init__()
        width = [n << level for level in range(5)]
        self.encoder = nn.ModuleList(pair(in_channels if i == 0 else width[i - 1], width[i]) for i in range(5))
        up = lambda a, b: nn.Conv2d(a, b, 1) if linear else nn.ConvTranspose2d(a, b, 2, stride=2)
        self.ups = nn.ModuleList(up(width[4 - i], width[3 - i]) for i in range(4))
        self.blocks = nn.ModuleList(pair(2 * width[3 - i], width[3 - i]) for i in range(4))
        self.segmentation = nn.Conv2d(n, classes, 3, padding=1)
        self.linear = linear

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.encoder):
            skips.append(x := block(nn.functional.max_pool2d(x, 2) if level else x))
        features = [x := skips.pop()]
        for up, block in zip(self.ups, self.blocks):
            x = up(x)
            if self.linear:
                x = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            features.append(x := block(torch.cat([skips.pop(), x], 1)))
        return self.segmentation(x), features


def run(model, x):
    model.zero_grad()
    logits, features = model(x)
    (logits * wave(logits.shape, 500)).mean().backward()
    entries = lambda t: [float(f"{v:.9g}") for v in t.detach().flatten()[:6].tolist()]
    return {
        "logits": [float(f"{v:.8g}") for v in logits.detach().flatten()[::173].tolist()],
        "feature_norms": [f.norm().item() for f in features],
        "gradients": [{"norm": p.grad.norm().item(), "first": entries(p.grad)} for p in model.parameters()],
    }


def parameters(**keywords):
    return sum(p.numel() for p in UNet(n=16, **keywords).parameters())


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    result = {"parameters_16_filters": [parameters(linear=linear) for linear in (False, True)]}
    for name, linear in [("transposed", False), ("linear", True)]:
        for mode, train in [("train", True), ("eval", False)]:
            model = UNet(linear).train(train)
            fill(model)
            result[f"{name}_{mode}"] = run(model, wave([2, 1, SIDE, SIDE], 1000))
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
