"""Weight files written by PyTorch, for the tests of semivox-models.

Run from the repository root in a Python with torch and safetensors:
    python scripts/goldens/weights.py
Writes crates/models/tests/goldens/weights/: checkpoints of small networks under the names of the field's
public ones, and expected.json with some of their logits for an input that the Rust test computes as well.
Large tensors are overlapping views of one storage, which `torch.save` stores once; the U-Nets' are not.
"""
import json
import math
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from vnet import wave

OUT = pathlib.Path("crates/models/tests/goldens/weights")
WORDS = "one two three four five six seven eight nine".split()
DEPTHS = [1, 2, 3, 3, 3, 3, 3, 2, 1]
STORAGE = 4700
INPUT_SEED, STATISTICS_SEED = 1000, 2000


class Held(nn.Module):
    """Module that holds layers under a given name."""

    def __init__(self, name, *layers):
        super().__init__()
        self.held = name
        self.add_module(name, nn.Sequential(*layers))

    def forward(self, x):
        return getattr(self, self.held)(x)


class VNet(nn.Module):
    """The V-Net of UA-MT and SSL4MIS; with a signed distance head, that of DTC."""

    def __init__(self, channels, classes, n, linear=False, distance=None):
        super().__init__()
        finish = lambda layer: [layer, nn.BatchNorm3d(layer.out_channels), nn.ReLU()]
        conv = lambda a, b: nn.Conv3d(a, b, 3, padding=1)
        for i, (word, depth) in enumerate(zip(WORDS, DEPTHS)):
            width = n << min(i, 8 - i)
            inputs = [width if i else channels] + (depth - 1) * [width]
            block = [layer for a in inputs for layer in finish(conv(a, width))]
            self.add_module(f"block_{word}", Held("conv", *block))
            if i < 4:
                down = nn.Conv3d(width, 2 * width, 2, stride=2)
                self.add_module(f"block_{word}_dw", Held("conv", *finish(down)))
            elif i < 8 and linear:
                double = nn.Upsample(scale_factor=2, mode="trilinear", align_corners=True)
                up = [double, *finish(conv(width, width // 2))]
                self.add_module(f"block_{word}_up", Held("conv", *up))
            elif i < 8:
                up = nn.ConvTranspose3d(width, width // 2, 2, stride=2)
                self.add_module(f"block_{word}_up", Held("conv", *finish(up)))
        self.out_conv = nn.Conv3d(n, distance or classes, 1)
        if distance:
            self.out_conv2 = nn.Conv3d(n, classes, 1)

    def forward(self, x):
        skips = []
        for i, word in enumerate(WORDS):
            x = getattr(self, f"block_{word}")(x)
            if i < 4:
                skips.append(x)
                x = getattr(self, f"block_{word}_dw")(x)
            elif i < 8:
                x = getattr(self, f"block_{word}_up")(x) + skips.pop()
        return self.out_conv2(x) if hasattr(self, "out_conv2") else self.out_conv(x)


def pair(a, b):
    unit = lambda a, b: [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(0.01)]
    return Held("conv_conv", *unit(a, b), nn.Dropout(0.0), *unit(b, b))


class UNet(nn.Module):
    """The U-Net of SSL4MIS."""

    def __init__(self, channels, classes, n, linear=False):
        super().__init__()
        width = [n << level for level in range(5)]
        downs = {f"down{i}": Held("maxpool_conv", nn.MaxPool2d(2), pair(width[i - 1], width[i])) for i in range(1, 5)}
        self.encoder = nn.ModuleDict({"in_conv": pair(channels, width[0]), **downs})
        self.decoder = nn.ModuleDict()
        for i in range(1, 5):
            wide, narrow = width[5 - i], width[4 - i]
            up = {"conv": pair(2 * narrow, narrow)}
            if linear:
                up["conv1x1"] = nn.Conv2d(wide, narrow, 1)
                up["up"] = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            else:
                up["up"] = nn.ConvTranspose2d(wide, narrow, 2, stride=2)
            self.decoder[f"up{i}"] = nn.ModuleDict(up)
        self.decoder["out_conv"] = nn.Conv2d(n, classes, 3, padding=1)

    def forward(self, x):
        skips = [x := self.encoder["in_conv"](x)]
        for i in range(1, 5):
            skips.append(x := self.encoder[f"down{i}"](x))
        skips.pop()
        for i in range(1, 5):
            step = self.decoder[f"up{i}"]
            narrow = step["conv1x1"](x) if "conv1x1" in step else x
            x = step["conv"](torch.cat([skips.pop(), step["up"](narrow)], 1))
        return self.decoder["out_conv"](x)


def statistics_input(shape):
    return wave([8, *shape[1:]], STATISTICS_SEED).float()


def fill(model, shape, shared):
    """Sets weights to waves, norms to values away from 1 and 0, and running statistics to those of a batch."""
    storage = 0.5 * wave([STORAGE], 0).float()
    strides = [97, 31, 7, 3, 1]
    with torch.no_grad():
        for index, p in enumerate(model.parameters()):
            if p.dim() > 1 and shared:
                start = 11 * index % 600
                p.data = storage.as_strided(p.shape, strides[:2] + strides[-p.dim() + 2:], start)
            else:
                p.copy_(wave(p.shape, index) * (math.sqrt(3.0 / p[0].numel()) if p.dim() > 1 else 0.1))
        norms = [m for m in model.modules() if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm3d))]
        for norm in norms:
            norm.weight += 1.0
            norm.momentum = 1.0
        model.train()(statistics_input(shape))
        for norm in norms:
            norm.running_var.clamp_(min=0.01)
    return model.eval()


def state_of(model, shared):
    """Returns the state dictionary; if `shared`, small tensors become views of common storages."""
    state = dict(model.state_dict())
    for dtype in (torch.float32, torch.int64) if shared else ():
        small = [k for k, t in state.items() if t.dtype == dtype and t.untyped_storage().nbytes() < 4 * STORAGE]
        flat = torch.cat([state[k].flatten() for k in small])
        parts = flat.split([state[k].numel() for k in small])
        state.update({k: part.view(state[k].shape) for k, part in zip(small, parts)})
    return state


def logits(model, state, shape):
    """Computes logits in double precision, from the values as stored."""
    model.load_state_dict({k: v.float() for k, v in state.items()})
    with torch.no_grad():
        found = model.double()(wave(shape, INPUT_SEED))
    return [float(f"{v:.8g}") for v in found.flatten()[::37].tolist()]


def checksum(tensor):
    """Computes the FNV-1a hash of the bytes."""
    value = 0xCBF29CE484222325
    for byte in tensor.contiguous().numpy().tobytes():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def content(state):
    """Returns the expected contents of a file that Semivox exports with these weights."""
    kept = {k: v for k, v in state.items() if "num_batches_tracked" not in k}
    return {k: [list(v.shape), checksum(v)] for k, v in kept.items()}


def mcnet(state, second):
    """Renames the blocks as in MC-Net, with its interpolating decoder as a second decoder."""
    deep = lambda k: k.split(".")[0] in {f"block_{w}{s}" for w in WORDS[:5] for s in ("", "_dw")}
    sorted_ = {("encoder." if deep(k) else "decoder1.") + k: v for k, v in state.items()}
    return sorted_ | {"decoder2." + k: v for k, v in second.items() if not deep(k)}


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    volume, slices = [2, 1, 16, 16, 16], [2, 1, 16, 32]
    expected = {}

    def put(name, shape, model, state):
        expected[name] = {"shape": shape, "logits": logits(model, state, shape)}

    model = fill(VNet(1, 2, 2), volume, True)
    state = state_of(model, True)
    torch.save(state, OUT / "vnet.pth")
    put("vnet.pth", volume, model, state)
    expected["vnet.pth"]["content"] = content(state)

    two = [2, 2, 16, 16, 16]
    model = fill(VNet(2, 3, 1), two, True)
    state = state_of(model, True)
    momentum = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.01, "params": [0]}]}
    nested = {"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}, "optimizer": momentum}
    torch.save(nested, OUT / "vnet_nested.pth", _use_new_zipfile_serialization=False)
    put("vnet_nested.pth", two, model, state)

    model = fill(VNet(1, 1, 2, distance=1), volume, True)
    state = state_of(model, True)
    torch.save(state, OUT / "vnet_dtc.pth")
    put("vnet_dtc.pth", volume, model, state)

    model, second = fill(VNet(1, 2, 2), volume, True), fill(VNet(1, 2, 2, linear=True), volume, True)
    half = lambda tensor: tensor.half() if tensor.is_floating_point() else tensor
    storage = half(0.5 * wave([STORAGE], 0).float())
    shared = lambda t: t.dim() > 1 and t.untyped_storage().nbytes() == 4 * STORAGE
    halved = lambda t: storage.as_strided(t.shape, t.stride(), t.storage_offset()) if shared(t) else half(t)
    states = [{k: halved(v) for k, v in state_of(m, True).items()} for m in (model, second)]
    torch.save(mcnet(*states), OUT / "vnet_mcnet.pth")
    put("vnet_mcnet.pth", volume, model, states[0])

    model = fill(UNet(1, 4, 1), slices, False)
    torch.save(model.state_dict(), OUT / "unet.pth")
    put("unet.pth", slices, model, model.state_dict())

    model = fill(UNet(1, 4, 1, linear=True), slices, False)
    save_file(model.state_dict(), OUT / "unet.safetensors")
    put("unet.safetensors", slices, model, model.state_dict())

    (OUT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
