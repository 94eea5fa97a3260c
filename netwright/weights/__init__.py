"""Weights: read from files of several code bases, matched strictly to a network, written whole."""

from netwright.weights.create import create_model, load_weights, resolve_arch
from netwright.weights.fetch import cache_folder
from netwright.weights.hub import MINDCV_FILES, PublishedFile, pretrained_file
from netwright.weights.model import LoadedModel, load_model
from netwright.weights.read import StoredWeights, read_state
from netwright.weights.save import save_ckpt, save_model

__all__ = [
    "MINDCV_FILES",
    "LoadedModel",
    "PublishedFile",
    "StoredWeights",
    "cache_folder",
    "create_model",
    "load_model",
    "load_weights",
    "pretrained_file",
    "read_state",
    "resolve_arch",
    "save_ckpt",
    "save_model",
]
