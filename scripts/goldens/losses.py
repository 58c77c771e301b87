"""Golden values of the losses, computed with PyTorch in double precision.

Run with Python with torch from the repository root:
    python scripts/goldens/losses.py
Writes crates/losses/tests/goldens/losses.json.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

TARGET = Path(__file__).parents[2] / "crates/losses/tests/goldens/losses.json"


def plain(tensor):
    """Returns shape and row-major values, rounded to nine digits for a comparison at 1e-6."""
    values = [round(v, 9) for v in tensor.detach().double().flatten().tolist()]
    return {"shape": list(tensor.shape), "values": values}


def rounded(tensor):
    """Rounds a tensor to the precision of the file."""
    return torch.round(tensor, decimals=9)


def dice_cross_entropy():
    logits = rounded(torch.randn(2, 3, 2, 3, 2, dtype=torch.float64)).requires_grad_()
    labels = torch.randint(0, 3, (2, 2, 3, 2))
    p, g = logits.softmax(1), F.one_hot(labels, 3).movedim(-1, 1).double()
    axes = (0, 2, 3, 4)
    overlap = (2 * (p * g).sum(axes) + 1e-5) / ((p * p).sum(axes) + (g * g).sum(axes) + 1e-5)
    dice, cross_entropy = 1 - overlap.mean(), F.cross_entropy(logits, labels)
    loss = 0.5 * (cross_entropy + dice)
    loss.backward()
    return {
        "logits": plain(logits),
        "labels": labels.flatten().tolist(),
        "cross_entropy": cross_entropy.item(),
        "dice": dice.item(),
        "loss": loss.item(),
        "gradient": plain(logits.grad),
    }


def divergence(student, teacher, keys, student_temperature, teacher_temperature):
    """Computes the mean KL(teacher || student) over rows of the last two axes."""
    keys = F.normalize(keys, dim=-1).transpose(-1, -2)
    log_student = F.log_softmax(F.normalize(student, dim=-1) @ keys / student_temperature, dim=-1)
    target = F.softmax(F.normalize(teacher, dim=-1) @ keys / teacher_temperature, dim=-1)
    rows = log_student.flatten(0, -2)
    return F.kl_div(rows, target.flatten(0, -2), reduction="batchmean")


def distillation(shape, entries, forms):
    student = rounded(torch.randn(*shape, dtype=torch.float64)).requires_grad_()
    teacher = rounded(torch.randn(*shape, dtype=torch.float64))
    keys = rounded(torch.randn(entries, *shape[1:], dtype=torch.float64))
    result = {"student": plain(student), "teacher": plain(teacher), "keys": plain(keys)}
    for name, form in forms.items():
        student.grad = None
        loss = divergence(form(student), form(teacher), form(keys), 0.1, 0.01)
        loss.backward()
        result[name] = {"loss": loss.item(), "gradient": plain(student.grad)}
    return result


def buffer_as_columns(x):
    """Returns the official code's array (patch, image, feature), read as a matrix with one column per patch."""
    return torch.stack([x[:, p] for p in range(x.shape[1])]).reshape(-1, x.shape[1])


def main():
    torch.manual_seed(7)
    golden = {
        "dice_cross_entropy": dice_cross_entropy(),
        "global": distillation((3, 6), 5, {"global": lambda x: x}),
        "local": distillation(
            (2, 5, 4),
            3,
            {"per_location": lambda x: x.transpose(0, 1), "official_code": buffer_as_columns},
        ),
    }
    TARGET.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
