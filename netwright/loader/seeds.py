"""Random seeds that depend on the image, not on the process that augments it or the time."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["preserve_rng_state", "seed_from", "seed_global_rngs"]


def seed_from(*numbers: int) -> int:
    """A seed of 63 bits from numbers of up to 64 bits; other numbers, or another order, give another seed."""
    digest = hashlib.blake2b(struct.pack(f"<{len(numbers)}q", *numbers), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_global_rngs(seed: int) -> None:
    """Seed the generators that torchvision and timm draw from: torch's on the CPU, numpy's and Python's."""
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed accelerators too


@contextmanager
def preserve_rng_state() -> Iterator[None]:
    """Restore the global generators afterwards, whatever is seeded and drawn inside."""
    states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])
