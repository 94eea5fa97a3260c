"""Set up a training: network, images and optimizer on the device of this rank."""

from __future__ import annotations

import glob
import inspect
import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from netwright.arch import Arch, complexity
from netwright.data.data_path import require_images_of_run
from netwright.data.preprocess import Preprocessing
from netwright.data.summarize import summarize
from netwright.errors import RecipeError, WeightsError
from netwright.loader import EvalLoader, Split, TrainLoader, open_splits
from netwright.nn import AnyNet
from netwright.recipe import TrainConfig, learning_rate
from netwright.training.compiled import compile_module
from netwright.training.distributed import Group
from netwright.training.ema import EmaModel
from netwright.training.engine import Engine
from netwright.training.graphed import engine_class
from netwright.training.loaders import class_weights, train_loader, uneven_notice, validation_loader
from netwright.training.losses import Criterion, make_loss
from netwright.training.network import choose_network, freeze_parts, make_module, move
from netwright.training.optimizer import load_optimizer_state, make_optimizer
from netwright.training.precision import LossScaler, autocast, resolve_precision
from netwright.training.preparation import settle_preparation
from netwright.training.state import latest_state

__all__ = ["Setup", "set_up"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """Everything that a training needs.

    Attributes:
        training: With num_classes and lr as resolved.
        name: Of the network, for files.
        arch: The network.
        preprocessing: Of its input.
        train_split: The images to train on.
        validation_split: Those to validate on, also where that is off; None where there are none.
        train: Their batches.
        validation: Batches to validate on, if any.
        engine: The module with its optimizer.
        ema: The moving average of the weights, if any.
        scaler: Of losses in half precision, if needed.
        val_autocast: Makes the context of validation.
        notices: What was decided or adapted, for the user.
    """

    training: TrainConfig
    name: str
    arch: Arch
    preprocessing: Preprocessing
    train_split: Split
    validation_split: Split | None
    train: TrainLoader
    validation: EvalLoader | None
    engine: Engine
    ema: EmaModel | None
    scaler: LossScaler | None
    val_autocast: Callable[[], AbstractContextManager[object]]
    notices: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.train_split.class_names


def set_up(training: TrainConfig, group: Group, recipe_classes: int | None = None) -> Setup:
    """Open the images and build the network; nothing is trained or written yet. What images there are is logged first.

    Args:
        training: The training.
        group: The ranks.
        recipe_classes: Number of classes that the recipe was made for.

    Raises:
        RecipeError, DataError, WeightsError, ArchError: What a user can correct.
    """
    if not training.network.model and not training.network.checkpoint:
        raise RecipeError("a training needs a network. Give --model regnet_x_800mf, or the path of a network.yaml.")
    out = Path(training.checkpoints.out)
    if training.images.dataset in ("", "imagenet") and (out / "training.yaml").is_file():
        require_images_of_run(training.images.data_dir, out)
    train_split, val_split = open_splits(training)
    for line in _described(training, train_split, val_split) if group.is_primary else []:
        _LOG.info("%s", line)  # before an image is decoded: a wrong folder is seen at once
    training, of_images = settle_preparation(training, train_split, group)
    notices = [*uneven_notice(training, train_split), *_class_notices(recipe_classes, train_split)]
    notices += of_images
    network, recipe, seed = training.network, training.optimization, training.machine.seed
    _check(training, val_split)
    arch = choose_network(training, network.num_classes or len(train_split.class_names))
    training = training.with_(num_classes=arch.num_classes, **_scaled_lr(training, group, notices))
    module = make_module(arch, network, seed, notices, train_split.class_names)
    precision, val_precision = _precisions(training, group, notices)
    notices += freeze_parts(module, network)
    move(module, network, group)
    torch.manual_seed(seed + group.rank)  # for dropout and stochastic depth
    train = train_loader(train_split, training, group, arch, module, notices)
    ema = EmaModel(module, recipe.ema_decay) if recipe.ema else None
    scaler = LossScaler.if_needed(training.precision, precision)
    criterion = make_loss(training.loss, training.augmentation.aug_splits, class_weights(training, train_split, group))
    engine = _make_engine(module, train, criterion, ema, scaler, training, group, precision)
    if network.resume_optimizer:
        _resume_optimizer(engine, Path(network.checkpoint))
    preprocessing = Preprocessing.from_training(training)
    return Setup(
        training=training,
        name=_file_name(arch.name or "network", Path(training.checkpoints.out)),
        arch=arch,
        preprocessing=preprocessing,
        train_split=train_split,
        validation_split=val_split,
        train=train,
        validation=validation_loader(training, val_split, preprocessing, group),
        engine=engine,
        ema=ema,
        scaler=scaler,
        val_autocast=partial(autocast, val_precision, group.device),
        notices=(*notices, *_summary(arch, training, group, precision)),
    )


def _file_name(name: str, out: Path) -> str:
    """The network's name as files have it: without spaces, unless those of a training that goes on have some."""
    if any(out.glob(f"{glob.escape(name)}[-_]*.safetensors")):
        return name
    return re.sub(r"[^\w.+-]+", "_", name)


def _precisions(training: TrainConfig, group: Group, notices: list[str]) -> tuple[str, str]:
    """The resolved precisions of training and validation."""
    precision, notice = resolve_precision(training.precision.precision, group.device)
    val_precision, val_notice = resolve_precision(training.precision.val_precision, group.device)
    if training.precision.tf32 is not None and group.device.type != "cuda":
        notices.append(f"tf32 is for NVIDIA GPUs: on {group.device.type} it changes nothing")
    notices += dict.fromkeys(text for text in (notice, val_notice) if text)
    return precision, val_precision


def _make_engine(
    module: AnyNet,
    train: TrainLoader,
    criterion: Criterion,
    ema: EmaModel | None,
    scaler: LossScaler | None,
    training: TrainConfig,
    group: Group,
    precision: str,
) -> Engine:
    recipe, schedule = training.optimization, training.schedule
    return engine_class(group.device)(
        module,
        make_optimizer(module, recipe, schedule.lr),
        lr_schedule=lambda step: learning_rate(schedule, step, train.steps, recipe.epochs),
        criterion=criterion,
        autocast=partial(autocast, precision, group.device),
        wrapped=_wrap(module, training, group),
        scaler=scaler,
        ema=ema,
        clip_norm=recipe.clip_norm or None,
        accumulate=recipe.accumulate,
        skip_nan=training.loss.on_nan == "skip",
    )


def _check(training: TrainConfig, val_split: Split | None) -> None:
    checkpoints = training.checkpoints
    if checkpoints.checkpoint_policy == "top_k" and not checkpoints.validate:
        raise RecipeError(
            "checkpoint_policy top_k keeps the best by validation, and validate is False. Set it to True."
        )
    if checkpoints.early_stopping is not None and not checkpoints.validate:
        raise RecipeError("early_stopping waits for a better validation, and validate is False. Set it to True.")
    if training.network.resume_optimizer and not training.network.checkpoint:
        raise RecipeError("resume_optimizer takes the optimizer's state from checkpoint, and none is given. Give one.")
    assert val_split is not None or not checkpoints.validate, "open_splits returns what validate needs"


def _described(training: TrainConfig, train: Split, validation: Split | None) -> list[str]:
    """What was found in the folder of the images, and what is likely to be a mistake in it."""
    parts = {"train": train.index} | ({} if validation is None else {"validation": validation.index})
    images = training.images
    is_cut = bool(images.val_fraction) or images.num_samples is not None
    of = {"train": train.name, "validation": "" if validation is None else validation.name}
    provenance = "; ".join(f"{name}: {text}" for name, text in of.items() if text) if is_cut else ""
    return summarize(train.source, parts, provenance, to_train=True).all_lines()


def _class_notices(recipe_classes: int | None, train: Split) -> list[str]:
    classes = len(train.class_names)
    if recipe_classes is None or recipe_classes == classes:
        return []
    return [f"the recipe is for {recipe_classes:,} classes, and {train.source.name} has {classes:,}, which are learned"]


def _global_batch(training: TrainConfig, group: Group) -> int:
    return training.images.batch_size * group.world * training.optimization.accumulate


def _scaled_lr(training: TrainConfig, group: Group, notices: list[str]) -> dict[str, float | None]:
    """Scale the learning rate linearly with the batch (arXiv 1706.02677), if lr_batch is set."""
    schedule, batch = training.schedule, _global_batch(training, group)
    if schedule.lr_batch is None or schedule.lr_batch == batch:
        return {}
    lr = schedule.lr * batch / schedule.lr_batch
    notices.append(f"lr {lr:g}: {schedule.lr:g} for a batch of {schedule.lr_batch}, scaled to {batch}")
    return {"lr": lr, "lr_batch": None}


def _resume_optimizer(engine: Engine, checkpoint: Path) -> None:
    """Load the optimizer's state from the run folder of the weights."""
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    state = latest_state(folder / "state")
    if state is None:
        raise WeightsError(
            f"resume_optimizer takes the optimizer's state from the folder of a training, and {folder} has none. Give "
            "such a folder, or weights in one, as checkpoint; or set resume_optimizer to False."
        )
    prefix = "optimizer/"
    tensors = {name.removeprefix(prefix): value for name, value in state.tensors.items() if name.startswith(prefix)}
    load_optimizer_state(engine.optimizer, tensors, state.metadata["optimizer"])


def _wrap(module: nn.Module, training: TrainConfig, group: Group) -> Callable[[Tensor], Tensor] | None:
    wrapped: nn.Module = module
    if group.world > 1:
        where = None if group.device.type == "cpu" else [group.device.index]
        # each rank has its own statistics of batch norm, as in MindCV; they are averaged at the end of an epoch
        known = inspect.signature(DistributedDataParallel.__init__).parameters
        buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # older torch
        options: dict[str, Any] = {"device_ids": where, buffers: False, "gradient_as_bucket_view": True}
        wrapped = DistributedDataParallel(module, **options)
    if training.network.compile:
        return compile_module(wrapped, group.device)
    return None if wrapped is module else wrapped


def _summary(arch: Arch, training: TrainConfig, group: Group, precision: str) -> list[str]:
    cost = complexity(arch)
    batch = [str(training.images.batch_size)]
    batch += [f"{group.world} processes"] if group.world > 1 else []
    accumulate = training.optimization.accumulate
    batch += [f"{accumulate} accumulated"] if accumulate > 1 else []
    ranks = f"{group.world} processes on {group.device.type}" if group.world > 1 else str(group.device)
    compiling = ["compile: the first batch takes a minute or more"] if training.network.compile else []
    return [
        f"{arch.name or 'network'}: {int(cost.flops[0]):,} flops, {int(cost.params[0]):,} parameters at "
        f"{arch.resolution} pixels",
        f"{ranks}, {precision}, batch {' x '.join(batch)}, seed {training.machine.seed}",
        *compiling,
    ]
