"""Benchmark of the operators of a V-Net in PyTorch at each of its levels: the counterpart of
benches/device/operator.rs.

Usage: operators.py conv|down|up|norm|all BATCH DEPTH HEIGHT WIDTH FILTERS STEPS [DEVICE [f32|bf16]]

Prints a line of JSON for every part and level, as the Rust benchmark does. On a GPU f32 has TF32 on; bf16 takes
inputs and weights of that type. Gradients are timed alone. Requires torch.
"""

import json
import os
import sys

import torch
import torch.nn.functional as F
from clock import Clock, prepare

NAMES, LEVELS = ["conv", "down", "up", "norm"], 5


def convolution(x, w, name):
    """Applies the operator; returns the output, and stride, padding and whether it is transposed."""
    if name == "up":
        return F.conv_transpose3d(x, w, stride=2), (2, 0, True)
    if name == "down":
        return F.conv3d(x, w, stride=2), (2, 0, False)
    return F.conv3d(x, w, padding=1), (1, 1, False)


def gradients(x, w, name, marks):
    """Returns a function that computes only the marked gradients of input and weight."""
    y, (stride, padding, transposed) = convolution(x, w, name)
    ones = torch.ones_like(y)
    return lambda: torch.ops.aten.convolution_backward(
        ones, x, w, None, [stride] * 3, [padding] * 3, [1] * 3, transposed, [0] * 3, 1, [*marks, False])


def normalized(x):
    """Returns a function that applies batch norm in training mode and ReLU."""
    width = x.shape[1]
    factor, offset = (torch.full([width], value, device=x.device) for value in (1.0, 0.0))
    return lambda x: F.relu(F.batch_norm(x, None, None, factor, offset, training=True))


def shapes(name, level, batch, sides, filters):
    """Returns the shapes of input and weight."""
    wide, below = filters << level, filters << (level + 1)
    here, there = [s >> level for s in sides], [s >> (level + 1) for s in sides]
    if name == "down":
        return [batch, wide, *here], [below, wide, 2, 2, 2]
    if name == "up":
        return [batch, below, *there], [below, wide, 2, 2, 2]
    return [batch, wide, *here], [1] * 5 if name == "norm" else [wide, wide, 3, 3, 3]


def parts(x, w, name):
    """Returns the names of the parts, each with a function that prepares it and returns the function to time."""
    if name == "norm":
        x.requires_grad_(True)
        norm = normalized(x)
        yield "forward", lambda: lambda: norm(x)

        def backward():
            y = norm(x)
            ones = torch.ones_like(y)
            return lambda: torch.autograd.grad(y, x, ones)
        yield "backward", backward
        return
    yield "forward", lambda: lambda: convolution(x, w, name)[0]
    if name == "conv":
        yield "input gradient", lambda: gradients(x, w, name, [True, False])
        yield "weight gradient", lambda: gradients(x, w, name, [False, True])
    else:
        yield "backward", lambda: gradients(x, w, name, [True, True])


def measure(name, level, sizes, steps, device, dtype):
    inputs, weights = shapes(name, level, *sizes)
    x, w = (torch.randn(shape, device=device, dtype=dtype) for shape in (inputs, weights))
    for part, prepared in parts(x, w, name):
        clock = Clock(device)
        for _ in range(steps + 1):
            clock.time(prepared())
        row = {"operator": name, "part": part, "level": level, "input": inputs, "weight": weights}
        print(json.dumps({**row, **clock.result(1)}), flush=True)


def main(name, batch, d, h, w, filters, steps, device="cpu", precision="f32"):
    prepare(os.environ.get("OMP_NUM_THREADS", "2"))
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    sizes = int(batch), [int(d), int(h), int(w)], int(filters)
    for level in range(LEVELS):
        for operator in NAMES if name == "all" else [name]:
            if level + 1 < LEVELS or operator not in ("down", "up"):
                measure(operator, level, sizes, int(steps), device, dtype)


if __name__ == "__main__":
    main(*sys.argv[1:])
