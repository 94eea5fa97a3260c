"""A section that could not be made."""

from dataclasses import dataclass

__all__ = ["Missing"]


@dataclass(frozen=True)
class Missing:
    """Why a report has no such section, as the end of the sentence "not in this report: ..."."""

    why: str
