"""The contract of runtimes, for each engine and each kind of file that it opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.extras import needs

from netwright.runtime import Runtime, open_runtime
from netwright.testing import RuntimeContract
from netwright.weights import LoadedModel

# how a runtime is made: target of the file ('' for weights), its precision and batch, the runtime that opens it
WAYS = [
    ("", "fp32", "dynamic", "torch"),
    ("", "fp32", "dynamic", "onnx"),
    ("", "fp32", "dynamic", "openvino"),
    ("torch", "fp32", "dynamic", "torch"),
    ("torch", "bf16", 3, "torch"),
    ("torch", "fp16", "dynamic", "torch"),
    ("onnx", "fp32", "dynamic", "onnx"),
    ("onnx", "fp32", 3, "onnx"),
    ("onnx", "fp32", "dynamic", "openvino"),
    ("onnx", "fp16", "dynamic", "onnx"),
    ("onnx", "int8", 3, "onnx"),
    ("openvino", "fp32", "dynamic", "openvino"),
    ("openvino", "fp32", 3, "openvino"),
    ("openvino", "fp16", "dynamic", "openvino"),
    ("openvino", "bf16", "dynamic", "openvino"),
    ("openvino", "int8", "dynamic", "openvino"),
    *(
        pytest.param(way, marks=needs("litert"))
        for way in (
            ("", "fp32", "dynamic", "litert"),
            ("litert", "fp32", "dynamic", "litert"),
            ("litert", "fp32", 3, "litert"),
            ("litert", "fp16", "dynamic", "litert"),
        )
    ),
]
Way = tuple[str, str, int | str, str]


@pytest.mark.slow
class TestRuntimes(RuntimeContract):
    @pytest.fixture(scope="class", params=WAYS, ids=lambda way: "-".join(map(str, way)))
    @classmethod
    def way(cls, request: pytest.FixtureRequest) -> Way:
        return request.param

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, way: Way, exported: Callable[..., Path]) -> Callable[[LoadedModel], Runtime]:
        to, precision, batch, kind = way

        def opened(model: LoadedModel) -> Runtime:
            return open_runtime(exported(model, to, precision, batch) if to else model, runtime=kind, threads=1)

        return opened

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, color: LoadedModel) -> LoadedModel:
        """That of all tests of exports, which writes each file once."""
        return color

    @pytest.fixture(scope="class")
    @classmethod
    def gray_runtime(cls, way: Way, gray: LoadedModel, exported: Callable[..., Path]) -> Iterator[Runtime]:
        """Of one precision and batch for each kind of file: what is special about gray does not depend on these."""
        to, _, _, kind = way
        with open_runtime(exported(gray, to) if to else gray, runtime=kind, threads=1) as opened:
            yield opened

    def test_it_says_what_it_is(self, runtime: Runtime, way: Way) -> None:
        to, precision, batch, kind = way
        info = runtime.info
        assert (runtime.kind, info.precision, info.name, info.version) == (kind, precision, "small", "1")
        assert info.batch == (batch if to and batch != "dynamic" else None)
