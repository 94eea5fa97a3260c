"""Weights from one format into another, strictly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.arch import Arch
from netwright.errors import ArchError, WeightsError
from netwright.weights.architecture import unfilled
from netwright.weights.guess import channels_of, classes_of, infer_arch
from netwright.weights.match import CLASSIFIER
from netwright.weights.preprocessing import preprocessing_of
from netwright.weights.read import StoredWeights, read_state
from netwright.weights.save import WRITERS, Described, write_as

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["convert"]


def convert(
    source: str | Path,
    destination: str | Path,
    *,
    to: str,
    format: str = "",
    ema: bool = False,
    arch: Arch | None = None,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] = (),
) -> list[str]:
    """Write the weights of a file in another format; returns what was done, in words, a line each.

    to: a key of WRITERS; destination is a folder for timm, else a file. format, ema: as in `read_state`. arch,
    preprocessing, class_names: where the file neither says nor shows them. Values and precision stay, and nothing is
    written unless every tensor fits the network and the network can be built there. Raises WeightsError, OutputError.
    """
    if to not in WRITERS:
        raise WeightsError(f"weights are written as one of {', '.join(WRITERS)}, not {to!r}. Choose one of these.")
    destination = Path(destination)
    stored = read_state(source, ema=ema, format=format)
    arch = _arch(stored, arch)
    unfilled(arch, stored)
    if preprocessing is None:
        preprocessing, seen = preprocessing_of(stored, arch)
    else:
        seen = []
    names = tuple(class_names) or tuple(stored.config.get("class_names") or ())
    facts = stored.config.get("facts")
    what = Described(arch, stored.state, preprocessing, names, facts if isinstance(facts, dict) else {})
    expression = write_as(to, destination, what)
    count = sum(value.numel() for name, value in stored.state.items() if "running_" not in name and "num_b" not in name)
    said = [
        f"read {len(stored.state):,} tensors by the names of {stored.layout or 'netwright'} from {stored.path}",
        f"they are all of {arch.name or 'a network that nobody published'}: {count:,} parameters, {arch.num_classes:,} "
        f"classes, {arch.in_channels} channels",
        f"wrote {destination} by the names of {expression.naming.label}; it opens there as {expression.call}",
        *stored.notices,
    ]
    if to in ("netwright", "timm"):
        said += seen  # the others have no place for it
    if to == "torchvision" and arch.in_channels != 3:
        said.append(f"torchvision's stem takes 3 channels: exchange it for one of {arch.in_channels}, then load")
    if to == "pycls" and arch.in_channels == 3:
        order = "RGB, as pycls reads CIFAR" if arch.stem.kind == "cifar" else "BGR, as pycls reads ImageNet"
        said.append(f"its first convolution is now for {order}")
    if to == "timm":
        said[2] = f"wrote {destination}; it opens as timm.create_model('local-dir:{destination}', pretrained=True)"
    return said


def _arch(stored: StoredWeights, given: Arch | None) -> Arch:
    said = stored.config.get("arch")
    try:
        found = Arch.from_dict(said) if said is not None else given or infer_arch(stored.state)
    except ArchError as error:
        raise WeightsError(f"{stored.path} describes no network: {error}") from error
    if found is None:
        raise WeightsError(
            f"{stored.path} does not say which network it is of, and its {len(stored.state):,} names show none "
            f"({', '.join(name[:60] for name in list(stored.state)[:3])}, ...). Give the network, or the format of the "
            "file."
        )
    if CLASSIFIER not in stored.state:
        raise WeightsError(f"{stored.path} has no classifier, which every format here needs. Train one first.")
    if said is not None:
        return found
    return replace(
        found,
        num_classes=classes_of(stored.state) or found.num_classes,
        in_channels=channels_of(stored.state) or found.in_channels,
    )
