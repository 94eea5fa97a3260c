"""How the images of a sweep become pixels, decided before they are decoded, and what that adds to their fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from netwright.data.array import ArraySource
from netwright.data.decode_rules import HIGH_BYTE, DecodeRules
from netwright.data.full_scale import find_full_scale
from netwright.data.resize import RESIZES
from netwright.data.source import ImageSource, IntArray
from netwright.errors import DataError

__all__ = ["Preparation", "prepare_decoding"]

_BEFORE = DecodeRules("black", HIGH_BYTE)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images become pixels.

    Attributes:
        resize: One of RESIZES.
        rules: Of decoding.
        notice: A sentence about what was found, or ''.
        is_decoded: Whether the source has pixels, to which the rules do not apply.
    """

    resize: str
    rules: DecodeRules
    notice: str = ""
    is_decoded: bool = False

    def extend(self, fingerprint: str) -> str:
        """A fingerprint with what version 0.1 did not know; as it is where that would have given the same pixels."""
        rules = _BEFORE if self.is_decoded else self.rules
        if self.resize == "crop" and rules == _BEFORE:
            return fingerprint
        facts = f"{fingerprint} {self.resize} {self.rules.background} {rules.full_scale}"
        return hashlib.sha256(facts.encode()).hexdigest()


def prepare_decoding(
    source: ImageSource, train: IntArray, resize: str, background: str, full_scale: float | str | None
) -> Preparation:
    """Decide how the images of a source are decoded.

    Args:
        source: The images.
        train: Numbers of those to train on, in which a full scale is looked for.
        resize: One of RESIZES.
        background: As in `DecodeRules`.
        full_scale: Likewise; None to find it.

    Raises:
        DataError: A value is impossible.
    """
    if resize not in RESIZES:
        raise DataError(f"resize is one of {', '.join(RESIZES)}, not {resize!r}. Correct it.")
    notice = ""
    if full_scale is None:
        full_scale, notice = find_full_scale(lambda position: source.read(int(train[position])).data, len(train))
    return Preparation(resize, DecodeRules(background, full_scale), notice, isinstance(source, ArraySource))
