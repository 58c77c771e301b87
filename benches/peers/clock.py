"""Timing and peak memory for the PyTorch benchmarks; waits for the device before it reads the time."""

import resource
import time

import torch


def prepare(threads):
    """Sets the options of every measurement: TF32 allowed, cuDNN benchmarks its algorithms, as CubeCL does."""
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True


class Clock:
    def __init__(self, device):
        self.gpu = device.startswith("cuda")
        self.seconds = []
        if self.gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def wait(self):
        if self.gpu:
            torch.cuda.synchronize()

    def time(self, run):
        """Runs `run` and measures the time until the device has finished its work."""
        self.wait()
        start = time.perf_counter()
        value = run()
        self.wait()
        self.seconds.append(time.perf_counter() - start)
        return value

    def result(self, warmup):
        """Returns the times without the first `warmup` ones, and the memory."""
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        peak = torch.cuda.max_memory_reserved() if self.gpu else resident
        return {"seconds": self.seconds[warmup:], "peak_bytes": peak}
