"""What `validate` and `predict` share: the flags of a training, for a network that is trained already."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from netwright.cli.options import truth
from netwright.cli.training_flags import add_training_flags, training_of
from netwright.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Set

    from netwright.cli.parser import CommandParser
    from netwright.evaluation.opening import ModelRequest
    from netwright.recipe import LoadedRecipe, TrainConfig

__all__ = ["add_class_order", "add_trained_flags", "chosen_ref", "flags_alone", "model_request"]

# what a flag means for a network that is trained already, by the group of the help that lists it
_NETWORK = {
    "--checkpoint": "(also --ckpt_path) as REF",
    "--model": "of weights that do not name their network: a published name, or the path of a network.yaml",
    "--pretrained": "the published weights of --model",
    "--ema": "the moving average, where the run or the file has one, instead of the weights",
    "--num_classes": "(default: as the weights say)",
    "--in_channels": "(default: as the weights say)",
    "--stem": "of weights that do not name their network: simple or cifar (default: the network's own)",
}
_PREPARATION = {
    "--image_size": "pixels a side of the network's input",
    "--crop_pct": "resize the shorter side to image_size / crop_pct, cut the center",
    "--resize": "crop: the center is cut out; squash: squeezed; letterbox: between bands of the background",
    "--background": "what transparent images are laid on, and the bands of letterbox: white, black or a color like "
    "#f0f0f0",
    "--full_scale": "the value that is white in images of more than 8 bits that do not declare it; file: as the values "
    "of each need; high_byte: 65535",
    "--interpolation": "nearest, bilinear or bicubic",
    "--antialias": "smooth before shrinking",
    "--mean": "subtracted from pixels 0-255; numbers for pixels 0-1 are recognized by --std below 1",
    "--std": "what they are then divided by",
}
_MACHINE = {
    "--device": "auto, cpu, cuda, cuda:1, ... for weights; exported files compute on the processors (default: auto)",
    "--val_precision": "fp32, bf16, fp16, half or auto (default: fp32; of an exported file, its own)",
}


def add_trained_flags(
    parser: CommandParser,
    *,
    answer: Mapping[str, str],
    machine: Mapping[str, str],
    images: Mapping[str, str] | None = None,
) -> None:
    """Add every flag of a training, so that its commands and recipes work here, and --runtime and --fuse.

    answer, machine, images: more flags that --help lists, flag -> its help.
    """
    listed = {
        "network": _NETWORK,
        "images": images or {},
        "preparation of images (default: as the weights say)": _PREPARATION,
        "answer": answer,
        "machine": {**_MACHINE, **machine},
    }
    add_training_flags(parser, listed=listed)
    group = parser.add_argument_group("machine")
    group.add_argument(
        "--runtime",
        choices=["auto", "torch", "onnx", "openvino", "litert"],
        default="auto",
        help="what computes; auto: what an exported file is for, and torch for weights (default: auto)",
    )
    group.add_argument(
        "--fuse",
        nargs="?",
        const=True,
        type=truth,
        metavar="true|false",
        meaning=True,
        help="of weights: fold batch norm into the convolutions, on processors in fp32 and bf16; same answers apart "
        "from rounding, sooner (default: true)",
    )
    add_class_order(parser)


def add_class_order(parser: CommandParser) -> None:
    """Add --class_order."""
    parser.add_argument_group("network").add_argument(
        "--class_order",
        default="",
        metavar="natural|string|FILE",
        help="of weights without class names: the order of the class folders (1, 2, 10 or 1, 10, 2), or a file with a "
        "class name a line (default: the usual one of their library, where it is known)",
    )


def flags_alone(options: Namespace) -> LoadedRecipe:
    """The flags without the recipe, which says where a training wrote and how many processes trained together.

    Says where mean and std were changed to our scale of pixels.
    """
    if notice := training_of(options).scale_notice:
        from netwright.training.launch import is_primary  # with torch, which an exported file does not need

        if is_primary():
            print(notice, file=sys.stderr)
    return training_of(Namespace(**{**vars(options), "config": ""}))


def model_request(options: Namespace, training: TrainConfig, given: Set[str], explicit: Set[str]) -> ModelRequest:
    """The network to open. given: keys of flags and the recipe; explicit: of flags."""
    from netwright.evaluation.opening import ModelRequest

    return ModelRequest(
        training, given, explicit, fuse=options.fuse, runtime=options.runtime, class_order=options.class_order
    )


def chosen_ref(ref: str, checkpoint: str) -> str:
    """The weights or the exported file that a word or a flag names; WeightsError if both do."""
    if ref and checkpoint:
        raise WeightsError(
            f"a network is named once, and here twice: {ref} and --ckpt_path {checkpoint}. Leave one out."
        )
    return ref or checkpoint
