"""Health, metadata, metrics, and what answers which address."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Serving = Callable[..., AbstractContextManager[Server]]


def test_addresses_that_are_none(ask: Ask, server: Server) -> None:
    for method, path, code in (
        ("GET", "/nothing", 404),
        ("GET", "/predict", 405),
        ("POST", "/predict?model=bird", 404),
        ("POST", "/predict?version=x", 404),
        ("POST", "/predict?top_k=0", 400),
        ("GET", "/v2/models/bird", 404),
        ("GET", "/v2/models/%00%ff/ready", 404),
        ("GET", "/v2/models/tiny/versions/99999999999999999999", 404),
    ):
        status, answer, _ = ask(server, method, path, b"x" if method == "POST" else None)
        assert (status, list(json.loads(answer))) == (code, ["error"])


def test_request_ids_are_not_accepted_blindly(ask: Ask, server: Server) -> None:
    _, _, headers = ask(server, "GET", "/v2/health/live", None, {"X-Request-Id": "a b"})
    assert headers["x-request-id"] not in ("", "a b")


def test_metrics_count(ask: Ask, server: Server, photo: bytes) -> None:
    def count() -> float:
        text = ask(server, "GET", "/metrics")[1].decode()
        wanted = 'netwright_requests_total{code="200",endpoint="predict",model="tiny"} '
        return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))

    before = count()
    ask(server, "POST", "/predict", photo)
    assert count() == before + 1


def test_a_token_is_needed_for_all_but_health_and_the_page(
    ask: Ask, serving: Serving, weights: Path, photo: bytes
) -> None:
    with serving(weights, token="s3cret") as server:
        for path, code in (("/", 200), ("/v2/health/live", 200), ("/v2", 401), ("/metrics", 401)):
            assert ask(server, "GET", path)[0] == code
        status, _, headers = ask(server, "POST", "/predict", photo, {"Authorization": "Bearer s3cre"})
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert ask(server, "POST", "/predict", photo, {"Authorization": "Bearer s3cret"})[0] == 200
