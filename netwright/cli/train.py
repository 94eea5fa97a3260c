"""Train a network on images, from flags, a YAML recipe, or both.

A recipe gives defaults and flags override them. Interrupted, the same command goes on where it was, to the last bit on
a CPU. On several devices, start it with torchrun, mpirun or SLURM, and give --distribute.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netwright.cli.training_flags import add_training_flags, training_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """The flags."""
    add_training_flags(parser)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.recipe import training_to_yaml

    loaded = training_of(options)
    if options.print_config:
        print(training_to_yaml(loaded.training), end="")
        return 0
    from netwright.training.distributed import is_first
    from netwright.training.run import train

    if is_first():
        for notice in loaded.notices:
            print(notice, file=sys.stderr)
    training, recipe_classes = loaded.training, None
    if "num_classes" in loaded.from_file:
        # a recipe says what it was made for; the images decide, and a flag must agree with them
        recipe_classes, training = training.network.num_classes, training.with_(num_classes=None)
    train(training, command=command, recipe_classes=recipe_classes)
    return 0
