"""What a design or a sweep is given, checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netwright.analysis.policy import DEFAULT, POLICIES, POLICIES_IN_WORDS, REFINE_FROM
from netwright.data.data_path import as_text
from netwright.data.decode_rules import check_background
from netwright.data.resize import RESIZES
from netwright.errors import RecipeError, SpaceError
from netwright.options import check_options, option, options_of, read_duration
from netwright.recipe import Recipe
from netwright.space import DesignSpace
from netwright.system.suggest import suggest
from netwright.timing.limit import LatencyLimit, latency_limit
from netwright.workflow.final_recipe import read_final_recipe
from netwright.workflow.opponent_names import read_opponents
from netwright.workflow.rungs import AUTO, read_rungs

__all__ = ["LIMITS", "SWEEP_TRIALS", "DesignConfig", "windows"]

Window = tuple[float, float]

# the costs that a budget can limit
LIMITS = ("flops", "params", "acts")
SWEEP_TRIALS = 100  # of a sweep alone, by default: it is not followed by the other steps of a design

# no result depends on these; populations compare the space and the images themselves, wherever they are read from
_NOT_LASTING = (
    *("executor", "address", "trial_cpus", "trial_gpus"),
    *("out", "command", "workers", "device", "space", "data_dir", "trial_timeout", "retry_failed"),
    *("budget", "given", "planned", "final_recipe"),  # final trainings compare their recipe themselves
    *("rungs", "opponents", "against", "pretrained"),  # and so do finalists and opponents
    *("resize", "background", "full_scale", "in_channels"),
    "latency",  # where there is none; otherwise the populations were drawn within it
)


@dataclass(frozen=True)
class DesignConfig:
    """What `design` and `sweep` are given. RecipeError for an impossible value.

    Without flops, params and acts, the flops lie within 90% and 100% of 400M, the budget of DDS, scaled by pixels. The
    final trainings use all images, whatever `train_images` says.

    Attributes:
        recipe: Values of the trials' `Recipe`, other than epochs.
        latency: The limit on it, None for none.
        command: What was typed, for the report.
        given: Names of the options that a plan leaves as they are; None where all are meant as they stand.
        planned: Names in `recipe` that a plan chose; final trainings do not have to keep to them.
    """

    out: Path = option(Path("runs/design"), "where results go", metavar="DIR")
    data_dir: str = option(
        "digits",
        "a folder of images (a folder a class; train/ and val/ or test/ if there are), a Hugging Face parquet folder, "
        "or 'digits', which are bundled (a folder of that name: ./digits)",
        metavar="DIR",
    )
    space: str | DesignSpace = option("regnetx", "design space", metavar="NAME|FILE")
    flops: Window | None = option(None, "multiply-adds", low=0.0, metavar="LOW:HIGH")
    params: Window | None = option(None, "parameters", low=0.0, metavar="LOW:HIGH")
    acts: Window | None = option(None, "activations", low=0.0, metavar="LOW:HIGH")
    budget: float | str | None = option(
        None,
        "time for all of it, such as 90s, 20m or 2h: what is not given (size of the images, number and complexity of "
        "the networks, epochs, final trainings) is chosen for it",
        metavar="TIME",
        default_text="none; about half an hour where the defaults would take longer",
    )
    trials: int = option(48, "networks sampled", low=1, metavar="N")
    confirm_trials: int | None = option(
        None, "networks of the refined space", low=1, metavar="N", default_text="half of --trials"
    )
    policy: str = option(DEFAULT, "which parameters are narrowed: " + POLICIES_IN_WORDS, choices=tuple(POLICIES))
    refine_from: int = option(REFINE_FROM, "done trials from which a space is narrowed", low=10, metavar="N")
    epochs: int = option(10, "of each trial", low=1, metavar="N")
    rungs: str = option(
        AUTO,
        "the best networks of both samples go on, and the best of these again: 8x15,3x30 is 8 networks for 15 epochs, "
        "of these 3 for 30; 2x30x3 has 3 seeds; none: one brief training decides",
        metavar="RUNGS",
        default_text="a quarter of the time of the search",
    )
    opponents: str = option(
        AUTO,
        "networks that the pick is compared with beside the published RegNet: resnet18 (scaled to the same flops), "
        "random (the best of random search at the same compute), brief (what the brief trainings alone would pick), or "
        "none",
        metavar="LIST",
        default_text="those for which a --budget has room",
    )
    against: str | None = option(
        None,
        "a network of yours as one more opponent: its run folder, weights or network.yaml, or a name",
        metavar="REF",
    )
    pretrained: str | None = option(
        None, "published weights, or a file of weights, that are fine-tuned as one more opponent", metavar="REF"
    )
    final_epochs: int | None = option(None, "of pick and baseline", low=1, metavar="N", default_text="3 times --epochs")
    final_seeds: int = option(3, "trainings of each", low=1, metavar="N")
    final_recipe: str | None = option(
        None,
        "YAML file of their recipe: keys are the options of trials, such as lr and mixup",
        metavar="FILE",
        default_text="made for the images",
    )
    recipe: Mapping[str, Any] = field(default_factory=dict)
    latency: LatencyLimit | None = None
    resolution: int | None = option(
        None, "side of the square input", low=1, metavar="PIXELS", default_text="from the images"
    )
    in_channels: int | None = option(
        None,
        "1: gray; 3: RGB; 4: RGBA as data; others: the bands of a TIFF",
        low=1,
        metavar="N",
        default_text="gray or RGB, from the images",
    )
    resize: str = option(
        "crop",
        "how images become square: crop: the center is cut out; squash: squeezed; letterbox: between bands of the "
        "background",
        choices=RESIZES,
    )
    background: str | None = option(
        None,
        "what transparent images are laid on, and the bands of letterbox: white, black or a color like #f0f0f0",
        metavar="COLOR",
        default_text="white",
    )
    full_scale: float | str | None = option(
        None,
        "the value that is white in images of more than 8 bits that do not declare it; file: as the values of each "
        "need; high_byte: 65535",
        choices=("file", "high_byte"),
        above=0.0,
        metavar="VALUE",
        default_text="found in the training images",
    )
    train_images: int | None = option(None, "train trials on at most this many images", low=1, metavar="N")
    workers: int | None = option(None, "trials at a time", low=1, metavar="W", default_text="a processor or a GPU each")
    threads: int = option(1, "of each worker", low=1, metavar="T")
    device: str = option("auto", "auto, cpu, cuda, cuda:1, ...", metavar="DEVICE")
    executor: str = option("local", "what trains trials: this machine, or a Ray cluster", choices=("local", "ray"))
    address: str | None = option(
        None,
        "of a Ray cluster: auto, HOST:PORT, ray://HOST:PORT",
        metavar="ADDRESS",
        default_text="one is started here",
    )
    trial_cpus: float | None = option(
        None, "with ray: processors of a trial", low=0.0, metavar="X", default_text="its threads"
    )
    trial_gpus: float | None = option(
        None,
        "with ray: accelerators of a trial, such as 0.25",
        low=0.0,
        metavar="X",
        default_text="1 where there are any",
    )
    trial_timeout: float | None = option(
        None,
        "end a trial that has no result after so long; final trainings have that much longer as they are longer",
        above=0.0,
        metavar="SECONDS",
        default_text="no limit",
    )
    retry_failed: bool | str = option(
        False,
        "train again what the machine failed (no memory, killed, too slow); all: what diverged or raised an error too",
        choices=("machine", "all"),
        metavar="machine|all",
    )
    seed: int = option(0, "of sampling, splits and training", low=0)
    command: str = ""
    given: tuple[str, ...] | None = field(default=None, compare=False)
    planned: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))
        if self.budget is not None:
            try:
                object.__setattr__(self, "budget", read_duration(self.budget))
            except ValueError as error:
                raise RecipeError(f"budget: {error}. Correct 'budget'.") from error
        for name in ("data_dir", "space", "final_recipe", "against", "pretrained"):
            if isinstance(path := getattr(self, name), Path):
                object.__setattr__(self, name, as_text(path))
        for name in ("address", "trial_cpus", "trial_gpus"):
            if self.executor == "local" and getattr(self, name) is not None:
                raise RecipeError(f"{name} is for a Ray cluster. Add executor 'ray', or leave it out.")
        for name in LIMITS:
            if isinstance(window := getattr(self, name), list):
                object.__setattr__(self, name, tuple(window))
        check_options(self)
        if self.background is not None and (problem := check_background(self.background)):
            raise RecipeError(problem)
        read_rungs(self.rungs)
        read_opponents(self.opponents)
        if "epochs" in self.recipe:
            raise RecipeError("the epochs of trials are not part of the recipe. Give them as 'epochs'.")
        for epochs, values in ((self.epochs, {}), (self.final, self.final_values)):
            Recipe().with_(**dict(self.recipe) | values | {"epochs": epochs})

    @classmethod
    def from_options(cls, **options: Any) -> DesignConfig:
        """A configuration of values by name, as the flags of `netwright design` have them.

        Args:
            **options: Attributes of this class; values of the trials' `Recipe`, such as `lr` and `batch_size`;
                `max_flops`, `max_params` and `max_acts` for windows that begin at 0; and those of `LatencyLimit`, as
                `max_latency="5ms"`.

        Raises:
            RecipeError: An unknown name, or an impossible value.
            SpaceError: Both `flops` and `max_flops`, and so on.
        """
        own = [*cls.__dataclass_fields__]
        trials = [item.name for item in options_of(Recipe) if item.name not in own]
        limits = [f"max_{name}" for name in LIMITS]
        latency = [item.name for item in options_of(LatencyLimit)]
        for name in options:
            if name not in (known := [*own, *trials, *limits, *latency]):
                raise RecipeError(f"unknown option {name!r} of a design: {suggest(name, known)}")
        values = {name: value for name, value in options.items() if name in own} | windows(options)
        recipe = {name: value for name, value in options.items() if name in trials}
        if (limit := latency_limit(options)) is not None:
            values["latency"] = limit
        given = tuple(name for name, value in (values | recipe).items() if value is not None)
        return cls(**values | {"recipe": dict(options.get("recipe", {})) | recipe, "given": given})

    @property
    def seconds(self) -> float | None:
        """The budget of time."""
        return None if self.budget is None else float(self.budget)

    @property
    def fixed(self) -> frozenset[str]:
        """Options that a plan leaves as they are: those that were given, or are not as by default."""
        standing = {item.name: item.default for item in options_of(type(self))}
        changed = {name for name, value in standing.items() if getattr(self, name) != value}
        return frozenset((*changed, *(self.given or ()), *self.recipe))

    @property
    def is_open(self) -> bool:
        """Whether a plan may choose how much is trained though no budget is given."""
        return self.given is not None and not {"trials", "epochs"} <= set(self.given)

    @property
    def preparation(self) -> dict[str, Any]:
        """How images are decoded, as `load_images` takes it."""
        return {name: getattr(self, name) for name in ("in_channels", "resize", "background", "full_scale")}

    @property
    def confirming(self) -> int:
        """Networks of the refined space."""
        return self.confirm_trials or max(8, self.trials // 2)

    @property
    def final(self) -> int:
        """Epochs of the pick and the baseline."""
        return self.final_epochs or 3 * self.epochs

    @property
    def final_values(self) -> dict[str, Any]:
        """Of the recipe of the final trainings, where a file gives them. RecipeError where it is none."""
        return {} if self.final_recipe is None else read_final_recipe(self.final_recipe)

    @property
    def retried(self) -> str:
        """Which failed trials are trained again: "", "machine" or "all"."""
        return self.retry_failed if isinstance(self.retry_failed, str) else "machine" * self.retry_failed

    def lasting(self) -> dict[str, Any]:
        """What the results depend on besides space and images, for JSON: a run is resumed only with the same."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _NOT_LASTING}
        if self.latency is not None:
            values["latency"] = self.latency.to_dict()
        return values | {"recipe": dict(self.recipe), "confirm_trials": self.confirming, "final_epochs": self.final}


def windows(options: Mapping[str, Any]) -> dict[str, Window]:
    """Limit -> (low, high) of values by name: `flops` is a window, `max_flops` its high end. SpaceError for both."""
    found: dict[str, Window] = {}
    for name in LIMITS:
        window, most = options.get(name), options.get(f"max_{name}")
        if window is not None and most is not None:
            raise SpaceError(f"{name} and max_{name} both limit the {name}. Give one of them.")
        if window is not None:
            found[name] = window
        elif most is not None:
            found[name] = (0.0, most)
    return found
