"""Benchmark of one network in PyTorch: the counterpart of benches/device/network.rs.

Usage: network.py train|infer|window BATCH DEPTH HEIGHT WIDTH FILTERS STEPS LAYOUT [THREADS [DEVICE [f32|bf16]]]

LAYOUT is contiguous or channels_last, followed by _compiled for torch.compile, which is given two steps to warm up.

With - as the only argument, each line of standard input is such a list of arguments, so that PyTorch starts once;
a failure is printed as {"error": …}. A WIDTH of 1 means images and U-Net. On a GPU f32 has TF32 on, bf16 is
autocast. Prints one line of JSON, as the Rust benchmark does; on a GPU, memory is the peak of PyTorch's allocator.
Requires torch.
"""

import contextlib
import json
import sys

import torch
import torch.nn.functional as F
from clock import Clock, prepare
from torch import nn

ENCODER, DECODER = [1, 2, 3, 3, 3], [3, 3, 2, 1]


def unit(conv, channels):
    return nn.Sequential(conv, nn.BatchNorm3d(channels), nn.ReLU(inplace=True))


def block(depth, inputs, outputs):
    convs = (nn.Conv3d(inputs if i == 0 else outputs, outputs, 3, padding=1) for i in range(depth))
    return nn.Sequential(*(unit(conv, outputs) for conv in convs))


class VNet(nn.Module):
    def __init__(self, n, classes=2):
        super().__init__()
        width = [n << level for level in range(5)]
        self.encoder = nn.ModuleList(
            block(d, 1 if i == 0 else width[i], width[i]) for i, d in enumerate(ENCODER))
        self.downs = nn.ModuleList(
            unit(nn.Conv3d(width[i], width[i + 1], 2, stride=2), width[i + 1]) for i in range(4))
        self.ups = nn.ModuleList(
            unit(nn.ConvTranspose3d(width[4 - i], width[3 - i], 2, stride=2), width[3 - i])
            for i in range(4))
        self.decoder = nn.ModuleList(
            block(d, width[3 - i], width[3 - i]) for i, d in enumerate(DECODER))
        self.segmentation = nn.Conv3d(n, classes, 1)

    def forward(self, x):
        skips = [x := self.encoder[0](x)]
        for down, stage in zip(self.downs, self.encoder[1:]):
            skips.append(x := stage(down(x)))
        x = skips.pop()
        for up, stage in zip(self.ups, self.decoder):
            x = stage(up(x) + skips.pop())
        return self.segmentation(x)


def pair(inputs, outputs):
    unit = lambda a, b: [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(0.01, inplace=True)]
    return nn.Sequential(*unit(inputs, outputs), *unit(outputs, outputs))


class UNet(nn.Module):
    def __init__(self, n, classes=2):
        super().__init__()
        width = [n << level for level in range(5)]
        self.encoder = nn.ModuleList(pair(1 if i == 0 else width[i - 1], width[i]) for i in range(5))
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(width[4 - i], width[3 - i], 2, stride=2) for i in range(4))
        self.decoder = nn.ModuleList(pair(2 * width[3 - i], width[3 - i]) for i in range(4))
        self.segmentation = nn.Conv2d(n, classes, 3, padding=1)

    def forward(self, x):
        skips = []
        for level, stage in enumerate(self.encoder):
            skips.append(x := stage(F.max_pool2d(x, 2) if level else x))
        x = skips.pop()
        for up, stage in zip(self.ups, self.decoder):
            x = stage(torch.cat([skips.pop(), up(x)], 1))
        return self.segmentation(x)


def loss_of(logits, labels):
    """Computes 0.5 cross-entropy + 0.5 Dice over both classes, the supervised loss of Semivox."""
    probabilities = logits.softmax(1)
    hot = F.one_hot(labels, 2).movedim(-1, 1).float()
    axes = [axis for axis in range(hot.dim()) if axis != 1]
    overlap, total = (probabilities * hot).sum(axes), (probabilities**2 + hot).sum(axes)
    dice = 1 - ((2 * overlap + 1e-5) / (total + 1e-5)).mean()
    return 0.5 * F.cross_entropy(logits, labels) + 0.5 * dice


def starts(size, window, stride):
    """Returns the start of each window along one axis; the last one ends at the border."""
    return [min(stride * i, size - window) for i in range(-(-(size - window) // stride) + 1)]


def windows(model, volume, layout, size=(112, 112, 80), stride=(18, 18, 4)):
    """Sliding-window inference: the mean softmax of all windows that cover a voxel."""
    total = torch.zeros(2, *volume.shape, device=volume.device)
    count = torch.zeros(volume.shape, device=volume.device)
    grid = [starts(n, k, s) for n, k, s in zip(volume.shape, size, stride)]
    for x in grid[0]:
        for y in grid[1]:
            for z in grid[2]:
                area = (slice(x, x + size[0]), slice(y, y + size[1]), slice(z, z + size[2]))
                patch = volume[area][None, None].contiguous(memory_format=layout)
                total[(slice(None), *area)] += model(patch).softmax(1)[0]
                count[area] += 1
    return total / count


def main(mode, batch, d, h, w, filters, steps, layout, threads="2", device="cpu", precision="f32"):
    prepare(threads)
    images = int(w) == 1
    last = torch.channels_last if images else torch.channels_last_3d
    compiled = layout.endswith("_compiled")
    layout = last if layout.startswith("channels_last") else torch.contiguous_format
    model = (UNet if images else VNet)(int(filters)).to(device, memory_format=layout)
    sides = [int(d), int(h)] if images else [int(d), int(h), int(w)]
    x = torch.randn(int(batch), 1, *sides).to(device, memory_format=layout)
    labels = (x[:, 0] > 0.5).long()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
    model.train(mode == "train")
    objective = loss_of
    if compiled:
        model, objective = torch.compile(model), torch.compile(loss_of)

    def cast():
        bf16 = precision == "bf16"
        return torch.autocast(device, torch.bfloat16) if bf16 else contextlib.nullcontext()

    def step():
        if mode == "train":
            optimizer.zero_grad()
            with cast():
                loss = objective(model(x), labels)
            loss.backward()
            optimizer.step()
        else:
            with torch.inference_mode(), cast():
                model(x) if mode == "infer" else windows(model, x[0, 0], layout)

    clock = Clock(device)
    warmup = (0 if mode == "window" else 1) + compiled
    for _ in range(int(steps) + warmup):
        clock.time(step)
    print(json.dumps(clock.result(warmup)))


def every_line():
    for line in sys.stdin:
        try:
            main(*line.split())
        except RuntimeError as error:
            print(json.dumps({"error": str(error).splitlines()[0]}))
        sys.stdout.flush()


if __name__ == "__main__":
    every_line() if sys.argv[1:] == ["-"] else main(*sys.argv[1:])
