"""Reading a training from a YAML recipe and overrides, in our keys or MindCV's, and writing one that reads back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from netwright.errors import RecipeError
from netwright.recipe.mindcv import MINDCV, translate
from netwright.recipe.option import Constraint, Option, options_of
from netwright.recipe.training import TrainConfig
from netwright.recipe.values import read_value
from netwright.recipe.yaml_file import in_yaml, read_mapping
from netwright.system.suggest import suggest

__all__ = ["CLIP", "Loaded", "load_training", "training_options", "training_to_yaml"]

# what MindCV calls clipping; together they are clip_norm
CLIP = {
    "clip_grad": Option("clip_grad", bool, Constraint("clip the gradients' global norm"), False),
    "clip_value": Option("clip_value", float, Constraint("to this", low=0.0), 15.0),
}
_COSINE_TO_THE_END = ("cosineannealing", "cosine_annealing")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was asked for. notices: in words, what has no meaning here or is different. given: our names of the keys
    that the recipe or an override set; from_file: those of them whose value is the recipe's."""

    training: TrainConfig
    notices: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    from_file: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Given:
    """A value, and how it was asked for."""

    value: Any
    name: str
    written: Any
    notice: str


def load_training(config: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> Loaded:
    """The training of a recipe file and overrides, which win whichever names either uses; the rest are defaults.

    RecipeError for a file that cannot be read, a key that is none (with the nearest name), one option by two names in
    one place, and a value of another type or against its constraint; a mistake in the file is told with its path.
    """
    meaningless: dict[str, None] = {}  # an ordered set
    given: dict[str, _Given] = {}
    if config is not None and str(config):
        try:
            given |= _beside(_read(read_mapping(Path(config)), meaningless), Path(config).parent)
        except RecipeError as error:
            raise RecipeError(f"{config}: {error}") from error
    over = _read(overrides or {}, meaningless)
    from_file = frozenset(given.keys() - over.keys())
    given |= over
    values = {key: each.value for key, each in given.items() if key not in CLIP}
    if not given.keys().isdisjoint(CLIP):
        on, most = (given[key].value if key in given else item.default for key, item in CLIP.items())
        values["clip_norm"] = most if on else None
    asked = str(given["scheduler"].written).lower() if "scheduler" in given else ""
    if asked in _COSINE_TO_THE_END and "decay_epochs" not in given:
        values["decay_epochs"] = None  # the old name had one length: the whole training
    training = TrainConfig().with_(**values)
    notices = [f"Keys that have no meaning here: {'; '.join(meaningless)}."] if meaningless else []
    notices += [f"{each.notice}." for each in given.values() if each.notice]
    return Loaded(training, (*notices, *_mismatches(training, frozenset(values))), frozenset(values), from_file)


def _beside(given: dict[str, _Given], folder: Path) -> dict[str, _Given]:
    """A network's file that a recipe names is looked for from where the program runs, then from where the recipe is."""
    model = given.get("model")
    if model is None or not str(model.value).endswith((".yaml", ".yml")) or Path(model.value).is_file():
        return given
    path = folder / model.value
    return given | {"model": replace(model, value=str(path))} if path.is_file() else given


def training_options() -> dict[str, tuple[Option, ...]]:
    """The options of every group of a training, by the group's name, in order."""
    return {item.name: options_of(type(getattr(TrainConfig(), item.name))) for item in fields(TrainConfig)}


def training_to_yaml(training: TrainConfig) -> str:
    """Every key of a training, in groups, as a recipe that `load_training` reads back as the same training."""
    flat = training.to_flat()
    lines = []
    for group, options in training_options().items():
        lines.append(f"# {group}")
        for item in options:
            lines.append(f"{item.name}: {in_yaml(flat[item.name])}")
        lines.append("")
    return "\n".join(lines)


def _known() -> dict[str, Option]:
    return {item.name: item for options in training_options().values() for item in options}


def _read(plain: Mapping[str, Any], meaningless: dict[str, None]) -> dict[str, _Given]:
    """Our key -> what it was given, for the keys of one place; clip_norm as MindCV's pair."""
    known = _known() | CLIP
    _refuse_unknown(plain, [*known, *MINDCV])
    given: dict[str, _Given] = {}
    for name, written in plain.items():
        key, value, notice = translate(name, written)
        if not key:
            meaningless.update({notice: None} if notice else {})
            continue
        read = read_value(name, value, known[key].hint, known[key].constraint)
        parts: dict[str, Any] = {key: read}
        if key == "clip_norm":
            parts = {"clip_grad": read is not None} | ({} if read is None else {"clip_value": read})
        for part, its_value in parts.items():
            if part in given:
                raise RecipeError(f"{given[part].name!r} and {name!r} are two names of one option. Give one of them.")
            given[part] = _Given(its_value, name, written, notice)
    return given


def _refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    unknown = []
    for name in names:
        if name not in known:
            hint = suggest(name, known, "`netwright train --help` lists what there is.")
            unknown.append(f"unknown key {name!r}: {hint}")
    if unknown:
        raise RecipeError(" ".join(unknown))


def _mismatches(training: TrainConfig, given: frozenset[str]) -> list[str]:
    """What was asked for and yet comes to nothing."""
    schedule, epochs = training.schedule, training.optimization.epochs
    notices = []
    if schedule.scheduler in ("one_cycle", "cyclic") and schedule.warmup_epochs and "warmup_epochs" in given:
        notices.append(f"{schedule.scheduler} rises by itself: warmup_epochs is not used.")
    length = schedule.decay_epochs
    if schedule.scheduler == "cosine_decay" and length is not None and {"epochs", "decay_epochs"} & given:
        end = schedule.warmup_epochs + schedule.num_cycles * length
        if end != epochs:
            notices.append(
                f"The schedule ends with epoch {end:g} (warmup_epochs {schedule.warmup_epochs:g}, decay_epochs "
                f"{length:g}), the training with {epochs}. decay_epochs none makes them end together."
            )
    return notices
