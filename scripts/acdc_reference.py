#!/usr/bin/env python3
"""Supervised training on ACDC with PyTorch and the field's 2D recipe: a control for docs/results.md.

The recipe is that of the public code for few labels on ACDC: a U-Net of 16 to 256 filters with batch normalization, leaky
rectifiers and a dropout that grows with depth; slices as the distribution has them (0 to 1), half of them turned by 90
degrees and mirrored, a quarter rotated by up to 20 degrees, all with nearest pixels; half cross-entropy, half Dice; SGD
0.01, momentum 0.9, weight decay 1e-4, polynomial decay. Size, batch and length are arguments, so that one run has those of
a preset of Semivox. The last checkpoint is measured on the whole volumes of the list, each on its own grid.

    pip install torch numpy scipy nibabel
    python3 scripts/acdc_reference.py ACDC_FOLDER --test-list splits/acdc_val.list
"""

import argparse
import random
import time
from pathlib import Path

import nibabel
import numpy
import torch
from scipy import ndimage
from torch import nn

FILTERS = [16, 32, 64, 128, 256]
CLASSES = ["background", "right ventricle", "myocardium", "left ventricle"]


class Block(nn.Sequential):
    """Two convolutions, each with batch normalization and a leaky rectifier, dropout between them."""

    def __init__(self, inputs, outputs, dropout):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(), nn.Dropout(dropout),
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(),
        )  # fmt: skip


class UNet(nn.Module):
    """The 2D U-Net of the field's code, with linear interpolation on the way up."""

    def __init__(self, dropout):
        super().__init__()
        pairs = list(zip(FILTERS, FILTERS[1:]))
        self.stem = Block(1, FILTERS[0], dropout[0])
        self.down = nn.ModuleList(Block(a, b, p) for (a, b), p in zip(pairs, dropout[1:]))
        self.reduce = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(pairs))
        self.up = nn.ModuleList(Block(2 * a, a, 0.0) for a, _ in reversed(pairs))
        self.head = nn.Conv2d(FILTERS[0], len(CLASSES), 3, padding=1)

    def forward(self, x):
        features = [self.stem(x)]
        for block in self.down:
            features.append(block(nn.functional.max_pool2d(features[-1], 2)))
        x = features.pop()
        for reduce, block in zip(self.reduce, self.up):
            x = nn.functional.interpolate(reduce(x), scale_factor=2, mode="bilinear", align_corners=True)
            x = block(torch.cat([features.pop(), x], dim=1))
        return self.head(x)


def volume(folder, kind, case):
    """Returns the voxels of a case, slices first."""
    return nibabel.load(folder / kind / f"{case}.nii.gz").get_fdata(dtype=numpy.float32).transpose(2, 0, 1)


def listed(path):
    """Returns the cases of a list, a line each; lines that begin with # are comments."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def resized(slice_, size):
    return ndimage.zoom(slice_, [s / o for s, o in zip(size, slice_.shape)], order=0)


def augmented(image, label, size):
    if random.random() > 0.5:
        turns, axis = random.randrange(4), random.randrange(2)
        image, label = (numpy.flip(numpy.rot90(a, turns), axis) for a in (image, label))
    elif random.random() > 0.5:
        angle = random.randrange(-20, 20)
        image, label = (ndimage.rotate(a, angle, order=0, reshape=False) for a in (image, label))
    return resized(image, size), resized(label, size)


def loss(logits, labels):
    chances = logits.softmax(1)
    truth = nn.functional.one_hot(labels, len(CLASSES)).permute(0, 3, 1, 2).float()
    axes = (0, 2, 3)
    dice = 1 - (2 * (chances * truth).sum(axes) + 1e-5) / ((chances**2).sum(axes) + (truth**2).sum(axes) + 1e-5)
    return 0.5 * (nn.functional.cross_entropy(logits, labels) + dice.mean())


def train(net, slices, args, size):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    order, begun = [], time.time()
    for step in range(args.iterations):
        if len(order) < args.batch:
            order = random.sample(range(len(slices)), len(slices))
        batch = [augmented(*slices[order.pop()], size) for _ in range(args.batch)]
        images = torch.from_numpy(numpy.stack([b[0] for b in batch]))[:, None]
        labels = torch.from_numpy(numpy.stack([b[1] for b in batch])).long()
        value = loss(net(images), labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 - step / args.iterations) ** 0.9
        if (step + 1) % max(args.iterations // 20, 1) == 0:
            print(f"{step + 1} of {args.iterations}: loss {value.item():.4f}, {time.time() - begun:.0f} s", flush=True)


def dice_of(net, image, label, size):
    """Returns the Dice of each class of a volume; of a class in neither map, none."""
    with torch.no_grad():
        stack = torch.from_numpy(numpy.stack([resized(s, size) for s in image]))[:, None]
        classes = net(stack).argmax(1).numpy()
    predicted = numpy.stack([resized(p, s.shape) for p, s in zip(classes, label)])
    pairs = [(predicted == c, label == c) for c in range(1, len(CLASSES))]
    return [2 * (p & t).sum() / (p.sum() + t.sum()) if (p | t).any() else numpy.nan for p, t in pairs]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with images/, labels/ and train.list")
    parser.add_argument("--test-list", type=Path, required=True)
    parser.add_argument("--labeled", type=int, default=7, help="patients, the first of train.list")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=6000)
    parser.add_argument("--dropout", type=float, nargs=5, default=[0.05, 0.1, 0.2, 0.3, 0.5])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for generator in (random.seed, numpy.random.seed, torch.manual_seed):
        generator(args.seed)
    size = (args.size, args.size)

    cases = listed(args.data / "train.list")
    patients = list(dict.fromkeys(c.split("_")[0] for c in cases))[: args.labeled]
    labeled = [c for c in cases if c.split("_")[0] in patients]
    slices = [pair for c in labeled for pair in zip(volume(args.data, "images", c), volume(args.data, "labels", c))]
    print(f"{len(labeled)} volumes of {len(patients)} patients, {len(slices)} slices")

    net = UNet(args.dropout).train()
    train(net, slices, args, size)
    net.eval()
    table = {}
    for case in listed(args.test_list):
        table[case] = dice_of(net, volume(args.data, "images", case), volume(args.data, "labels", case), size)
        print(case, " ".join(f"{d:.3f}" for d in table[case]))
    values = numpy.array(list(table.values()))
    for name, mean in zip(CLASSES[1:], numpy.nanmean(values, axis=0)):
        print(f"{name} {mean:.4f}")
    print(f"mean {numpy.nanmean(values):.4f}")


if __name__ == "__main__":
    main()
