"""Labels that are likely wrong, by a trained network: confident learning (Northcutt et al. 2021, arXiv 1911.00068)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.curation.findings import Finding, Group
from netwright.data.classes import match_classes
from netwright.data.source import ImageSource, IntArray
from netwright.errors import DataError
from netwright.evaluation.opening import open_model, request_of
from netwright.loader import EvalLoader, Split
from netwright.loader.run_images import open_run_images
from netwright.runtime.prediction import softmax
from netwright.system.plural import count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["Suspect", "find_suspects", "label_findings"]

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image whose label is likely wrong.

    Attributes:
        position: Of the image.
        likely: The class that it seems to be.
        own: Probability of its label, 0 to 1; other: of the likely class.
    """

    position: int
    likely: int
    own: float
    other: float


def find_suspects(probabilities: npt.NDArray[np.floating], labels: IntArray) -> list[Suspect]:
    """Images counted off the diagonal of the confident joint (equation 1 of the paper), the surest first.

    A class is confident about an image where its probability is at least the mean that images with its label get.

    Args:
        probabilities: (N, classes), of a network that was not trained on these images.
        labels: (N,), each a class.
    """
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    threshold = np.full(classes, np.inf)
    for label in np.unique(labels):
        threshold[label] = own[labels == label].mean()
    confident = np.where(probabilities >= threshold, probabilities, -1.0)
    likely = confident.argmax(axis=1)
    other = confident[np.arange(len(labels)), likely]
    wrong = np.flatnonzero((other >= 0) & (likely != labels))
    wrong = wrong[np.argsort(own[wrong] - other[wrong], kind="stable")]
    return [Suspect(int(i), int(likely[i]), float(own[i]), float(other[i])) for i in wrong]


def label_findings(
    source: ImageSource,
    ref: str | Path,
    data_dir: str | Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """The likely wrong labels of a source, of which a network says so.

    Args:
        source: The images; the network knows all of their classes.
        ref: A run folder, weights, or an exported file.
        data_dir: Where the images are: tells which of them the network was trained on.
        progress: Called with (images done, all images).

    Raises:
        WeightsError, ExportError: It cannot be opened.
        DataError: It knows other classes.
    """
    with (opened := open_model(request_of(ref, {}))).runtime as runtime:
        info = runtime.info
        classes = match_classes(opened.class_names, info.arch.num_classes, source.class_names, allow_subset=True)
        split = Split(source, np.arange(len(source.labels), dtype=np.int64), "all")
        import torch

        loader = EvalLoader(
            split, info.preprocessing, batch_size=_BATCH, workers=0, device=torch.device("cpu"), channels_last=False
        )
        rows, positions = [], []
        with closing(loader):
            for x, _, position in loader:
                rows.append(softmax(runtime.logits(x)))
                positions.append(position)
                if progress is not None:
                    progress(sum(map(len, positions)), len(split))
    index = np.concatenate(positions)
    # of outputs that the images have no class for, nothing is known
    probabilities = np.concatenate(rows)[:, classes.outputs]
    trained = _trained_on(info.facts, data_dir, source)
    is_seen = np.isin(index, [] if trained is None else trained)
    found = [
        _finding(source, index[part], probabilities[part], has_seen, is_known=trained is not None)
        for part, has_seen in ((~is_seen, False), (is_seen, True))
        if part.any()
    ]
    return [each for each in found if each is not None]


def _finding(
    source: ImageSource, index: IntArray, probabilities: npt.NDArray[np.floating], has_seen: bool, *, is_known: bool
) -> Finding | None:
    suspects = find_suspects(probabilities, source.labels[index])
    if not suspects:
        return None
    names = source.class_names
    groups = []
    for each in suspects:
        number = int(index[each.position])
        detail = (
            f"labeled {names[source.labels[number]]} ({100 * each.own:.0f}%), looks like {names[each.likely]} "
            f"({100 * each.other:.0f}%)"
        )
        groups.append(Group((number,), (source.item_name(number),), detail))
    about = (
        "that the network was trained on: it has learned many wrong labels by heart, and finds fewer than there are"
        if has_seen
        else "that the network was not trained on"
        if is_known
        else "of which it is not known whether the network was trained on them: of those, it finds fewer"
    )
    text = (
        f"{count(len(groups), 'label')} of {len(index):,} images {about}. Confident learning lists them, the surest "
        "first; some are only hard. Look at them."
    )
    where = "seen" if has_seen else "new"
    return Finding(f"label_{where}", "warning", f"likely wrong labels ({where} images)", text, groups)


def _trained_on(facts: Mapping[str, Any], data_dir: str | Path, source: ImageSource) -> IntArray | None:
    """The images of the source that the network was trained on; None where that is not known."""
    try:
        images = open_run_images(facts, str(data_dir))
    except DataError:
        return None
    if images is None or images.is_same is False:
        return None
    names = {
        images.source.item_name(int(index)) for part in images.trained_on for index in images.parts[part].index.tolist()
    }
    return np.array([i for i in range(len(source.labels)) if source.item_name(i) in names], dtype=np.int64)
