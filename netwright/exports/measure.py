"""An exported file beside its network: logits, top-1 and speed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from netwright.exports.check import Agreement, compare, refuse_other
from netwright.exports.exported import Accuracy, Speed
from netwright.exports.labeled import Labeled
from netwright.runtime.open import open_runtime
from netwright.runtime.runtime import FloatArray, Runtime
from netwright.runtime.speed import images_per_second
from netwright.stats.paired import paired
from netwright.system.machine import Others

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.weights import LoadedModel

__all__ = ["accuracy_of", "agreement_of", "refuse_other_graph", "source_logits", "speed_of"]

_BATCH = 16
_SPEED_BATCHES = (1, 32)


def source_logits(model: LoadedModel, pixels: Pixels) -> FloatArray:
    """(N, classes) float32 of the network itself. pixels: (N, H, W, C) uint8."""
    with torch.inference_mode():
        logits: FloatArray = model.module.eval()(model.preprocessing.normalize(pixels)).numpy()
    return logits


def agreement_of(model: LoadedModel, runtime: Runtime, pixels: Pixels) -> Agreement:
    """Of the file as it was opened, in batches of several sizes."""
    source, found = [], []
    parts = [pixels[:1], pixels[1:4], *(pixels[start : start + _BATCH] for start in range(4, len(pixels), _BATCH))]
    for part in parts:
        if len(part):
            source.append(source_logits(model, part))
            found.append(runtime.logits(runtime.normalize(part)))
    return compare(np.concatenate(source), np.concatenate(found), runtime.info.precision)


def refuse_other_graph(model: LoadedModel, path: Path, precision: str, batch: int | None, pixels: Pixels) -> None:
    """Raise ExportError if the graph in a .pt2 file computes something else.

    `open_runtime` only uses the weights in it, and other programs run the graph.
    """
    call = torch.export.load(path).module()
    chosen = np.resize(pixels, (batch or min(4, len(pixels)), *pixels.shape[1:]))
    with torch.inference_mode():
        found = call(model.preprocessing.normalize(chosen).contiguous()).numpy()
    refuse_other(compare(source_logits(model, chosen), found, precision), precision, path.name)


def accuracy_of(
    model: LoadedModel, runtime: Runtime, evaluation: Labeled, progress: Callable[[str], None]
) -> Accuracy | None:
    """Top-1 of both; None, with the reason on `progress`, if it is not known which output each label is."""
    if evaluation.unmeasured:
        progress(f"top-1 is not compared, as {evaluation.unmeasured}")
    if not len(evaluation.outputs) or not len(evaluation.indices):
        return None
    progress(f"measuring top-1 on {evaluation.description}")
    before, after = [], []
    for pixels, outputs in evaluation.batches(model.preprocessing, 32):
        before.append(source_logits(model, pixels).argmax(1) == outputs)
        after.append(runtime.logits(runtime.normalize(pixels)).argmax(1) == outputs)
    return Accuracy(paired(np.concatenate(before), np.concatenate(after)), evaluation.description) if before else None


def speed_of(model: LoadedModel, runtime: Runtime, progress: Callable[[str], None]) -> tuple[Speed, ...]:
    """At batches of 1 and 32, or at the one that the file takes."""
    progress("measuring speed")
    batches = sorted({runtime.info.batch or each for each in _SPEED_BATCHES})
    with open_runtime(model, runtime="torch") as source:
        return tuple(_speed_at(each, {"source": source, "exported": runtime}) for each in batches)


def _speed_at(batch: int, both: dict[str, Runtime]) -> Speed:
    others = Others()
    rates = images_per_second(both, [batch], seconds=0.3, repeats=5)
    return Speed(batch, rates["source"][batch], rates["exported"][batch], others.processors())
