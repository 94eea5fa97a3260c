"""Show batches as a network sees them, augmentation and all: `netwright data show`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from netwright.curation.check_page import PictureGroup, PictureGroups
from netwright.data.decode import decode
from netwright.data.preprocess import Preprocessing, channel_values
from netwright.data.source import ImageSource, Pixels
from netwright.data.sources import open_source
from netwright.errors import DataError
from netwright.loader import EvalLoader, Split, TrainLoader
from netwright.loader.augment import Augment
from netwright.loader.seeds import preserve_rng_state, seed_global_rngs
from netwright.recipe import TrainConfig, training_to_yaml
from netwright.report.parts import Details, Facts, Lead, Part, Preformatted, Section, Table
from netwright.report.picture import Picture, picture_of
from netwright.report.template import render_page
from netwright.system.atomic import write_text
from netwright.version import __version__

__all__ = ["ShownBatch", "show_data", "shown_batch"]

_VERSIONS = 5  # of an image beside it
_ORIGINALS = 12
_SIDE = 160
_LEAST_SHARE = 0.01  # of a class in a mixed target that is told


@dataclass(frozen=True, slots=True, eq=False)
class ShownBatch:
    """A batch as a network gets it.

    Attributes:
        pixels: (N, H, W, C) uint8, the normalization undone.
        labels: Of each: its class, or the shares of a mixed one.
        mean: Of the normalized values, per channel; std likewise. About 0 and 1 where mean and std suit the images.
        low: The smallest normalized value; high: the largest.
    """

    pixels: Pixels
    labels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    low: float
    high: float


def show_data(
    data_dir: str | Path, out: str | Path, training: TrainConfig | None = None, *, images: int = 32, command: str = ""
) -> Path:
    """Write a page with the batches of a training, as `netwright data show` does.

    Args:
        data_dir: The images, as --data_dir of a training.
        out: The page, an .html file.
        training: Its augmentation, preprocessing and seed; by default that of `netwright train --model`.
        images: Of a batch.
        command: What the user typed.

    Returns:
        The path of the page.

    Raises:
        DataError: The images cannot be opened, or `out` is no .html file.
        RecipeError: An augmentation is impossible.
        OutputError: The page cannot be written.
    """
    path = Path(out)
    if path.suffix.lower() != ".html":
        raise DataError(f"the page is an .html file, and {path} is none. Give one, such as --page batches.html.")
    source = open_source(data_dir)
    training = (training or TrainConfig()).with_(data_dir=str(data_dir), batch_size=images, workers=0)
    train, validation = (_split(source, names) for names in (("train", "all"), ("validation", "test", "all")))
    preprocessing = Preprocessing.from_training(training)
    sections = [
        _versions(train, training, preprocessing),
        _section(
            "train", "A training batch", shown_batch(train, training, is_training=True), "in the order of epoch 1"
        ),
        _section(
            "validation",
            "Images of validation",
            shown_batch(validation, training, is_training=False),
            "prepared as for validation and prediction, without any chance",
        ),
    ]
    facts = {"command": {"": command}} if command else {}
    facts["images"] = {"of": source.name, "classes": f"{len(source.class_names):,}", "netwright": __version__}
    recipe = Details("All keys of the training", Preformatted(training_to_yaml(training)))
    sections.append(Section("facts", "How this was made", (Facts(facts), recipe)))
    page = render_page(
        f"What a network sees of {source.name}",
        f"{len(source.labels):,} images · {training.augmentation.image_size} pixels",
        sections,
        {},
        "",
        template="check.html",
        package="netwright.curation",
    )
    write_text(path, page, what="the page", elsewhere="another --page")
    return path


def shown_batch(split: Split, training: TrainConfig, *, is_training: bool) -> ShownBatch:
    """The first batch of a training, or of its validation.

    Args:
        split: The images.
        training: Batch size, augmentation, preprocessing and seed.
        is_training: Augmented and mixed.
    """
    preprocessing, device = Preprocessing.from_training(training), torch.device("cpu")
    names = split.class_names
    if is_training:
        train = TrainLoader(split, training.with_(drop_last=False), device=device)
        with closing(train):
            x, target = next(iter(train.epoch(1)))
    else:
        size = training.images.batch_size
        step = max(1, len(split) // size)  # from all over the split
        some = Split(split.source, split.index[::step][:size], split.name)
        loader = EvalLoader(some, preprocessing, batch_size=size, workers=0, device=device)
        with closing(loader):
            x, target, _ = next(iter(loader))
    values = x.permute(0, 2, 3, 1)
    mean, std = (channel_values(each, device) for each in (preprocessing.mean, preprocessing.std))
    pixels = (values * std + mean).round().clamp(0, 255).to(torch.uint8).numpy()
    flat = values.reshape(-1, values.shape[3])
    return ShownBatch(
        pixels,
        tuple(_label(each, names) for each in target),
        tuple(flat.mean(0).tolist()),
        tuple(flat.std(0).tolist()),
        float(flat.min()),
        float(flat.max()),
    )


def _label(target: torch.Tensor, names: Sequence[str]) -> str:
    if target.ndim == 0:
        return names[int(target)]
    shares = [(float(share), name) for share, name in zip(target, names, strict=False) if share > _LEAST_SHARE]
    return " + ".join(f"{100 * share:.0f}% {name}" for share, name in sorted(shares, reverse=True))


def _split(source: ImageSource, names: Sequence[str]) -> Split:
    name = next((each for each in names if each in source.splits), next(iter(source.splits)))
    return Split(source, source.splits[name], name)


def _versions(split: Split, training: TrainConfig, preprocessing: Preprocessing) -> Section:
    """Some images beside what augmentation makes of them."""
    augment = Augment(training.augmentation, preprocessing)
    groups = []
    with preserve_rng_state():
        for position in np.unique(np.linspace(0, len(split) - 1, min(_ORIGINALS, len(split))).astype(int)).tolist():
            try:
                item = split.read(position)
                original = picture_of(decode(item.data, _SIDE, 3, resize="letterbox"), "the image")
                pictures = [original]
                for number in range(_VERSIONS):
                    seed_global_rngs(1000 * training.machine.seed + number)
                    pictures.append(picture_of(augment.of_file(item.data)[-1], f"version {number + 1}"))
            except (DataError, OSError) as error:
                groups.append(PictureGroup([Picture("", "", is_small=False)], (item.name,), str(error)))
                continue
            groups.append(PictureGroup(pictures, (item.name,), split.class_names[item.label]))
    text = (
        f"Each image of the {split.name} split, and {_VERSIONS} versions that augmentation makes of it. Is the thing "
        "that the class is about still in each of them, and are its colors and its orientation still possible?"
    )
    return Section("versions", "What augmentation does", (Lead([text]), PictureGroups(groups)))


def _section(name: str, title: str, batch: ShownBatch, how: str) -> Section:
    groups = [
        PictureGroup([picture_of(pixels, label)], (), label)
        for pixels, label in zip(batch.pixels, batch.labels, strict=False)
    ]
    rows = [
        (str(channel), f"{mean:.2f}", f"{std:.2f}")
        for channel, (mean, std) in enumerate(zip(batch.mean, batch.std, strict=True))
    ]
    text = f"{len(batch.pixels)} images {how}; normalized values from {batch.low:.2f} to {batch.high:.2f}."
    table: Part = Table(("channel", "mean", "std"), rows, "Normalized values; about 0 and 1 is usual", "numbers")
    return Section(name, title, (Lead([text]), PictureGroups(groups), table))
