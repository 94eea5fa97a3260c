"""A network as a Ray Serve application: replicas on one machine or many, each a server as of `netwright serve`.

    serve.run(application("cat-or-dog.onnx", replicas=4))
    serve run netwright.serving.ray.app:build ref=/models/cat-or-dog.onnx replicas=4

Ray Serve listens, distributes requests, restarts what dies, and scales. The addresses, batching and limits of a replica
are those of `netwright serve`. Needs pip install "netwright[ray]".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from netwright.errors import ServeError
from netwright.options import Constraint, check_value, options_of, read_value
from netwright.runtime.info import PRECISIONS
from netwright.runtime.open import RUNTIMES
from netwright.serving.settings import ServeSettings
from netwright.system.extras import optional
from netwright.system.suggest import suggest

if TYPE_CHECKING:
    from ray import serve

__all__ = ["DEPLOYMENT", "ReplicaSettings", "application", "build"]

DEPLOYMENT = "netwright"  # its name inside the application, in config files and in Ray's metrics

_HEALTH_TIMEOUT = 30.0  # seconds: longer than a replica takes to find that it computes nothing
_DRAIN_CHECK_SECONDS = 2.0  # between looks whether a stopping replica is done; the proxies learn of it meanwhile
# setting of ServeSettings that Ray Serve has itself -> where
_RAY_SERVE_OWN = {
    "host": "in http_options of serve.start() or of the config file",
    "port": "in http_options of serve.start() or of the config file",
    "host_names": "in front of the replicas, so they do not check it",
    "uds": "in http_options of serve.start() or of the config file, as host and port",
    "tls_cert": "as ssl_certfile in http_options of serve.start()",
    "tls_key": "as ssl_keyfile in http_options of serve.start()",
    "grpc_port": "as its own gRPC, which this application does not answer; use HTTP or a handle",
    "grpc_ping": "with its own gRPC, which this application does not answer; use HTTP or a handle",
    "workers": "as replicas",
}


class ReplicaSettings(TypedDict, total=False):
    """The settings of each replica: those of ServeSettings that Ray Serve does not have itself, with their defaults.

    `threads` is 1 where it is left out. `heartbeat` is the seconds that a computation may take, where that is more than
    `timeout`, before the replica is replaced. The `token` is safer in the replicas' environment, as NETWRIGHT_TOKEN:
    Ray shows the arguments of an application.
    """

    runtime: str
    precision: str | None
    threads: int | None
    name: str
    max_batch: int
    max_delay_ms: float
    max_queue: int
    max_requests: int
    max_body: int
    max_json: int
    max_bytes: int
    max_pixels: int
    max_request_pixels: int
    max_waiting_pixels: int
    decode_memory: int
    formats: tuple[str, ...]
    timeout: float
    body_timeout: float
    grace: float
    heartbeat: float
    poll: float
    token: str
    cors: str
    log_format: str


def application(
    ref: str | Path,
    *,
    replicas: int = 1,
    autoscaling: str | Mapping[str, Any] | None = None,
    cpus: float | None = None,
    actor_options: Mapping[str, Any] | None = None,
    health_period: float = 10.0,
    **settings: Unpack[ReplicaSettings],
) -> serve.Application:
    """Make a Ray Serve application of a network. The network itself is opened by each replica.

    Args:
        ref: What `open_runtime` takes, or a folder of models; every node must find it.
        replicas: How many.
        autoscaling: Instead of replicas: "1:4" for one to four, or the keys of Ray Serve's AutoscalingConfig.
        cpus: Processors that a replica reserves on its node; its threads where it is None.
        actor_options: Ray's ray_actor_options, such as memory or runtime_env.
        health_period: Seconds between two checks of a replica's health.
        **settings: Of each replica, as in ReplicaSettings.

    Returns:
        What `serve.run` takes.

    Raises:
        ServeError: Where ray is missing, or for a setting that is not allowed.
    """
    serving = optional("ray.serve", "ray")
    chosen = _settings(ref, settings)
    cpus = float(chosen.threads or 1) if cpus is None else cpus
    cpus = read_value("cpus", cpus, float, Constraint(low=0.0, high=1e6), ServeError)
    health_period = read_value("health_period", health_period, float, Constraint(above=0.0, high=1e6), ServeError)
    replicas = read_value("replicas", replicas, int, Constraint(low=1), ServeError)
    if not isinstance(actor_options or {}, Mapping):
        raise ServeError(f"actor_options are names and values, not {actor_options!r}.")

    from netwright.serving.ray.replica import Replica

    deployment = serving.deployment(
        serving.ingress()(Replica),
        name=DEPLOYMENT,
        ray_actor_options={"num_cpus": cpus, **(actor_options or {})},
        # above the replica's own limit, so that it refuses what is too much itself, and no proxy lets it wait
        max_ongoing_requests=2 * chosen.max_requests,
        max_queued_requests=chosen.max_requests,
        backpressure_config={"status_code": 429, "retry_after_s": 1},
        graceful_shutdown_timeout_s=chosen.grace,
        graceful_shutdown_wait_loop_s=min(_DRAIN_CHECK_SECONDS, max(0.1, chosen.grace / 2)),
        health_check_period_s=health_period,
        health_check_timeout_s=_HEALTH_TIMEOUT,
        **_scaling(replicas, autoscaling, chosen.max_batch),
    )
    return deployment.bind(chosen)


def build(args: dict[str, Any]) -> serve.Application:
    """Make the application for `serve run netwright.serving.ray.app:build ref=...` and for config files.

    Args:
        args: The arguments of `application`, as values of YAML or as texts.

    Raises:
        ServeError: As in `application`.
    """
    if not isinstance(args.get("ref"), str) or not args["ref"]:
        raise ServeError(
            "an application serves a network, and none is named. Give ref=: a file of `netwright export`, a published "
            "name, or a folder of models."
        )
    return application(**args)


def _settings(ref: str | Path, settings: Mapping[str, Any]) -> ServeSettings:
    given = {key: _read(key, value) for key, value in settings.items()}
    if given.get("threads") is None:
        given["threads"] = 1
    chosen = ServeSettings(_absolute(ref), **given)
    if chosen.runtime not in RUNTIMES:
        raise ServeError(f"runtime is one of {', '.join(RUNTIMES)}, not {chosen.runtime!r}.")
    if chosen.precision not in (None, *PRECISIONS):
        raise ServeError(f"precision is one of {', '.join(PRECISIONS)}, not {chosen.precision!r}.")
    return chosen


def _absolute(ref: str | Path) -> str:
    """A path made absolute, as a replica has another working directory; any other ref as it is."""
    return str(Path(ref).resolve()) if Path(ref).exists() else str(ref)


def _read(key: str, value: Any) -> Any:
    """The value of a setting, of its type."""
    known = ReplicaSettings.__annotations__
    if key in _RAY_SERVE_OWN:
        raise ServeError(f"{key} is no setting of a replica: Ray Serve has it, {_RAY_SERVE_OWN[key]}.")
    if key not in known:
        own = ("ref", "replicas", "autoscaling", "cpus", "actor_options", "health_period")
        raise ServeError(f"unknown key {key!r}: {suggest(key, [*own, *known])}")
    item = next(item for item in options_of(ServeSettings) if item.name == key)
    if item.hint in (str, str | None):
        check_value(key, value, item.hint, item.constraint, ServeError)
        return value
    return read_value(key, value, item.hint, item.constraint, ServeError)  # `serve run` gives texts, YAML gives numbers


def _scaling(replicas: int, autoscaling: str | Mapping[str, Any] | None, max_batch: int) -> dict[str, Any]:
    """The options of a deployment for the number of replicas."""
    if autoscaling is None:
        return {"num_replicas": replicas}
    if replicas != 1:
        raise ServeError(f"replicas={replicas} and autoscaling exclude each other. Give one of them.")
    if isinstance(autoscaling, str):
        least, _, most = autoscaling.partition(":")
        if not (least.isascii() and least.isdigit() and most.isascii() and most.isdigit()):
            raise ServeError(f"autoscaling is LEAST:MOST replicas, such as 1:4, not {autoscaling!r}.")
        autoscaling = {"min_replicas": int(least), "max_replicas": int(most)}
    if not isinstance(autoscaling, Mapping):
        raise ServeError(f"autoscaling is LEAST:MOST replicas, such as 1:4, or names and values, not {autoscaling!r}.")
    config = optional("ray.serve.config", "ray").AutoscalingConfig
    known = sorted(config.model_fields)
    for key in autoscaling:
        if key not in known:
            raise ServeError(f"autoscaling has no {key!r}; Ray Serve knows: {', '.join(known)}.")
    try:
        # Ray Serve's own 2 requests a replica would leave batches empty
        return {"autoscaling_config": config(**{"target_ongoing_requests": max_batch, **autoscaling})}
    except ValueError as error:  # a ValidationError of pydantic is one
        reasons = "; ".join(line.strip() for line in str(error).splitlines()[1:] if "https://" not in line)
        raise ServeError(f"Ray Serve cannot scale by {dict(autoscaling)}: {reasons or error}") from error
