"""A number of things, in words."""

from __future__ import annotations

__all__ = ["count"]


def count(n: int, noun: str, plural: str = "") -> str:
    """`1 network`, `1,200 networks`. plural: of a noun that does not just take an s."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
