"""A network.yaml: what `netwright design` and `netwright scale` write, and every command takes."""

from __future__ import annotations

from pathlib import Path

from netwright.arch.spec import Arch
from netwright.errors import ArchError
from netwright.system.atomic import write_text

__all__ = ["read_network", "write_network"]


def read_network(path: Path) -> Arch:
    """The network of a YAML file. ArchError where it cannot be read, or holds none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArchError(
            f"{path} cannot be read as a network.yaml: {getattr(error, 'strerror', None) or error}. Correct the path, "
            "or give a published name."
        ) from error
    try:
        return Arch.from_yaml(text)
    except ArchError as error:
        raise ArchError(f"{path}: {error}") from error


def write_network(path: Path, arch: Arch) -> None:
    """Write a network as a YAML file. OutputError where that is not possible."""
    write_text(path, arch.to_yaml(), what="the network", elsewhere="another --out")
