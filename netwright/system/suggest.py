"""Did you mean ...?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

__all__ = ["nearest", "nearest_file", "suggest"]

# what other programs call a thing -> what it is called here, where likeness of letters misleads
_SYNONYMS = {
    "data": ("data_dir",),
    "images": ("data_dir",),
    "weights": ("checkpoint", "class_weights"),
    "resolution": ("image_size",),
    "image_size": ("resolution",),
    "img_size": ("image_size", "resolution"),
    "input_size": ("image_size", "resolution"),
    "lr_schedule": ("scheduler",),
    "patience": ("early_stopping",),
    "n_trials": ("trials",),
    "num_trials": ("trials",),
    "num_epochs": ("epochs",),
    "output": ("out",),
    "output_dir": ("out",),
}
_ALIKE = 0.85  # of difflib: one letter more or less in six
_MOST = 12  # names that are listed
_BEGINNING = 4  # letters that say what a longer name is


def nearest(name: object, known: Iterable[object], most: int = 1, likeness: float = 0.6) -> list[str]:
    """The known names that look most like one that is not known, at most `most`, the most similar first.

    likeness: Of difflib, 0 to 1: how much one must look like it at least.
    """
    import difflib  # here, because most programs make no mistake

    return difflib.get_close_matches(str(name), [str(each) for each in known], n=most, cutoff=likeness)


def nearest_file(name: str, known: Iterable[str]) -> list[str]:
    """The file whose name looks most like one that is not there, or none; that both end alike says nothing."""
    stems = {PurePath(each).stem: each for each in known}
    return [stems[stem] for stem in nearest(PurePath(name).stem, stems)]


def suggest(name: object, known: Iterable[object], otherwise: str | None = None) -> str:
    """The end of a message about a name that is not known.

    Args:
        name: What was given.
        known: What there is.
        otherwise: What to say where nothing looks like it; all that are known where left out.

    Returns:
        "did you mean 'regnetx'?", "these begin with it: anynetxa, anynetxb.", or "these are known: anynet, regnetx."
    """
    names = list(dict.fromkeys(str(each) for each in known))
    text = str(name)
    plain = {_plain(each): each for each in reversed(names)}
    for word in (_plain(text), *_SYNONYMS.get(_plain(text), ())):
        if word in plain:
            return f"did you mean {plain[word]!r}?"
    near = nearest(name, names)
    longer = [each for each in names if len(_plain(text)) >= _BEGINNING and _plain(each).startswith(_plain(text))]
    if len(longer) > 1 and not (near and _likeness(text, near[0]) >= _ALIKE):
        more = f" and {len(longer) - _MOST} more" if len(longer) > _MOST else ""
        return f"these begin with it: {', '.join(longer[:_MOST])}{more}."
    near = longer if len(longer) == 1 else near
    if near:
        return f"did you mean {near[0]!r}?"
    return f"these are known: {', '.join(names)}." if otherwise is None else otherwise


def _plain(name: str) -> str:
    """Without the dashes of a flag, in lower case, with underscores."""
    return name.lstrip("-").lower().replace("-", "_")


def _likeness(one: str, other: str) -> float:
    import difflib

    return difflib.SequenceMatcher(None, one, other).ratio()
