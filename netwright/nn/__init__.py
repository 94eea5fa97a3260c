"""Torch modules of networks: build, freeze, fuse, extract features. torch is imported here and above."""

from netwright.nn.anynet import AnyNet, build
from netwright.nn.features import FeatureExtractor, FeatureInfo
from netwright.nn.freeze import freeze, linear_probe
from netwright.nn.fuse import fuse

__all__ = ["AnyNet", "FeatureExtractor", "FeatureInfo", "build", "freeze", "fuse", "linear_probe"]
