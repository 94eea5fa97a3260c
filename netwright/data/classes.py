"""Names of a network's outputs, and how labels of images are matched to them: by name, not by position."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from netwright.data.class_order import order_notice, sorted_as
from netwright.data.source import IntArray, listed
from netwright.errors import DataError
from netwright.system.suggest import nearest

__all__ = [
    "IMAGENET_CLASSES",
    "Candidate",
    "ClassMap",
    "descriptions",
    "imagenet_synsets",
    "match_classes",
    "output_names",
]

IMAGENET_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A class that an image may belong to.

    Attributes:
        index: Of the network's output.
        name: Of the class.
        probability: 0 to 1.
        description: For ImageNet's classes, such as "tench, Tinca tinca"; else empty.
    """

    index: int
    name: str
    probability: float
    description: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """How labels of images map to outputs of a network.

    Attributes:
        names: Of the outputs, in order.
        outputs: (labels,) int64, the output of each label.
        notice: What a reader must know about the mapping, or empty.
    """

    names: tuple[str, ...]
    outputs: IntArray
    notice: str = ""


def match_classes(
    model_names: Sequence[str],
    num_outputs: int,
    data_names: Sequence[str],
    *,
    allow_subset: bool = False,
    order: str = "",
    is_usual: bool = True,
) -> ClassMap:
    """Match labels of images to outputs of a network, by class name where the weights have names.

    Without names the outputs are taken in ImageNet's order if there are 1000 and the images have ImageNet's classes,
    else in the order of the images' classes. Folders have two orders, 1, 10, 2 and 1, 2, 10: where these differ, it
    must be known.

    Args:
        model_names: Class names in the weights, in the order of the outputs; may be empty.
        num_outputs: Outputs of the network.
        data_names: Class names of the images, in the order of their labels.
        allow_subset: Whether the images may lack some of the network's classes.
        order: natural or string, the order of the outputs of weights without names; empty where it is not known.
        is_usual: Whether that is the usual order of the library of the weights, not one that the user gave.

    Raises:
        DataError: The classes do not match, or their order is not known.
    """
    names = tuple(model_names)
    if not names and num_outputs == IMAGENET_CLASSES and set(data_names) <= set(imagenet_synsets()):
        names = imagenet_synsets()
    if not names:
        if len(data_names) != num_outputs:
            raise DataError(
                f"a network has one output per class, and this one has {num_outputs:,} outputs and the images have "
                f"{len(data_names):,} classes ({listed(tuple(data_names), 4)}). Give the images that it was trained "
                f"on as --data_dir, or fine-tune it: {_fine_tune(data_names)}."
            )
        return _by_order(data_names, order, is_usual)
    strange = sorted(set(data_names) - set(names))
    missing = sorted(set(names) - set(data_names))
    if strange:
        raise DataError(_differ(names, data_names, strange, missing))
    if missing and not allow_subset:
        raise DataError(
            f"the network knows {len(names):,} classes, and the images are of {len(data_names):,} of these: none of "
            f"{listed(missing, 4)}. Add them, or give --allow_subset to measure only the others."
        )
    index = {name: output for output, name in enumerate(names)}
    outputs = np.array([index[name] for name in data_names], dtype=np.int64)
    notice = ""
    if missing:
        notice = (
            f"Only {len(data_names):,} of the network's {len(names):,} classes have images; it may predict any class."
        )
    elif (np.diff(outputs) < 0).any():
        notice = "The network's classes are in a different order than the images': they are matched by name."
    return ClassMap(names, outputs, notice)


def _by_order(data_names: Sequence[str], order: str, is_usual: bool) -> ClassMap:
    """The mapping for weights without names."""
    names, told = tuple(data_names), ""
    if order:
        names, told = sorted_as(data_names, order), order_notice(order, data_names)
    elif names == sorted_as(names, "string") != (natural := sorted_as(names, "natural")):
        raise DataError(
            "the weights have no class names, and the images' classes have two orders: "
            f"{listed(names, 4)} as strings, as torchvision, pycls and MindCV sort folders, or {listed(natural, 4)}, "
            "as timm does. Give the one of the training: --class_order string, --class_order natural, or a file with a "
            "class name a line."
        )
    notice = "The weights have no class names: outputs are taken to be in the order of the images' classes."
    if told:
        usual = ", as is usual in the library of the weights; --class_order gives another" if is_usual else ""
        notice = f"The weights have no class names: outputs are taken to be in {told}{usual}."
    index = {name: output for output, name in enumerate(names)}
    return ClassMap(names, np.array([index[name] for name in data_names], dtype=np.int64), notice)


def _differ(names: Sequence[str], data_names: Sequence[str], strange: list[str], missing: list[str]) -> str:
    lacks = f", and knows {listed(missing, 4)}, which they lack" if missing else ""
    near = [(name, found[0]) for name in strange if (found := nearest(name, missing, likeness=0.8))]
    if near:
        lacks += f" (is {near[0][0]!r} a typing mistake for {near[0][1]!r}?)"
    return (
        f"a network is measured on the classes it was trained on: this one does not know {listed(strange, 4)} of the "
        f"images' {len(data_names):,} classes{lacks}. Give its own images as --data_dir, rename the class folders to "
        f"its names, or fine-tune it: {_fine_tune(data_names)}."
    )


def _fine_tune(data_names: Sequence[str]) -> str:
    return f"`netwright train --ckpt_path WEIGHTS --num_classes {len(data_names)} ...`"


def output_names(model_names: Sequence[str], num_outputs: int) -> tuple[str, ...]:
    """A name for each output: the model's own names, else ImageNet's for 1000 outputs, else numbers."""
    if model_names:
        return tuple(model_names)
    return imagenet_synsets() if num_outputs == IMAGENET_CLASSES else tuple(map(str, range(num_outputs)))


def descriptions(names: Sequence[str]) -> tuple[str, ...]:
    """`n01440764` -> `tench, Tinca tinca`, where all names are ImageNet's; else empty texts."""
    # most names do not need timm, which takes seconds to import
    if not all(len(name) == 9 and name[0] == "n" and name[1:].isdigit() for name in names):
        return ("",) * len(names)
    known = _imagenet()
    return tuple(known[name] for name in names) if all(name in known for name in names) else ("",) * len(names)


def imagenet_synsets() -> tuple[str, ...]:
    """ImageNet's 1000 WordNet ids, in the usual order of outputs."""
    return tuple(_imagenet())


@cache
def _imagenet() -> dict[str, str]:
    """WordNet id -> description: timm's, from its files. Importing it takes seconds, and 160 MiB of memory."""
    spec = importlib.util.find_spec("timm")
    folder = Path(((spec.submodule_search_locations if spec else None) or [""])[0]) / "data" / "_info"
    try:
        ids = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
        lines = (folder / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
        known = dict(line.split("\t", 1) for line in lines)
        return {each: known[each] for each in ids}
    except (OSError, ValueError, KeyError):  # another version of it has other files
        return _imagenet_of_timm()


def _imagenet_of_timm() -> dict[str, str]:
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    return {info.index_to_label_name(i): info.index_to_description(i) for i in range(IMAGENET_CLASSES)}
