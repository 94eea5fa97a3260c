"""A version of a model, opened and ready to be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwright.serving.models.batcher import Batch, Batcher

if TYPE_CHECKING:
    from netwright.runtime import Runtime
    from netwright.serving.models.discovery import Found
    from netwright.serving.settings import ServeSettings

__all__ = ["Served", "open_served"]


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A version of a model that answers."""

    name: str
    version: int
    runtime: Runtime
    batcher: Batcher
    mark: tuple[tuple[str, int, int], ...] = ()


def open_served(
    settings: ServeSettings, on_batch: Callable[[str, int, Batch], None], found: Found | None = None
) -> Served:
    """What was found in the folder; else the network that the settings name. Raises what `open_runtime` does."""
    from netwright.runtime import open_runtime

    runtime = open_runtime(
        found.ref if found else settings.ref,
        runtime=settings.runtime,
        precision=settings.precision,
        threads=settings.threads,
        name=found.name if found else settings.name,
        version=str(found.version) if found else "",
    )
    try:  # the first answer is slow, and a file may only break in computing
        _warm(runtime)
    except BaseException:
        runtime.close()
        raise
    own = runtime.info
    name, version = (found.name, found.version) if found else (own.name, _number(own.version))
    batcher = Batcher(
        runtime,
        max_batch=settings.max_batch,
        max_delay=settings.max_delay_ms / 1000,
        max_queue=settings.max_queue,
        on_batch=lambda batch: on_batch(name, version, batch),
    )
    return Served(name, version, runtime, batcher, found.mark if found else ())


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 1


def _warm(runtime: Runtime) -> None:
    import numpy as np

    runtime.probabilities(runtime.logits(np.zeros((1, *runtime.info.input_shape), dtype=np.float32)))
