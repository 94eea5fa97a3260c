"""Networks and every kind of exported file of them (tests/fixtures/exported.py)."""

from fixtures.exported import _one_thread, color, digits, exported, gray, images, make

__all__ = ["_one_thread", "color", "digits", "exported", "gray", "images", "make"]
