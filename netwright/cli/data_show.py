"""Show what a network sees: images beside what augmentation makes of them, a training batch, images of validation.

The first thing to look at before a training is believed. It takes the flags and recipes of `netwright train`.

  netwright data show PHOTOS --page batches.html
  netwright data show PHOTOS --auto_augment randaug-m9-mstd0.5-inc1 --mixup 0.2
  netwright data show PHOTOS --config recipe.yaml --image_size 160
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.source_flags import data_dir_with
from netwright.cli.training_flags import add_training_flags, training_of

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["LISTED", "add_arguments", "run"]

# flags of a training that help lists here; the others work too
LISTED = {
    "images and augmentation": {
        "--image_size": "pixels a side of the network's input (default: 224)",
        "--random_crop": "resized, padded or none (default: resized)",
        "--scale": "share of the area that a random part has (default: 0.08 1)",
        "--hflip": "chance of a mirrored image (default: 0.5)",
        "--color_jitter": "of brightness, contrast and saturation (default: 0.4)",
        "--auto_augment": "randaug-m9-mstd0.5-inc1, autoaug, trivialaugwide, ... (default: none)",
        "--mixup": "alpha of mixup (default: 0)",
        "--cutmix": "alpha of CutMix (default: 0)",
        "--re_prob": "chance of an erased rectangle (default: 0)",
        "--resize": "how images become square: crop, squash or letterbox (default: crop)",
    }
}


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.cli.source_flags import add_source_flags

    parser.add_argument("folder", metavar="DIR", help="the images, as --data_dir of a training")
    parser.add_argument("--page", default="batches.html", metavar="FILE", help="the page (default: %(default)s)")
    parser.add_argument("--images", type=int, default=32, metavar="N", help="of a batch (default: %(default)s)")
    add_source_flags(parser)
    add_training_flags(parser, listed=LISTED)


def run(options: Namespace, command: str) -> int:
    """Write the page."""
    loaded = training_of(options)
    if options.print_config:
        from netwright.recipe import training_to_yaml

        print(training_to_yaml(loaded.training), end="")
        return 0
    from netwright.curation.showing import show_data

    data_dir = data_dir_with(options, options.folder)
    page = show_data(data_dir, options.page, loaded.training, images=options.images, command=command)
    print(f"page: {page}")
    return 0
