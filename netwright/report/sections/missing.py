"""A figure that could not be made."""

from dataclasses import dataclass

__all__ = ["Missing"]


@dataclass(frozen=True)
class Missing:
    """Why there is no such figure, as the end of the sentence `not in this report: ...`."""

    why: str
