"""A network that runs, whatever computes it: images to pixels, inputs, logits and probabilities.

Every prediction takes this path, with the preprocessing that the network carries: that of `netwright predict`,
`validate` and `serve`, and of Python.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from netwright.data.source import Pixels
from netwright.errors import DataError, ServeError
from netwright.runtime.info import ModelInfo
from netwright.runtime.prediction import Prediction, softmax
from netwright.system.deprecation import renamed_method

if TYPE_CHECKING:
    from torch import Tensor

    from netwright.data.preprocess import Preprocessing

__all__ = ["Backend", "FloatArray", "Image", "Runtime", "read_image"]

FloatArray = npt.NDArray[np.float32]
# an encoded file, its path, or (H, W, C) or (H, W) uint8 pixels
Image = bytes | bytearray | memoryview | Pixels | Path | str

_BATCH = 32  # images that `predict` computes at once


class Backend(Protocol):
    """What computes a network: of torch, ONNX Runtime or OpenVINO.

    Attributes:
        takes_tensors: Whether inputs may be torch tensors too, on any device.
    """

    takes_tensors: bool

    def __call__(self, inputs: Any, /) -> FloatArray:
        """Compute logits. Several threads may call it at once.

        Args:
            inputs: (N, C, H, W) float32, C-contiguous; C, H, W and, where that is fixed, N are the network's.

        Returns:
            (N, classes) float32.
        """
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class Runtime:
    """A network that is ready to run, from several threads at once; `open_runtime` opens one.

    Close it, or use it in a `with`.

    Attributes:
        info: The network, apart from its weights.
        kind: torch, onnx or openvino.
        precision: What it computes in.
    """

    def __init__(self, info: ModelInfo, kind: str, backend: Backend, precision: str = "") -> None:
        self.info, self.kind, self.precision = info, kind, precision or info.precision
        self._backend: Backend | None = backend
        self._lock, self._running = threading.Condition(), 0

    def logits(self, inputs: FloatArray | Tensor) -> FloatArray:
        """Compute any number of images, whatever batch the file is for.

        Args:
            inputs: (N, C, H, W) float32, normalized; a torch tensor may be on any device.

        Returns:
            (N, classes) float32. A row does not depend on the other images, apart from rounding.

        Raises:
            ServeError: For another shape or type, and after `close`.
        """
        self._check(inputs)
        count, batch = len(inputs), self.info.batch
        if count == 0:
            return np.zeros((0, self.info.arch.num_classes), dtype=np.float32)
        backend = self._enter()
        try:
            if not isinstance(inputs, np.ndarray) and (batch is not None or not backend.takes_tensors):
                inputs = inputs.cpu().numpy()
            if not isinstance(inputs, np.ndarray):
                return backend(inputs)
            inputs = np.ascontiguousarray(inputs)
            if batch is None or batch == count:
                return backend(inputs)
            parts = [inputs[start : start + batch] for start in range(0, count, batch)]
            return np.concatenate([backend(_padded(part, batch))[: len(part)] for part in parts])
        finally:
            self._leave()

    def pixels(self, image: Image) -> Pixels:
        """(image_size, image_size, channels) uint8 of one image; DataError if it cannot be read."""
        return read_image(image, self.info.preprocessing)

    def normalize(self, pixels: Pixels) -> FloatArray:
        """(N, H, W, C) uint8, of the network's size -> what `logits` takes; the same bits as in validation."""
        shape = (1, -1, 1, 1)
        x = pixels.transpose(0, 3, 1, 2).astype(np.float32, order="C")
        x -= np.array(self.info.preprocessing.mean, dtype=np.float32).reshape(shape)
        x /= np.array(self.info.preprocessing.std, dtype=np.float32).reshape(shape)
        return x

    normalise = renamed_method("Runtime", "normalise", "normalize")

    def predict(self, images: Sequence[Image]) -> Prediction:
        """Compute the probabilities of each image.

        Raises:
            DataError: For the first image that cannot be read.
            ServeError: If logits are not finite, and after `close`.
        """
        if isinstance(images, bytes | str | Path):
            raise ServeError("predict takes a list of images, and this is one image. Write [image].")
        rows = [np.zeros((0, self.info.arch.num_classes), dtype=np.float32)]
        for start in range(0, len(images), _BATCH):
            batch = np.stack([self.pixels(image) for image in images[start : start + _BATCH]])
            rows.append(self.probabilities(self.logits(self.normalize(batch))))
        return Prediction(np.concatenate(rows), self.info.output_names, self.info.descriptions)

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Softmax of (N, classes), computed in float64. ServeError if logits are not finite."""
        if not np.isfinite(logits).all():
            raise ServeError(
                f"a network's outputs are finite numbers, and these are not. The weights of {self.info.name} are "
                f"damaged, or overflow in {self.precision}: try fp32."
            )
        return softmax(logits).astype(np.float32)

    def use_preprocessing(self, preprocessing: Preprocessing) -> None:
        """Prepare images so from now on, instead of as the network says.

        Raises:
            ServeError: If the size or the channels are not those of the network's input.
        """
        info = replace(self.info, preprocessing=preprocessing)
        if info.input_shape != self.info.input_shape:
            raise ServeError(
                f"the input of {self.info.name} has the shape {self.info.input_shape}, and with this preprocessing it "
                f"would be {info.input_shape}. Keep image_size and channels, or export the network for another size."
            )
        self.info = info

    def close(self) -> None:
        """Wait for running computations, then free the network. Closing twice does nothing."""
        with self._lock:
            backend, self._backend = self._backend, None
            self._lock.wait_for(lambda: self._running == 0)
        if backend is not None:
            backend.close()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _enter(self) -> Backend:
        with self._lock:
            if self._backend is None:
                raise ServeError(f"a runtime works until it is closed, and that of {self.info.name} is. Open another.")
            self._running += 1
            return self._backend

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            self._lock.notify_all()

    def _check(self, inputs: FloatArray | Tensor) -> None:
        shape = self.info.input_shape
        is_array = isinstance(inputs, np.ndarray) or hasattr(inputs, "detach")
        kind = str(inputs.dtype).removeprefix("torch.") if is_array else ""
        if kind != "float32" or tuple(inputs.shape[1:]) != shape:
            given = f"{kind} of shape {tuple(inputs.shape)}" if kind else f"a {type(inputs).__name__}"
            raise ServeError(
                f"the input of {self.info.name} is float32 of shape (N, {', '.join(map(str, shape))}), normalized, and "
                f"this is {given}. predict() takes images as they are."
            )


def read_image(image: Image, preprocessing: Preprocessing) -> Pixels:
    """(image_size, image_size, channels) uint8 of one image; DataError if it cannot be read."""
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
    return preprocessing.pixels(image)


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
