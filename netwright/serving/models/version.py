"""A version of a model, opened and ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netwright.serving.models.batcher import Batcher, BatchRecord

if TYPE_CHECKING:
    from netwright.runtime import Runtime
    from netwright.serving.models.discovery import Fingerprint, VersionFiles
    from netwright.serving.settings import ServeSettings

__all__ = ["ModelVersion", "open_version"]


@dataclass(frozen=True, slots=True, eq=False)
class ModelVersion:
    """A version of a model that answers.

    Attributes:
        name: Of the model.
        version: A number, 1 or more.
        runtime: What computes it.
        batcher: Its queue.
        fingerprint: Of its files when it was opened; empty for a network that is not in a folder of models.
    """

    name: str
    version: int
    runtime: Runtime
    batcher: Batcher
    fingerprint: Fingerprint = ()


def open_version(
    settings: ServeSettings, on_batch: Callable[[str, int, BatchRecord], None], files: VersionFiles | None = None
) -> ModelVersion:
    """Open a version and compute one image with it.

    Args:
        settings: Of the server.
        on_batch: Called with (name, version, record) after each batch.
        files: What to open; None for the network that the settings name.

    Raises:
        NetwrightError: As `open_runtime` does.
    """
    from netwright.data.class_order import refuse_folder_order
    from netwright.runtime import open_runtime
    from netwright.runtime.info import name_outputs

    runtime = open_runtime(
        files.ref if files else settings.ref,
        runtime=settings.runtime,
        precision=settings.precision,
        threads=settings.threads,
        device=settings.device,
        name=files.name if files else settings.name,
        version=str(files.version) if files else "",
    )
    try:
        if settings.class_order:
            refuse_folder_order(settings.class_order, "serve")
            runtime.info = name_outputs(runtime.info, settings.class_order)
        # the first answer is slow, and a damaged file may fail only when it computes
        _warm_up(runtime)
    except BaseException:
        runtime.close()
        raise
    name, version = (files.name, files.version) if files else _of_one(settings, runtime)
    runtime.info = replace(runtime.info, name=name)
    batcher = Batcher(
        runtime,
        max_batch=settings.max_batch,
        max_delay=settings.max_delay_ms / 1000,
        max_queue=settings.max_queue,
        on_batch=lambda record: on_batch(name, version, record),
    )
    return ModelVersion(name, version, runtime, batcher, files.fingerprint if files else ())


def _of_one(settings: ServeSettings, runtime: Runtime) -> tuple[str, int]:
    """Name and version of a network that is in no folder of models: a run has its folder's name, a file its own."""
    from netwright.runtime import find_export
    from netwright.system.model_name import default_name, model_name

    own = runtime.info
    is_run = not settings.name and find_export(settings.ref) is None
    return default_name(settings.ref, own.name) if is_run else model_name(own.name), _number(own.version)


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 1


def _warm_up(runtime: Runtime) -> None:
    import numpy as np

    runtime.probabilities(runtime.logits(np.zeros((1, *runtime.info.input_shape), dtype=np.float32)))
