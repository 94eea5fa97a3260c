"""Convert weights from one format to another, strictly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.arch import Arch
from netwright.errors import ArchError, WeightsError
from netwright.system.atomic_group import atomic_group
from netwright.weights.arch_inference import channels_of, classes_of, infer_arch
from netwright.weights.architecture import build_on_meta
from netwright.weights.match import CLASSIFIER_WEIGHT
from netwright.weights.model import facts_of
from netwright.weights.preprocessing import preprocessing_of
from netwright.weights.read import StoredWeights, read_state
from netwright.weights.save import ELSEWHERE, TIMM_WEIGHTS, WRITERS, ModelToSave, write_as
from netwright.weights.to_format import FormatModel, to_format
from netwright.weights.verify import require_same

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
    """Write the weights of a file in another format; values and precision stay.

    Nothing is put in its place unless all tensors match the network, the other library can build it, and the file gives
    the same network, tensors, preprocessing and logits when it is read back.

    Args:
        source: The file.
        destination: A folder for timm, else a file.
        to: The format to write, a key of WRITERS.
        format: See `read_state`.
        ema: See `read_state`.
        arch: The network, where the file neither names nor shows it.
        preprocessing: Where the file does not have it.
        class_names: Where the file does not have them.

    Returns:
        Lines that report what was done.

    Raises:
        WeightsError: The file cannot be read or matched, or the network does not exist in that format.
        OutputError: The destination cannot be written.
    """
    if to not in WRITERS:
        raise WeightsError(f"weights are written as one of {', '.join(WRITERS)}, not {to!r}. Choose one of these.")
    destination = Path(destination)
    stored = read_state(source, ema=ema, format=format)
    arch = _arch(stored, arch)
    build_on_meta(arch, stored)
    if preprocessing is None:
        preprocessing, notices = preprocessing_of(stored, arch)
    else:
        notices = []
    names = tuple(class_names) or tuple(stored.config.get("class_names") or ())
    model = ModelToSave(arch, stored.state, preprocessing, names, facts_of(stored, has_names=bool(names)))
    target = _write_checked(to, destination, model, stored)
    return _report(to, destination, arch, stored, target, notices)


def _write_checked(to: str, destination: Path, model: ModelToSave, stored: StoredWeights) -> FormatModel:
    """Write beside the destination, read that back, then put it in place."""
    assert model.preprocessing is not None, "convert gives one"
    target = to_format(model.arch, to)  # before a folder is made
    first = destination / TIMM_WEIGHTS if to == "timm" else destination
    with atomic_group(first, what="the weights", elsewhere=ELSEWHERE) as written:
        # timm's config.json comes beside it
        write_as(to, written.parent if to == "timm" else written, model)
        require_same(written, model.arch, stored.state, model.preprocessing, format=to, place=destination)
    return target


def _report(
    to: str, destination: Path, arch: Arch, stored: StoredWeights, target: FormatModel, notices: list[str]
) -> list[str]:
    count = sum(value.numel() for name, value in stored.state.items() if "running_" not in name and "num_b" not in name)
    label = "pycls" if to == "pycls" else target.naming.label  # its names are ours
    report = [
        f"read {len(stored.state):,} tensors by the names of {stored.layout or 'netwright'} from {stored.path}",
        f"all of them belong to {arch.name or 'an unpublished network'}: {count:,} parameters, "
        f"{arch.num_classes:,} classes, {arch.in_channels} channels",
        f"wrote {destination} by the names of {label}; it opens there as {target.call}",
        *stored.notices,
    ]
    if to in ("netwright", "timm"):
        report += notices
    if to == "torchvision" and arch.in_channels != 3:
        report.append(f"torchvision's stem takes 3 channels: replace it by one of {arch.in_channels}, then load")
    if to == "pycls" and arch.in_channels == 3:
        order = "RGB, as pycls reads CIFAR" if arch.stem.kind == "cifar" else "BGR, as pycls reads ImageNet"
        report.append(f"its first convolution is now for {order}")
    if to == "timm":
        report[2] = f"wrote {destination}; it opens as timm.create_model('local-dir:{destination}', pretrained=True)"
    return report


def _arch(stored: StoredWeights, given: Arch | None) -> Arch:
    config = stored.config.get("arch")
    try:
        found = Arch.from_dict(config) if config is not None else given or infer_arch(stored.state)
    except ArchError as error:
        raise WeightsError(f"{stored.path} does not describe a network: {error}") from error
    if found is None:
        raise WeightsError(
            f"{stored.path} does not name its network, and its {len(stored.state):,} tensor names fit none "
            f"({', '.join(name[:60] for name in list(stored.state)[:3])}, ...). Give the network, or the format of the "
            "file."
        )
    if CLASSIFIER_WEIGHT not in stored.state:
        raise WeightsError(f"{stored.path} has no classifier, which every format needs. Train one first.")
    if config is not None:
        return found
    return replace(
        found,
        num_classes=classes_of(stored.state) or found.num_classes,
        in_channels=channels_of(stored.state) or found.in_channels,
    )
