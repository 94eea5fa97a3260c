"""From images and a budget to a chosen, explained network.

Samples a design space, trains every network briefly, finds the good range of each parameter, refines the space where
the evidence is enough (--policy; with fewer than --refine_from trials it stays as it is), confirms that on a fresh
sample with a test, picks the network of the lowest validation error, trains it longer, and reports its test error
beside a published network of its block scaled to the same flops. Writes report.html, network.yaml and
weights.safetensors. After an interruption the same command continues where it was; a finished design continues with
more trials, epochs or final seeds.

With --max_latency 5ms every network answers within that time on this device, in --runtime onnx, openvino or torch:
predicted while sampling, measured before it is trained, and measured again before it is picked.

With --budget 20m (90s, 2h), what is not given is chosen for that time, these images and this machine: the plan is
printed first, and kept to.

The best networks of the samples go on in rungs before one is picked (--rungs), and the pick is compared with a
published network and others of its cost (--opponents, --against, --pretrained), by the same recipe and seeds.

  netwright design --data_dir photos --budget 20m --out runs/photos
  netwright design --continue runs/photos --budget 2h
  netwright design --data_dir photos --trials 48 --epochs 5 --rungs 8x15,3x30 --opponents resnet18,random
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netwright.cli.options import add_design_options, add_options, design_options

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_FILES = (("network.yaml", "network"), ("weights.safetensors", "weights"), ("refined_space.yaml", "space"))


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.workflow.config import DesignConfig

    add_options(parser, DesignConfig, ("space", "out", "budget"))
    parser.add_argument(
        "--continue",
        dest="continued",
        metavar="DIR",
        help="go on with the design of this folder, as it was given then; --budget is then what it may take on top",
    )
    add_design_options(parser)
    add_options(parser, DesignConfig, ("policy", "refine_from"), group="refinement")
    final = ("confirm_trials", "rungs", "final_epochs", "final_seeds", "final_recipe")
    add_options(parser, DesignConfig, final, group="confirmation, finalists and final training")
    add_options(parser, DesignConfig, ("opponents", "against", "pretrained"), group="opponents")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.arch import complexity
    from netwright.cli.next_commands import print_next, words
    from netwright.workflow import design

    result = design(**design_options(options), continued=options.continued, command=command)
    finalists = (
        ("pick", result.network, result.test_errors, result.latency),
        ("baseline", result.baseline, result.baseline_test_errors, result.baseline_latency),
    )
    for role, arch, errors, latency in finalists:
        cost = complexity(arch)
        print(f"{role}: {arch.name}, {_each(errors)}")
        print(f"  {cost.flops[0]:,} flops, {cost.params[0]:,} parameters, {cost.acts[0]:,} activations")
        if latency:
            print(f"  latency {latency}")
    if result.test_guess is not None:
        print(f"by guessing: {result.test_guess:.2f}% (always the commonest class)")
    if result.expected_error is not None:
        print(f"expected before the final training, as validation images tell it: {100 - result.expected_error:.2f}%")
    print(result.verdict)
    for each in result.opponents[1:]:
        print(each.sentence())
    print(result.refinement)
    print(f"report: {result.report}")
    for name, what in _FILES:
        print(f"{what}: {result.folder / name}")
    ref = words(result.folder)
    more = " --budget 2h" if (result.folder / "plan.json").exists() else " --final_seeds 5"
    print_next(
        ("validate", f"{ref} --out {ref}/measured", "its accuracy on the test images again, with what it confuses"),
        ("predict", f"{ref} PHOTO.jpg", "what it sees in a picture"),
        ("export", f"{ref} --out {ref}/model.onnx", "a file for other programs and for `netwright serve`"),
        ("serve", ref, "answers over HTTP"),
        ("design", f"--continue {ref}" + more, "goes on: more networks, longer trainings"),
    )
    return 0


def _each(errors: Sequence[float]) -> str:
    if not errors:
        return "test accuracy unknown: every training failed"
    mean = 100 - sum(errors) / len(errors)
    each = ", ".join(f"{100 - error:.2f}" for error in errors)
    return f"test accuracy {mean:.2f}%" + (f" (mean of {each})" if len(errors) > 1 else "")
