"""What the HTTP handlers, the gRPC servicer or a replica of one process share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwright.serving.admission import Admission
from netwright.serving.json_parser import JsonParser
from netwright.serving.limits import Limits
from netwright.serving.models.repository import Repository
from netwright.serving.models.service import Service

if TYPE_CHECKING:
    from netwright.serving.logs import Log
    from netwright.serving.metrics import Metrics
    from netwright.serving.models.batcher import BatchRecord
    from netwright.serving.models.index import ModelEvent
    from netwright.serving.settings import ServeSettings

__all__ = ["AppState", "open_state"]


@dataclass(frozen=True, slots=True)
class AppState:
    """The models of a process, and what admits and counts the requests for them."""

    service: Service
    admission: Admission
    metrics: Metrics
    log: Log
    json: JsonParser

    @property
    def settings(self) -> ServeSettings:
        """Of the server."""
        return self.service.settings

    @property
    def limits(self) -> Limits:
        """What all requests hold now."""
        return self.admission.limits

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests: not while it loads, stops, has no model yet, or a computation hangs."""
        return not (self.limits.is_stopping or self.service.repository.unready())

    def stop_accepting(self) -> None:
        """Refuse new requests; those that were accepted are answered."""
        self.limits.is_stopping = self.service.is_stopping = True

    def close(self) -> None:
        """Answer what was accepted, in at most `grace` seconds, and release the models."""
        self.json.close()
        self.service.close()
        self.service.repository.close(self.settings.grace)


def open_state(
    settings: ServeSettings,
    metrics: Metrics,
    log: Log,
    *,
    on_batch: Callable[[str, int, BatchRecord], None] | None = None,
    on_loading: Callable[[bool], None] = lambda is_loading: None,
    is_alone: bool = False,
    opens: bool = True,
) -> AppState:
    """Open the models that the settings name. Events of models are logged and counted.

    Args:
        settings: Of the server.
        metrics: Of this process.
        log: Of this process.
        on_batch: Called with (name, version, record) after each batch; `metrics.on_batch` where it is None.
        on_loading: As in `Repository`.
        is_alone: As in `Repository`.
        opens: As in `Repository`.

    Raises:
        ServeError: Where nothing can be served.
        ExportError: For an exported file that cannot be opened.
        WeightsError: For weights that cannot be opened.
    """

    def on_event(event: ModelEvent) -> None:
        metrics.model_events.labels(event.name, event.kind).inc()
        log.write(f"model {event.kind}", model=event.name, version=event.version or None, message=event.detail)

    repository = Repository(
        settings,
        on_event=on_event,
        on_batch=on_batch or metrics.on_batch,
        on_loading=on_loading,
        is_alone=is_alone,
        opens=opens,
    )
    return AppState(Service(repository, settings), Admission(settings, metrics, log), metrics, log, JsonParser())
