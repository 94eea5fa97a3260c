"""Chores, each in one place: writing, locking, fetching, the machine, and words about differences."""
