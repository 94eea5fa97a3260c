"""Operations that a device does not have, named in an error that a user can act on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from netwright.errors import RecipeError

__all__ = ["naming_operations"]

# torch's dispatcher, and its MPS backend
_NAMED = re.compile(r"Could not run '(\w+::[\w.]+)'|[Tt]he operator '(\w+::[\w.]+)'")


@contextmanager
def naming_operations(device: torch.device) -> Iterator[None]:
    """Within it, an operation that the device does not have is a RecipeError with its name."""
    try:
        yield
    except NotImplementedError as error:
        found = _NAMED.search(str(error))
        if found is None or device.type == "cpu":
            raise
        name = found[1] or found[2]
        raise RecipeError(
            f"the device {device} has no operation {name}, which this network or recipe needs. Choose another device "
            f"(--device cpu), update what drives this one, or leave out what needs {name.split('::')[1]}."
        ) from error
