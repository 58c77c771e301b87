"""Reference values for semivox-models, made with PyTorch.

Run from the repository root in a Python with torch:
    python scripts/goldens/vnet.py
Writes crates/models/tests/goldens/vnet.json: logits (some entries and the norm) and the norm and
first entries of every parameter's gradient: in training, in training with all values clear of their
ReLU's kink, and in evaluation; and, with linear upsampling, the loss and outputs in training and the norms of the
gradients. Parameters come from `wave`, which the Rust test computes as well, so no weights are stored.
"""
import json
import math
import pathlib

import torch
from torch import nn

OUT = pathlib.Path("crates/models/tests/goldens/vnet.json")
FILTERS = 2
# Shift in standard deviations of a normalized value: few values then cross the kink of a ReLU, and none is nearer
# than CLEAR.
SHIFT, CLEAR = 3.0, 1e-4
ENCODER = [1, 2, 3, 3, 3]
DECODER = [3, 3, 2, 1]


def wave(shape, seed):
    """Returns a tensor with 2 * fraction(43758.5453 * sin(12.9898 * i + 78.233 * seed)) - 1 at flat index i, in f64."""
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    hashed = 43758.5453 * torch.sin(12.9898 * index + 78.233 * seed)
    return (2.0 * (hashed - hashed.floor()) - 1.0).reshape(shape)


def unit(layer, channels):
    return nn.Sequential(layer, nn.BatchNorm3d(channels), nn.ReLU())


def double(a, b, linear):
    """Returns the upsampling of MC-Net's second decoder, or else that of its first one."""
    if not linear:
        return unit(nn.ConvTranspose3d(a, b, 2, stride=2), b)
    wide = nn.Upsample(scale_factor=2, mode="trilinear", align_corners=True)
    return nn.Sequential(wide, unit(nn.Conv3d(a, b, 3, padding=1), b))


def block(depth, a, b):
    layers = [unit(nn.Conv3d(a if i == 0 else b, b, 3, padding=1), b) for i in range(depth)]
    return nn.Sequential(*layers)


class VNet(nn.Module):
    """Network whose modules are in the order of the Rust struct's fields, so that parameters() agree."""

    def __init__(self, in_channels=1, classes=2, n=FILTERS, linear=False):
        super().__init__()
        width = [n << level for level in range(5)]
        self.encoder = nn.ModuleList(
            block(d, in_channels if i == 0 else width[i], width[i]) for i, d in enumerate(ENCODER))
        self.downs = nn.ModuleList(
            unit(nn.Conv3d(width[i], width[i + 1], 2, stride=2), width[i + 1]) for i in range(4))
        self.ups = nn.ModuleList(double(width[4 - i], width[3 - i], linear) for i in range(4))
        self.decoder = nn.ModuleList(block(d, width[3 - i], width[3 - i]) for i, d in enumerate(DECODER))
        self.segmentation = nn.Conv3d(n, classes, 1)
        self.signed_distance = nn.Conv3d(n, 1, 1)

    def forward(self, x):
        skips = [x := self.encoder[0](x)]
        for down, stage in zip(self.downs, self.encoder[1:]):
            skips.append(x := stage(down(x)))
        features = []
        x = skips.pop()
        for up, stage in zip(self.ups, self.decoder):
            features.append(f := up(x) + skips.pop())
            x = stage(f)
        features.append(x)
        return self.segmentation(x), torch.tanh(self.signed_distance(x)), features


def fill(model, shift=0.0):
    """Sets weights to waves with the bound of the default initialization, and norms to values away from 1 and 0.

    A shift moves three of four channels up and the fourth down, away from the kink of their ReLU."""
    with torch.no_grad():
        for seed, p in enumerate(model.parameters()):
            if p.dim() > 1:
                # in * k³ of a convolution, out * k³ of a transposed one, as PyTorch counts fan-in
                p.copy_(wave(p.shape, seed) * math.sqrt(3.0 / p[0].numel()))
            else:
                p.copy_(0.1 * wave(p.shape, seed))
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
                module.weight += 1.0
                fourth = torch.arange(len(module.bias)) % 4 == 3
                module.bias += torch.where(fourth, -shift, shift)


def run(model, x):
    model.zero_grad()
    logits, distance, features = model(x)
    loss = (logits * wave(logits.shape, 500)).mean() + (distance * wave(distance.shape, 501)).mean()
    loss.backward()
    entries = lambda t: [float(f"{v:.9g}") for v in t.detach().flatten()[:6].tolist()]
    return {
        "loss": loss.item(),
        "logits": [float(f"{v:.8g}") for v in logits.detach().flatten()[::173].tolist()],
        "distance": [float(f"{v:.8g}") for v in distance.detach().flatten()[::173].tolist()],
        "feature_norms": [f.norm().item() for f in features],
        "gradients": [{"norm": p.grad.norm().item(), "first": entries(p.grad)} for p in model.parameters()],
    }


def margin(model, x):
    """Returns the distance of the nearest value to the kink of a ReLU."""
    least = []
    watch = lambda _, __, value: least.append(value.abs().min().item())
    hooks = [m.register_forward_hook(watch) for m in model.modules() if isinstance(m, nn.BatchNorm3d)]
    model(x)
    for hook in hooks:
        hook.remove()
    return min(least)


def gradients(seed, noise=0.0, draw=0):
    """Computes training gradients for the input of a seed, with relative noise on input and parameters."""
    torch.manual_seed(draw)
    model = VNet().train()
    fill(model)
    x = wave([2, 1, 32, 32, 32], seed)
    with torch.no_grad():
        for tensor in [x, *model.parameters()]:
            tensor *= 1 + noise * torch.randn_like(tensor)
    run(model, x)
    return [p.grad.clone() for p in model.parameters()]


def sensitivity(seed):
    """Estimates how much rounding in single precision can change the gradients: they jump where a value lies at the
    kink of a ReLU, and in this small network one value matters much."""
    exact = gradients(seed)
    worst = 0.0
    for draw in range(3):
        moved = gradients(seed, 5e-7, draw)
        errors = ((a - b).norm() / b.norm().clamp(min=1e-3) for a, b in zip(moved, exact))
        worst = max(worst, *(e.item() for e in errors))
    return worst


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    found = {seed: sensitivity(seed) for seed in range(1000, 1040)}
    seed = min(found, key=found.get)
    print({s: f"{e:.1e}" for s, e in found.items()}, "least:", seed)
    x = wave([2, 1, 32, 32, 32], seed)
    result = {"input_seed": seed}
    for name, train, shift in [("train", True, 0.0), ("train_clear", True, SHIFT), ("eval", False, 0.0)]:
        model = VNet().train(train)
        fill(model, shift)
        result[name] = run(model, x)
        if shift:
            found = margin(model, x)
            assert found > CLEAR, f"a value lies {found:.1e} from its kink: choose another shift"
    model = VNet(linear=True).train()
    fill(model)
    result["linear"] = run(model, x)
    for gradient in result["linear"]["gradients"]:
        gradient["first"] = []
    counted = [p.numel() for name, p in VNet(1, 2, 16).named_parameters() if "distance" not in name]
    result["parameters_16_filters"] = sum(counted)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
