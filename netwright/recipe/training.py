"""Everything that `netwright train` takes, as one frozen value of groups; in YAML the keys of all groups are flat.

The defaults are those of the MindCV toolbox, so that its recipes mean the same here. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from netwright.errors import RecipeError
from netwright.options import check_options, option
from netwright.recipe.augmentation import Augmentation
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


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where images come from, and how they are batched."""

    dataset: str = option(
        "imagenet",
        "imagenet or '': the image folders or parquet files in data_dir; digits: bundled",
        choices=("", "imagenet", "mnist", "cifar10", "cifar100", "digits"),
    )
    data_dir: str = option("./", "folder of the images; digits: the bundled ones (a folder of that name: ./digits)")
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
    sampler: str = option(
        "random",
        "which images an epoch has: random: each once; balanced: as --balanced_sampler true",
        choices=("random", "balanced"),
    )
    drop_last: bool = option(True, "leave out a last training batch that is not full")
    eval_shuffle: bool = option(False, "shuffle validation images; changes no result")
    decode: str = option(
        "cpu",
        "gpu: JPEGs to train on are decoded, cropped and mirrored by an NVIDIA GPU (nvJPEG); pixels differ a little",
        choices=("cpu", "gpu"),
    )
    workers: int = option(8, "processes that decode images, at most one a processor; 0: none", low=0)

    def __post_init__(self) -> None:
        check_options(self)
        if self.is_balanced and not self.shuffle:
            name = "balanced_sampler" if self.balanced_sampler else "sampler balanced"
            raise RecipeError(f"{name} draws images at random, and shuffle is False. Set it to True.")

    @property
    def is_balanced(self) -> bool:
        """Whether an epoch has as many images of each class."""
        return self.balanced_sampler or self.sampler == "balanced"


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
        choices=("sgd", "momentum", "adam", "adamw", "lion", "rmsprop", "adagrad", "lamb", "nadam", "adan", "muon"),
    )
    momentum: float = option(0.9, "of sgd, momentum, rmsprop and muon", low=0.0, high=1.0)
    nesterov: bool = option(False, "Nesterov's momentum")
    weight_decay: float = option(1e-6, "as L2 in the gradient; decoupled in adamw, lion, lamb, adan and muon", low=0.0)
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
        "balanced: an image counts by how rare its class is, images / (classes x images of the class); a file: as it "
        "says, a line of class and number each, or JSON; none: equally",
        metavar="balanced|FILE|none",
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
        "half: fp16 where the device has it, else bf16; auto: bf16 where it is faster, else fp32; without it and "
        "without a recipe, CUDA trains in bf16",
        choices=("fp32", "bf16", "fp16", "half", "auto"),
    )
    val_precision: str = option("fp32", "in validation", choices=("fp32", "bf16", "fp16", "half", "auto"))
    loss_scale_type: str = option("fixed", "auto: dynamic from 2**24 for fp16", choices=("fixed", "dynamic", "auto"))
    loss_scale: float = option(1.0, "the fixed scale, or where a dynamic one starts", low=1e-6)
    drop_overflow_update: bool = option(False, "with a fixed scale: skip a step whose gradients are not finite")
    tf32: bool | None = option(
        None,
        "TF32 in place of fp32 on NVIDIA GPUs, several times as fast, with 10 bits of fraction: in all products, or in "
        "none; none: as torch has it, in convolutions",
    )

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
    distribute: bool = option(False, "one process a device, started by torchrun, mpirun, SLURM or msrun")
    timeout: float = option(
        300.0, "seconds without progress after which a rank ends the run; a dead rank ends it after about ten", low=1.0
    )
    threads: int | None = option(
        None, "processor threads of each rank; none: OMP_NUM_THREADS, else the processors divided by the ranks", low=1
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
