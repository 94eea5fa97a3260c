"""What a process has once, while a network trains, validates or is timed in it, and has as before afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from netwright.system.machine import processors

__all__ = ["process_settings"]


@contextmanager
def process_settings(
    *, threads: int | None = None, deterministic: bool = False, flush_denormal: bool = False, tf32: bool | None = None
) -> Iterator[None]:
    """Settings that torch keeps for the whole process; whoever calls us from Python gets theirs back.

    Args:
        threads: Number of threads that one operation uses; None leaves it, within the quota of a container, for
            which torch does not ask.
        deterministic: Prefer algorithms whose results do not vary from run to run.
        flush_denormal: Take numbers near zero for zero, which is faster on CPUs. It is a mode of the processor, so it
            changes all arithmetic of this thread, also that of Python.
        tf32: Whether CUDA computes products of fp32 in TF32, in matrix products and convolutions; None leaves it.
    """
    before = torch.get_num_threads()
    wanted = min(before, processors()) if threads is None else threads
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    warned_only = torch.is_deterministic_algorithms_warn_only_enabled()
    was_flushing, was_choosing = _is_flushing(), torch.backends.cudnn.benchmark
    products = None if tf32 is None else (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32)
    try:
        # the fastest of cuDNN's kernels for each shape is found by trying them
        torch.backends.cudnn.benchmark = not deterministic
        if wanted != before:
            torch.set_num_threads(wanted)
        if deterministic:
            torch.use_deterministic_algorithms(True, warn_only=True)
        if flush_denormal:
            torch.set_flush_denormal(True)
        if tf32 is not None:
            # torch's newer names for it (fp32_precision) make torch.compile fail in versions that read the older ones
            _set_products("high" if tf32 else "highest", tf32)
        yield
    finally:
        torch.backends.cudnn.benchmark = was_choosing
        if wanted != before:
            torch.set_num_threads(before)
        if deterministic:
            torch.use_deterministic_algorithms(was_deterministic, warn_only=warned_only)
        if flush_denormal:
            torch.set_flush_denormal(was_flushing)
        if products is not None:
            _set_products(*products)


def _set_products(matrices: str, convolutions: bool) -> None:
    torch.set_float32_matmul_precision(matrices)
    torch.backends.cudnn.allow_tf32 = convolutions


def _is_flushing() -> bool:
    """Whether this thread takes denormal numbers for zero; torch does not tell."""
    return sys.float_info.min * 0.5 == 0
