"""The batches of a training, to train and to validate on, and how much an image of each class counts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from netwright.arch import Arch
from netwright.arch.last_map import refuse_single_image
from netwright.data.class_weights import read_class_weights
from netwright.data.preprocess import Preprocessing
from netwright.loader import EvalLoader, Split, TrainLoader
from netwright.nn import AnyNet
from netwright.recipe import TrainConfig
from netwright.stats.guessing import is_uneven
from netwright.training.bad_images import refuse_unreadable_class
from netwright.training.distributed import Group
from netwright.training.losses import balanced_weights
from netwright.training.single_value import sees_one_value

__all__ = ["class_weights", "train_loader", "uneven_notice", "validation_loader"]


def class_weights(training: TrainConfig, split: Split, group: Group) -> Tensor | None:
    """(classes,) float32 on the group's device; None where all images count equally."""
    if training.loss.class_weights is None:
        return None
    if training.loss.class_weights == "balanced":
        return balanced_weights(split.labels, len(split.class_names)).to(group.device)
    return torch.from_numpy(read_class_weights(training.loss.class_weights, split.class_names)).to(group.device)


def uneven_notice(training: TrainConfig, split: Split) -> list[str]:
    """What there is for classes of uneven size, where nothing was given for them."""
    counts = np.bincount(split.labels, minlength=len(split.class_names))
    if training.loss.class_weights is not None or training.images.is_balanced or not is_uneven(counts):
        return []
    few, many = int(counts.argmin()), int(counts.argmax())
    return [
        f"the classes are uneven: {counts[few]:,} images of {split.class_names[few]!r}, {counts[many]:,} of "
        f"{split.class_names[many]!r}. --class_weights balanced lets an image count more the rarer its class is; "
        "--sampler balanced shows images of rare classes more often"
    ]


def train_loader(
    split: Split, training: TrainConfig, group: Group, arch: Arch, module: AnyNet, notices: list[str]
) -> TrainLoader:
    """The training batches, none of which has one image where batch norm cannot take that.

    Args:
        split: The images.
        training: Batch size, augmentation and seed.
        group: The ranks.
        arch: Of the network.
        module: The network, with its frozen parts.
        notices: What the user should know is added to them.

    Raises:
        DataError: No image of a class can be read.
        RecipeError: All batches would have one image.
    """
    refuse_unreadable_class(split, Preprocessing.from_training(training).channels)
    shares = training.network.sync_bn and group.world > 1
    is_careful = sees_one_value(module, arch) and not shares and not training.augmentation.aug_splits
    train = TrainLoader(
        split, training, device=group.device, rank=group.rank, world=group.world, joins_single=is_careful
    )
    if is_careful and train.smallest == 1:
        train.close()
        refuse_single_image(arch, len(split) // group.world, training.images.batch_size)
    if train.has_joined:
        notices.append(
            f"the last batch of an epoch would have one image, too few for batch norm with maps of 1x1: it joins the "
            f"batch before, which has {training.images.batch_size + 1}"
        )
    return train


def validation_loader(
    training: TrainConfig, split: Split | None, preprocessing: Preprocessing, group: Group
) -> EvalLoader | None:
    """The batches to validate on; None where a training does not validate."""
    if split is None or not training.checkpoints.validate:
        return None
    return EvalLoader(
        split,
        preprocessing,
        batch_size=training.images.batch_size,
        workers=training.images.workers,
        device=group.device,
        channels_last=training.network.channels_last,
        rank=group.rank,
        world=group.world,
    )
