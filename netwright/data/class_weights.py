"""Read how much an image of each class counts: --class_weights FILE."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netwright.data.source import listed
from netwright.errors import DataError

__all__ = ["read_class_weights"]


def read_class_weights(path: str | Path, class_names: Sequence[str]) -> npt.NDArray[np.float32]:
    """The weight of each class.

    Args:
        path: A JSON object, class to number; or lines of class and number, with commas, semicolons, tabs or spaces
            between. A heading is left out.
        class_names: Each of them is in the file.

    Returns:
        (classes,) float32, as in the file.

    Raises:
        DataError: The file cannot be read, a class is missing, unknown or twice there, or a weight is no number of at
            least 0, or all are 0.
    """
    pairs = _pairs(Path(path).expanduser())
    if pairs and pairs[0][0] not in class_names and not _is_number(pairs[0][1]):
        del pairs[0]
    found = dict(pairs)
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = [name for name in class_names if name not in found]
    strange = [name for name in found if name not in class_names]
    if missing or strange or twice:
        raise DataError(
            f"a file of class weights has each class once, and {path} lacks {listed(missing) or 'none'}, has "
            f"{listed(strange) or 'none'} that the images do not have, and has {listed(twice) or 'none'} twice. The "
            f"classes are {listed(list(class_names))}."
        )
    bad = [f"{name} {found[name]}" for name in class_names if not _is_weight(found[name])]
    if bad:
        raise DataError(f"the weight of a class is a number of at least 0, unlike {listed(bad, 3)} in {path}.")
    if not any(float(found[name]) for name in class_names):
        raise DataError(f"some class has a weight above 0, and all in {path} are 0.")
    return np.array([float(found[name]) for name in class_names], dtype=np.float32)


def _pairs(path: Path) -> list[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"class weights are 'balanced', or a text file of classes and numbers, and {path} cannot be read: {error}."
        ) from error
    if text.lstrip().startswith("{"):
        try:
            content = json.loads(text)
        except ValueError as error:
            raise DataError(f"{path} is no JSON object of classes and numbers: {error}.") from error
        return [(str(name), str(weight)) for name, weight in content.items()]
    lines = [line for line in text.splitlines() if line.strip()]
    pairs = []
    for number, line in enumerate(lines, 1):
        separator = next((each for each in "\t;," if each in line), None)
        cells = next(csv.reader([line], delimiter=separator)) if separator else line.rsplit(maxsplit=1)
        if len(cells) != 2:
            raise DataError(f"a line of class weights is a class and a number, and line {number} of {path} is {line!r}")
        pairs.append((cells[0].strip(), cells[1].strip()))
    return pairs


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_weight(text: str) -> bool:
    return _is_number(text) and math.isfinite(float(text)) and float(text) >= 0
