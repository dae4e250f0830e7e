"""What a device can do at most, measured: floating-point operations of matrix products, and bytes of memory, a second.

python benchmarks/ceilings.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from warmline.models.weights import default_device


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second in the product of two large square matrices."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(left)
    return 2 * size**3 / _seconds(device, lambda: torch.mm(left, right, out=out))


def bandwidth(device: torch.device) -> float:
    """Bytes that are read or written a second when a tensor far larger than any cache is copied."""
    source = torch.ones((8 if device.type == "cuda" else 1) * 2**28, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _seconds(device, lambda: target.copy_(source))


def _seconds(device: torch.device, work: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of several runs, after one to warm up."""
    found = []
    for _ in range(1 + repeats):
        wait(device)
        started = time.perf_counter()
        work()
        wait(device)
        found.append(time.perf_counter() - started)
    return min(found[1:])


def wait(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    device = default_device()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{name}: {matrix_rate(device, dtype) / 1e12:.3f} TFLOP/s in {dtype}, {bandwidth(device) / 1e9:.1f} GB/s")


if __name__ == "__main__":
    main()
