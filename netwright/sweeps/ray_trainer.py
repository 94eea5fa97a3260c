"""What trains in a process of a Ray cluster: torch and the images are there once, then one trial after another."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Trainer"]


class Trainer:
    """Trains trials on the device that Ray has given this process. An actor is made of it.

    Args:
        images: The `ImageSet`, or the path of its manifest where all nodes see it.
        threads: Of the processor.
        gpus: Part of an accelerator that it has; 0 trains on the processor.
    """

    def __init__(self, images: Any, threads: int, gpus: float) -> None:
        import torch

        from netwright.data import ImageSet
        from netwright.sweeps.trial_batches import on_device
        from netwright.system.machine import keep_memory

        torch.set_num_threads(threads)
        keep_memory()
        self._images = ImageSet.open(Path(images)) if isinstance(images, str) else images
        self._device = torch.device("cuda:0" if gpus else "cpu")
        self._resident = on_device(self._images.images, self._device)

    def machine(self) -> dict[str, Any]:
        """What and where it is: pid, node, and the facts of its session."""
        import ray

        from netwright.system.machine import hardware, versions
        from netwright.training.device import device_name

        named = "cpu" if self._device.type == "cpu" else f"{self._device.type}: {device_name(self._device)}"
        facts = {"versions": versions(), "hardware": hardware(), "devices": [named]}
        return {"pid": os.getpid(), "node": ray.get_runtime_context().get_node_id(), "session": facts}

    def train(self, trial: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The events of a trial, as they happen: kind and values."""
        events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        thread = threading.Thread(target=self._train, args=(trial, events.put), daemon=True)
        thread.start()
        while (event := events.get()) is not None:
            yield event
        thread.join()

    def _train(self, trial: Mapping[str, Any], put: Any) -> None:
        import torch

        from netwright.errors import OutputError
        from netwright.population import failure_of
        from netwright.sweeps.worker import failure_reason, train_trial

        torch.set_flush_denormal(True)  # of this thread
        curve: list[dict[str, Any]] = []

        def on_epoch(epoch: Any) -> None:
            curve.append(epoch.to_dict())
            put({"kind": "epoch", "values": epoch.to_dict()})

        try:
            result = train_trial(trial, self._images, self._device, on_epoch, self._resident)
        except OutputError as error:  # of the disk, not of the network
            put({"kind": "unsaved", "values": {"reason": str(error)}})
        except Exception as error:  # whatever a network does wrong is its trial's result
            if isinstance(error, torch.AcceleratorError):  # nothing more can be computed there by this process
                os._exit(1)
            reason = failure_reason(error)
            values = {"reason": reason, "curve": curve, "failure": failure_of(reason)}
            put({"kind": "failed", "values": values})
        else:
            put({"kind": "done", "values": result})
        finally:
            if self._device.type != "cpu":
                torch.accelerator.empty_cache()
            put(None)
