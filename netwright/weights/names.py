"""What other code bases call the weights of an AnyNet: a table for each, read in both directions."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MINDCV", "Naming"]


@dataclass(frozen=True, slots=True)
class Naming:
    """Pairs of (theirs, ours).

    places: how a name begins. {stage} and {block} count from 0 there and from 1 here. To read, the first that fits
    counts; to write, the last, so a special case stands below the general one. parts: what is replaced after that,
    each pair once. average: how entries of a moving average begin; slots: how those of an optimiser do.
    """

    places: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]
    average: str = ""
    slots: tuple[str, ...] = ()

    def ours(self, name: str) -> str:
        """Our name of one of theirs; one that the table does not have stays as it is."""
        for theirs, ours in self.places:
            if (found := _moved(name, theirs, ours, 1)) is not None:
                return _replaced(found, self.parts)
        return _replaced(name, self.parts)

    def theirs(self, name: str) -> str:
        """The inverse of `ours`."""
        for theirs, ours in reversed(self.places):
            if (found := _moved(name, ours, theirs, -1)) is not None:
                return _replaced(found, tuple((ours, theirs) for theirs, ours in self.parts))
        return _replaced(name, tuple((ours, theirs) for theirs, ours in self.parts))


# as MindSpore names cells and the statistics of batch norm, in MindCV's RegNet
MINDCV = Naming(
    places=(
        ("stages.{stage}.blocks.{block}.", "s{stage}.b{block}."),
        ("0.blocks.{stage}.blocks.{block}.", "s{stage}.b{block}."),
        ("0.blocks.{block}.", "s1.b{block}."),
    ),
    parts=(
        ("se.conv_reduce.", "se.f_ex.0."),
        ("se.conv_expand.", "se.f_ex.2."),
        ("bn.gamma", "bn.weight"),
        ("bn.beta", "bn.bias"),
        ("bn.moving_mean", "bn.running_mean"),
        ("bn.moving_variance", "bn.running_var"),
    ),
    average="ema.",
    slots=(
        *("moments.", "moment.", "moment1.", "moment2.", "momentum.", "vhat.", "accum.", "stat.", "mean_square."),
        *("mean_grad.", "exp_avg.", "exp_avg_sq.", "exp_avg_diff.", "pre_grad.", "lamb_m.", "lamb_v.", "accum_grad."),
    ),
)


def _moved(name: str, old: str, new: str, shift: int) -> str | None:
    """name with its beginning `old` written as `new`, numbers shifted; None where it does not begin so."""
    pattern = re.escape(old).replace(r"\{stage\}", r"(?P<stage>\d{1,3})").replace(r"\{block\}", r"(?P<block>\d{1,4})")
    match = re.match(pattern, name)
    if match is None:
        return None
    numbers = {key: int(value) + shift for key, value in match.groupdict().items()}
    return new.format(**numbers) + name[match.end() :]


def _replaced(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name
