"""Everything that `netwright train` takes, as one frozen value of groups; in YAML the keys of all groups are flat.

The defaults are those of the MindCV toolbox, so that its recipes mean the same here. No torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Any

from netwright.errors import RecipeError
from netwright.options import check_options, option, read_color
from netwright.system.suggest import suggest

__all__ = [
    "Augmentation",
    "Checkpoints",
    "DataConfig",
    "Loss",
    "Network",
    "Optimization",
    "Precision",
    "RuntimeConfig",
    "Schedule",
    "TrainConfig",
]

# pixels 0 ... 255; the mean and standard deviation of ImageNet that all code bases share
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
# a policy, then letters with numbers; timm's short and historical names too
_AUTO_AUGMENT = re.compile(
    "(randaug|rand|autoaug|autoaugr|original|originalr|v0|v0r|3a|augmix|trivialaugwide)(-[a-z]+[0-9.]*)*"
)


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where images come from, and how they are batched."""

    dataset: str = option(
        "imagenet",
        "imagenet or '': the image folders or parquet files in data_dir; digits: bundled",
        choices=("", "imagenet", "mnist", "cifar10", "cifar100", "digits"),
    )
    data_dir: str = option("./", "folder of the images")
    train_split: str = option("train", "split to train on: a folder's or a parquet split's name")
    val_split: str = option("val", "split to validate on")
    val_fraction: float = option(
        0.0, "cut this share of each class off the train split for validation instead", low=0.0, high=0.9
    )
    download: bool = option(False, "download mnist, cifar10 or cifar100 where data_dir does not have it")
    num_samples: int | None = option(None, "train on the first N images of a seeded shuffle only", low=1)
    batch_size: int = option(128, "images a step on each device", low=1)
    shuffle: bool = option(True, "shuffle the training images each epoch")
    balanced_sampler: bool = option(
        False, "draw as many images of each class: an epoch has some of a common class, and rare ones several times"
    )
    drop_last: bool = option(True, "leave out a last training batch that is not full")
    eval_shuffle: bool = option(False, "shuffle validation images; changes no result")
    workers: int = option(8, "processes that decode images, at most one a processor; 0: none", low=0)

    def __post_init__(self) -> None:
        check_options(self)
        if self.balanced_sampler and not self.shuffle:
            raise RecipeError("balanced_sampler draws images at random, and shuffle is False. Set it to True.")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """From an image file to the network's input: in order crop, flips, auto-augment or color jitter, normalize,
    erasing, mixup or cutmix."""

    image_size: int = option(224, "pixels a side of the network's input", low=4, high=4096)
    random_crop: str = option(
        "resized",
        "resized: a random part, resized; padded: an eighth of black around, then a crop; none: as validated",
        choices=("resized", "padded", "none"),
    )
    scale: tuple[float, float] = option((0.08, 1.0), "share of the area that a random part has", low=0.0, high=1.0)
    ratio: tuple[float, float] = option((0.75, 1.333), "aspect ratio of the random part", low=0.01, high=100.0)
    hflip: float = option(0.5, "probability of a horizontal flip", low=0.0, high=1.0)
    vflip: float = option(0.0, "probability of a vertical flip", low=0.0, high=1.0)
    color_jitter: tuple[float, ...] | float | None = option(
        0.4, "brightness, contrast and saturation by up to this factor; not with auto_augment", low=0.0
    )
    resize: str = option(
        "crop",
        "how images become square: crop: the center is cut out; squash: squeezed; letterbox: between bands of the "
        "background",
        choices=("crop", "squash", "letterbox"),
    )
    background: str = option(
        "white", "what transparent images are laid on: white, black or a color like #f0f0f0", metavar="COLOR"
    )
    full_scale: float | str | None = option(
        None,
        "the value that is white in images of more than 8 bits that do not declare it; file: as the values of each "
        "need; high_byte: 65535; none: found in the training images",
        choices=("file", "high_byte"),
        above=0.0,
    )
    interpolation: str = option("bilinear", "how images are resized", choices=("nearest", "bilinear", "bicubic"))
    antialias: bool = option(True, "smooth before shrinking; weights from MindCV were trained and validated without")
    auto_augment: str | None = option(
        None, "randaug-m9-mstd0.5-inc1, autoaug, autoaugr, 3a, augmix-m3-w3, trivialaugwide, or none"
    )
    aug_splits: int = option(0, "3: a clean and two AugMix versions of each image, with the JSD loss", low=0, high=3)
    re_prob: float = option(0.0, "probability of random erasing", low=0.0, high=1.0)
    re_scale: tuple[float, float] = option((0.02, 0.33), "share of the area that is erased", low=0.0, high=1.0)
    re_ratio: tuple[float, float] = option((0.3, 3.3), "aspect ratio of what is erased", low=0.01, high=100.0)
    re_value: float | str = option(
        0.0, "what the erased part is filled with, after normalizing: a number or random", choices=("random",)
    )
    re_max_attempts: int = option(10, "draws of a rectangle that fits", low=1)
    mean: tuple[float, ...] = option(
        IMAGENET_MEAN,
        "subtracted from pixels 0-255; numbers for pixels 0-1 are recognized by std below 1",
        low=0.0,
        high=255.0,
    )
    std: tuple[float, ...] = option(IMAGENET_STD, "and divided by this", low=1e-3, high=1e4)
    crop_pct: float = option(
        0.875, "validation: resize the shorter side to image_size / crop_pct, cut the center", low=0.01, high=1.0
    )
    mixup: float = option(0.0, "alpha of mixup; 0: none", low=0.0)
    cutmix: float = option(0.0, "alpha of cutmix; 0: none", low=0.0)
    cutmix_prob: float = option(1.0, "probability that a batch is mixed at all, by mixup or cutmix", low=0.0, high=1.0)
    aug_repeats: int = option(0, "repeated augmentation: how often each drawn image comes in an epoch", low=0)
    lighting: float = option(0.0, "standard deviation of AlexNet's PCA noise; DDS: 0.1", low=0.0, high=10.0)

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("scale", "ratio", "re_scale", "re_ratio"):
            low, high = getattr(self, name)
            if low > high:
                raise RecipeError(f"{name} is a low and a high end, not {[low, high]}. Swap them.")
        if self.aug_splits == 1:
            raise RecipeError("aug_splits is 0, 2 or 3 (3 is usual), not 1. Correct 'aug_splits'.")
        if self.aug_splits and (self.mixup or self.cutmix):
            raise RecipeError("aug_splits and mixup or cutmix exclude each other. Set one of them to 0.")
        if self.auto_augment is not None and not _AUTO_AUGMENT.fullmatch(self.auto_augment):
            raise RecipeError(
                f"auto_augment is like randaug-m9-mstd0.5-inc1, autoaug, autoaugr, 3a, augmix-m3-w3 or trivialaugwide, "
                f"not {self.auto_augment!r}. Correct it, or leave it out for none."
            )
        try:
            read_color(self.background)
        except ValueError as error:
            raise RecipeError(f"background is {error}. Correct 'background'.") from error
        if len(self.mean) != len(self.std):
            raise RecipeError(f"mean and std have a number a channel each, not {len(self.mean)} and {len(self.std)}.")


@dataclass(frozen=True, slots=True)
class Network:
    """What is trained, and from what weights."""

    model: str = option("", "a published name (regnet_x_800mf), or the path of a network.yaml")
    num_classes: int | None = option(None, "none: as many as the images have", low=1)
    in_channels: int = option(3, "3 for color, 1 for gray; 4: RGBA as data; others: the bands of a TIFF", low=1)
    stem: str | None = option(
        None,
        "cifar: stride 1, for small images; simple: stride 2; none: the network's own",
        choices=("simple", "cifar"),
    )
    drop_rate: float | None = option(None, "dropout before the classifier", low=0.0, high=0.99)
    drop_path_rate: float | None = option(
        None, "stochastic depth: of the last block, rising linearly from 0", low=0.0, high=0.99
    )
    pretrained: bool = option(False, "start from the published weights")
    checkpoint: str = option("", "start from the weights in this file or run folder")
    freeze_stages: int | None = option(
        None, "freeze the stem and this many stages, with their statistics; 0: the stem; none: nothing", low=0
    )
    linear_probe: bool = option(False, "train only the classifier; all else keeps its weights and statistics")
    resume_optimizer: bool = option(False, "where checkpoint is a run folder: take its optimizer state too")
    sync_bn: bool = option(False, "batch norm statistics over all devices")
    precise_bn: int = option(
        0, "before validating, recompute batch norm statistics from this many training batches", low=0
    )
    channels_last: bool = option(True, "memory layout (N, H, W, C)")
    compile: bool = option(False, "torch.compile; takes a minute or more at the start")

    def __post_init__(self) -> None:
        check_options(self)
        if self.linear_probe and self.freeze_stages is not None:
            raise RecipeError(
                f"linear_probe freezes all stages, and freeze_stages is {self.freeze_stages}. Leave one of them out."
            )


@dataclass(frozen=True, slots=True)
class Optimization:
    """The optimizer, and what happens to gradients and weights around it."""

    epochs: int = option(90, "passes over the training images", low=1)
    optimizer: str = option(
        "adam",
        "sgd and momentum are both SGD with --momentum, which is 0 for plain SGD",
        choices=("sgd", "momentum", "adam", "adamw", "lion", "rmsprop", "adagrad", "lamb", "nadam", "adan"),
    )
    momentum: float = option(0.9, "of sgd, momentum and rmsprop", low=0.0, high=1.0)
    nesterov: bool = option(False, "Nesterov's momentum")
    weight_decay: float = option(1e-6, "as L2 in the gradient; decoupled in adamw, lion, lamb and adan", low=0.0)
    weight_decay_filter: str = option(
        "disable",
        "disable: everything decays; auto: all but normalization; norm_and_bias: neither normalization nor biases",
        choices=("disable", "auto", "norm_and_bias"),
    )
    eps: float = option(1e-10, "of the adaptive optimizers", low=0.0)
    layer_decay: float | None = option(
        None, "multiply the learning rate by this for each block further from the head", low=0.0, high=1.0
    )
    clip_norm: float | None = option(None, "clip the global norm of the gradients to this; none or 0: do not", low=0.0)
    accumulate: int = option(1, "batches whose gradients are averaged for a step", low=1)
    ema: bool = option(False, "keep an exponential moving average of the weights, and validate both")
    ema_decay: float = option(0.9999, "decay of that average, after its warm-up", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate at every step."""

    scheduler: str = option(
        "cosine_decay",
        "what follows the warm-up; one_cycle and cyclic have their own rise instead",
        choices=(
            "constant",
            "cosine_decay",
            "exponential_decay",
            "step_decay",
            "multi_step_decay",
            "one_cycle",
            "cyclic",
            "polynomial_decay",
        ),
    )
    lr: float = option(1e-3, "highest learning rate", low=0.0)
    lr_batch: int | None = option(
        None, "lr is for a global batch of this many images and scales with it; none: lr is used as it is", low=1
    )
    min_lr: float = option(1e-6, "where cosine_decay and one_cycle end, and cyclic starts", low=0.0)
    warmup_epochs: float = option(3, "linear rise to lr", low=0.0)
    warmup_factor: float = option(0.0, "the rise starts from lr times this", low=0.0, high=1.0)
    decay_epochs: float | None = option(
        100, "length of a cosine or a step; none: all epochs after the warm-up, divided by num_cycles", low=0.0
    )
    decay_rate: float = option(0.9, "of step, multi-step, exponential and (as power) polynomial decay", low=0.0)
    milestones: tuple[float, ...] = option((30, 60, 90), "of multi_step_decay, in epochs after the warm-up", low=0.0)
    lr_epoch_stair: bool = option(False, "change it only at the start of an epoch")
    num_cycles: int = option(1, "number of cosines, or of cycles of cyclic", low=1)
    cycle_decay: float = option(1.0, "each cosine starts from this times the start of the last one", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_options(self)
        if self.scheduler == "step_decay" and self.decay_epochs == 0:
            raise RecipeError("with step_decay, decay_epochs is above 0, not 0. Raise it.")


@dataclass(frozen=True, slots=True)
class Loss:
    """What is minimized."""

    loss: str = option("CE", "cross-entropy, or binary cross-entropy of each class", choices=("CE", "BCE"))
    label_smoothing: float = option(0.0, "share of the target that all classes get equally", low=0.0, high=1.0)
    reduction: str = option("mean", "over the batch", choices=("mean", "sum"))
    class_weights: str | None = option(
        None,
        "balanced: an image counts by how rare its class is, images / (classes x images of the class); none: equally",
        choices=("balanced",),
    )
    on_nan: str = option(
        "stop", "what a loss that is not finite does: stop, or skip its step", choices=("stop", "skip")
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Precision:
    """The number format of activations; weights are always kept in fp32."""

    precision: str = option(
        "fp32",
        "half: fp16 where the device has it, else bf16; auto: bf16 where it is faster, else fp32",
        choices=("fp32", "bf16", "fp16", "half", "auto"),
    )
    val_precision: str = option("fp32", "in validation", choices=("fp32", "bf16", "fp16", "half", "auto"))
    loss_scale_type: str = option("fixed", "auto: dynamic from 2**24 for fp16", choices=("fixed", "dynamic", "auto"))
    loss_scale: float = option(1.0, "the fixed scale, or where a dynamic one starts", low=1e-6)
    drop_overflow_update: bool = option(False, "with a fixed scale: skip a step whose gradients are not finite")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What is kept."""

    out: str = option("./ckpt", "folder of the run; the same command continues from what is there")
    validate: bool = option(False, "validate while training, and keep the best weights")
    val_interval: int = option(1, "epochs between validations: after epochs 1, 1 + k, ... and the last", low=1)
    early_stopping: int | None = option(
        None, "stop after this many epochs without a better validation; none: train all epochs", low=1
    )
    checkpoint_interval: int = option(1, "epochs between kept weights", low=1)
    checkpoint_policy: str = option("latest_k", "which weights to keep", choices=("latest_k", "top_k", "all"))
    checkpoint_keep: int = option(10, "how many weights to keep", low=1)
    state_interval: float = option(600.0, "seconds between saves of the training state within an epoch", low=0.0)
    resume: bool = option(True, "continue from the state in out, if it is of the same training")
    strict_resume: bool = option(
        False, "continue only where all bits stay the same: not with other threads, nor with other epochs"
    )
    until_epoch: int | None = option(
        None, "stop after this epoch of all epochs, whose schedule stays; the same command with more continues", low=1
    )
    log_interval: int = option(100, "steps between log lines", low=1)
    trackers: tuple[str, ...] = option((), "where else measurements go", choices=("tensorboard", "wandb"))

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """Where it runs."""

    device: str = option("auto", "auto, cpu, cuda, cuda:1, npu, ...")
    distribute: bool = option(False, "one process a device, started by torchrun, mpirun or SLURM")
    timeout: float = option(
        300.0, "seconds without progress after which a rank ends the run; a dead rank ends it after about ten", low=1.0
    )
    threads: int | None = option(
        None, "processor threads of each rank; none: the processors divided by the ranks", low=1
    )
    seed: int = option(42, "of weights, order and augmentation", low=0)
    deterministic: bool = option(False, "deterministic kernels on accelerators, slower; a CPU is always deterministic")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training: the network, the images, the recipe and the machine.

    The groups hold the options; `with_` and `to_flat` work with the flat keys of all groups.
    """

    network: Network = field(default_factory=Network)
    images: DataConfig = field(default_factory=DataConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimization: Optimization = field(default_factory=Optimization)
    schedule: Schedule = field(default_factory=Schedule)
    loss: Loss = field(default_factory=Loss)
    precision: Precision = field(default_factory=Precision)
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    machine: RuntimeConfig = field(default_factory=RuntimeConfig)

    @property
    def last_epoch(self) -> int:
        """After which it stops now; the schedule may go on to `epochs`."""
        until = self.checkpoints.until_epoch
        return self.optimization.epochs if until is None else min(until, self.optimization.epochs)

    def to_flat(self) -> dict[str, Any]:
        """Key -> value of every group, in order; tuples as lists. `netwright.recipe.load_training` reads it."""
        return {
            item.name: list(value) if isinstance(value := getattr(group, item.name), tuple) else value
            for group in (getattr(self, part.name) for part in fields(self))
            for item in fields(group)
        }

    def with_(self, **changes: Any) -> TrainConfig:
        """The training with some flat keys changed; RecipeError for an unknown key, with the nearest name."""
        homes = {item.name: part.name for part in fields(self) for item in fields(getattr(self, part.name))}
        grouped: dict[str, dict[str, Any]] = {}
        for key, value in changes.items():
            if key not in homes:
                hint = suggest(key, homes, "`netwright train --help` lists what there is.")
                raise RecipeError(f"unknown key {key!r}: {hint}")
            grouped.setdefault(homes[key], {})[key] = tuple(value) if isinstance(value, list) else value
        return replace(self, **{name: replace(getattr(self, name), **values) for name, values in grouped.items()})
