"""What a network sees in images: the likeliest classes of each, with the very preprocessing of `validate`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from netwright.data.classes import Candidate, descriptions, output_names
from netwright.data.source import Pixels
from netwright.errors import DataError, WeightsError
from netwright.nn import AnyNet, fuse
from netwright.system.machine import processors

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing
    from netwright.weights import LoadedModel

__all__ = ["Candidate", "Prediction", "Readable", "Unreadable", "predict"]

_MOST_THREADS = 8


class Readable(Protocol):
    """An image by name."""

    @property
    def name(self) -> str: ...

    def read(self) -> bytes:
        """Its bytes; DataError or OSError where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Prediction:
    """candidates: the likeliest classes of an image, the likeliest first."""

    name: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image that could not be read, and why."""

    name: str
    reason: str


# name, and pixels or why there are none
_Read = tuple[str, Pixels | Unreadable]


@torch.inference_mode()
def predict(
    model: LoadedModel,
    inputs: Iterable[Readable],
    *,
    top_k: int = 5,
    device: torch.device,
    batch_size: int = 32,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    fold: bool = False,
) -> Iterator[Prediction | Unreadable]:
    """One answer an input, in their order. fold: batch norm into the convolutions of a copy, where `is_foldable`.

    Raises WeightsError where the network's outputs are not finite.
    """
    module = model.module.to(device).eval()
    module.to(memory_format=torch.channels_last)
    if fold:
        assert isinstance(module, AnyNet), "is_foldable says which"
        module = fuse(module)
    names = output_names(model.class_names, model.arch.num_classes)
    said = descriptions(names)
    top_k = min(top_k, len(names))
    for batch in _batches(_read_all(inputs, model.preprocessing), batch_size):
        read = [pixels for _, pixels in batch if isinstance(pixels, np.ndarray)]
        rows: Iterator[tuple[list[float], list[int]]] = iter(())
        if read:
            x = model.preprocessing.normalize(np.stack(read)).to(device, memory_format=torch.channels_last)
            with autocast():
                logits = module(x)
            probability = logits.cpu().double().log_softmax(1).exp()  # as `judge` has it, to the last bit
            if not bool(torch.isfinite(probability).all()):
                raise WeightsError(
                    "a network's outputs are finite numbers, and these are not. The weights are damaged, or overflow "
                    "in half precision: try --val_precision fp32."
                )
            top = probability.topk(top_k, dim=1)
            rows = iter(zip(top.values.tolist(), top.indices.tolist(), strict=True))
        for name, pixels in batch:
            if isinstance(pixels, Unreadable):
                yield pixels
                continue
            values, indices = next(rows)
            yield Prediction(
                name,
                tuple(Candidate(i, names[i], value, said[i]) for value, i in zip(values, indices, strict=True)),
            )


def _read_all(inputs: Iterable[Readable], preprocessing: Preprocessing) -> Iterator[_Read]:
    """(name, pixels), in order, with some in the making: files and addresses take their time."""
    workers = min(_MOST_THREADS, max(2, processors()))
    waiting: deque[tuple[str, Future[Pixels | Unreadable]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="read") as pool:
        try:
            for each in inputs:
                waiting.append((each.name, pool.submit(_read, each, preprocessing)))
                if len(waiting) >= 4 * workers:
                    name, future = waiting.popleft()
                    yield name, future.result()
            while waiting:
                name, future = waiting.popleft()
                yield name, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _read(each: Readable, preprocessing: Preprocessing) -> Pixels | Unreadable:
    try:
        return preprocessing.pixels(each.read())
    except DataError as error:
        return Unreadable(each.name, str(error))
    except OSError as error:
        return Unreadable(each.name, error.strerror or str(error))


def _batches(items: Iterable[_Read], size: int) -> Iterator[Sequence[_Read]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
