"""What netwright adds to files of other libraries, at a place that these pass over: the network, preprocessing, names.

torchvision  an entry of the state dict's `_metadata`, where torch keeps versions of modules by their names
pycls        an entry of the checkpoint beside `model_state` and `cfg`
MindCV       a field of the Checkpoint message that the format does not have; protocol buffers pass over such fields
timm         metadata of the safetensors file, beside config.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netwright.errors import WeightsError

__all__ = ["KEY", "VERSION", "embed", "parse_config"]

KEY = "netwright"
VERSION = 1  # of the format that save_model writes
_LONGEST = 64 << 20  # characters, enough for the names of many thousand classes


def embed(config: str) -> dict[str, str]:
    """The entry of a configuration, which is JSON."""
    return {KEY: str(VERSION), "config": config}


def parse_config(entry: Mapping[Any, Any], path: Path) -> dict[str, Any]:
    """The configuration in an entry that `embed` made; empty for anything else.

    Raises:
        WeightsError: It is of a later version, or damaged.
    """
    if KEY not in entry or not isinstance(entry.get("config"), str):
        return {}
    try:
        version, text = int(entry[KEY]), entry["config"]
        if not 1 <= version <= VERSION:
            raise WeightsError(
                f"{path} has the format version {version}, and this program reads up to {VERSION}. "
                "Use a newer netwright."
            )
        config = json.loads(text) if len(text) <= _LONGEST else None
    except (TypeError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"the description of the network in {path} cannot be read: {str(error)[:200]}. Convert the weights again."
        ) from error
    if not isinstance(config, dict):
        raise WeightsError(f"the description of the network in {path} is no mapping. Convert the weights again.")
    return config
