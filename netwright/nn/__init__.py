"""From a network as a value to a torch module. torch is imported from here on."""

from netwright.nn.anynet import AnyNet, build

__all__ = ["AnyNet", "build"]
