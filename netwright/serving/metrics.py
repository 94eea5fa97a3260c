"""The metrics for Prometheus. Those of several workers are added up through files that outlive a worker."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from netwright.system.extras import optional
from netwright.system.machine import resident_memory

if TYPE_CHECKING:
    from netwright.serving.models.batcher import BatchRecord

__all__ = ["SHARED_FOLDER", "Metrics", "Samples", "share"]

# prometheus_client's variable for the folder in which workers share numbers; read at its first import
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# (name of a metric, model, version, value of another label or empty) -> value
Samples = dict[tuple[str, str, str, str], float]

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128)


def share(place: int) -> None:
    """Keep this process's metrics in the files of its place, and continue the counts of its predecessor there.

    Files by process id, the default, would stay for each worker that ever died, and be read for every page.

    Args:
        place: Which of the workers this is. Call this before the first `Metrics` is made.
    """
    values = optional("prometheus_client.values", "serve")
    values.ValueClass = values.MultiProcessValue(lambda: place)


class Metrics:
    """The counters of one process; `text` is the page of all workers."""

    def __init__(self) -> None:
        self._client = optional("prometheus_client", "serve")
        self._registry = self._client.CollectorRegistry()
        self._children: dict[tuple[Any, ...], Any] = {}
        version = ("model", "version")
        self.requests = self._make("Counter", "requests", "Requests answered or refused", ("endpoint", "model", "code"))
        self.request_seconds = self._make(
            "Histogram", "request_seconds", "From a request's head to its answer", ("endpoint",), buckets=_SECONDS
        )
        self.model_request_seconds = self._make(
            "Histogram",
            "model_request_seconds",
            "The same, of each version",
            (*version, "endpoint"),
            buckets=_SECONDS,
        )
        self.images = self._make("Counter", "images", "Images computed", version)
        self.batch_images = self._make(
            "Histogram", "batch_images", "Images computed together", version, buckets=_IMAGES
        )
        self.compute_seconds = self._make(
            "Histogram", "compute_seconds", "Computing a batch", version, buckets=_SECONDS
        )
        self.queue_seconds = self._make(
            "Histogram", "queue_seconds", "Wait of the oldest image of a batch", version, buckets=_SECONDS
        )
        self.inferences = self._make("Counter", "inferences", "Requests computed by a network", (*version, "result"))
        self.inference_seconds = self._make(
            "Counter", "inference_seconds", "Time of these requests, by part", (*version, "part")
        )
        self.batches = self._make("Counter", "batches", "Calls of a network, by images", (*version, "images"))
        self.batch_seconds = self._make("Counter", "batch_seconds", "Time of these calls", (*version, "images"))
        self.last_inference = self._make(
            "Gauge", "last_inference_timestamp_seconds", "End of the last batch", version, multiprocess_mode="max"
        )
        gauge = {"multiprocess_mode": "livesum"}
        self.in_flight = self._make("Gauge", "requests_in_flight", "Requests being answered", (), **gauge)
        self.body_bytes = self._make("Gauge", "body_bytes", "Bytes of request bodies held", (), **gauge)
        self.queue_images = self._make("Gauge", "queue_images", "Images waiting", version, **gauge)
        self.memory = self._make(
            "Gauge", "process_memory_bytes", "Resident memory of a process", (), multiprocess_mode="liveall"
        )
        self.workers_ready = self._make("Gauge", "workers_ready", "Workers that answer", (), **gauge)
        self.worker_restarts = self._make("Counter", "worker_restarts", "Workers restarted, by reason", ("reason",))
        self.model_events = self._make(
            "Counter", "model_events", "Versions loaded, replaced, failed, removed, unloaded", ("model", "kind")
        )

    def on_batch(self, name: str, version: int, batch: BatchRecord) -> None:
        """Count a batch of a version; for `Repository`."""
        at, labels = self._child, (name, str(version))
        total = batch.queued + batch.requests * batch.seconds
        if batch.has_failed:
            at(self.inferences, *labels, "fail").inc(batch.requests)
            at(self.inference_seconds, *labels, "fail").inc(total)
            return
        at(self.images, *labels).inc(batch.images)
        at(self.batch_images, *labels).observe(batch.images)
        at(self.compute_seconds, *labels).observe(batch.seconds)
        at(self.queue_seconds, *labels).observe(batch.waited)
        at(self.inferences, *labels, "success").inc(batch.requests)
        parts = {"success": total, "queue": batch.queued, "input": batch.requests * batch.preparing}
        for part, seconds in (parts | {"infer": batch.requests * (batch.seconds - batch.preparing)}).items():
            at(self.inference_seconds, *labels, part).inc(seconds)
        for images, seconds in batch.parts:  # at most max_batch of them, so there are at most as many labels
            at(self.batches, *labels, str(images)).inc()
            at(self.batch_seconds, *labels, str(images)).inc(seconds)
        at(self.last_inference, *labels).set(time.time())

    def text(self) -> tuple[bytes, str]:
        """The page that Prometheus reads, of all workers, and its content type."""
        self.measure()
        return self._client.generate_latest(self._all()), str(self._client.CONTENT_TYPE_LATEST)

    def measure(self) -> None:
        """Update what is known of this process."""
        self.memory.set(resident_memory())

    def samples(self) -> Samples:
        """The metrics of models, of all workers together, named as on the page but without `netwright_`."""
        samples: Samples = {}
        for family in self._all().collect():
            for each in family.samples:
                labels = dict(each.labels)
                if "version" not in labels:
                    continue
                model, version = labels.pop("model"), labels.pop("version")
                key = (each.name.removeprefix("netwright_"), model, version, next(iter(labels.values()), ""))
                samples[key] = float(each.value)
        return samples

    def _child(self, metric: Any, *labels: str) -> Any:
        # the package checks labels at each call, which takes as long as counting a whole batch
        key = (metric, *labels)
        if key not in self._children:
            self._children[key] = metric.labels(*labels)
        return self._children[key]

    def _all(self) -> Any:
        if not os.environ.get(SHARED_FOLDER):
            return self._registry
        registry = self._client.CollectorRegistry()
        optional("prometheus_client.multiprocess", "serve").MultiProcessCollector(registry)
        return registry

    def _make(self, kind: str, name: str, text: str, labels: tuple[str, ...], **more: Any) -> Any:
        # Any: the package is optional, so its types may be missing
        return getattr(self._client, kind)(f"netwright_{name}", f"{text}.", labels, registry=self._registry, **more)
