"""HEIC and HEIF, as telephones write them: read by the package pillow-heif, where it is installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from netwright.system.extras import optional

__all__ = ["HEIF_SUFFIXES", "can_read_heif", "enable_heif", "heif_cure", "is_heif"]

HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})


def is_heif(head: bytes) -> bool:
    """Whether a file that begins like this is HEIC or HEIF; at least its first 12 bytes."""
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


@cache
def can_read_heif() -> bool:
    """Whether pillow-heif is installed."""
    return find_spec("pillow_heif") is not None


@cache
def enable_heif() -> None:
    """Let Pillow open HEIC and HEIF.

    Raises:
        DataError: pillow-heif is not installed, with the pip line.
    """
    optional("pillow_heif", "heif").register_heif_opener()


def heif_cure(names: list[str]) -> str:
    """What reads the HEIC images among files, to be added to a message; '' where there is none."""
    has_some = any(name.lower().endswith(tuple(HEIF_SUFFIXES)) for name in names)
    return ', or read HEIC: pip install "netwright[heif]"' if has_some else ""
