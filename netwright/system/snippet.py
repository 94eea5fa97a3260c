"""The lines of Python that use a network rightly: every page and model card shows these, and a test runs them."""

from __future__ import annotations

import json

__all__ = ["python_lines"]


def python_lines(ref: str, image: str) -> str:
    """Five lines that predict an image.

    Args:
        ref: What `open_runtime` takes.
        image: A path.
    """
    quoted = json.dumps  # a Windows path, too
    return (
        "from netwright import open_runtime\n"
        "\n"
        f"with open_runtime({quoted(ref)}) as network:\n"
        f"    found = network.predict([{quoted(image)}])\n"
        "for candidate in found.top(3)[0]:\n"
        '    print(f"{candidate.name}: {candidate.probability:.1%}")\n'
    )
