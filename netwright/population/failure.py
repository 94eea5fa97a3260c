"""Whose fault a failed trial is: its network's, which is a result, or the machine's, which says nothing about it."""

from __future__ import annotations

import re

__all__ = ["FAILURES", "failure_of"]

# network: it diverged, or cannot be computed at all; machine: no memory, no disk, killed, too slow, a broken device
FAILURES = ("network", "machine")

# how the reasons of the machine's failures begin, those that version 0.1 wrote too
_OF_MACHINE = re.compile(
    r"out of memory|the worker (was killed|died of|ended with code)|no result within"
    r"|(OS|IO|BlockingIO|BrokenPipe|ChildProcess|Connection\w*|File\w+|Interrupted|IsADirectory|NotADirectory|Permission"
    r"|ProcessLookup|Timeout)Error(:|$)"
    r"|AcceleratorError|(RuntimeError|SystemError): (CUDA error|NCCL error|can't start new thread"
    r"|unable to (open|write|mmap|resize) )"
    r"|RuntimeError: cu\w+ error: \w+_(ALLOC_FAILED|EXECUTION_FAILED|INTERNAL_ERROR|NOT_INITIALIZED)",
)


def failure_of(reason: str | None) -> str:
    """ "machine" or "network", by the line that says why a trial failed."""
    return "machine" if reason and _OF_MACHINE.match(reason) else "network"
