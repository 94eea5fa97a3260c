"""What a server may be told."""

import json
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import ServeError
from netwright.serving import ServeSettings
from netwright.serving.settings import is_loopback

_FROM_0 = "a number within 0 to 1,000,000"
_ABOVE_0 = "a number above 0 and up to 1,000,000"


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        *(
            ({name: 0}, f"{name} is a whole number of at least 1, not 0")
            for name in ("max_batch", "max_requests", "max_body", "workers")
        ),
        *(
            ({name: -1}, f"{name} is a whole number of at least 1, not -1")
            for name in ("max_queue", "max_bytes", "max_pixels")
        ),
        *(({name: -1.0}, f"{name} is {_FROM_0}, not -1.0") for name in ("max_delay_ms", "poll", "grace", "heartbeat")),
        *(
            ({name: float("nan")}, f"{name} is {_FROM_0}, not nan")
            for name in ("max_delay_ms", "poll", "grace", "heartbeat")
        ),
        *(({name: 0.0}, f"{name} is {_ABOVE_0}, not 0.0") for name in ("timeout", "body_timeout")),
        *(({name: float("inf")}, f"{name} is {_ABOVE_0}, not inf") for name in ("timeout", "body_timeout")),
        *(({"port": value}, f"port is a whole number within 0 to 65,535, not {value}") for value in (65536, -1)),
        *(({"grpc_port": value}, f"number within 0 to 65,535, or none, not {value}") for value in (65536, -1)),
        ({"threads": 0}, "threads is a whole number of at least 1, or none, not 0"),
        ({"port": "8000"}, "port is a whole number within 0 to 65,535, not '8000'"),
        ({"max_queue": 8, "max_batch": 16}, "Raise max_queue"),
        ({"tls_cert": "x"}, "Give both"),
        ({"tls_key": "x"}, "Give both"),
        ({"log_format": "xml"}, "log_format is one of text, json, not 'xml'"),
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
    with pytest.raises(ServeError, match="workers is a whole number of at least 1, not 0"):
        ServeSettings.from_dict({"ref": "x", "workers": 0})


def test_by_name_as_the_flags_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETWRIGHT_TOKEN", raising=False)
    assert ServeSettings.from_options(Path("x"), port=0) == ServeSettings("x", port=0)
    monkeypatch.setenv("NETWRIGHT_TOKEN", "of-the-environment")
    assert ServeSettings.from_options("x").token == "of-the-environment"
    assert ServeSettings.from_options("x", token="own").token == "own"
    with pytest.raises(ServeError, match=r"unknown option 'prot' of a server: did you mean 'port'\?"):
        ServeSettings.from_options("x", prot=1)
    with pytest.raises(ServeError, match="these are known: host, port"):
        ServeSettings.from_options("x", zzzz=1)
