"""The design spaces that come with the package, and reading others from YAML files.

Those of block x are files. Those of the other blocks follow from them by name: `anynetv_d` is `anynetx_d` of block v.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from netwright.errors import SpaceError
from netwright.space.distribution import PowersOfTwo
from netwright.space.located import PlacedError
from netwright.space.space import DesignSpace
from netwright.space.space_file import space_from_text
from netwright.system.suggest import suggest

__all__ = ["load_space", "space_names"]

# block -> in what the setting of its spaces differs from those of block x; ResNets have their own stem
_RESNET = {"stem": "imagenet", "stem_width": 64, "strides": (1, 2, 2, 2)}
_SETTINGS: dict[str, dict[str, Any]] = {"y": {}, "z": {}, "r": _RESNET, "basic": _RESNET, "v": {}}
_OF_BLOCK_X = ("anynetx_a", "anynetx_b", "anynetx_c", "anynetx_d", "anynetx_e", "regnetx")
_MOST_BYTES = 1_000_000  # of a space's file
# end of a name -> (the step before, the parameter that this one ties)
_TIED = {"_b": ("A", "bottleneck"), "_c": ("B", "group width")}
# name -> (the space of block x that it is made of, its block)
_OF_OTHER_BLOCKS = {name.replace("netx", f"net{block}"): (name, block) for block in _SETTINGS for name in _OF_BLOCK_X}


def space_names() -> tuple[str, ...]:
    """The spaces that `load_space` knows by name.

    From AnyNetX-A to RegNetX, then the same of each other block, then those with the reversed constraints of DDS
    (arXiv 2003.13678) and those of NDS (arXiv 1905.13214).
    """
    return (*_OF_BLOCK_X, *_OF_OTHER_BLOCKS, *sorted(_files() - {*_OF_BLOCK_X, *_OF_OTHER_BLOCKS}))


def _files() -> set[str]:
    return {Path(item.name).stem for item in _folder().iterdir() if item.name.endswith(".yaml")}


def load_space(ref: str | Path) -> DesignSpace:
    """A space by name or from a YAML file.

    Args:
        ref: A name (`regnetx`, `AnyNetX-A`) or the path of a file. A file has a whole space (see `netwright space show
            regnetx`), or `base: NAME` and what it narrows. A base may be a file too, relative to the folder of the file
            that names it.

    Raises:
        SpaceError: No space of that name, or a file that is not a space.
    """
    return _load(ref, ())


def _load(ref: str | Path, readers: tuple[Path, ...]) -> DesignSpace:
    """readers: the files that name each other as base down to this one, first to last."""
    name = str(ref).lower().replace("-", "_")
    name = name.replace("anynet_", "anynetx_")
    if name in _files():
        text = _folder().joinpath(f"{name}.yaml").read_text(encoding="utf-8")
        return space_from_text(text, name, lambda base: _load(base, readers))
    if name in _OF_OTHER_BLOCKS:
        return _of_another_block(name)
    path = readers[-1].parent / ref if readers else Path(ref)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if path.resolve() in readers:
            raise SpaceError(f"the space {ref} is its own base. Name another base in one of these files.")
        text = _read(path, ref)
        return space_from_text(text, str(path), lambda base: _load(base, (*readers, path.resolve())))
    hint = suggest(name, space_names(), f"these are known: {', '.join(space_names())}; or give a file.")
    raise SpaceError(f"no design space is called {str(ref)!r}: {hint}")


def _read(path: Path, ref: str | Path) -> str:
    """The text of a file. SpaceError where it is none, or too long for a space."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SpaceError(f"the space {ref} cannot be read: {error}. Give a YAML file.") from error
    if len(content) > _MOST_BYTES:
        raise PlacedError(f"the space {ref} cannot be read: it has more than {_MOST_BYTES:,} bytes. Give a YAML file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PlacedError(
            f"{path}, line {line}: the space {ref} cannot be read: byte {content[error.start]:#04x} is not UTF-8. Save "
            "the file as UTF-8."
        ) from error


def _of_another_block(name: str) -> DesignSpace:
    of_x, block = _OF_OTHER_BLOCKS[name]
    like = load_space(of_x)
    space = like.with_setting(block=block, **_SETTINGS[block])
    if block == "z":  # its blocks are wider inside (arXiv 2103.06877)
        space = space.with_distribution("bottleneck", PowersOfTwo(0.25, 1))
    title, _, text = like.summary.partition(": ")
    drawn = [parameter.name.replace("_", " ") for parameter in space.drawn]
    before, tied = _TIED.get(name[-2:], ("", drawn[0]))
    if name.endswith("_a"):
        text = f"four stages, each with its own {', '.join(drawn[:-1])} and {drawn[-1]}"
    elif tied not in drawn:
        text = f"the networks of {before}: block {block} has no {tied}"
    return replace(space, name=name, summary=f"{title.replace('X', block.capitalize())}: {text}")


def _folder() -> Any:
    return resources.files("netwright.space") / "spaces"
