"""Train a network on images, from flags, a YAML recipe, or both.

  netwright train --data_dir PHOTOS                         all else is chosen for images and machine, and printed
  netwright train --data_dir PHOTOS --checkpoint runs/a     from the weights of a run, which know their network
  netwright train --config RECIPE.yaml --data_dir IMAGENET  by a recipe, of which flags override keys

The defaults below hold where --model is given. After an interruption the same command continues where it was, on a CPU
to the last bit. On several devices, start it with torchrun, mpirun, SLURM or msrun, and give --distribute.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netwright.cli.training_flags import add_training_flags, training_of

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    add_training_flags(parser)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.recipe import training_to_yaml

    loaded = training_of(options)
    if options.print_config:
        print(training_to_yaml(loaded.training), end="")
        return 0
    from netwright.cli.next_commands import print_next, words
    from netwright.training.launch import is_primary
    from netwright.training.planning import planned
    from netwright.training.run import train_recipe

    loaded = planned(loaded, lambda text: print(text, file=sys.stderr, flush=True))
    if is_primary():
        for notice in loaded.notices:
            print(notice, file=sys.stderr)
    trained = train_recipe(loaded, command=command)
    if is_primary():
        ref = words(trained.folder)
        other = f" --split {trained.other_split}" if trained.other_split else " --data_dir OTHER_PHOTOS"
        own = "" if trained.has_validation else other
        print_next(
            ("validate", f"{ref}{own} --out {ref}/measured", "what it confuses, as a page"),
            ("predict", f"{ref} PHOTO.jpg", "what it sees in a picture"),
            ("export", f"{ref} --out {ref}/model.onnx", "a file for other programs and for `netwright serve`"),
        )
    return 0
