"""A training for photos of which nothing else is known: the network, its weights, the split, the size, the epochs."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from typing import Any

import torch

from netwright.data.dataset import open_dataset
from netwright.data.shape import choose_shape
from netwright.data.source import listed
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.options import duration_in_words
from netwright.recipe import TrainConfig
from netwright.system.machine import default_threads
from netwright.system.plural import count
from netwright.training.device import resolve_device
from netwright.training.process import process_settings
from netwright.weights import resolve_arch
from netwright.weights.refs import resolve_ref

__all__ = ["CHOSEN", "first_training"]

# what is chosen here
CHOSEN = (
    *("model", "checkpoint", "stem", "in_channels", "image_size", "validate", "val_fraction", "scale", "hflip"),
    *("label_smoothing", "optimizer", "weight_decay", "batch_size", "warmup_epochs", "decay_epochs", "lr", "epochs"),
)

_TUNED, _FRESH = "regnet_y_400mf", "regnet_x_200mf"
_WEIGHTS = "torchvision/regnet_y_400mf/IMAGENET1K_V2"
_SMALL = 64  # pixels a side up to which a stem of stride 2 loses too much
# pixels a side: on processors twice the side is four times the time
_SIDES = {"cpu": 128, "other": 224}
# what either needs, as far as the time allows: epochs at least and at most, and minutes
_EPOCHS = {"tuned": (5, 20, 15), "fresh": (15, 60, 30)}
_TIMED = 16  # images of a timed step
# decoupled weight decay, as fine-tuning has it everywhere; a fresh network takes a higher learning rate
_RECIPE = {"optimizer": "adamw", "weight_decay": 0.05, "batch_size": 32, "warmup_epochs": 1.0, "decay_epochs": None}


def first_training(
    training: TrainConfig, given: Set[str], notify: Callable[[str], None] = lambda text: None
) -> tuple[dict[str, Any], list[str]]:
    """What suits the images and this machine.

    Args:
        training: With what was given.
        given: The keys of it that were; a given checkpoint is fine-tuned.
        notify: Called with which images these are, before they are looked at and a network is timed.

    Returns:
        (key -> value, sentences about the choice).

    Raises:
        DataError: There are no images.
        WeightsError: `pretrained` demands published weights, and they cannot be had.
    """
    images = training.images
    opened = open_dataset(
        images.dataset, images.data_dir, (images.train_split, images.val_split), optional=(images.val_split,)
    )
    source, split = opened.source, opened.split_names[images.train_split]
    many = f"{count(len(source.labels), 'image')} of {count(len(source.class_names), 'class', 'classes')}"
    notify(f"{source.name}: {many} ({listed(source.class_names)}); a network is chosen for them, and timed here")
    chosen: dict[str, Any] = {"validate": True, "scale": (0.35, 1.0), "label_smoothing": 0.1}
    if images.val_split not in opened.split_names:
        chosen["val_fraction"] = 0.2
    shape = choose_shape(source, source.splits[split], None)
    if not shape.flip_suits:
        chosen["hflip"] = 0.0  # letters and digits are others in a mirror
    notices = []
    is_tuned = bool(training.network.checkpoint)
    if not is_tuned:
        reason = _why_fresh(training, given)
        is_tuned = not reason
        chosen |= {"model": _TUNED if is_tuned else _FRESH, "in_channels": shape.channels}
        chosen |= {"checkpoint": _WEIGHTS} if is_tuned else {}
        if reason:
            notices.append(f"the training starts from scratch, without the published weights of {_TUNED}: {reason}")
    device = resolve_device(training.machine.device)
    if not training.network.checkpoint:
        limit = _SIDES["cpu" if device.type == "cpu" else "other"]
        chosen["image_size"] = max(_SMALL if is_tuned else 1, min(limit, shape.resolution))
        if shape.resolution <= _SMALL and not is_tuned:
            chosen["stem"] = "cifar"
    if "optimizer" not in given:
        chosen |= _RECIPE | {"lr": 5e-4 if is_tuned else 2e-3}
    wanted = training.with_(**{key: value for key, value in chosen.items() if key not in given})
    trained_on = len(source.splits[split]) * (1 - wanted.images.val_fraction)
    seconds = min(trained_on, images.num_samples or trained_on) / _images_per_second(wanted, device)
    low, high, minutes = _EPOCHS["tuned" if is_tuned else "fresh"]
    chosen["epochs"] = int(min(high, max(low, 60 * minutes // max(seconds, 1e-3))))
    epochs = training.optimization.epochs if "epochs" in given else chosen["epochs"]
    notices.append(
        f"about {duration_in_words(seconds)} an epoch on this machine as it is now, "
        f"{duration_in_words(seconds * epochs)} in all; --epochs and --image_size change that"
    )
    return chosen, notices


def _why_fresh(training: TrainConfig, given: Set[str]) -> str:
    """Why published weights are not taken, with the file that would do; empty where they are."""
    is_demanded = training.network.pretrained
    if "stem" in given and not is_demanded:
        return "their network has another stem than the one that is given"
    try:
        resolve_ref(_WEIGHTS)
    except WeightsError as error:
        if is_demanded:
            raise WeightsError(
                f"--pretrained starts from published weights, without --model from those of {_TUNED}, and these cannot "
                f"be had: {error} Without --pretrained the training starts from scratch."
            ) from error
        return str(error)
    return ""


def _images_per_second(training: TrainConfig, device: torch.device) -> float:
    """Of training steps on random images."""
    from netwright.weights import load_model

    network, size = training.network, training.augmentation.image_size
    given = {"num_classes": 10, "in_channels": network.in_channels, "stem": network.stem, "resolution": size}
    arch = resolve_arch(network.model, **given) if network.model else load_model(network.checkpoint).arch  # type: ignore[arg-type]
    module = build(arch, seed=0).to(device).train()
    x = torch.randn(_TIMED, arch.in_channels, size, size, device=device).to(memory_format=torch.channels_last)
    module.to(memory_format=torch.channels_last)
    with process_settings(threads=training.machine.threads or default_threads(), flush_denormal=device.type == "cpu"):
        for _ in range(2):  # the first one warms up
            started = time.perf_counter()
            module(x).float().square().mean().backward()
            if device.type != "cpu":
                torch.accelerator.synchronize(device)
            seconds = time.perf_counter() - started
    return _TIMED / seconds
