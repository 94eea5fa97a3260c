"""Asking a network, whatever computes it: from images to probabilities, with the preprocessing that it carries."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from netwright.data.classes import Candidate
from netwright.data.source import Pixels
from netwright.errors import DataError, ServeError
from netwright.runtime.info import ModelInfo
from netwright.system.deprecation import renamed_method

__all__ = ["Candidate", "Engine", "FloatArray", "Image", "Prediction", "Runtime"]

FloatArray = npt.NDArray[np.float32]
# an encoded file, its path, or (H, W, C) or (H, W) uint8 pixels
Image = bytes | bytearray | memoryview | Pixels | Path | str

_AT_ONCE = 32  # images of a call to predict that are computed together


class Engine(Protocol):
    """What computes: of torch, ONNX Runtime or OpenVINO."""

    def __call__(self, inputs: FloatArray, /) -> FloatArray:
        """(N, C, H, W) -> (N, classes). inputs: C-contiguous, of the network's own C, H, W and, where that is fixed,
        its own N; from several threads at once."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """probabilities: (N, classes) float32, a row an image. names: of the classes; descriptions: of these, or empty."""

    probabilities: FloatArray
    names: tuple[str, ...]
    descriptions: tuple[str, ...] = ()

    def top(self, k: int = 5) -> tuple[tuple[Candidate, ...], ...]:
        """The k likeliest classes of each image, the likeliest first; of equals, the first."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, : max(1, k)]
        said = self.descriptions or ("",) * len(self.names)
        return tuple(
            tuple(Candidate(int(i), self.names[i], float(row[i]), said[i]) for i in indices)
            for row, indices in zip(self.probabilities, order, strict=True)
        )


class Runtime:
    """A network that can be asked, from several threads at once; `open_runtime` makes it.

    info: what it is; kind: torch, onnx or openvino; precision: what it computes in. Close it, or use it in a `with`.
    """

    def __init__(self, info: ModelInfo, kind: str, engine: Engine, precision: str = "") -> None:
        self.info, self.kind, self.precision = info, kind, precision or info.precision
        self._engine: Engine | None = engine
        self._lock, self._running = threading.Condition(), 0
        channels = self.info.preprocessing.channels
        self._mean = np.array(info.preprocessing.mean, dtype=np.float32).reshape(1, channels, 1, 1)
        self._std = np.array(info.preprocessing.std, dtype=np.float32).reshape(1, channels, 1, 1)

    def logits(self, inputs: FloatArray) -> FloatArray:
        """(N, C, H, W) float32, normalized -> (N, classes) float32. Of any N, whatever batch the file is made for.

        ServeError for another shape or type. What an image gives does not depend on its neighbors, to rounding.
        """
        self._check(inputs)
        count, batch = len(inputs), self.info.batch
        if count == 0:
            return np.zeros((0, self.info.arch.num_classes), dtype=np.float32)
        inputs = np.ascontiguousarray(inputs)
        engine = self._enter()
        try:
            if batch is None or batch == count:
                return engine(inputs)
            parts = [inputs[start : start + batch] for start in range(0, count, batch)]
            return np.concatenate([engine(_padded(part, batch))[: len(part)] for part in parts])
        finally:
            self._leave()

    def pixels(self, image: Image) -> Pixels:
        """(image_size, image_size, channels) uint8 of one image; DataError where it cannot be read."""
        if isinstance(image, str | Path):
            path = Path(image)
            try:
                image = path.read_bytes()
            except OSError as error:
                raise DataError(f"the image {path} cannot be read: {error.strerror or error}") from error
        if isinstance(image, bytearray | memoryview):
            image = bytes(image)
        if isinstance(image, np.ndarray):
            image = _as_pixels(image)
        return self.info.preprocessing.pixels(image)

    def normalize(self, pixels: Pixels) -> FloatArray:
        """(N, H, W, C) uint8, of the network's own size -> what `logits` takes; as in validation, to the last bit."""
        x = pixels.transpose(0, 3, 1, 2).astype(np.float32, order="C")
        x -= self._mean
        x /= self._std
        return x

    normalise = renamed_method("Runtime", "normalise", "normalize")

    def predict(self, images: Sequence[Image]) -> Prediction:
        """Probabilities of each image. DataError for the first that cannot be read, ServeError for what overflowed."""
        if isinstance(images, bytes | str | Path):
            raise ServeError("predict takes a list of images, and this is one. Write [image].")
        rows = [np.zeros((0, self.info.arch.num_classes), dtype=np.float32)]
        for start in range(0, len(images), _AT_ONCE):
            batch = np.stack([self.pixels(image) for image in images[start : start + _AT_ONCE]])
            rows.append(self.probabilities(self.logits(self.normalize(batch))))
        return Prediction(np.concatenate(rows), self.info.output_names, self.info.descriptions)

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Softmax of (N, classes), in float64 within. ServeError where they are not finite."""
        if not np.isfinite(logits).all():
            raise ServeError(
                f"a network's outputs are finite numbers, and these are not. The weights of {self.info.name} are "
                f"damaged, or overflow in {self.precision}: try fp32."
            )
        shifted = logits.astype(np.float64)
        shifted -= shifted.max(axis=1, keepdims=True)
        np.exp(shifted, out=shifted)
        shifted /= shifted.sum(axis=1, keepdims=True)
        return shifted.astype(np.float32)

    def close(self) -> None:
        """Let go of the network, when what runs now is done. Closing twice is nothing."""
        with self._lock:
            engine, self._engine = self._engine, None
            self._lock.wait_for(lambda: self._running == 0)
        if engine is not None:
            engine.close()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _enter(self) -> Engine:
        with self._lock:
            if self._engine is None:
                raise ServeError(
                    f"a runtime answers until it is closed, and that of {self.info.name} is. Open another."
                )
            self._running += 1
            return self._engine

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            self._lock.notify_all()

    def _check(self, inputs: FloatArray) -> None:
        shape = self.info.input_shape
        if not isinstance(inputs, np.ndarray) or inputs.dtype != np.float32 or inputs.shape[1:] != shape:
            given = (
                f"{inputs.dtype} of shape {inputs.shape}"
                if isinstance(inputs, np.ndarray)
                else f"a {type(inputs).__name__}"
            )
            raise ServeError(
                f"the input of {self.info.name} is float32 of shape (N, {', '.join(map(str, shape))}), normalized, and "
                f"this is {given}. predict() takes images as they are."
            )


def _padded(part: FloatArray, batch: int) -> FloatArray:
    if len(part) == batch:
        return part
    return np.concatenate([part, np.zeros((batch - len(part), *part.shape[1:]), dtype=np.float32)])


def _as_pixels(image: Pixels) -> Pixels:
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise DataError(
            f"an image is uint8 of shape (H, W, 3), (H, W, 1) or (H, W), or an encoded file, not {image.dtype} of "
            f"shape {image.shape}"
        )
    return image
