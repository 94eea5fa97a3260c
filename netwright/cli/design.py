"""From images and a budget to a chosen, explained network.

Samples a design space, trains every network briefly, finds the good range of each parameter, refines the space to them,
confirms that on a fresh sample with a test, picks the network of the lowest validation error, trains it longer, and
reports its test error beside a published network of its block scaled to the same flops. Writes report.html,
network.yaml and weights.safetensors. Interrupted, the same command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netwright.cli.options import add_limits, add_training, config_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("--space", default="regnetx", metavar="NAME|FILE", help="design space (default: %(default)s)")
    parser.add_argument("--out", default="runs/design", metavar="DIR", help="where results go (default: %(default)s)")
    add_limits(parser)
    add_training(parser, trials=48)
    final = parser.add_argument_group("confirmation and final training")
    final.add_argument(
        "--confirm_trials", type=int, metavar="N", help="of the refined space (default: half of --trials)"
    )
    final.add_argument("--final_epochs", type=int, metavar="N", help="of pick and baseline (default: 3 times --epochs)")
    final.add_argument(
        "--final_seeds", type=int, default=3, metavar="N", help="trainings of each (default: %(default)s)"
    )


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.arch import complexity
    from netwright.workflow import design

    more = {name: getattr(options, name) for name in ("space", "confirm_trials", "final_epochs", "final_seeds")}
    result = design(config_of(options, command, **more))
    finalists = (
        ("pick", result.network, result.test_errors),
        ("baseline", result.baseline, result.baseline_test_errors),
    )
    for role, arch, errors in finalists:
        cost = complexity(arch)
        print(f"{role}: {arch.name}, test error {_each(errors)}")
        print(f"  {cost.flops[0]:,} flops, {cost.params[0]:,} parameters, {cost.acts[0]:,} activations")
    print(result.verdict)
    print(result.refinement)
    print(f"report: {result.report}")
    return 0


def _each(errors: Sequence[float]) -> str:
    if not errors:
        return "unknown: every training failed"
    return f"{sum(errors) / len(errors):.2f}% (mean of {', '.join(f'{error:.2f}' for error in errors)})"
