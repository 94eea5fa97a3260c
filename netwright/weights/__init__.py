"""Weights: read the files of several libraries, match them strictly to a network, write them, and download them.

Names are imported when they are first used, so the table of published weights is read without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from netwright.system.deprecation import moved_names

if TYPE_CHECKING:
    from netwright.weights.arch_inference import infer_arch
    from netwright.weights.architecture import resolve_arch
    from netwright.weights.create import create_model, load_weights
    from netwright.weights.hub import pretrained_file
    from netwright.weights.layouts import FORMATS
    from netwright.weights.model import LoadedModel, load_model
    from netwright.weights.push import push_to_hub
    from netwright.weights.read import StoredWeights, read_state
    from netwright.weights.save import WRITERS, save_ckpt, save_model, save_pycls, save_timm, save_torchvision
    from netwright.weights.zoo import PublishedWeights, choose_weights, list_models, published_weights

__all__ = [
    "FORMATS",
    "WRITERS",
    "LoadedModel",
    "PublishedWeights",
    "StoredWeights",
    "choose_weights",
    "create_model",
    "infer_arch",
    "list_models",
    "load_model",
    "load_weights",
    "pretrained_file",
    "published_weights",
    "push_to_hub",
    "read_state",
    "resolve_arch",
    "save_ckpt",
    "save_model",
    "save_pycls",
    "save_timm",
    "save_torchvision",
]

# module -> the public names that it has
_HOMES = {
    "architecture": ("resolve_arch",),
    "create": ("create_model", "load_weights"),
    "arch_inference": ("infer_arch",),
    "hub": ("pretrained_file",),
    "layouts": ("FORMATS",),
    "model": ("LoadedModel", "load_model"),
    "push": ("push_to_hub",),
    "read": ("StoredWeights", "read_state"),
    "save": ("WRITERS", "save_ckpt", "save_model", "save_pycls", "save_timm", "save_torchvision"),
    "zoo": ("PublishedWeights", "choose_weights", "list_models", "published_weights"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_moved = moved_names("netwright.weights", {"choose": "netwright.weights:choose_weights"})


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"netwright.weights.{_HOME[name]}"), name)
    return _moved(name)


def __dir__() -> list[str]:
    return __all__
