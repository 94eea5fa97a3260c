"""Which opponents there are, by name; without torch, so that a configuration can be checked."""

from __future__ import annotations

from collections.abc import Mapping

from netwright.errors import RecipeError
from netwright.system.suggest import suggest
from netwright.workflow.rungs import AUTO, NONE

__all__ = ["IN_WORDS", "OPPONENTS", "given_opponents", "read_opponents"]

# role -> what the plan and the report call it
IN_WORDS: Mapping[str, str] = {
    "baseline": "a published network of its cost",
    "resnet18": "a ResNet-18 of its cost",
    "random": "the best of random search at the same compute",
    "brief": "the lowest error of the brief trainings",
    "against": "your network",
    "pretrained": "the fine-tuned network",
}
OPPONENTS = ("resnet18", "random", "brief")  # that may be added; a published network is always there


def read_opponents(text: str) -> tuple[str, ...] | None:
    """Opponents by name, in their order.

    Args:
        text: `resnet18,random`, "none", or "auto".

    Returns:
        The names; None where they are to be planned.

    Raises:
        RecipeError: Another name.
    """
    if text in (AUTO, NONE):
        return None if text == AUTO else ()
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in OPPONENTS:
            raise RecipeError(f"unknown opponent {word!r}: {suggest(word, OPPONENTS)} Correct 'opponents'.")
    return tuple(name for name in OPPONENTS if name in words)


def given_opponents(names: str, against: str | None, pretrained: str | None) -> tuple[str, ...] | None:
    """The roles of all opponents but the baseline; None where nothing was given, so that a plan may add some.

    Args:
        names: As `read_opponents` takes them.
        against: A network of the user's.
        pretrained: Weights to fine-tune.
    """
    found = read_opponents(names)
    own = (*(("against",) if against else ()), *(("pretrained",) if pretrained else ()))
    return None if found is None and not own else (*(found or ()), *own)
