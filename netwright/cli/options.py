"""Flags made from declared options, flags that several commands share, and the reading of quantities."""

from __future__ import annotations

import types
from argparse import SUPPRESS, ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from netwright.cli.source_flags import add_source_flags, data_dir_with
from netwright.options import (
    TRUTHS,
    Option,
    describe,
    options_of,
    read_duration,
    read_latency,
    read_quantity,
    read_window,
)

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.space import DesignSpace

__all__ = [
    "add_design_options",
    "add_limits",
    "add_options",
    "default_in_words",
    "design_options",
    "duration",
    "latency",
    "limited_space",
    "options_given",
    "quantity",
    "truth",
    "value_settings",
    "window",
]

_BATCH_SIZES = "32, 64 from 2,000 training images, 128 from 5,000"
# of a design's options, those of the images
_IMAGES = ("data_dir", "resolution", "resize", "background", "full_scale", "in_channels", "train_images")
# of the trials' recipe, what has a flag
_RECIPE = (
    *("batch_size", "lr", "weight_decay", "label_smoothing", "flip", "precision"),
    *("optimizer", "crop_scale", "crop_size", "color_jitter", "mixup"),
)


def quantity(text: str) -> float:
    """`400M`, `1.5G`, `8e6`, `5200000` -> a number. ArgumentTypeError otherwise."""
    try:
        return read_quantity(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def window(text: str) -> tuple[float, float]:
    """`360M:400M` -> (low, high). ArgumentTypeError otherwise."""
    try:
        return read_window(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def duration(text: str) -> float:
    """`90s`, `20m`, `2h` -> seconds. ArgumentTypeError otherwise."""
    try:
        return read_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def latency(text: str) -> float:
    """`5ms`, `0.8ms`, `250us` -> seconds. ArgumentTypeError otherwise."""
    try:
        return read_latency(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def truth(text: str) -> bool:
    """`true`, `yes`, `on`, `1`, or `false`, `no`, `off`, `0`, in any case. ArgumentTypeError otherwise."""
    if text.lower() not in TRUTHS:
        raise ArgumentTypeError(f"true or false, not {text!r}")
    return TRUTHS[text.lower()]


def add_options(
    parser: CommandParser,
    kind: type[Any],
    names: Sequence[str] | None = None,
    *,
    group: str = "",
    defaults: Mapping[str, Any] | None = None,
    default_texts: Mapping[str, str] | None = None,
    required: Sequence[str] = (),
) -> None:
    """A flag for each option of a dataclass, of one value each; `options_given` reads them.

    Args:
        parser: Gets the flags.
        kind: A dataclass of options.
        names: Which options; by default all.
        group: Under which heading help lists them; by default that of their declaration.
        defaults: Option -> default of this command, where that is not the dataclass's own.
        default_texts: Option -> its default of this command in words, where it depends on something.
        required: Options that this command cannot do without.
    """
    declared = {item.name: item for item in options_of(kind)}
    for name in declared if names is None else names:
        item = declared[name]
        settings = value_settings(item) | {"type": _reader(item), "default": (defaults or {}).get(name, SUPPRESS)}
        settings |= {"required": True} if name in required else {}
        if item.hint is str and item.constraint.choices:
            settings["choices"] = item.constraint.choices
            del settings["metavar"]
        default = item.default if settings["default"] is SUPPRESS else settings["default"]
        text = item.default_text or ("" if default in (None, "", MISSING) else default_in_words(default))
        if name in required:
            default, text = None, ""
        elif name in (default_texts or {}):
            default, text = None, (default_texts or {})[name]
        help = f"{item.help} (default: {text})" if text else item.help
        heading = group or item.group
        target = parser.add_argument_group(heading) if heading else parser
        target.add_argument(f"--{name}", help=help.replace("%", "%%"), meaning=default, **settings)


def options_given(options: Namespace, kind: type[Any]) -> dict[str, Any]:
    """Option -> value, of the options of a dataclass that were typed or have a default of the command's own."""
    return {item.name: getattr(options, item.name) for item in options_of(kind) if hasattr(options, item.name)}


def value_settings(item: Option) -> dict[str, Any]:
    """What argparse is told about the words of an option's value: nargs, const, metavar."""
    kinds = _kinds(item.hint)
    named = ((bool, "true|false"), (str, "TEXT"), (tuple, "X"), (float, "X"), (int, "N"))
    settings: dict[str, Any] = {
        "metavar": item.metavar or next((word for kind, word in named if kind in kinds), "VALUE")
    }
    if bool in kinds:
        settings |= {"nargs": "?", "const": True}  # the flag alone means true
    elif tuple in kinds:
        settings |= {"nargs": "+"}
    return settings


def default_in_words(value: Any) -> str:
    """How help shows a default."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return " ".join(map(default_in_words, value)) or "none"
    if value is None or value == "":
        return "none" if value is None else "''"
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def _kinds(hint: Any) -> set[Any]:
    """The types of a hint, tuple for one of any length."""
    parts = get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)
    return {get_origin(part) or part for part in parts}


def _reader(item: Option) -> Callable[[str], Any]:
    """From the word of a flag to a value; whether the value is allowed is checked by the dataclass."""
    kinds = _kinds(item.hint)
    convert = _MEASURES.get(item.metavar) or next((convert for kind, convert in _CONVERT.items() if kind in kinds), str)

    def read(word: str) -> Any:
        if word in item.constraint.choices:
            return word
        try:
            return convert(word)
        except (ArgumentTypeError, ValueError) as error:
            if isinstance(error, ArgumentTypeError) and not item.constraint.choices:
                raise
            raise ArgumentTypeError(f"{describe(item.hint, item.constraint)}, not {word!r}") from error

    return read


_CONVERT: dict[Any, Callable[[str], Any]] = {bool: truth, float: float, int: int, Path: Path}
# what help shows in place of a value -> how it is read, where its type does not say
_MEASURES: dict[str, Callable[[str], Any]] = {"TIME": duration, "LATENCY": latency}


def add_limits(parser: CommandParser) -> None:
    """--flops, --params, --acts as windows, and --max_flops, --max_params, --max_acts."""
    from netwright.workflow.config import LIMITS, DesignConfig

    group = parser.add_argument_group("limits on costs (at the networks' resolution)")
    for item in options_of(DesignConfig):
        if item.name in LIMITS:
            group.add_argument(
                f"--{item.name}", type=window, metavar=item.metavar, help=f"{item.help} within, e.g. 360M:400M"
            )
            group.add_argument(f"--max_{item.name}", type=quantity, metavar="N", help=f"{item.help} at most, e.g. 400M")


def limited_space(ref: str, options: Namespace, resolution: int | None = None) -> DesignSpace:
    """The space of that name or file, within the limits of the flags, which replace its own; for images of a size."""
    from netwright.space import load_space
    from netwright.space.limits_at import scaled_limits, without_limits
    from netwright.workflow.config import windows

    limits: dict[str, Any] = windows(vars(options))
    space = without_limits(load_space(ref), limits)
    if resolution is not None:
        space = scaled_limits(space, resolution).with_setting(resolution=resolution)
    return space.refine(**limits)


def add_design_options(parser: CommandParser, *, defaults: Mapping[str, Any] | None = None) -> None:
    """What `design` and `sweep` share: the budget, the images, how many trials, how long, on what."""
    from netwright.recipe import Recipe
    from netwright.timing.limit import LatencyLimit
    from netwright.workflow.config import DesignConfig

    add_limits(parser)
    add_options(parser, LatencyLimit, group="limit on latency (on this device)")
    add_options(parser, DesignConfig, _IMAGES, group="images")
    add_source_flags(parser)
    add_options(parser, DesignConfig, ("trials", "epochs"), group="trials", defaults=defaults)
    add_options(parser, Recipe, _RECIPE, group="trials", default_texts={"batch_size": _BATCH_SIZES})
    add_options(parser, DesignConfig, ("seed",), group="trials")
    add_options(
        parser, DesignConfig, ("workers", "threads", "device", "trial_timeout", "retry_failed"), group="machine"
    )
    add_options(parser, DesignConfig, ("executor", "address", "trial_cpus", "trial_gpus"), group="a Ray cluster")


def design_options(options: Namespace) -> dict[str, Any]:
    """Name -> value of the flags of a design, as `DesignConfig.from_options` takes them."""
    from netwright.recipe import Recipe
    from netwright.timing.limit import LatencyLimit
    from netwright.workflow.config import LIMITS, DesignConfig

    limits = {name: getattr(options, name) for limit in LIMITS for name in (limit, f"max_{limit}")}
    given = options_given(options, DesignConfig) | options_given(options, Recipe) | options_given(options, LatencyLimit)
    own = str(given.get("data_dir", DesignConfig().data_dir))
    if (data_dir := data_dir_with(options, own)) != own:
        given["data_dir"] = data_dir
    return given | limits
