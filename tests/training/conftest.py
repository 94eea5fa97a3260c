"""Tiny images and networks (tests/fixtures)."""

from fixtures.digits import digits, one_thread, recipe, split, tiny
from fixtures.trainings import photos, training

__all__ = ["digits", "one_thread", "photos", "recipe", "split", "tiny", "training"]
