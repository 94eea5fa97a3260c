"""Tiny images and networks (tests/fixtures/digits.py)."""

from fixtures.digits import digits, one_thread, recipe, split, tiny

__all__ = ["digits", "one_thread", "recipe", "split", "tiny"]
