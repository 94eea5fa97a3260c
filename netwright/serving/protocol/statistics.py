"""A model's statistics by Triton's extension: counts and nanoseconds since the start, of all workers together.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_statistics.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.serving.metrics import Samples
    from netwright.serving.models.version import ModelVersion

__all__ = ["statistics"]

# Triton's name -> (which requests are counted, which part of their time)
_PARTS = {
    "success": ("success", "success"),
    "fail": ("fail", "fail"),
    "queue": ("success", "queue"),
    "compute_input": ("success", "input"),
    "compute_infer": ("success", "infer"),
    "compute_output": ("success", ""),
    "cache_hit": ("", ""),
    "cache_miss": ("", ""),
}


def statistics(models: Iterable[ModelVersion], samples: Samples) -> list[dict[str, Any]]:
    """The statistics of versions, a dict each. Requests that were refused before they waited are not counted.

    Args:
        models: The versions.
        samples: Of `Metrics.samples`.
    """
    return [_entry(each.name, str(each.version), samples) for each in models]


def _entry(name: str, version: str, samples: Samples) -> dict[str, Any]:
    def value(metric: str, label: str = "") -> float:
        return samples.get((metric, name, version, label), 0.0)

    sizes = [key[3] for key in samples if key[:3] == ("batches_total", name, version)]
    parts = {
        part: _duration(value("inferences_total", result), value("inference_seconds_total", time))
        for part, (result, time) in _PARTS.items()
    }
    batches = {size: value("batches_total", size) for size in sorted(sizes, key=int)}
    return {
        "name": name,
        "version": version,
        "last_inference": round(1000 * value("last_inference_timestamp_seconds")),
        "inference_count": round(value("images_total")),
        "execution_count": round(sum(batches.values())),
        "inference_stats": parts,
        "batch_stats": [
            {
                "batch_size": int(size),
                "compute_input": _duration(count, 0.0),
                "compute_infer": _duration(count, value("batch_seconds_total", size)),
                "compute_output": _duration(count, 0.0),
            }
            for size, count in batches.items()
        ],
    }


def _duration(count: float, seconds: float) -> dict[str, int]:
    return {"count": round(count), "ns": round(1e9 * seconds)}
