"""Train a population of a design space: sample it, train every network briefly, keep all of it in one file.

The folder --out then holds population.sqlite, which `netwright analyze` and `netwright compare` read. After an
interruption the same command continues where it was; with more --trials it adds to the population. Trials that the
machine failed (no memory, killed, no result within --trial_timeout) are no results: --retry_failed trains them again.
`netwright copy` copies the population, while it is trained too.

With --repeats 3 --repeated 16 the first 16 networks are trained with three seeds each, after all trials.
`netwright analyze` then tells how much of the spread of errors comes from seeds, and `netwright fidelity` how well any
ranking can agree with another. Each network still counts once; a population can be repeated later, by the same command.

With --sampler tpe (or gp, random) a sampler of Optuna proposes the networks, as many at a time as there are workers,
and learns from their errors. Such a population finds good networks sooner, and is no random sample of its space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.options import add_design_options, add_options, design_options

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.workflow.config import SWEEP_TRIALS, DesignConfig
    from netwright.workflow.guided import OWN, SAMPLERS

    parser.add_argument("space", metavar="NAME|FILE", help="design space")
    add_options(parser, DesignConfig, ("out",), required=("out",))
    add_design_options(parser, defaults={"trials": SWEEP_TRIALS})
    trials = parser.add_argument_group("trials")
    trials.add_argument(
        "--repeats",
        type=int,
        default=1,
        metavar="K",
        help="seeds that networks are trained with (default: %(default)s)",
    )
    trials.add_argument(
        "--repeated", type=int, metavar="N", help="with K seeds only the first N networks (default: all)"
    )
    trials.add_argument(
        "--sampler",
        default=OWN,
        choices=SAMPLERS,
        help="who proposes networks: the space, or a sampler of Optuna (default: %(default)s)",
    )


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.population import Population
    from netwright.system.plural import count
    from netwright.workflow import sweep
    from netwright.workflow.prepare import machine_failures, retry_command

    more = {"repeats": options.repeats, "repeated": options.repeated, "sampler": options.sampler}
    counts = sweep(**design_options(options), **more, command=command)
    with Population.open(options.out) as population:
        lost, sentence = sum(population.failures()["machine"].values()), machine_failures(population)
        seeds = population.repeats()
        repeats = {} if seeds is None else seeds.counts()
    kinds = f" ({counts['failed'] - lost} by their networks, {lost} by the machine)" if lost else ""
    print(f"{count(counts['done'], 'trial')} done, {counts['failed']} failed{kinds}: {options.out}")
    if repeats:
        print(f"{count(repeats['done'], 'training')} with other seeds done, {repeats['failed']} failed")
    if lost:
        print(f"{sentence}. To train what the machine failed again:\n{retry_command(command)}")
    if counts["done"]:
        print(f"netwright analyze {options.out}")
    return 0 if counts["done"] else 1
