"""In which order a network without class names has its outputs: two orders of folders that libraries use, or a file.

torchvision, pycls and MindSpore sort the names of folders as strings (1, 10, 2), timm as people do (1, 2, 10), without
regard to upper and lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netwright.data.source import listed
from netwright.errors import DataError

__all__ = [
    "ORDERS",
    "imposed_names",
    "natural_key",
    "order_notice",
    "read_class_file",
    "refuse_folder_order",
    "sorted_as",
    "usual_order",
]

_MOST_BYTES = 64 << 20


def natural_key(name: str) -> tuple[str | int, ...]:
    """The key of natural order, in which 2 is before 10: as timm sorts folders."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name.lower()))


# order -> its key
ORDERS: dict[str, Callable[[str], Any]] = {"natural": natural_key, "string": str}


def usual_order(facts: Mapping[str, Any]) -> str:
    """The order of the outputs of weights without names, by what is known of them; empty where it is not known."""
    order = facts.get("class_order")
    return order if isinstance(order, str) and order in ORDERS else ""


def sorted_as(names: Sequence[str], order: str) -> tuple[str, ...]:
    """The names in one of ORDERS."""
    return tuple(sorted(names, key=ORDERS[order]))


def order_notice(order: str, names: Sequence[str]) -> str:
    """What a user should know where outputs are taken in an order that differs from the other one; else empty."""
    ordered, other = (sorted_as(names, each) for each in (order, next(each for each in ORDERS if each != order)))
    return "" if ordered == other else f"{order} order ({listed(ordered, 4)})"


def read_class_file(path: str | Path) -> tuple[str, ...]:
    """The class names in a file, one a line, in the order of the outputs.

    Raises:
        DataError: It cannot be read, has none, or has one twice.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes, more than the names of any classes.")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"--class_order is natural, string, or a file with a class name a line, and {str(path)!r} cannot be read: "
            f"{getattr(error, 'strerror', None) or error}. Correct it."
        ) from error
    names = tuple(line.strip() for line in lines if line.strip())
    again = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if not names or again:
        problem = f"has {listed(again, 4)} more than once" if again else "has none"
        raise DataError(f"a file of classes has one name a line, and {path} {problem}. Correct it.")
    return names


def refuse_folder_order(order: str, what: str) -> None:
    """Raise DataError for natural and string where there are no class folders to sort. what: the command."""
    if order in ORDERS:
        raise DataError(
            f"--class_order {order} sorts the names of class folders, and {what} sees none. Give a file with a class "
            "name a line, in the order of the outputs."
        )


def imposed_names(
    order: str, class_names: Sequence[str], num_classes: int, source: str, folders: Sequence[str] = ()
) -> tuple[str, ...]:
    """The class names that a user gives to a network without any.

    Args:
        order: natural, string, or a file with a name a line.
        class_names: Those of the weights.
        num_classes: Outputs of the network.
        source: Where the weights are from, for messages.
        folders: Names of the classes of images, which natural and string sort; empty where there are no images.

    Returns:
        The names; empty for natural and string without folders.

    Raises:
        DataError: The weights have other names, or the order gives another number of names.
    """
    names = sorted_as(folders, order) if order in ORDERS else read_class_file(order)
    if class_names and (not names or tuple(class_names) != names):
        raise DataError(
            f"--class_order is for weights without class names, and {source} has {len(class_names):,} "
            f"({listed(tuple(class_names), 4)}). Leave it out."
        )
    if names and len(names) != num_classes:
        raise DataError(
            f"--class_order {order} gives {len(names):,} class names, and the network in {source} has {num_classes:,} "
            "outputs. Give one name for each."
        )
    return names
