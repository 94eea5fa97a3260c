"""What runtimes share: normalizing, probabilities, the likeliest classes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from netwright.data.preprocess import Preprocessing
from netwright.errors import ServeError
from netwright.runtime import Runtime, open_runtime
from netwright.runtime.info import info_of
from netwright.weights import LoadedModel


def test_images_are_normalized_as_in_validation_to_the_last_bit(color: LoadedModel) -> None:
    usual = replace(color, preprocessing=Preprocessing(image_size=16))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    with open_runtime(usual) as runtime:
        found = runtime.normalize(pixels)
    assert found.flags.c_contiguous
    assert np.array_equal(found, usual.preprocessing.normalize(pixels).numpy())


def test_answers_are_those_of_netwright_predict(color: LoadedModel, images: Callable[..., list[np.ndarray]]) -> None:
    """Of the weights in torch, as the command line computes them."""
    from netwright.evaluation import ImagePrediction, predict

    pixels = images(color, 6)
    with open_runtime(color, runtime="onnx") as runtime:
        found = runtime.predict(pixels).top(3)
    for row, answer in zip(found, predict(color, pixels, top_k=3, device="cpu", fuse=False), strict=True):
        assert isinstance(answer, ImagePrediction)
        assert [each.name for each in row] == [each.name for each in answer.candidates]
        for one, other in zip(row, answer.candidates, strict=True):
            assert one.probability == pytest.approx(other.probability, abs=1e-5)


def test_probabilities_of_large_logits(color: LoadedModel) -> None:
    with open_runtime(color) as runtime:
        found = runtime.probabilities(np.array([[1e4, 0, 0, 0, 1e4]], dtype=np.float32))
        assert found.tolist() == [[0.5, 0.0, 0.0, 0.0, 0.5]]
        with pytest.raises(ServeError, match=r"Write \[image\]"):
            runtime.predict(b"one image")  # type: ignore[arg-type]


def test_another_preprocessing_of_the_same_size(color: LoadedModel, images: Callable[..., list[np.ndarray]]) -> None:
    pixels = images(color, 3)
    other = replace(color.preprocessing, crop_pct=0.5, mean=(1.0, 2.0, 3.0), std=(9.0, 8.0, 7.0))
    with open_runtime(color) as runtime, open_runtime(replace(color, preprocessing=other)) as expected:
        usual = runtime.predict(pixels).probabilities
        runtime.use_preprocessing(other)
        assert np.array_equal(runtime.predict(pixels).probabilities, expected.predict(pixels).probabilities)
        assert not np.array_equal(runtime.predict(pixels).probabilities, usual)
        with pytest.raises(ServeError, match=r"\(3, 16, 16\), and with this preprocessing it would be \(3, 32, 32\)"):
            runtime.use_preprocessing(replace(other, image_size=32))


def test_closing_waits_for_what_runs(color: LoadedModel) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Waiting:
        takes_tensors = False
        is_closed = False

        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            began.set()
            assert go_on.wait(30)
            assert not self.is_closed
            return np.zeros((len(inputs), 5), dtype=np.float32)

        def close(self) -> None:
            self.is_closed = True

    backend = Waiting()
    runtime = Runtime(info_of(color), "torch", backend)
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(runtime.logits, np.zeros((2, 3, 16, 16), dtype=np.float32))
        assert began.wait(30)
        closing = pool.submit(runtime.close)
        with pytest.raises(TimeoutError):
            closing.result(0.1)
        assert not backend.is_closed
        go_on.set()
        assert answer.result(30).shape == (2, 5)
        closing.result(30)
    assert backend.is_closed
