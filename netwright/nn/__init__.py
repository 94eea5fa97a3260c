"""From a network as a value to a torch module. torch is imported from here on."""

from netwright.nn.anynet import AnyNet, build
from netwright.nn.features import FeatureExtractor, FeatureInfo
from netwright.nn.freeze import freeze, linear_probe
from netwright.nn.fuse import fuse

__all__ = ["AnyNet", "FeatureExtractor", "FeatureInfo", "build", "freeze", "fuse", "linear_probe"]
