"""What Prometheus is told. With several workers their numbers are added up through files that outlive a worker."""

from __future__ import annotations

import os
import time
from typing import Any

from netwright.serving.models.batcher import Batch
from netwright.system.extras import optional

__all__ = ["SHARED_FOLDER", "Metrics", "Samples", "share"]

# prometheus_client's name for the folder in which workers share numbers; read when it is first imported
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# (name of a figure, model, version, another label's value or empty) -> value
Samples = dict[tuple[str, str, str, str], float]

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128)


def share(place: int) -> None:
    """Before this process's first figure: keep them in files of its place, where its predecessor's are counted on.

    By process id, as is usual, each worker that ever died would leave its files to be read for every page.
    """
    values = optional("prometheus_client.values", "serve")
    values.ValueClass = values.MultiProcessValue(lambda: place)


class Metrics:
    """Counters of one process; `text` is the page of all workers."""

    def __init__(self) -> None:
        self._client = optional("prometheus_client", "serve")
        self._registry = self._client.CollectorRegistry()
        self._found: dict[tuple[Any, ...], Any] = {}
        version = ("model", "version")
        self.requests = self._make("Counter", "requests", "Requests answered", ("door", "model", "code"))
        self.request_seconds = self._make(
            "Histogram", "request_seconds", "From a request's head to its answer", ("door",), buckets=_SECONDS
        )
        self.images = self._make("Counter", "images", "Images computed", version)
        self.batch_images = self._make("Histogram", "batch_images", "Images computed at once", version, buckets=_IMAGES)
        self.compute_seconds = self._make(
            "Histogram", "compute_seconds", "Computing a batch", version, buckets=_SECONDS
        )
        self.queue_seconds = self._make(
            "Histogram", "queue_seconds", "Wait of a batch's oldest image", version, buckets=_SECONDS
        )
        self.inferences = self._make(
            "Counter", "inferences", "Requests that a network has computed", (*version, "result")
        )
        self.inference_seconds = self._make(
            "Counter", "inference_seconds", "Time of these requests, by where it went", (*version, "part")
        )
        self.batches = self._make("Counter", "batches", "Calls of a network by their images", (*version, "images"))
        self.batch_seconds = self._make("Counter", "batch_seconds", "Time of these calls", (*version, "images"))
        self.last_inference = self._make(
            "Gauge", "last_inference_timestamp_seconds", "End of the last batch", version, multiprocess_mode="max"
        )
        gauge = {"multiprocess_mode": "livesum"}
        self.in_flight = self._make("Gauge", "requests_in_flight", "Requests in the making", (), **gauge)
        self.body_bytes = self._make("Gauge", "body_bytes", "Bytes of bodies held", (), **gauge)
        self.queue_images = self._make("Gauge", "queue_images", "Images that wait", version, **gauge)
        self.workers_ready = self._make("Gauge", "workers_ready", "Workers that answer and do not hang", (), **gauge)
        self.worker_restarts = self._make("Counter", "worker_restarts", "Workers started anew, and why", ("why",))
        self.model_events = self._make("Counter", "model_events", "Versions loaded, failed, removed", ("model", "kind"))

    def on_batch(self, name: str, version: int, batch: Batch) -> None:
        """For `Repository`."""
        at, labels = self._at, (name, str(version))
        whole = batch.queued + batch.requests * batch.seconds
        if batch.has_failed:
            at(self.inferences, *labels, "fail").inc(batch.requests)
            at(self.inference_seconds, *labels, "fail").inc(whole)
            return
        at(self.images, *labels).inc(batch.images)
        at(self.batch_images, *labels).observe(batch.images)
        at(self.compute_seconds, *labels).observe(batch.seconds)
        at(self.queue_seconds, *labels).observe(batch.waited)
        at(self.inferences, *labels, "success").inc(batch.requests)
        parts = {"success": whole, "queue": batch.queued, "input": batch.requests * batch.preparing}
        for part, seconds in (parts | {"infer": batch.requests * (batch.seconds - batch.preparing)}).items():
            at(self.inference_seconds, *labels, part).inc(seconds)
        for images, seconds in batch.parts:  # at most max_batch of them: so many figures there are, and no more
            at(self.batches, *labels, str(images)).inc()
            at(self.batch_seconds, *labels, str(images)).inc(seconds)
        at(self.last_inference, *labels).set(time.time())

    def text(self) -> tuple[bytes, str]:
        """The page and its content type."""
        return self._client.generate_latest(self._all()), str(self._client.CONTENT_TYPE_LATEST)

    def samples(self) -> Samples:
        """The figures of models, of all workers together, by their names on the page without the first word."""
        found: Samples = {}
        for family in self._all().collect():
            for each in family.samples:
                labels = dict(each.labels)
                if "version" not in labels:
                    continue
                model, version = labels.pop("model"), labels.pop("version")
                key = (each.name.removeprefix("netwright_"), model, version, next(iter(labels.values()), ""))
                found[key] = float(each.value)
        return found

    def _at(self, figure: Any, *labels: str) -> Any:
        # the package checks the labels each time, which for a batch takes as long as all that is counted of it
        key = (figure, *labels)
        if key not in self._found:
            self._found[key] = figure.labels(*labels)
        return self._found[key]

    def _all(self) -> Any:
        if not os.environ.get(SHARED_FOLDER):
            return self._registry
        registry = self._client.CollectorRegistry()
        optional("prometheus_client.multiprocess", "serve").MultiProcessCollector(registry)
        return registry

    def _make(self, kind: str, name: str, said: str, labels: tuple[str, ...], **more: Any) -> Any:
        # Any: the package is an extra, so its types are not there for everyone who reads this
        return getattr(self._client, kind)(f"netwright_{name}", f"{said}.", labels, registry=self._registry, **more)
