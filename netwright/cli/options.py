"""Flags that several verbs share, and reading quantities."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.errors import SpaceError
from netwright.space import DesignSpace, load_space

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = [
    "add_limits",
    "add_training",
    "config_of",
    "limited",
    "limits_of",
    "quantity",
    "truth",
    "window",
]

_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}


def quantity(text: str) -> float:
    """`400M`, `1.5G`, `8e6`, `5200000` -> a number. ArgumentTypeError otherwise."""
    word = str(text).strip().lower().replace("_", "").replace(",", "")
    unit = word[-1:] if word[-1:] in _UNITS and word[-1:] else ""
    try:
        value = float(word[: len(word) - len(unit)]) * _UNITS[unit]
    except (ValueError, KeyError):
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ArgumentTypeError(f"a quantity is a number like 400M, 1.5G or 5200000, not {text!r}")
    return value


def window(text: str) -> tuple[float, float]:
    """`360M:400M` -> (low, high). ArgumentTypeError otherwise."""
    parts = str(text).split(":")
    if len(parts) != 2:
        raise ArgumentTypeError(f"a window is LOW:HIGH like 360M:400M, not {text!r}")
    low, high = quantity(parts[0] or "0"), quantity(parts[1])
    if low > high:
        raise ArgumentTypeError(f"a window's low end is not above its high end: {text!r}")
    return low, high


def truth(text: str) -> bool:
    """`true`, `yes`, `1`, or `false`, `no`, `0`, in any case. ArgumentTypeError otherwise."""
    word = text.lower()
    if word not in ("true", "yes", "1", "false", "no", "0"):
        raise ArgumentTypeError(f"true or false, not {text!r}")
    return word in ("true", "yes", "1")


def add_limits(parser: ArgumentParser) -> None:
    """--flops, --params, --acts as windows, and --max_flops, --max_params, --max_acts."""
    group = parser.add_argument_group("budget (at the networks' resolution)")
    for name, what in (("flops", "multiply-adds"), ("params", "parameters"), ("acts", "activations")):
        group.add_argument(f"--{name}", type=window, metavar="LOW:HIGH", help=f"{what} within, e.g. 360M:400M")
        group.add_argument(f"--max_{name}", type=quantity, metavar="N", help=f"{what} at most, e.g. 400M")


def limits_of(options: Namespace) -> dict[str, tuple[float, float]]:
    """Limit -> (low, high), of those that were given."""
    limits = {}
    for name in ("flops", "params", "acts"):
        given, most = getattr(options, name), getattr(options, f"max_{name}")
        if given is not None and most is not None:
            raise SpaceError(f"--{name} and --max_{name} both limit the {name}. Give one of them.")
        if given is not None:
            limits[name] = given
        elif most is not None:
            limits[name] = (0.0, most)
    return limits


def limited(ref: str, options: Namespace) -> DesignSpace:
    """The space of that name or file, within the given limits."""
    limits: dict[str, Any] = limits_of(options)
    return load_space(ref).refine(**limits)


def add_training(parser: ArgumentParser, *, trials: int) -> None:
    """Images, how many trials, how long, on what."""
    data = parser.add_argument_group("images")
    data.add_argument(
        "--data_dir",
        default="digits",
        metavar="DIR",
        help="a folder of images (a folder a class; train/ and val/ or test/ if there are), a Hugging Face parquet "
        "folder, or 'digits', which are bundled (default: %(default)s)",
    )
    data.add_argument(
        "--resolution", type=int, metavar="PIXELS", help="side of the square input (default: from the images)"
    )
    data.add_argument("--train_images", type=int, metavar="N", help="train trials on at most so many images")
    sweep = parser.add_argument_group("trials")
    sweep.add_argument(
        "--trials", type=int, default=trials, metavar="N", help="networks sampled (default: %(default)s)"
    )
    sweep.add_argument("--epochs", type=int, default=10, metavar="N", help="of each trial (default: %(default)s)")
    sweep.add_argument(
        "--batch_size", type=int, metavar="N", help="(default: 32, 64 from 2,000 training images, 128 from 5,000)"
    )
    sweep.add_argument("--lr", type=float, help="highest learning rate (default: by the batch, 0.1 for 128)")
    sweep.add_argument("--weight_decay", type=float, help="(default: 5e-5)")
    sweep.add_argument("--label_smoothing", type=float, help="(default: 0)")
    sweep.add_argument(
        "--flip", type=truth, metavar="true|false", help="mirror training images (default: where it suits them)"
    )
    sweep.add_argument("--precision", choices=["auto", "fp32", "bf16"], help="(default: bf16 where it is faster)")
    sweep.add_argument("--seed", type=int, default=0, help="of sampling, splits and training (default: %(default)s)")
    machine = parser.add_argument_group("machine")
    machine.add_argument(
        "--workers", type=int, metavar="W", help="trials at a time (default: a processor or a GPU each)"
    )
    machine.add_argument("--threads", type=int, default=1, metavar="T", help="of each worker (default: %(default)s)")
    machine.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: %(default)s)")


def config_of(options: Namespace, command: str, **more: Any) -> Any:
    """The DesignConfig that the flags of `add_limits` and `add_training` ask for."""
    from netwright.workflow import DesignConfig

    given = ("batch_size", "lr", "weight_decay", "label_smoothing", "flip", "precision")
    recipe = {name: value for name in given if (value := getattr(options, name)) is not None}
    same = ("data_dir", "trials", "epochs", "resolution", "train_images", "workers", "threads", "device", "seed")
    flags: dict[str, Any] = {name: getattr(options, name) for name in same}
    return DesignConfig(out=Path(options.out), recipe=recipe, command=command, **(flags | limits_of(options) | more))
