"""From a Training to what trains: network, images, optimizer, on this rank's device."""

from __future__ import annotations

import inspect
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
from netwright.data.preprocess import Preprocessing
from netwright.errors import RecipeError, WeightsError
from netwright.loader import EvalLoader, Split, TrainLoader, open_splits
from netwright.nn import AnyNet, build, freeze, linear_probe
from netwright.recipe import TrainConfig, learning_rate
from netwright.recipe.training import Network
from netwright.system.machine import keep_memory, processors
from netwright.training.distributed import Group
from netwright.training.ema import Ema
from netwright.training.engine import Engine
from netwright.training.losses import make_loss
from netwright.training.optimizer import load_optimizer_state, make_optimizer
from netwright.training.precision import LossScaler, autocast, resolve_precision
from netwright.training.state import latest_state
from netwright.weights import load_weights, pretrained_file, resolve_arch

__all__ = ["Setup", "set_up"]


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """All that a training needs. training: with num_classes and lr as they come out. name: of the network, for files.

    notices: in words, what was decided or adapted.
    """

    training: TrainConfig
    name: str
    arch: Arch
    preprocessing: Preprocessing
    train_split: Split
    train: TrainLoader
    validation: EvalLoader | None
    engine: Engine
    average: Ema | None
    scaler: LossScaler | None
    val_autocast: Callable[[], AbstractContextManager[object]]
    global_batch: int
    notices: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.train_split.class_names


def set_up(training: TrainConfig, group: Group, recipe_classes: int | None = None) -> Setup:
    """Open the images and build the network; nothing is trained or written yet. Raises what a mistake raises."""
    _use_threads(training, group)
    if group.device.type == "cpu":
        keep_memory()
        torch.set_flush_denormal(True)  # as sweeps do: numbers near zero are slow
    if not training.network.model:
        raise RecipeError("a training needs a network. Give --model regnet_x_800mf, or the path of a network.yaml.")
    train_split, val_split = open_splits(training)
    notices = _other_classes(recipe_classes, train_split)
    network, recipe, machine = training.network, training.optimization, training.machine
    _refuse(training, val_split)
    arch = resolve_arch(
        network.model,
        num_classes=network.num_classes or len(train_split.class_names),
        in_channels=network.in_channels,
        stem=network.stem,
        resolution=training.augmentation.image_size,
    )
    training = training.with_(num_classes=arch.num_classes, **_scaled_lr(training, group, notices))
    preprocessing = Preprocessing.from_training(training)
    module = build(
        arch, seed=machine.seed, drop_rate=network.drop_rate or 0.0, drop_path_rate=network.drop_path_rate or 0.0
    )
    source = pretrained_file(network.model) if network.pretrained and not network.checkpoint else network.checkpoint
    if source:
        notices += load_weights(module, source, adapt=True)
    precision, notice = resolve_precision(training.precision.precision, group.device)
    val_precision, val_notice = resolve_precision(training.precision.val_precision, group.device)
    notices += dict.fromkeys(text for text in (notice, val_notice) if text)
    notices += _frozen(module, network)
    module.to(group.device)
    if network.channels_last:
        module.to(memory_format=torch.channels_last)
    if network.sync_bn and group.world > 1:
        _synchronize(module, group)
    torch.manual_seed(machine.seed + group.rank)  # of dropout and stochastic depth
    train = TrainLoader(train_split, training, device=group.device, rank=group.rank, world=group.world)
    average = Ema(module, recipe.ema_decay) if recipe.ema else None
    scaler = LossScaler(training.precision, precision)
    engine = Engine(
        module,
        make_optimizer(module, recipe, training.schedule.lr),
        lr_at=lambda position: learning_rate(training.schedule, position, train.steps, recipe.epochs),
        criterion=make_loss(training.loss, training.augmentation.aug_splits),
        autocast=partial(autocast, precision, group.device),
        wrapped=_wrapped(module, training, group),
        scaler=scaler if scaler.is_needed else None,
        average=average,
        clip_norm=recipe.clip_norm,
        accumulate=recipe.accumulate,
        skip_nan=training.loss.on_nan == "skip",
    )
    if network.resume_optimizer:
        _resume_optimizer(engine, Path(network.checkpoint))
    validation = None
    if val_split is not None and training.checkpoints.validate:
        validation = EvalLoader(
            val_split,
            preprocessing,
            batch_size=training.images.batch_size,
            workers=training.images.workers,
            device=group.device,
            channels_last=network.channels_last,
            rank=group.rank,
            world=group.world,
        )
    return Setup(
        training=training,
        name=arch.name or "network",
        arch=arch,
        preprocessing=preprocessing,
        train_split=train_split,
        train=train,
        validation=validation,
        engine=engine,
        average=average,
        scaler=scaler if scaler.is_needed else None,
        val_autocast=partial(autocast, val_precision, group.device),
        global_batch=_global_batch(training, group),
        notices=(*notices, *_facts(arch, train_split, val_split, training, group, precision)),
    )


def _use_threads(training: TrainConfig, group: Group) -> None:
    beside = 1 if group.launch is None else group.launch.local_world
    torch.set_num_threads(training.machine.threads or max(1, processors() // beside))
    if training.machine.deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)


def _refuse(training: TrainConfig, val_split: Split | None) -> None:
    checkpoints = training.checkpoints
    if checkpoints.checkpoint_policy == "top_k" and not checkpoints.validate:
        raise RecipeError(
            "checkpoint_policy top_k keeps the best by validation, and validate is False. Set it to True."
        )
    if training.network.resume_optimizer and not training.network.checkpoint:
        raise RecipeError("resume_optimizer takes the optimizer's state from checkpoint, and none is given. Give one.")
    assert val_split is not None or not checkpoints.validate, "open_splits gives what validate needs"


def _other_classes(recipe_classes: int | None, train: Split) -> list[str]:
    classes = len(train.class_names)
    if recipe_classes is None or recipe_classes == classes:
        return []
    return [f"the recipe is for {recipe_classes:,} classes, and {train.source.name} has {classes:,}: these are learned"]


def _global_batch(training: TrainConfig, group: Group) -> int:
    return training.images.batch_size * group.world * training.optimization.accumulate


def _scaled_lr(training: TrainConfig, group: Group, notices: list[str]) -> dict[str, float | None]:
    """The linear rule (arXiv 1706.02677), where lr_batch asks for it."""
    schedule, batch = training.schedule, _global_batch(training, group)
    if schedule.lr_batch is None or schedule.lr_batch == batch:
        return {}
    lr = schedule.lr * batch / schedule.lr_batch
    notices.append(f"lr {lr:g}: {schedule.lr:g} for a batch of {schedule.lr_batch}, in proportion for {batch}")
    return {"lr": lr, "lr_batch": None}


def _resume_optimizer(engine: Engine, checkpoint: Path) -> None:
    """Take the optimizer's state from the run folder that the weights are from."""
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    state = latest_state(folder / "state")
    if state is None:
        raise WeightsError(
            f"resume_optimizer takes the optimizer's state from the folder of a training, and {folder} has none. Give "
            "such a folder, or weights in one, as checkpoint; or set resume_optimizer to False."
        )
    prefix = "optimizer/"
    tensors = {name.removeprefix(prefix): value for name, value in state.tensors.items() if name.startswith(prefix)}
    load_optimizer_state(engine.optimizer, tensors, state.plain["optimizer"])


def _frozen(module: AnyNet, network: Network) -> list[str]:
    """Freeze what the recipe says; before there is an optimizer or a wrapper, which look for gradients."""
    if network.linear_probe:
        linear_probe(module)
    elif network.freeze_stages is not None:
        freeze(module, network.freeze_stages)
    else:
        return []
    counts = [value.numel() for value in module.parameters() if value.requires_grad]
    every = sum(value.numel() for value in module.parameters())
    return [f"frozen: {', '.join(module.frozen)}; {sum(counts):,} of {every:,} parameters learn"]


def _synchronize(module: AnyNet, group: Group) -> None:
    if group.device.type == "cpu":
        raise RecipeError("sync_bn needs accelerators, and this training runs on CPUs. Set it to False.")
    nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]  # the parts, in place


def _wrapped(module: nn.Module, training: TrainConfig, group: Group) -> Callable[[Tensor], Tensor] | None:
    wrapped: nn.Module = module
    if group.world > 1:
        where = None if group.device.type == "cpu" else [group.device.index]
        # statistics of batch norm stay with each rank, as in MindCV, and are averaged when an epoch is over
        known = inspect.signature(DistributedDataParallel.__init__).parameters
        buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # older torch
        options: dict[str, Any] = {"device_ids": where, buffers: False, "gradient_as_bucket_view": True}
        wrapped = DistributedDataParallel(module, **options)
    if training.network.compile:
        return torch.compile(wrapped)
    return None if wrapped is module else wrapped


def _facts(
    arch: Arch, train: Split, validation: Split | None, training: TrainConfig, group: Group, precision: str
) -> list[str]:
    cost = complexity(arch)
    images = f"{len(train):,} images of {len(train.class_names):,} classes to train on ({train.name})"
    if validation is not None and training.checkpoints.validate:
        images += f", {len(validation):,} to validate on ({validation.name})"
    ranks = f"{group.world} processes on {group.device.type}" if group.world > 1 else str(group.device)
    return [
        f"{arch.name or 'network'}: {int(cost.flops[0]):,} flops, {int(cost.params[0]):,} parameters at "
        f"{arch.resolution} pixels",
        images,
        f"{ranks}, {precision}, batch {training.images.batch_size} x {group.world} x "
        f"{training.optimization.accumulate} accumulated, seed {training.machine.seed}",
    ]
