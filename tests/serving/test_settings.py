"""What a server may be told."""

import json
from typing import Any

import pytest

from netwright.errors import ServeError
from netwright.serving import ServeSettings
from netwright.serving.settings import is_loopback


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        *(({name: 0}, f"{name} is 1 or more, not 0") for name in ("max_batch", "max_requests", "max_body", "workers")),
        *(({name: -1}, f"{name} is 1 or more") for name in ("max_queue", "max_bytes", "max_pixels")),
        *(({name: -1.0}, f"{name} is 0 or more") for name in ("max_delay_ms", "poll", "grace", "heartbeat")),
        *(({name: float("nan")}, f"{name} is 0 or more") for name in ("max_delay_ms", "poll", "grace", "heartbeat")),
        *(({name: 0.0}, f"{name} is above 0 seconds") for name in ("timeout", "body_timeout")),
        *(({name: float("inf")}, f"{name} is above 0 seconds") for name in ("timeout", "body_timeout")),
        *(({name: 65536}, f"{name} is 0 .any free one. to 65535") for name in ("port", "grpc_port")),
        *(({name: -1}, f"{name} is 0 .any free one. to 65535") for name in ("port", "grpc_port")),
        ({"max_queue": 8, "max_batch": 16}, "Raise max_queue"),
        ({"tls_cert": "x"}, "Give both"),
        ({"tls_key": "x"}, "Give both"),
        ({"log_format": "xml"}, "text or json, not 'xml'"),
        ({"token": "a b"}, "printable ASCII"),
        ({"token": "a\n"}, "printable ASCII"),
        ({"token": "ä"}, "printable ASCII"),
    ],
)
def test_what_cannot_be(wrong: dict[str, Any], constraint: str) -> None:
    with pytest.raises(ServeError, match=constraint):
        ServeSettings("x", **wrong)


def test_the_limits_of_what_can_be() -> None:
    ServeSettings("x", port=0, grpc_port=0, max_queue=16, max_batch=16, poll=0.0, grace=0.0, max_delay_ms=0.0)
    ServeSettings("x", port=65535, grpc_port=65535, tls_cert="c", tls_key="k", token="!~")
    assert ServeSettings("x", grpc_port=None).grpc_port is None


@pytest.mark.parametrize(
    ("told", "warning"),
    [
        ({}, ""),
        ({"host": "::1"}, ""),
        ({"host": "localhost"}, ""),
        ({"host": "127.9.9.9"}, ""),
        ({"host": "0.0.0.0"}, "give --token"),
        ({"host": "::"}, "give --token"),
        ({"host": "localhost.example"}, "give --token"),
        ({"host": "0.0.0.0", "token": "t"}, "unencrypted"),
        ({"host": "0.0.0.0", "token": "t", "tls_cert": "c", "tls_key": "k"}, ""),
        ({"host": "0.0.0.0", "tls_cert": "c", "tls_key": "k"}, "give --token"),
    ],
)
def test_an_owner_is_warned(told: dict[str, Any], warning: str) -> None:
    found = ServeSettings("x", **told).warning
    assert warning in found
    assert bool(found) == bool(warning)


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "10.0.0.1", "", "127.0.0.1.example")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_they_travel_as_json() -> None:
    told = ServeSettings("x", grpc_port=0, precision="bf16", threads=2, token="t", max_delay_ms=0.5, workers=3)
    assert ServeSettings.from_dict(json.loads(json.dumps(told.to_dict()))) == told
    assert ServeSettings.from_dict({"ref": "x", "of another version": 1}) == ServeSettings("x")
    with pytest.raises(ServeError, match="workers is 1 or more"):
        ServeSettings.from_dict({"ref": "x", "workers": 0})
