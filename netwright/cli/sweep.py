"""Train a population of a design space: sample it, train every network briefly, keep all of it in one file.

The folder --out then holds population.sqlite, which `netwright analyze` and `netwright compare` read. After an
interruption the same command continues where it was; with more --trials it adds to the population, also to one that is
trained at this moment. Trials that the machine failed (no memory, killed, no result within --trial_timeout) are no
results: --retry_failed trains them again. `netwright copy` copies the population, while it is trained too.

With --repeats 3 --repeated 16 the first 16 networks are trained with three seeds each, after all trials.
`netwright analyze` then tells how much of the spread of errors comes from seeds, and `netwright fidelity` how well any
ranking can agree with another. Each network still counts once; a population can be repeated later, by the same command.

With --sampler tpe (or gp, random) a sampler of Optuna proposes the networks, as many at a time as there are workers,
and learns from their errors. Such a population finds good networks sooner, and is no random sample of its space.

With --budget 2h no trial begins that would end after two hours; the others wait, and the same command goes on with
them. --estimate says before any training what all would take, and how wide the band of fewer would be.

Many machines can train one population, where they see one folder; there is no server. Each takes trials that nobody
trains, and may end at any moment: its trials then go to others.

  netwright sweep regnetx --trials 400 --out /shared/run --shared     once: nothing is trained here
  netwright sweep --join /shared/run                                  on every machine, as often as you like
  netwright sweep --pause /shared/run                                 --resume and --stop; of any running sweep

With --pruner median (or halving, hyperband) a pruner of Optuna ends trials early whose errors are behind those of
others after as many epochs; it goes with every --sampler. Pruned trials are counted apart and are in no statistic: what
is left are the better networks, which every command then says. Which ones are pruned depends on the order in which
trials end, so with several --workers no two sweeps are quite the same.

  netwright sweep regnetx --trials 100 --epochs 9 --pruner halving --out runs/pruned
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netwright.cli.options import add_design_options, add_options, design_options, duration

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.workflow.config import SWEEP_TRIALS, DesignConfig
    from netwright.workflow.guided import OWN, SAMPLERS
    from netwright.workflow.pruning import NONE, PRUNERS

    parser.add_argument("space", metavar="NAME|FILE", nargs="?", help="design space")
    add_options(parser, DesignConfig, ("out",), default_texts={"out": "none; a sweep needs it"})
    add_design_options(parser, defaults={"trials": SWEEP_TRIALS})
    parser.add_argument(
        "--budget", type=duration, metavar="TIME", help="begin no trial that would end after it: 90s, 20m, 2h"
    )
    parser.add_argument("--estimate", action="store_true", help="say what it will take, and train nothing")
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
    trials.add_argument(
        "--pruner", default=NONE, choices=PRUNERS, help="of Optuna, which ends trials early (default: %(default)s)"
    )
    _add_sharing(parser)


def _add_sharing(parser: CommandParser) -> None:
    many = parser.add_argument_group("many machines, and sweeps that run")
    many.add_argument("--shared", action="store_true", help="make the population for --join, and train nothing here")
    many.add_argument(
        "--lease",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="with --shared: of silence, after which a worker's trials go to others (default: %(default)g)",
    )
    many.add_argument("--join", metavar="DIR", help="train trials of the sweep that is shared in a folder")
    many.add_argument("--pause", metavar="DIR", help="of a sweep that runs: begin no more trials")
    many.add_argument("--resume", metavar="DIR", help="of a sweep that was paused or stopped: go on")
    many.add_argument("--stop", metavar="DIR", help="of a sweep that runs: end, as by Ctrl-C")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.system.plural import count
    from netwright.workflow import sweep

    told = {"paused": options.pause, "running": options.resume, "stopped": options.stop}
    if any(told.values()) or options.join:
        return _other(options, told, command)
    if options.space is None or not hasattr(options, "out"):
        given = {"NAME|FILE": options.space, "--out": getattr(options, "out", None)}
        missing = [name for name, value in given.items() if value is None]
        print(f"netwright sweep: the following arguments are required: {', '.join(missing)}", file=sys.stderr)
        return 2
    names = ("repeats", "repeated", "sampler", "pruner")
    more = {name: getattr(options, name) for name in names}
    shared = {"shared": True, "lease": options.lease} if options.shared else {"estimate": options.estimate}
    counts = sweep(**design_options(options), **more, **shared, command=command)
    if options.shared:
        waiting = count(counts["waiting"], "trial waits", "trials wait")
        print(f"{waiting}. On every machine:\nnetwright sweep --join {options.out}")
        return 0
    if options.estimate:
        return 0
    return _print_counts(str(options.out), counts, command)


def _other(options: Namespace, told: dict[str, str | None], command: str) -> int:
    """What is about a sweep that is there already."""
    from netwright.sweeps import Progress, control, join_sweep

    given = [folder for folder in (*told.values(), options.join) if folder]
    if len(given) > 1 or options.space is not None:
        print("netwright sweep: --join, --pause, --resume and --stop stand alone, with one folder", file=sys.stderr)
        return 2
    for state, folder in told.items():
        if folder:
            control(folder, state)
            words = {"paused": "begins no more trials", "running": "goes on", "stopped": "ends"}
            print(f"the sweep of {folder} {words[state]}")
            return 0
    workers, device = getattr(options, "workers", None), getattr(options, "device", "auto")
    with Progress() as progress:
        counts = join_sweep(options.join, workers=workers, device=device, command=command, progress=progress)
    return _print_counts(options.join, counts, command)


def _print_counts(out: str, counts: dict[str, int], command: str) -> int:
    from netwright.population import Population
    from netwright.system.plural import count
    from netwright.workflow.prepare import machine_failures, retry_command

    with Population.open(out) as population:
        lost, sentence = sum(population.failures()["machine"].values()), machine_failures(population)
        seeds = population.repeats()
        repeats = {} if seeds is None else seeds.counts()
    kinds = f" ({counts['failed'] - lost} by their networks, {lost} by the machine)" if lost else ""
    pruned = f", {counts['pruned']} pruned" if counts.get("pruned") else ""
    left = f", {counts['waiting']} wait" if counts["waiting"] else ""
    print(f"{count(counts['done'], 'trial')} done, {counts['failed']} failed{kinds}{pruned}{left}: {out}")
    if repeats:
        print(f"{count(repeats['done'], 'training')} with other seeds done, {repeats['failed']} failed")
    if lost and "--join" not in command:
        print(f"{sentence}. To train what the machine failed again:\n{retry_command(command)}")
    elif lost:
        print(f"{sentence}. To train what the machine failed again, share the sweep with --retry_failed")
    if counts["done"]:
        print(f"netwright analyze {out}")
    return 0 if counts["done"] else 1
