"""The last lines of a command: what one does next, as commands to copy."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

__all__ = ["print_next", "words"]


def words(*paths: str | Path) -> str:
    """Paths as words of a shell."""
    return shlex.join(str(path) for path in paths)


def print_next(*commands: tuple[str, str, str]) -> None:
    """Print commands on standard error, each as (command, its words, what it is for)."""
    lines = [(f"netwright {name} {rest}".rstrip(), purpose) for name, rest, purpose in commands]
    width = max(len(line) for line, _ in lines)
    text = "\n".join(["next:", *(f"  {line:<{width}}  {purpose}" for line, purpose in lines)])
    sys.stdout.flush()  # they come last, and are no part of the answer that programs read
    print(text, file=sys.stderr, flush=True)
