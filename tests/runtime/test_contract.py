"""What every runtime does, whatever computes it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.errors import DataError, ServeError
from netwright.runtime import Runtime, open_runtime
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
]
# the most that logits may differ, in standard deviations of the network's
NEAR = {"fp32": 1e-4, "fp16": 0.01, "bf16": 0.1, "int8": 0.5}


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: "-".join(map(str, way)))
def way(request: pytest.FixtureRequest) -> tuple[str, str, int | str, str]:
    return request.param


def opened_in(way: tuple[str, str, int | str, str], model: LoadedModel, exported: Callable[..., Path]) -> Runtime:
    to, precision, batch, kind = way
    return open_runtime(exported(model, to, precision, batch) if to else model, runtime=kind, threads=1)


@pytest.fixture(scope="module")
def opened(
    way: tuple[str, str, int | str, str], color: LoadedModel, exported: Callable[..., Path]
) -> Iterator[Runtime]:
    """One for all tests, each of which leaves it as it was."""
    with opened_in(way, color, exported) as runtime:
        yield runtime


def inputs(count: int, seed: int = 0, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, channels, 16, 16), dtype=np.float32)


def expected(model: LoadedModel, x: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return model.module(torch.from_numpy(x)).numpy()


def test_the_same_logits_for_any_number_of_images(opened: Runtime, color: LoadedModel) -> None:
    for count in (1, 2, 3, 4, 7):
        x = inputs(count, seed=count)
        source, found = expected(color, x), opened.logits(x)
        assert found.dtype == np.float32
        assert found.shape == (count, 5)
        assert np.abs(found - source).max() < NEAR[opened.info.precision] * source.std()


def test_no_images_give_no_logits(opened: Runtime) -> None:
    assert opened.logits(inputs(0)).shape == (0, 5)
    assert opened.predict([]).top(3) == ()


def test_tensors_give_what_arrays_give(opened: Runtime) -> None:
    for count in (1, 3, 5):
        x = inputs(count, seed=count)
        found = opened.logits(torch.from_numpy(x).contiguous(memory_format=torch.channels_last))
        assert isinstance(found, np.ndarray)
        assert np.allclose(found, opened.logits(x), atol=1e-5)
    with pytest.raises(
        ServeError, match=r"float32 of shape \(N, 3, 16, 16\).*this is float64 of shape \(2, 3, 16, 16\)"
    ):
        opened.logits(torch.from_numpy(inputs(2)).double())


def test_what_it_gave_stays_when_more_is_asked(opened: Runtime) -> None:
    first = opened.logits(inputs(3, seed=1))
    kept = first.copy()
    opened.logits(inputs(3, seed=2))
    assert np.array_equal(first, kept)
    first += 1.0  # and it is the caller's own


def test_inputs_stay_as_they_are_however_they_lie_in_memory(opened: Runtime) -> None:
    x = inputs(4)
    lying = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    frozen = x.copy()
    frozen.flags.writeable = False
    assert np.allclose(opened.logits(lying), opened.logits(frozen), atol=1e-5)
    assert np.array_equal(lying, x)


@pytest.mark.parametrize(
    "wrong",
    [
        inputs(2).astype(np.float64),
        inputs(2).astype(np.float16),
        (inputs(2) * 9).astype(np.uint8),
        inputs(2)[0],
        inputs(2, channels=1),
        inputs(2)[:, :, :8],
        inputs(2).transpose(0, 2, 3, 1),
        np.zeros((), dtype=np.float32),
        inputs(2).tolist(),
    ],
    ids=["float64", "float16", "uint8", "one", "gray", "small", "channels last", "scalar", "list"],
)
def test_wrong_inputs_are_refused_with_the_right_shape(opened: Runtime, wrong: np.ndarray) -> None:
    with pytest.raises(ServeError, match=r"float32 of shape \(N, 3, 16, 16\).*this is"):
        opened.logits(wrong)
    assert opened.logits(inputs(1)).shape == (1, 5)


def test_threads_do_not_see_each_other(opened: Runtime) -> None:
    batches = [inputs(1 + i % 4, seed=i) for i in range(24)]
    alone = [opened.logits(x) for x in batches]
    with ThreadPoolExecutor(6) as pool:
        for one, other in zip(alone, pool.map(opened.logits, batches), strict=True):
            assert np.allclose(one, other, atol=1e-5)


def test_images_of_all_kinds_are_predicted_alike(opened: Runtime, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(buffer.getvalue())
    many = opened.predict([pixels, buffer.getvalue(), memoryview(buffer.getvalue()), path, str(path)])
    assert many.probabilities.shape == (5, 5)
    assert np.allclose(many.probabilities, many.probabilities[0], atol=1e-6)
    assert np.allclose(many.probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert many.names == ("ant", "bee", "cat", "dog", "Erdmännchen")
    top = many.top(2)[0]
    assert [each.probability for each in top] == sorted(many.probabilities[0].tolist(), reverse=True)[:2]
    assert top[0].name == many.names[top[0].index]


def test_unreadable_images_are_data_errors(opened: Runtime, tmp_path: Path) -> None:
    for bad in (b"no image", np.zeros((4, 4), dtype=np.float32), np.zeros((4, 4, 2), np.uint8), tmp_path / "gone.png"):
        with pytest.raises(DataError):
            opened.predict([bad])  # type: ignore[list-item]


def test_more_images_than_are_computed_at_once(opened: Runtime, images: Callable[..., list[np.ndarray]]) -> None:
    pixels = images(opened.info, 40)
    whole = opened.predict(pixels).probabilities
    assert np.allclose(whole[35:37], opened.predict(pixels[35:37]).probabilities, atol=1e-5)


def test_it_says_what_it_is(opened: Runtime, way: tuple[str, str, int | str, str], color: LoadedModel) -> None:
    to, precision, batch, kind = way
    info = opened.info
    assert (opened.kind, info.precision, info.name, info.version) == (kind, precision, "small", "1")
    assert (info.arch, info.preprocessing) == (color.arch, color.preprocessing)
    assert (info.class_names, info.facts, info.source) == (color.class_names, {"epochs": 3}, "made here")
    assert info.batch == (batch if to and batch != "dynamic" else None)
    assert info.input_shape == (3, 16, 16)


def test_closing_waits_for_what_runs_and_then_nothing_is_answered(
    way: tuple[str, str, int | str, str], color: LoadedModel, exported: Callable[..., Path]
) -> None:
    runtime = opened_in(way, color, exported)
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(runtime.logits, inputs(4)) for _ in range(16)]
        runtime.close()
        for each in running:
            error = each.exception()
            assert error is None or isinstance(error, ServeError)
    runtime.close()
    with pytest.raises(ServeError, match="until it is closed"):
        runtime.logits(inputs(1))


@pytest.mark.parametrize("kind", ["torch", "onnx", "openvino"])
def test_gray_networks_without_class_names(kind: str, gray: LoadedModel, exported: Callable[..., Path]) -> None:
    with open_runtime(exported(gray, kind), threads=1) as runtime:
        x = inputs(3, channels=1)
        assert np.allclose(runtime.logits(x), expected(gray, x), atol=1e-3)
        assert runtime.info.class_names == ()
        answer = runtime.predict([np.full((20, 20, 3), 200, np.uint8), np.full((20, 20), 200, np.uint8)])
        assert answer.names == ("0", "1", "2", "3")
        assert np.allclose(answer.probabilities[0], answer.probabilities[1])
        assert answer.top(99)[0][0].name in answer.names


def test_numbers_that_overflow_are_an_error(opened: Runtime) -> None:
    with pytest.raises(ServeError, match="finite"):
        opened.probabilities(np.array([[np.nan, 0, 0, 0, 0]], dtype=np.float32))
