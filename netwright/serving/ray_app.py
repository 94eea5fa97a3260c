"""Deprecated: this is `netwright.serving.ray.app`."""

from netwright.system.deprecation import moved_names

__getattr__ = moved_names(
    "netwright.serving.ray_app",
    {name: f"netwright.serving.ray.app:{name}" for name in ("ReplicaSettings", "application", "build")},
)
