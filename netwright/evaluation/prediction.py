"""The likeliest classes of images: of files, folders, addresses, arrays and pictures of Pillow."""

from __future__ import annotations

import io
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

import numpy as np

from netwright.data.class_order import refuse_folder_order
from netwright.data.classes import Candidate
from netwright.data.source import Pixels
from netwright.errors import DataError, WeightsError
from netwright.evaluation.inputs import find_inputs
from netwright.evaluation.opening import ModelRequest, open_model, request_of
from netwright.evaluation.rejection import Rejection
from netwright.runtime.prediction import Prediction, softmax
from netwright.runtime.runtime import Runtime
from netwright.system.machine import processors

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from netwright.weights import LoadedModel

__all__ = ["ImagePrediction", "Readable", "Rejection", "UnreadableImage", "predict", "predict_images"]

# a file, a folder, an http address, an encoded image, (H, W, C) or (H, W) uint8 pixels, or a PIL.Image
GivenImage: TypeAlias = Union[str, Path, bytes, Pixels, "Picture"]

_MOST_THREADS = 8
_log = logging.getLogger(__name__)


class Readable(Protocol):
    """An image by name."""

    @property
    def name(self) -> str: ...

    def read(self) -> bytes | Pixels:
        """The encoded image or its pixels; DataError or OSError where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """What a network sees in an image.

    Attributes:
        name: Of the image.
        candidates: The likeliest classes, the likeliest first.
        score: How sure it is, where a threshold was given.
        is_rejected: Whether the score is below the threshold.
    """

    name: str
    candidates: tuple[Candidate, ...]
    score: float | None = None
    is_rejected: bool = False


@dataclass(frozen=True, slots=True)
class UnreadableImage:
    """An image that cannot be read, and why."""

    name: str
    reason: str


# name, and pixels or why there are none
_Read = tuple[str, Pixels | UnreadableImage]


def predict(
    ref: str | Path | LoadedModel,
    images: GivenImage | Sequence[GivenImage],
    *,
    top_k: int = 5,
    batch_size: int = 32,
    device: str | None = None,
    precision: str | None = None,
    runtime: str = "auto",
    fuse: bool | None = None,
    timeout: float = 20.0,
    class_order: str = "",
    threshold: float | None = None,
    reject_by: str = "probability",
    **keys: Any,
) -> list[ImagePrediction | UnreadableImage]:
    """Predict the classes of images, as `netwright predict` does.

    Args:
        ref: A run folder, a file of weights, a published name, an exported .onnx, .xml, .pt2 or .tflite file or a
            folder with one, or a loaded model.
        images: One or several of: a file, a folder of images, an http address, an encoded image as bytes, uint8 pixels
            (H, W, 3), (H, W, 1) or (H, W), a PIL.Image.
        top_k: Classes of each image.
        batch_size: Images that are computed at once.
        device: auto, cpu, cuda, cuda:1, ...; weights only.
        precision: fp32, bf16 or fp16; by default fp32 for weights, and the file's own for an exported file.
        runtime: auto, torch, onnx, openvino or litert.
        fuse: Whether batch norm is folded into the convolutions; by default where that is faster.
        timeout: Seconds of an address.
        class_order: Of weights without class names: a file with a class name a line.
        threshold: Answers whose score is below it are marked as rejected; None rejects none.
        reject_by: The score: "probability" or "energy", see `Rejection`.
        **keys: Other keys of `netwright predict`: crop_pct, ema, threads, ...

    Returns:
        An answer per image, in their order; a folder gives its images by name.

    Raises:
        WeightsError: For weights that cannot be loaded.
        ExportError: For an exported file that cannot be opened, and for what does not apply to it.
        DataError: For a folder without images, a threshold that cannot be, and a class_order that is no file.
        RecipeError: For an unknown key, or a value that a key does not take.
    """
    refuse_folder_order(class_order, "predict")
    given = keys | {"device": device, "val_precision": precision}
    request = request_of(ref, given, fuse=fuse, runtime=runtime, class_order=class_order)
    inputs = list(_inputs(images, timeout))
    rejection = None if threshold is None else Rejection(threshold, reject_by)
    with _torch_settings(request):
        opened = open_model(request)
        for notice in opened.notices:
            _log.info(notice)
        with opened.runtime:
            return list(predict_images(opened.runtime, inputs, top_k=top_k, batch_size=batch_size, rejection=rejection))


def _torch_settings(request: ModelRequest) -> AbstractContextManager[None]:
    """The threads of torch; an exported file of another runtime does not need torch."""
    path = request.exported_file()
    if request.runtime in ("onnx", "openvino", "litert") or (path is not None and path.suffix != ".pt2"):
        return nullcontext()
    from netwright.training.process import process_settings

    return process_settings(threads=request.training.machine.threads)


def predict_images(
    runtime: Runtime,
    inputs: Iterable[Readable],
    *,
    top_k: int = 5,
    batch_size: int = 32,
    rejection: Rejection | None = None,
) -> Iterator[ImagePrediction | UnreadableImage]:
    """Predict inputs in their order; some are read ahead in threads.

    Raises:
        WeightsError: If the network's outputs are not finite.
    """
    info = runtime.info
    for batch in _batches(_read_all(inputs, runtime), batch_size):
        read = [pixels for _, pixels in batch if isinstance(pixels, np.ndarray)]
        top: Iterator[tuple[Candidate, ...]] = iter(())
        scores: Iterator[float | None] = repeat(None)
        if read:
            logits = runtime.logits(runtime.normalize(np.stack(read)))
            probabilities = softmax(logits)
            if not np.isfinite(probabilities).all():
                raise WeightsError(
                    "a network's outputs are finite numbers, and these are not. The weights are damaged, or overflow "
                    "in half precision: try --val_precision fp32, or export the network in fp32."
                )
            top = iter(Prediction(probabilities, info.output_names, info.descriptions).top(top_k))
            if rejection is not None:
                scores = iter(rejection.scores(logits, probabilities).tolist())
        for name, pixels in batch:
            if isinstance(pixels, UnreadableImage):
                yield pixels
                continue
            score = next(scores)
            is_rejected = score is not None and rejection is not None and score < rejection.threshold
            yield ImagePrediction(name, next(top), score, is_rejected)


@dataclass(frozen=True, slots=True, eq=False)
class _InMemory:
    """An image that is no file."""

    name: str
    image: Any

    def read(self) -> bytes | Pixels:
        """Its bytes or pixels."""
        return self.image if isinstance(self.image, bytes | np.ndarray) else _of_pillow(self.image)


def _inputs(images: GivenImage | Sequence[GivenImage], timeout: float) -> Iterator[Readable]:
    from PIL.Image import Image

    single = (str, Path, bytes, np.ndarray, Image)
    for place, image in enumerate([images] if isinstance(images, single) else images):
        if isinstance(image, str | Path):
            yield from find_inputs([str(image)], timeout=timeout)
        elif isinstance(image, single):
            yield _InMemory(f"image {place}", image)
        else:
            raise DataError(
                f"an image is a file, a folder, an http address, bytes, uint8 pixels or a PIL.Image, and image {place} "
                f"is a {type(image).__name__}. Convert it."
            )


def _of_pillow(picture: Picture) -> bytes | Pixels:
    """Pixels of the usual kinds; others as a file, which is decoded as any is."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("CMYK", "HSV", "LAB", "YCbCr"):
        upright = upright.convert("RGB")
    if upright.mode in ("L", "RGB") and not upright.has_transparency_data:
        return np.asarray(upright)
    buffer = io.BytesIO()
    if upright.mode[0] in "IF":  # a PNG has no 32 bits and no fractions
        upright.save(buffer, "TIFF")
    else:
        upright.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def _read_all(inputs: Iterable[Readable], runtime: Runtime) -> Iterator[_Read]:
    """(name, pixels), in order; some are read ahead, as files and addresses take their time."""
    workers = min(_MOST_THREADS, max(2, processors()))
    waiting: deque[tuple[str, Future[Pixels | UnreadableImage]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="read") as pool:
        try:
            for each in inputs:
                waiting.append((each.name, pool.submit(_read, each, runtime)))
                if len(waiting) >= 4 * workers:
                    name, future = waiting.popleft()
                    yield name, future.result()
            while waiting:
                name, future = waiting.popleft()
                yield name, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _read(each: Readable, runtime: Runtime) -> Pixels | UnreadableImage:
    try:
        return runtime.pixels(each.read())
    except DataError as error:
        return UnreadableImage(each.name, str(error))
    except OSError as error:
        return UnreadableImage(each.name, error.strerror or str(error))


def _batches(items: Iterable[_Read], size: int) -> Iterator[Sequence[_Read]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
