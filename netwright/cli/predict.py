"""What a trained network sees in images: class names and probabilities for files, folders and addresses.

Images are prepared exactly as `netwright validate` prepares them, unless a flag says otherwise. An image that cannot be
read is reported, the others are answered, and the exit status is 1.
JSON: {"format": 1, "model", "weights", "predictions": [{"path", "classes": [{"index", "name", "probability"}, ...]},
...], "errors": [{"path", "reason"}, ...]}, with a "description" for each of ImageNet's classes.
CSV: path,rank,index,name,description,probability.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.trained import add_trained_flags, chosen_weights, flags_alone
from netwright.cli.training_flags import training_of
from netwright.errors import DataError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from netwright.cli.parser import CommandParser
    from netwright.evaluation.predict import Prediction, Unreadable
    from netwright.recipe import LoadedRecipe
    from netwright.weights import LoadedModel

__all__ = ["add_arguments", "run"]

_BATCH = 32


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="REF PATH",
        help="a run folder or a weight file (not with --ckpt_path or --pretrained), then image files, folders of them, "
        "or http addresses",
    )
    parser.add_argument("--image_path", nargs="+", default=[], metavar="PATH", help="as PATH")
    parser.add_argument("--top_k", type=int, default=5, metavar="K", help="classes an image (default: %(default)s)")
    parser.add_argument("--format", choices=["table", "json", "csv"], default="table", help="(default: %(default)s)")
    parser.add_argument(
        "--url_timeout", type=float, default=20.0, metavar="SECONDS", help="of an address (default: %(default)s)"
    )
    parser.is_intermixed = True  # paths may stand before and after flags
    add_trained_flags(
        parser,
        answer={"--out": "file for the answer, instead of the terminal"},
        machine={"--batch_size": f"images at a time (default: {_BATCH})"},
    )


def run(options: Namespace, command: str) -> int:
    """Do it."""
    flags, loaded = flags_alone(options), training_of(options)
    if options.print_config:
        from netwright.recipe import training_to_yaml

        print(training_to_yaml(loaded.training), end="")
        return 0
    weights, paths = _weights_and_paths(options, loaded)
    answers, model = _answers(options, loaded, flags.training.optimization.ema, weights, paths)

    from netwright.evaluation.formats import FORMATS
    from netwright.evaluation.predict import Unreadable
    from netwright.system.atomic import write_text

    text = FORMATS[options.format](answers, {"model": model.arch.name or "network", "weights": model.source})
    if "out" in flags.given:
        write_text(Path(flags.training.checkpoints.out), text, what="the predictions", elsewhere="another --out")
    else:
        print(text.encode(errors="replace").decode(), end="")  # names of files may be no text in any encoding
    bad = [answer for answer in answers if isinstance(answer, Unreadable)]
    is_told = options.format == "table" and "out" not in flags.given
    for each in [] if is_told else bad:
        print(f"netwright predict: {each.name} cannot be read: {each.reason}", file=sys.stderr)
    if bad:
        print(f"netwright predict: {len(bad):,} of {len(answers):,} images could not be read", file=sys.stderr)
    return 1 if bad else 0


def _weights_and_paths(options: Namespace, loaded: LoadedRecipe) -> tuple[str, list[str]]:
    """The first word names the weights, unless a flag does: infer.py takes no words."""
    network, words = loaded.training.network, list(options.words)
    is_named = network.checkpoint or network.pretrained or (network.model and options.image_path)
    ref = "" if is_named or not words else words.pop(0)
    paths = [*words, *options.image_path]
    if not paths:
        raise DataError(
            "predict needs images, and none are named. Type `netwright predict RUN_OR_WEIGHTS IMAGE_OR_FOLDER ...`, or "
            "--image_path IMAGE."
        )
    return chosen_weights(ref, network.checkpoint), paths


def _answers(
    options: Namespace, loaded: LoadedRecipe, ema: bool, weights: str, paths: list[str]
) -> tuple[Sequence[Prediction | Unreadable], LoadedModel]:
    from functools import partial

    from netwright.evaluation.folding import is_foldable
    from netwright.evaluation.inputs import find_inputs
    from netwright.evaluation.loading import load_for
    from netwright.evaluation.predict import predict
    from netwright.training import resolve_device
    from netwright.training.precision import autocast, resolve_precision

    training = loaded.training
    device = resolve_device(training.machine.device)
    precision, said = resolve_precision(training.precision.val_precision, device)
    # infer.py with a network's name alone means the published weights
    network = training.with_(checkpoint=weights, pretrained=not weights and bool(training.network.model), ema=ema)
    model, notices = load_for(network, loaded.given)
    for notice in (*notices, said):
        if notice:
            print(notice, file=sys.stderr)
    answers = predict(
        model,
        find_inputs(paths, timeout=options.url_timeout),
        top_k=max(1, options.top_k),
        device=device,
        batch_size=training.images.batch_size if "batch_size" in loaded.given else _BATCH,
        autocast=partial(autocast, precision, device),
        fold=options.fuse and is_foldable(model.module, device, precision),
    )
    return list(answers), model
