"""Predict the classes of images: names and probabilities for files, folders and addresses.

REF is a run folder, a weight file, a published name, or an exported .onnx, .xml, .pt2 or .tflite file or a folder with
one. Images are prepared exactly as `netwright validate` prepares them, unless a flag changes that. An image that
cannot be read is reported, the others are answered, and the exit status is 1.
JSON: {"format": 1, "model", "weights", "predictions": [{"path", "classes": [{"index", "name", "probability"}, ...]},
...], "errors": [{"path", "reason"}, ...]}, with a "description" for each of ImageNet's classes.
CSV: path,rank,index,name,description,probability.

A network knows only its classes, and answers one of them for any picture. --threshold T rejects those that it is not
sure of: whose highest probability (or, with --reject_by energy, whose log-sum-exp of the logits) is below T. These
probabilities are worth what the network's calibration is: `netwright validate` measures it, and prints the T that keeps
95% of its images. Strange pictures often get high probabilities all the same, so try T on some. JSON then has "score"
and "rejected" in each prediction, CSV in two more columns.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.trained import add_trained_flags, chosen_ref, flags_alone, model_request
from netwright.cli.training_flags import training_of
from netwright.errors import DataError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from netwright.cli.parser import CommandParser
    from netwright.evaluation.opening import ModelRequest
    from netwright.evaluation.prediction import ImagePrediction, UnreadableImage
    from netwright.recipe import LoadedRecipe

__all__ = ["add_arguments", "run"]

_BATCH = 32


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="REF PATH",
        help="a run folder, a weight file, a published name or an exported file (not with --ckpt_path or "
        "--pretrained), then image files, folders of them, or http addresses",
    )
    parser.add_argument("--image_path", nargs="+", default=[], metavar="PATH", help="as PATH")
    parser.add_argument("--top_k", type=int, default=5, metavar="K", help="classes per image (default: %(default)s)")
    parser.add_argument(
        "--format",
        choices=["table", "json", "csv"],
        meaning="table",
        help="(default: table; with --out FILE.csv or FILE.json that of the file)",
    )
    parser.add_argument(
        "--threshold", type=float, metavar="T", help="reject images whose score is below T (default: none is rejected)"
    )
    parser.add_argument(
        "--reject_by",
        choices=["probability", "energy"],
        default="probability",
        help="the score: the highest probability, 0 to 1, or the log-sum-exp of the logits (default: %(default)s)",
    )
    parser.add_argument(
        "--url_timeout", type=float, default=20.0, metavar="SECONDS", help="of an address (default: %(default)s)"
    )
    parser.is_intermixed = True  # paths may stand before and after flags
    add_trained_flags(
        parser,
        answer={"--out": "file for the answer, instead of the terminal"},
        machine={
            "--batch_size": f"images that are computed at once (default: {_BATCH})",
            "--threads": "processor threads (default: those of the runtime)",
        },
    )


def run(options: Namespace, command: str) -> int:
    """Predict and print or write the answers."""
    flags, loaded = flags_alone(options), training_of(options)
    if options.print_config:
        from netwright.recipe import training_to_yaml

        print(training_to_yaml(loaded.training), end="")
        return 0
    ref, paths = _ref_and_paths(options, loaded, command)
    # infer.py with a network's name alone means the published weights
    training = loaded.training.with_(
        checkpoint=ref,
        pretrained=not ref and bool(loaded.training.network.model),
        ema=flags.training.optimization.ema,  # a recipe's says how it was trained
    )
    batch_size = training.images.batch_size if "batch_size" in loaded.given else _BATCH
    answers, facts = _predict(options, model_request(options, training, loaded.given, flags.given), paths, batch_size)

    from netwright.evaluation.formats import FORMATS
    from netwright.evaluation.prediction import UnreadableImage
    from netwright.system.atomic import write_text

    out = Path(flags.training.checkpoints.out) if "out" in flags.given else None
    format = options.format or _format_of(out)
    text = FORMATS[format](answers, facts)
    if out is not None:
        write_text(out, text, what="the predictions", elsewhere="another --out")
    else:
        print(text, end="")
    bad = [answer for answer in answers if isinstance(answer, UnreadableImage)]
    has_shown = format == "table" and out is None
    for each in [] if has_shown else bad:
        print(f"netwright predict: {each.name} cannot be read: {each.reason}", file=sys.stderr)
    if bad:
        print(f"netwright predict: {len(bad):,} of {len(answers):,} images could not be read", file=sys.stderr)
    return 1 if bad else 0


def _format_of(out: Path | None) -> str:
    """The format that the name of a file says."""
    suffix = "" if out is None else out.suffix.lower().removeprefix(".")
    return suffix if suffix in ("csv", "json") else "table"


def _ref_and_paths(options: Namespace, loaded: LoadedRecipe, command: str) -> tuple[str, list[str]]:
    """The first word names the network, unless a flag does: infer.py takes no words."""
    network, words = loaded.training.network, list(options.words)
    is_named = network.checkpoint or network.pretrained or (network.model and options.image_path)
    ref = "" if is_named or not words else words.pop(0)
    paths = _as_typed([*words, *options.image_path], command)
    if not paths:
        from netwright.data.folder import IMAGE_SUFFIXES

        needs = "predict needs images, and none are named."
        if Path(ref).suffix.lower() in IMAGE_SUFFIXES:
            needs = f"predict needs a network before the images, and {ref} is an image."
        raise DataError(f"{needs} Type `netwright predict RUN_OR_WEIGHTS IMAGE_OR_FOLDER ...`, or --image_path IMAGE.")
    return chosen_ref(ref, network.checkpoint), paths


def _as_typed(paths: list[str], command: str) -> list[str]:
    """Paths in the order in which the command has them: words and --image_path are read apart."""
    import shlex

    typed = shlex.split(command)
    return sorted(paths, key=lambda path: typed.index(path) if path in typed else len(typed))


def _settings() -> AbstractContextManager[None]:
    """Within the quota of a container, for which torch does not ask; an exported file needs no torch."""
    if "torch" not in sys.modules:
        return nullcontext()
    from netwright.training.process import process_settings

    return process_settings()


def _predict(
    options: Namespace, request: ModelRequest, paths: list[str], batch_size: int
) -> tuple[Sequence[ImagePrediction | UnreadableImage], dict[str, str]]:
    """An answer per image, and the network that gave them."""
    from netwright.data.class_order import refuse_folder_order
    from netwright.evaluation.inputs import find_inputs
    from netwright.evaluation.opening import open_model
    from netwright.evaluation.prediction import Rejection, predict_images

    refuse_folder_order(request.class_order, "predict")
    rejection = None if options.threshold is None else Rejection(options.threshold, options.reject_by)
    opened = open_model(request)
    for notice in opened.notices:
        print(notice, file=sys.stderr)
    with _settings(), opened.runtime as runtime:
        if not runtime.info.class_names:
            text = "The weights have no class names: outputs are numbered from 0. --class_order FILE names them."
            print(text, file=sys.stderr)
        inputs = find_inputs(paths, timeout=options.url_timeout, notify=lambda text: print(text, file=sys.stderr))
        found = predict_images(runtime, inputs, top_k=options.top_k, batch_size=batch_size, rejection=rejection)
        answers = list(found)
    if rejection is not None:
        rejected = sum(getattr(answer, "is_rejected", False) for answer in answers)
        print(f"{rejected:,} of {len(answers):,} images are rejected: {rejection}", file=sys.stderr)
    return answers, {"model": runtime.info.arch.name or "network", "weights": opened.source}
