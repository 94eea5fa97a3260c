"""What a latency is asked of: a network, an exported file, or a design space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from netwright.arch import NETWORKS, Arch, canonical_name, published
from netwright.errors import ArchError, ExportError
from netwright.space import DesignSpace, load_space, space_names
from netwright.timing.setting import LatencySetting

__all__ = ["Subject", "find_subject", "is_space"]

_RUNTIMES = {".onnx": "onnx", ".xml": "openvino", ".pt2": "torch"}


@dataclass(frozen=True)
class Subject:
    """A network, and where it is an exported file, that file.

    Attributes:
        name: For people.
        arch: The network.
        file: Exported; None for a network with random weights.
        setting: In what it is measured: of a file, its own runtime and precision.
    """

    name: str
    arch: Arch
    file: Path | None
    setting: LatencySetting


def find_subject(
    ref: str | Path | Arch | DesignSpace, setting: LatencySetting, resolution: int | None = None
) -> Subject | DesignSpace:
    """Find what a reference means.

    Args:
        ref: A design space, its name or its YAML file; or a network: a published name, a network.yaml, an exported
            file or a folder with one, weights, a run folder.
        setting: In what it is to be measured.
        resolution: Pixels a side, instead of its own.

    Raises:
        ArchError, SpaceError, WeightsError, ExportError: There is no such thing, or it cannot be measured so.
    """
    if isinstance(ref, DesignSpace):
        return ref if resolution is None else ref.with_setting(resolution=resolution)
    if isinstance(ref, Arch):
        return _network(ref.name or "network", ref, setting, resolution)
    text = str(ref)
    if is_space(text):
        return find_subject(load_space(text), setting, resolution)
    if canonical_name(text) in NETWORKS and not Path(text).exists():
        return _network(text, published(text), setting, resolution)
    if Path(text).suffix in (".yaml", ".yml"):
        return _network(text, _read_network(Path(text)), setting, resolution)
    from netwright.runtime import find_export, open_runtime

    file = find_export(text)
    if file is not None and file.suffix in _RUNTIMES:
        if resolution is not None:
            raise ExportError(f"{file} takes images of one size. Leave out --resolution, or name its weights.")
        with open_runtime(file, threads=1) as runtime:
            arch, precision = runtime.info.arch, runtime.info.precision
        kind = "openvino" if setting.runtime == "openvino" and file.suffix == ".onnx" else _RUNTIMES[file.suffix]
        return Subject(str(file), arch, file, replace(setting, runtime=kind, precision=precision))
    if file is not None:
        raise ExportError(
            f"latency is measured in onnx, openvino and torch, and {file} is for LiteRT. Name its weights."
        )
    from netwright.weights import load_model

    return _network(text, load_model(text).arch, setting, resolution)


def _network(name: str, arch: Arch, setting: LatencySetting, resolution: int | None) -> Subject:
    setting.refuse_impossible()
    return Subject(name, arch if resolution is None else replace(arch, resolution=resolution), None, setting)


def is_space(ref: str) -> bool:
    """Whether a reference names a design space: one that comes with netwright, or a YAML file.

    In the file of a network, `stages` is a list; in that of a space it is a number, or not there.
    """
    path = Path(ref)
    if ref in space_names():
        return True
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return True  # its reader explains what is wrong with it
    return not (isinstance(values, dict) and isinstance(values.get("stages"), list))


def _read_network(path: Path) -> Arch:
    try:
        return Arch.from_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArchError(f"the network {path} cannot be read: {error.strerror or error}. Check its name.") from error
