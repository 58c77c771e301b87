"""Reference values for semivox-kernels, made with PyTorch.

Run from the repository root in a Python with torch:
    python scripts/goldens/kernels.py
Writes crates/kernels/tests/goldens/kernels.json: for every operator its output and the gradients
of sum(output * cotangent). Inputs come from `wave`, which the Rust test computes as well.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

OUT = pathlib.Path("crates/kernels/tests/goldens/kernels.json")


def wave(shape, seed):
    """Returns a tensor whose value at flat index i is sin(12.9898 * i + 78.233 * seed), computed in f64."""
    count = math.prod(shape)
    values = [math.sin(12.9898 * i + 78.233 * seed) for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def rounded(tensor):
    return [round(v, 6) for v in tensor.detach().flatten().tolist()]


def case(operator, inputs):
    tensors = [wave(shape, seed).requires_grad_() for seed, shape in enumerate(inputs)]
    output = operator(*tensors)
    (output * wave(output.shape, 9)).sum().backward()
    return {
        "shape": list(output.shape),
        "output": rounded(output),
        "gradients": [rounded(t.grad) for t in tensors],
    }


def resize(size, align):
    return lambda x: F.interpolate(x, size=size, mode="trilinear", align_corners=align)


def batch_norm_relu(x, gamma, beta):
    mean, var = torch.zeros_like(gamma), torch.ones_like(gamma)
    return F.relu(F.batch_norm(x, mean, var, gamma, beta, training=True, eps=1e-5))


VOLUME = [2, 2, 4, 5, 3]
CASES = {
    "conv3d": (lambda x, w, b: F.conv3d(x, w, b, padding=1), [VOLUME, [3, 2, 3, 3, 3], [3]]),
    "conv3d_uneven": (lambda x, w: F.conv3d(x, w, None, padding=(0, 1, 2)), [VOLUME, [2, 2, 1, 3, 5]]),
    "down_conv3d": (lambda x, w, b: F.conv3d(x, w, b, stride=2), [VOLUME, [3, 2, 2, 2, 2], [3]]),
    "down_conv3d_uneven": (lambda x, w: F.conv3d(x, w, None, stride=(1, 2, 3)), [VOLUME, [3, 2, 1, 2, 3]]),
    "up_conv3d": (lambda x, w, b: F.conv_transpose3d(x, w, b, stride=2), [[2, 3, 2, 3, 1], [3, 2, 2, 2, 2], [2]]),
    "up_conv3d_uneven": (
        lambda x, w: F.conv_transpose3d(x, w, None, stride=(1, 2, 3)), [[2, 3, 2, 3, 1], [3, 2, 1, 2, 3]]),
    "pointwise_conv3d": (lambda x, w, b: F.conv3d(x, w, b), [VOLUME, [3, 2, 1, 1, 1], [3]]),
    "batch_norm_relu": (batch_norm_relu, [VOLUME, [2], [2]]),
    "resize_up_aligned": (resize((7, 5, 4), True), [VOLUME]),
    "resize_up": (resize((7, 5, 4), False), [VOLUME]),
    "resize_down_aligned": (resize((3, 2, 1), True), [VOLUME]),
    "resize_down": (resize((3, 2, 1), False), [VOLUME]),
    "max_pool3d": (lambda x: F.max_pool3d(x, 2), [VOLUME]),
    "avg_pool3d": (lambda x: F.avg_pool3d(x, (2, 3, 1)), [VOLUME]),
    "adaptive_avg_pool3d": (lambda x: F.adaptive_avg_pool3d(x, (3, 2, 3)), [VOLUME]),
}

if __name__ == "__main__":
    result = {name: case(operator, inputs) for name, (operator, inputs) in CASES.items()}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
