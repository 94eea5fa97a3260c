"""Write a trained network as a file that runs without its training code.

The file is one for ONNX Runtime (.onnx), OpenVINO (.xml and .bin), torch (.pt2) or LiteRT, which was TensorFlow Lite
(.tflite; pip install "netwright[litert]"). It takes normalized images as `input`, (N, C, H, W) float32, and gives
`logits`, (N, classes) float32, whatever it computes in between. Batch norm is folded into the convolutions;
architecture, preprocessing and class names are in the file. Before it is put in its place it is opened again and
compared with the network: an export that computes something else is not written. For other targets (coreml,
executorch, ncnn, tensorrt, mindir), --to NAME prints how to continue from such a file.

  netwright export runs/flowers                                   flowers.onnx, fp32
  netwright export runs/flowers --to openvino --precision bf16    half the work where the processor has bf16
  netwright export runs/flowers --to openvino --precision int8 --data_dir FLOWERS
                                  calibrated on images of the train split, accuracy and speed beside the network's
  netwright export runs/flowers --out models/flowers/1            a numbered version, as `netwright serve` takes it
                                  the same network's file is replaced, another's only with --overwrite
  netwright export runs/flowers --layout triton --out models      for Triton: models/flowers/1/, again: 2/

precision, size and what it is for:
  fp32    the network as it is
  bf16    openvino, torch: computed in bf16 on processors that have it; logits differ by about 1% of their spread
  fp16    half the size; ONNX Runtime, OpenVINO and LiteRT compute in fp32 on processors, torch in fp16, slow there
  int8    onnx, openvino: a quarter of the size, fastest; needs images to calibrate, and changes some answers
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.export_images import add_images, choose_images, with_class_order
from netwright.cli.options import add_options, options_given, truth
from netwright.errors import DataError, ExportError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from netwright.cli.parser import CommandParser
    from netwright.exports import Exported
    from netwright.weights import LoadedModel

__all__ = ["add_arguments", "run"]

_TARGETS = ("onnx", "openvino", "torch", "litert")
_PRECISIONS = ("fp32", "bf16", "fp16", "int8")
_LONGEST_NUMBER = 18  # digits


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.exports.triton import TritonSettings

    parser.add_argument(
        "ref", metavar="REF", help="a run folder, a weight file, or a published name, as `netwright models` lists them"
    )
    what = parser.add_argument_group("what is written")
    what.add_argument(
        "--to", type=_target, choices=_TARGETS, default="onnx", help="what will open it (default: %(default)s)"
    )
    what.add_argument("--precision", choices=_PRECISIONS, default="fp32", help="(default: %(default)s)")
    what.add_argument(
        "--batch",
        default="dynamic",
        metavar="N|dynamic",
        help="images that the graph takes at once; some compilers need a number (default: %(default)s)",
    )
    what.add_argument(
        "--out", default="", metavar="PATH", help="the file, or a folder for model.onnx and so on (default: the name)"
    )
    what.add_argument("--overwrite", action="store_true", help="replace the file of another network, too")
    what.add_argument(
        "--name", default="", help="of the model, for servers (default: the run folder's, else the network's)"
    )
    what.add_argument(
        "--model_version", default="", metavar="V", help="(default: 1; with --layout triton the next that is free)"
    )
    what.add_argument(
        "--layout",
        choices=["file", "triton"],
        default="file",
        help="triton: --out is a model repository of Triton and of `netwright serve` (default: %(default)s)",
    )
    triton = "with --layout triton, for the configuration that the first version brings"
    add_options(parser, TritonSettings, group=triton)
    _add_weights(parser)
    add_images(parser)
    report = parser.add_argument_group("report")
    report.add_argument(
        "--speed",
        nargs="?",
        const=True,
        type=truth,
        metavar="true|false",
        help="measure it beside torch in fp32, some seconds (default: true for int8)",
    )
    report.add_argument(
        "--report",
        default="",
        metavar="FILE",
        help="what was checked and measured: a page to read (.html), or JSON (.json)",
    )


def _add_weights(parser: CommandParser) -> None:
    which = parser.add_argument_group("which weights")
    which.add_argument("--model", default="", help="the network, where the weights do not name it")
    which.add_argument("--ema", action="store_true", help="the moving average, where the file has one")
    which.add_argument(
        "--class_order",
        default="",
        metavar="natural|string|FILE",
        help="of weights without class names: the order of the class folders in --data_dir (1, 2, 10 or 1, 10, 2), or "
        "a file with a class name a line",
    )


def run(options: Namespace, command: str) -> int:
    """Export, and print what was checked and measured."""
    batch = _batch(options.batch)
    _refuse_images_alone(options)
    write = _layout(options)
    from netwright.cli.next_commands import print_next, words
    from netwright.exports.destination import refuse_exported
    from netwright.weights import load_model

    refuse_exported(options.ref)
    model = load_model(options.ref, model=options.model, ema=options.ema)
    for notice in model.notices:
        print(notice, file=sys.stderr)
    model = with_class_order(options, model)
    calibration, evaluation = choose_images(options, model)
    is_int8 = options.precision == "int8"
    exported = write(
        model,
        to=options.to,
        precision=options.precision,
        batch=batch,
        calibration=calibration,
        evaluation=evaluation,
        measure_speed=is_int8 if options.speed is None else options.speed,
        progress=lambda text: print(text, file=sys.stderr, flush=True),
    )
    _print(exported)
    if options.report:
        _report(exported, Path(options.report), command)
    file = words(exported.path)
    print_next(
        ("predict", f"{file} PHOTO.jpg", "what the file sees in a picture"),
        ("validate", f"{file} --data_dir PHOTOS", "its accuracy on pictures in a folder a class"),
        ("serve", file, "answer pictures over HTTP"),
    )
    return 0


def _target(text: str) -> str:
    if text in _TARGETS:
        return text
    from argparse import ArgumentTypeError

    from netwright.exports.elsewhere import unknown_target

    raise ArgumentTypeError(unknown_target(text))


def _batch(text: str) -> int | str:
    if text == "dynamic":
        return text
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER or int(text) < 1:
        raise ExportError(f"--batch is a whole number of at least 1, or 'dynamic', not {text!r}.")
    return int(text)


def _refuse_images_alone(options: Namespace) -> None:
    if options.evaluation_images < 0:
        raise DataError(f"--evaluation_images is 0 for all or more, not {options.evaluation_images}.")
    if options.report and Path(options.report).suffix not in (".html", ".json"):
        raise ExportError(f"--report ends in .html for a page or in .json, and {options.report} does not.")
    if options.seed < 0:
        raise DataError(f"a seed is 0 or more, not {options.seed}. Give another --seed.")


def _layout(options: Namespace) -> Callable[..., Exported]:
    """How it is written: a file, or a version in a model repository."""
    from netwright.exports.triton import TritonSettings

    given = options_given(options, TritonSettings)
    if options.layout == "file":
        if given:
            raise ExportError(f"--{next(iter(given))} is for --layout triton. Leave it out.")
        from netwright.exports import export

        version = options.model_version or "1"
        return lambda model, **more: export(
            model,
            options.out or _default_file(options, model),
            name=_name(options, model),
            version=version,
            overwrite=options.overwrite,
            **more,
        )
    from netwright.exports.triton_repository import export_triton

    if options.overwrite:
        raise ExportError("--overwrite is for files: with --layout triton no version is overwritten. Leave it out.")
    if not options.model_version.isdecimal() and options.model_version:
        raise ExportError(f"--model_version is a number with --layout triton, not {options.model_version!r}.")
    number, settings = int(options.model_version) if options.model_version else None, TritonSettings(**given)
    return lambda model, **more: export_triton(
        model, options.out or "models", name=_name(options, model), version=number, settings=settings, **more
    )


def _name(options: Namespace, model: LoadedModel) -> str:
    from netwright.system.model_name import default_name

    return str(options.name or default_name(options.ref, model.arch.name))


def _default_file(options: Namespace, model: LoadedModel) -> str:
    from netwright.runtime.info import SUFFIXES

    precision = "" if options.precision == "fp32" else f"-{options.precision}"
    return _name(options, model) + precision + SUFFIXES[options.to]


def _report(exported: Exported, path: Path, command: str) -> None:
    if path.suffix == ".html":
        from netwright.exports.report import write_export_report

        write_export_report(exported, path, command=command)
        print(f"report: {path}")
        return
    import json

    from netwright.system.atomic import write_text

    text = json.dumps(exported.to_dict() | {"command": command}, indent=2)
    write_text(path, text, what="the export's report", elsewhere="another --report")


def _print(exported: Exported) -> None:
    info, accuracy = exported.info, exported.accuracy
    batch = "any number of images" if info.batch is None else f"{info.batch:,} at once"
    shape = ", ".join(map(str, info.input_shape))
    for each in exported.checks:
        print(f"checked: {each.agreement}")
    print(f"takes input (N, {shape}) float32, {batch}; gives logits (N, {info.arch.num_classes:,}) float32")
    print(exported.table())
    if accuracy is not None:
        print(f"  top-1 of {accuracy.images:,} images: {accuracy.description}")
    print(f"wrote {' and '.join(str(each) for each in exported.files)}")
