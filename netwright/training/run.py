"""`netwright train`: a whole training in a folder, which the same command resumes wherever it was interrupted."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netwright.data.data_path import as_text
from netwright.recipe import LoadedRecipe, TrainConfig, load_training
from netwright.recipe.training import RuntimeConfig
from netwright.system.machine import default_threads, keep_memory
from netwright.training.conclusion import unused_split
from netwright.training.distributed import Group, join_group
from netwright.training.launch import is_primary
from netwright.training.monitor import ConsoleMonitor, NullMonitor
from netwright.training.planning import planned
from netwright.training.process import process_settings
from netwright.training.records import EpochRecord
from netwright.training.session import TrainingSession
from netwright.training.setup import set_up
from netwright.training.unsupported import naming_operations
from netwright.weights import LoadedModel, load_model

__all__ = ["Trained", "train", "train_recipe"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training.

    Attributes:
        folder: Where everything is.
        records: What each epoch measured, in order.
        best: The file of the best weights; None without validation, and where it could not be kept.
        has_validation: Whether images were kept from the training, also where it did not measure them.
        other_split: A split of the images that was not trained on, where there is no validation; '' without one.
    """

    folder: Path
    records: tuple[EpochRecord, ...]
    best: Path | None
    has_validation: bool = False
    other_split: str = ""

    def load_model(self) -> LoadedModel:
        """The network with its best weights, or its last ones without validation."""
        return load_model(self.best or self.folder)


def train(
    config: str | Path | TrainConfig | None = None,
    /,
    *,
    command: str = "",
    monitor: NullMonitor | None = None,
    **overrides: Any,
) -> Trained:
    """Train a network: what `netwright train` runs. Returns when all epochs are done.

    Called again with the same arguments, it continues from the state in the folder `out`. Messages are logged; they and
    the progress are shown on standard output, unless another monitor is given.

        trained = netwright.train("recipe.yaml", model="regnet_x_200mf", data_dir="photos", epochs=20, out="runs/x")
        trained.load_model()

    Args:
        config: The path of a YAML recipe, a training to start from, or None for the defaults.
        command: What was typed, for the record.
        monitor: Shows progress. None: a ConsoleMonitor; a NullMonitor shows nothing.
        **overrides: Keys of a training, by the names of the flags; they win over `config`.

    Raises:
        RecipeError, DataError, WeightsError, DistributedError, OutputError: What a user can correct.
        Diverged: The loss is not finite; the last good state is in the folder.
    """
    keys = {key: as_text(value) if isinstance(value, Path) else value for key, value in overrides.items()}
    loaded = load_training(config, keys)
    if not isinstance(config, TrainConfig):  # which is complete
        loaded = planned(loaded)
    if is_primary():
        for notice in loaded.notices:
            _LOG.warning("%s", notice)
    return train_recipe(loaded, command=command, monitor=monitor)


def train_recipe(loaded: LoadedRecipe, *, command: str = "", monitor: NullMonitor | None = None) -> Trained:
    """Like `train`, with a recipe that was loaded; the caller shows its notices."""
    training, recipe_classes = loaded.training, None
    if "num_classes" in loaded.from_file:
        # a recipe says how many it was made for; the images decide, and a flag must agree with them
        recipe_classes, training = training.network.num_classes, training.with_(num_classes=None)
    machine = training.machine
    with join_group(machine.device, distribute=machine.distribute, timeout=machine.timeout) as group:
        own = (monitor or ConsoleMonitor()) if group.is_primary else NullMonitor()
        with _settings(machine, group, training.precision.tf32), naming_operations(group.device):
            return _train_in(group, training, command, recipe_classes, own)


def _settings(machine: RuntimeConfig, group: Group, tf32: bool | None) -> AbstractContextManager[None]:
    """Threads, determinism, products on GPUs, and on a CPU memory and numbers near zero, as sweeps have them."""
    sharing = 1 if group.launch is None else group.launch.local_world
    on_cpu = group.device.type == "cpu"
    if on_cpu:
        keep_memory()
    return process_settings(
        threads=machine.threads or default_threads(sharing),
        deterministic=machine.deterministic,
        flush_denormal=on_cpu,
        tf32=tf32 if group.device.type == "cuda" else None,
    )


def _train_in(
    group: Group, training: TrainConfig, command: str, recipe_classes: int | None, monitor: NullMonitor
) -> Trained:
    """A function of its own, so that nothing refers to the group's objects any more when the group ends."""
    with ExitStack() as stack:
        stack.push(lambda kind, *_: monitor.close() if kind else None)  # a session closes it itself
        monitor.prepare()
        setup = set_up(training, group, recipe_classes)
        stack.callback(setup.train.close)
        if setup.validation is not None:
            stack.callback(setup.validation.close)
        session = TrainingSession(setup, group, Path(training.checkpoints.out), command, monitor)
        session.run()
        kept = setup.validation_split is not None
        other = "" if kept else unused_split(setup.train_split)
        return Trained(session.out, tuple(session.records), session.best, kept, other)
