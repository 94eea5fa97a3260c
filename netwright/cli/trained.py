"""What `validate` and `predict` share: the flags of a training, read for a network that is trained already."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from netwright.cli.options import truth
from netwright.cli.training_flags import add_training_flags, training_of
from netwright.errors import WeightsError

if TYPE_CHECKING:
    from netwright.cli.parser import CommandParser
    from netwright.recipe import LoadedRecipe

__all__ = ["add_trained_flags", "chosen_weights", "flags_alone"]

# what a flag means where the network is trained already, by the group of the help that lists it
_NETWORK = {
    "--checkpoint": "(also --ckpt_path) weights, as REF",
    "--model": "of weights that do not say what they belong to: a published name, or the path of a network.yaml",
    "--pretrained": "the published weights of --model",
    "--ema": "the moving average in a .ckpt, instead of the weights beside it",
    "--num_classes": "(default: as the weights say)",
    "--in_channels": "(default: as the weights say)",
    "--stem": "of weights that do not say: simple or cifar (default: the network's own)",
}
_PREPARATION = {
    "--image_size": "pixels a side of the network's input",
    "--crop_pct": "resize the shorter side to image_size / crop_pct, cut the center",
    "--interpolation": "nearest, bilinear or bicubic",
    "--antialias": "smooth before shrinking",
    "--mean": "subtracted from pixels 0-255",
    "--std": "what they are then divided by",
}
_MACHINE = {
    "--device": "auto, cpu, cuda, cuda:1, ... (default: auto)",
    "--val_precision": "fp32, bf16, fp16, half or auto (default: fp32)",
}


def add_trained_flags(
    parser: CommandParser,
    *,
    answer: Mapping[str, str],
    machine: Mapping[str, str],
    images: Mapping[str, str] | None = None,
) -> None:
    """Every flag of a training, so that its commands and recipes work here; --help lists those that matter.

    answer, machine, images: more of these, flag -> its help. Also --fuse.
    """
    listed = {
        "network": _NETWORK,
        "images": images or {},
        "preparation of images (default: as the weights say)": _PREPARATION,
        "answer": answer,
        "machine": {**_MACHINE, **machine},
    }
    add_training_flags(parser, listed=listed)
    parser.add_argument_group("machine").add_argument(
        "--fuse",
        nargs="?",
        const=True,
        default=True,
        type=truth,
        metavar="true|false",
        help="fold batch norm into the convolutions, on processors in fp32 and bf16: same answers to rounding, sooner "
        "(default: true)",
    )


def flags_alone(options: Namespace) -> LoadedRecipe:
    """What the flags ask for, without the recipe: it says where a training wrote and how many trained together."""
    return training_of(Namespace(**{**vars(options), "config": ""}))


def chosen_weights(ref: str, checkpoint: str) -> str:
    """The weights that a word or a flag names; WeightsError where both do."""
    if ref and checkpoint:
        raise WeightsError(
            f"weights are named once, and here twice: {ref} and --ckpt_path {checkpoint}. Leave one out."
        )
    return ref or checkpoint
