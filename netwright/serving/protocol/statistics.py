"""What Triton's statistics extension says of a model: counts and nanoseconds since the start, of all workers together.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_statistics.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.serving.metrics import Samples
    from netwright.serving.models.repository import Served

__all__ = ["statistics"]

# Triton's name -> (which requests are counted, where their time went)
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


def statistics(models: Iterable[Served], samples: Samples) -> list[dict[str, Any]]:
    """One entry a version, as plain values. A request that was refused before it waited is in none of the counts."""
    return [_of(each.name, str(each.version), samples) for each in models]


def _of(name: str, version: str, samples: Samples) -> dict[str, Any]:
    def value(figure: str, more: str = "") -> float:
        return samples.get((figure, name, version, more), 0.0)

    sizes = [key[3] for key in samples if key[:3] == ("batches_total", name, version)]
    parts = {
        part: _duration(value("inferences_total", result), value("inference_seconds_total", spent))
        for part, (result, spent) in _PARTS.items()
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
