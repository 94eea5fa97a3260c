"""What Prometheus is told. With several workers their numbers are added up through files that outlive a worker."""

from __future__ import annotations

import os
from typing import Any

from netwright.serving.batcher import Batch
from netwright.serving.extras import extra

__all__ = ["SHARED_FOLDER", "Metrics"]

# prometheus_client's name for the folder in which workers share numbers; read when it is first imported
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Counters of one process; `text` is the page of all workers."""

    def __init__(self) -> None:
        self._client = extra("prometheus_client")
        self._registry = self._client.CollectorRegistry()
        self.requests = self._make("Counter", "requests", "Requests answered", ("door", "model", "code"))
        self.request_seconds = self._make(
            "Histogram", "request_seconds", "From a request's head to its answer", ("door",), buckets=_SECONDS
        )
        self.images = self._make("Counter", "images", "Images computed", ("model", "version"))
        self.batch_images = self._make(
            "Histogram", "batch_images", "Images computed at once", ("model", "version"), buckets=_IMAGES
        )
        self.compute_seconds = self._make(
            "Histogram", "compute_seconds", "Computing a batch", ("model", "version"), buckets=_SECONDS
        )
        self.queue_seconds = self._make(
            "Histogram", "queue_seconds", "Wait of a batch's oldest image", ("model", "version"), buckets=_SECONDS
        )
        gauge = {"multiprocess_mode": "livesum"}
        self.in_flight = self._make("Gauge", "requests_in_flight", "Requests in the making", (), **gauge)
        self.body_bytes = self._make("Gauge", "body_bytes", "Bytes of bodies held", (), **gauge)
        self.model_events = self._make("Counter", "model_events", "Versions loaded, failed, removed", ("model", "kind"))

    def on_batch(self, name: str, version: int, batch: Batch) -> None:
        """For `Repository`."""
        labels = (name, str(version))
        self.images.labels(*labels).inc(batch.images)
        self.batch_images.labels(*labels).observe(batch.images)
        self.compute_seconds.labels(*labels).observe(batch.seconds)
        self.queue_seconds.labels(*labels).observe(batch.waited)

    def text(self) -> tuple[bytes, str]:
        """The page and its content type."""
        registry = self._registry
        if os.environ.get(SHARED_FOLDER):
            registry = self._client.CollectorRegistry()
            extra("prometheus_client.multiprocess").MultiProcessCollector(registry)
        return self._client.generate_latest(registry), str(self._client.CONTENT_TYPE_LATEST)

    def _make(self, kind: str, name: str, said: str, labels: tuple[str, ...], **more: Any) -> Any:
        # Any: the package is an extra, so its types are not there for everyone who reads this
        return getattr(self._client, kind)(f"netwright_{name}", f"{said}.", labels, registry=self._registry, **more)
