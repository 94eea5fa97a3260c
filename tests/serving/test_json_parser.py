"""Large JSON, parsed in a process of its own."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.serving.errors import RequestError
from netwright.serving.json_parser import JsonParser
from netwright.serving.protocol.json_process import parse
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Serving = Callable[..., AbstractContextManager[Server]]
_INFER = "/v2/models/tiny/infer"


@pytest.fixture
def parser() -> Iterator[JsonParser]:
    made = JsonParser()
    yield made
    made.close()


def infer_body(numbers: list[Any], shape: list[int], datatype: str = "FP32") -> bytes:
    tensor = {"name": "input", "datatype": datatype, "shape": shape, "data": numbers}
    return json.dumps({"inputs": [tensor]}).encode()


def soon() -> float:
    return time.monotonic() + 20


def test_a_process_says_what_this_one_would(parser: JsonParser) -> None:
    numbers = np.random.default_rng(0).standard_normal(30_000).astype(np.float32)
    body = infer_body(numbers.tolist(), [30_000])
    found = asyncio.run(parser.parse("infer", body, None, deadline=soon()))
    assert parser._child.process is not None
    assert found.input.shape == (30_000,)
    np.testing.assert_array_equal(np.frombuffer(found.input.data, "<f4"), numbers)
    assert found.input.data == parse("infer", body, None).input.data


def test_a_small_body_needs_no_process(parser: JsonParser) -> None:
    assert asyncio.run(parser.parse("infer", infer_body([1.0], [1]), None, deadline=soon())).input.shape == (1,)
    assert parser._child.process is None


def test_mistakes_come_back_and_the_process_stays(parser: JsonParser) -> None:
    for body, reason in ((b"[" * 100_000, "malformed"), (infer_body([1] * 50_000, [3]), "malformed")):
        with pytest.raises(RequestError) as caught:
            asyncio.run(parser.parse("infer", body, None, deadline=soon()))
        assert caught.value.reason == reason
    before = parser._child.process
    asyncio.run(parser.parse("infer", infer_body([1] * 50_000, [50_000]), None, deadline=soon()))
    assert parser._child.process is before


@pytest.mark.slow
def test_one_that_dies_or_is_late_is_replaced(parser: JsonParser) -> None:
    good = infer_body([1] * 50_000, [50_000])

    async def run() -> None:
        await parser.parse("infer", good, None, deadline=soon())
        assert parser._child.process is not None
        parser._child.process.kill()
        with pytest.raises(RequestError, match="more memory than there is"):
            await parser.parse("infer", good, None, deadline=soon())
        await parser.parse("infer", good, None, deadline=soon())
        slow = infer_body([0.1] * 2_000_000, [2_000_000])
        with pytest.raises(RequestError, match="time of this request"):
            await parser.parse("infer", slow, None, deadline=time.monotonic() + 0.05)
        await parser.parse("infer", good, None, deadline=soon())

    asyncio.run(run())


@pytest.mark.slow
def test_the_smallest_have_their_turn_first(parser: JsonParser) -> None:
    order: list[int] = []

    async def ask(count: int) -> None:
        await parser.parse("infer", infer_body([7] * count, [count]), None, deadline=soon())
        order.append(count)

    async def run() -> None:
        await asyncio.gather(ask(900_000), ask(800_000), ask(700_000), ask(50_000))

    asyncio.run(run())
    assert order == [900_000, 50_000, 700_000, 800_000]


@pytest.mark.slow
def test_health_is_answered_while_large_json_is_parsed(serving: Serving, weights: Path, ask: Ask) -> None:
    keys = b"{" + b",".join(b'"%d":0' % number for number in range(3_000_000)) + b"}"
    numbers = infer_body([7] * 5_000_000, [5_000_000])
    with serving(weights, max_json=40 << 20, max_body=40 << 20) as server:
        statuses: list[int] = []
        for body in (keys, numbers):
            thread = threading.Thread(target=lambda body=body: statuses.append(ask(server, "POST", _INFER, body)[0]))
            thread.start()
            slowest = 0.0
            while thread.is_alive():
                began = time.monotonic()
                assert ask(server, "GET", "/v2/health/ready")[0] == 200
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.01)
            assert slowest < 1  # some milliseconds; 4 s where the event loop parses
        assert statuses == [413, 400]


def test_json_has_a_limit_of_its_own(serving: Serving, weights: Path, ask: Ask, photo: bytes) -> None:
    with serving(weights, max_json=100_000) as server:
        for path in (_INFER, "/model/tiny:predict"):
            status, answer, _ = ask(server, "POST", path, b" " * 100_001)
            assert (status, b"--max_json" in answer) == (413, True)
        assert ask(server, "POST", "/predict", photo + bytes(100_000))[0] == 200
        pixels = np.zeros((200, 16, 16, 3), dtype=np.uint8)
        tensor = {"name": "pixels", "datatype": "UINT8", "shape": pixels.shape}
        head = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": pixels.nbytes}}]}).encode()
        length = {"Inference-Header-Content-Length": str(len(head))}
        assert ask(server, "POST", _INFER, head + pixels.tobytes(), length)[0] in (200, 429)
        long = {"Inference-Header-Content-Length": "100001"}
        assert ask(server, "POST", _INFER, b" " * 200_000, long)[0] == 413
