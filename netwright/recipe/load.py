"""Reads a training from a YAML recipe and overrides, in our keys or MindCV's, and writes one that reads back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from netwright.errors import RecipeError
from netwright.options import TRUTHS, Constraint, Option, options_of, read_value
from netwright.recipe.common_names import COMMON, INPUT_SIZE, input_size_parts
from netwright.recipe.mindcv import MINDCV, translate
from netwright.recipe.pixel_scale import to_pixel_scale
from netwright.recipe.training import TrainConfig
from netwright.recipe.yaml_file import in_yaml, read_mapping
from netwright.system.suggest import suggest

__all__ = ["CLIP", "LoadedRecipe", "load_training", "training_options", "training_to_yaml"]

# what MindCV calls clipping; together they are clip_norm
CLIP = {
    "clip_grad": Option("clip_grad", bool, False, "clip the gradients' global norm"),
    "clip_value": Option("clip_value", float, 15.0, "to this", Constraint(low=0.0)),
}
_COSINE_TO_THE_END = ("cosineannealing", "cosine_annealing")


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A training, and where its values come from.

    Attributes:
        training: The training.
        notices: Sentences about keys that have no meaning here, or another one.
        given: Our names of the keys that the recipe or an override set.
        from_file: Those of them whose value is the recipe's.
        scale_notice: That of `notices` about mean and std for pixels 0 to 1; empty where there is none.
    """

    training: TrainConfig
    notices: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    from_file: frozenset[str] = frozenset()
    scale_notice: str = ""


@dataclass(frozen=True, slots=True)
class _Setting:
    """A value, and the name and spelling it was set with."""

    value: Any
    name: str
    written: Any
    notice: str


def load_training(
    config: str | Path | TrainConfig | None = None, overrides: Mapping[str, Any] | None = None
) -> LoadedRecipe:
    """The training of a recipe and overrides.

    Args:
        config: The path of a YAML recipe, or a training to start from; None for the defaults.
        overrides: Key -> value, as YAML or a command line has it. They win over the recipe, whichever names (ours or
            MindCV's) either of them uses.

    Raises:
        RecipeError: The file cannot be read, a key is unknown (the message has the nearest one), one option is set by
            two names in one place, or a value has another type or is against its constraint. The message begins with
            the path where the mistake is in the file.
    """
    base = config if isinstance(config, TrainConfig) else TrainConfig()
    meaningless: dict[str, None] = {}  # an ordered set
    settings: dict[str, _Setting] = {}
    if isinstance(config, str | Path) and str(config):
        try:
            settings |= _find_network(_read(read_mapping(Path(config)), meaningless), Path(config).parent)
        except RecipeError as error:
            raise RecipeError(f"{config}: {error}") from error
    over = _read(overrides or {}, meaningless)
    from_file = frozenset(settings.keys() - over.keys())
    settings |= over
    values = {key: each.value for key, each in settings.items() if key not in CLIP}
    if not settings.keys().isdisjoint(CLIP):
        norm = base.optimization.clip_norm
        now = {"clip_grad": norm is not None, "clip_value": CLIP["clip_value"].default if norm is None else norm}
        on, most = (settings[key].value if key in settings else now[key] for key in CLIP)
        values["clip_norm"] = most if on else None
    scheduler = str(settings["scheduler"].written).lower() if "scheduler" in settings else ""
    if scheduler in _COSINE_TO_THE_END and "decay_epochs" not in settings:
        values["decay_epochs"] = None  # the old name had one length: the whole training
    pixels, scale_notice = to_pixel_scale({key: values[key] for key in ("mean", "std") if key in values})
    training = base.with_(**values | pixels)
    notices = [scale_notice] if scale_notice else []
    notices += [f"Keys that have no meaning here: {'; '.join(meaningless)}."] if meaningless else []
    notices += [f"{each.notice}." for each in settings.values() if each.notice]
    notices += conflicts(training, frozenset(values))
    return LoadedRecipe(training, tuple(notices), frozenset(values), from_file, scale_notice)


def _find_network(settings: dict[str, _Setting], folder: Path) -> dict[str, _Setting]:
    """A network file that a recipe names is looked for in the working folder, then beside the recipe."""
    model = settings.get("model")
    if model is None or not str(model.value).endswith((".yaml", ".yml")) or Path(model.value).is_file():
        return settings
    path = folder / model.value
    return settings | {"model": replace(model, value=str(path))} if path.is_file() else settings


def training_options() -> dict[str, tuple[Option, ...]]:
    """The options of every group of a training, by the group's name, in order."""
    defaults = TrainConfig()
    return {item.name: options_of(type(getattr(defaults, item.name))) for item in fields(defaults)}


def training_to_yaml(training: TrainConfig) -> str:
    """All keys of a training, in groups, as a YAML recipe that `load_training` reads back as the same training."""
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


def _read(mapping: Mapping[str, Any], meaningless: dict[str, None]) -> dict[str, _Setting]:
    """Our key -> its setting, for the keys of one place; clip_norm as MindCV's pair."""
    known = _known() | CLIP
    table = {**COMMON, **MINDCV}
    names = {name: _underscored(name, [*known, *table]) for name in mapping}
    _refuse_unknown(names.values(), [*known, *table])
    settings: dict[str, _Setting] = {}
    for name, written in mapping.items():
        key, value, notice = translate(names[name], written, table)
        if not key:
            meaningless.update({notice: None} if notice else {})
            continue
        if key == "crop_pct" and _number(value) > 1:
            text = "would resize images to less than image_size and fill the rest with black: 1 is taken"
            value, notice = 1.0, f"crop_pct {value} {text}"
        written_parts = input_size_parts(value) if names[name] == INPUT_SIZE else {key: value}
        _refuse_network_as_truth(written_parts)
        parts = {
            part: read_value(name, each, known[part].hint, known[part].constraint)
            for part, each in written_parts.items()
        }
        if key == "clip_norm":
            norm = parts[key]
            parts = {"clip_grad": norm is not None} | ({} if norm is None else {"clip_value": norm})
        for part, its_value in parts.items():
            if part in settings:
                first = settings[part].name
                raise RecipeError(f"{first!r} and {name!r} are two names of one option. Give one of them.")
            settings[part] = _Setting(its_value, name, written, notice)
    return settings


def _refuse_network_as_truth(parts: Mapping[str, Any]) -> None:
    """`--pretrained regnet_y_400mf`: the network has a key of its own."""
    value = parts.get("pretrained")
    if isinstance(value, str) and value.strip().lower() not in TRUTHS:
        raise RecipeError(
            f"pretrained is true or false, and model names the network. Give --model {value} --pretrained, not "
            f"--pretrained {value}."
        )


def _number(value: Any) -> float:
    """A number as YAML or a command line has it; NaN for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _underscored(name: str, known: Iterable[str]) -> str:
    """A key with hyphens, as timm writes them, as it is known here."""
    other = str(name).replace("-", "_")
    return other if name not in known and other in known else name


def _refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    unknown = []
    for name in names:
        if name not in known:
            hint = suggest(name, known, "`netwright train --help` lists what there is.")
            unknown.append(f"unknown key {name!r}: {hint}")
    if unknown:
        raise RecipeError(" ".join(unknown))


def conflicts(training: TrainConfig, given: frozenset[str]) -> list[str]:
    """Notices of keys that were set and have no effect, or an unexpected one."""
    schedule, epochs = training.schedule, training.optimization.epochs
    notices = []
    if schedule.scheduler in ("one_cycle", "cyclic") and schedule.warmup_epochs and "warmup_epochs" in given:
        notices.append(f"{schedule.scheduler} has its own rise: warmup_epochs is not used.")
    length = schedule.decay_epochs
    if schedule.scheduler == "cosine_decay" and length is not None and {"epochs", "decay_epochs"} & given:
        end = schedule.warmup_epochs + schedule.num_cycles * length
        if end != epochs:
            notices.append(
                f"The schedule ends with epoch {end:g} (warmup_epochs {schedule.warmup_epochs:g}, decay_epochs "
                f"{length:g}), the training with {epochs}. decay_epochs none makes them end together."
            )
    return notices
