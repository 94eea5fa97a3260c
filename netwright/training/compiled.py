"""A network compiled by torch, or a reason why it cannot be."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from typing import cast

import torch
from torch import nn

from netwright.errors import RecipeError

__all__ = ["compile_module"]


def compile_module(module: nn.Module, device: torch.device) -> nn.Module:
    """What to call in place of the module; its first batch of each shape takes a minute or more.

    Raises:
        RecipeError: What torch compiles with is missing: a C++ compiler for processors, triton for accelerators.
    """
    if device.type == "cpu":
        compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
        if shutil.which(compiler) is None:
            raise RecipeError(
                f"compile needs the C++ compiler {compiler!r} on processors, and it is not found. Install it "
                "(apt install g++), name another in the environment variable CXX, or set compile to False."
            )
    elif device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise RecipeError("compile needs triton on GPUs, and it is not installed. Install it, or set compile to False.")
    return cast(nn.Module, torch.compile(module))
