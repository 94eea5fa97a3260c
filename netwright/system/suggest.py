"""Did you mean ...?"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest", "suggest"]


def nearest(name: object, known: Iterable[object], most: int = 1) -> list[str]:
    """The known names that look most like one that is not known, at most `most`, the most similar first."""
    import difflib  # here, because most programs make no mistake

    return difflib.get_close_matches(str(name), [str(each) for each in known], n=most)


def suggest(name: object, known: Iterable[object], otherwise: str | None = None) -> str:
    """The end of a message about a name that is not known.

    Args:
        name: What was given.
        known: What there is.
        otherwise: What to say where nothing looks like it; all that are known where left out.

    Returns:
        "did you mean 'regnetx'?", or "these are known: anynet, regnetx."
    """
    names = [str(each) for each in known]
    near = nearest(name, names)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"these are known: {', '.join(names)}." if otherwise is None else otherwise
