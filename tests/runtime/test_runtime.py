"""What runtimes share: normalizing, probabilities, the likeliest classes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from netwright.data.preprocess import Preprocessing
from netwright.errors import ServeError
from netwright.runtime import Prediction, Runtime, open_runtime
from netwright.runtime.info import info_of
from netwright.weights import LoadedModel


def test_images_are_normalized_as_in_validation_to_the_last_bit(color: LoadedModel) -> None:
    from dataclasses import replace

    usual = replace(color, preprocessing=Preprocessing(image_size=16))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    with open_runtime(usual) as runtime:
        found = runtime.normalize(pixels)
    assert found.flags.c_contiguous
    assert np.array_equal(found, usual.preprocessing.normalize(pixels).numpy())


def test_answers_are_those_of_netwright_predict(color: LoadedModel, images: Callable[..., list[np.ndarray]]) -> None:
    """The other way to an answer, which the command line goes."""
    import io
    from dataclasses import dataclass

    import torch
    from PIL import Image

    from netwright.evaluation.predict import Prediction as Answer
    from netwright.evaluation.predict import predict

    @dataclass
    class Encoded:
        name: str
        data: bytes

        def read(self) -> bytes:
            return self.data

    encoded = []
    for i, pixels in enumerate(images(color, 6)):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        encoded.append(Encoded(str(i), buffer.getvalue()))
    with open_runtime(color, runtime="onnx") as runtime:
        found = runtime.predict([each.data for each in encoded]).top(3)
    for row, answer in zip(found, predict(color, encoded, top_k=3, device=torch.device("cpu")), strict=True):
        assert isinstance(answer, Answer)
        assert [each.name for each in row] == [each.name for each in answer.candidates]
        for one, other in zip(row, answer.candidates, strict=True):
            assert one.probability == pytest.approx(other.probability, abs=1e-5)


def test_equals_are_in_order_and_descriptions_come_along() -> None:
    answer = Prediction(np.array([[0.25, 0.5, 0.25]], dtype=np.float32), ("a", "b", "c"), ("A", "B", "C"))
    assert [(each.index, each.name, each.description) for each in answer.top(9)[0]] == [
        (1, "b", "B"),
        (0, "a", "A"),
        (2, "c", "C"),
    ]
    assert len(answer.top(0)[0]) == 1


def test_probabilities_of_large_logits(color: LoadedModel) -> None:
    with open_runtime(color) as runtime:
        found = runtime.probabilities(np.array([[1e4, 0, 0, 0, 1e4]], dtype=np.float32))
        assert found.tolist() == [[0.5, 0.0, 0.0, 0.0, 0.5]]
        with pytest.raises(ServeError, match=r"Write \[image\]"):
            runtime.predict(b"one image")  # type: ignore[arg-type]


def test_closing_waits_for_what_runs(color: LoadedModel) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Waiting:
        is_closed = False

        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            began.set()
            assert go_on.wait(30)
            assert not self.is_closed
            return np.zeros((len(inputs), 5), dtype=np.float32)

        def close(self) -> None:
            self.is_closed = True

    engine = Waiting()
    runtime = Runtime(info_of(color), "torch", engine)
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(runtime.logits, np.zeros((2, 3, 16, 16), dtype=np.float32))
        assert began.wait(30)
        closing = pool.submit(runtime.close)
        with pytest.raises(TimeoutError):
            closing.result(0.1)
        assert not engine.is_closed
        go_on.set()
        assert answer.result(30).shape == (2, 5)
        closing.result(30)
    assert engine.is_closed
