"""The images of `netwright export`: which int8 is calibrated on, which accuracy is measured on, and their classes."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from netwright.errors import ExportError

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.exports import Labeled
    from netwright.weights import LoadedModel

__all__ = ["add_images", "choose_images", "with_class_order"]

_CALIBRATION, _EVALUATION = 300, 2000


def add_images(parser: CommandParser) -> None:
    """The flags that name them."""
    images = parser.add_argument_group("images, for int8 and for comparing accuracy (default for int8: the run's own)")
    images.add_argument(
        "--data_dir", default="", metavar="DIR", help="folder of the images; to calibrate they need no class folders"
    )
    images.add_argument("--dataset", default="", help="imagenet, mnist, cifar10, cifar100, or digits: bundled")
    images.add_argument("--train_split", default="train", metavar="NAME", help="to calibrate (default: %(default)s)")
    images.add_argument("--val_split", default="validation", metavar="NAME", help="to measure (default: %(default)s)")
    images.add_argument(
        "--calibration_images", type=int, default=_CALIBRATION, metavar="N", help="1 to 300 (default: %(default)s)"
    )
    images.add_argument(
        "--evaluation_images", type=int, default=_EVALUATION, metavar="N", help="0 for all (default: %(default)s)"
    )
    images.add_argument("--seed", type=int, default=0, help="by which images are drawn (default: %(default)s)")


def with_class_order(options: Namespace, model: LoadedModel) -> LoadedModel:
    """The model with the class names that --class_order gives."""
    if not options.class_order:
        return model
    from netwright.data.class_order import ORDERS, imposed_names, refuse_folder_order
    from netwright.data.dataset import open_dataset

    folders: tuple[str, ...] = ()
    if options.class_order in ORDERS:
        if not (options.data_dir or options.dataset):
            refuse_folder_order(options.class_order, "an export without --data_dir")
        folders = open_dataset(options.dataset, options.data_dir, [options.train_split]).source.class_names
    names = imposed_names(options.class_order, model.class_names, model.arch.num_classes, model.source, folders=folders)
    return replace(model, class_names=names)


def choose_images(options: Namespace, model: LoadedModel) -> tuple[Labeled | None, Labeled | None]:
    """Those of the run, for int8 or where they are named; else those that are named."""
    from netwright.data.class_order import usual_order
    from netwright.exports import labeled_images
    from netwright.runtime.info import info_of

    is_named = bool(options.data_dir or options.dataset)
    if not is_named and options.precision != "int8":
        return None, None
    own = _of_the_run(options, model)
    if own is not None:
        return own
    if not is_named:
        raise ExportError(
            "int8 is calibrated on images, which show the ranges of values, and the weights do not say which they were "
            "trained on. Name some of that kind: --data_dir FOLDER or --dataset NAME."
        )
    return labeled_images(
        options.dataset,
        options.data_dir,
        info_of(model).class_names,
        model.arch.num_classes,
        calibration=options.calibration_images,
        evaluation=options.evaluation_images or None,
        train_split=options.train_split,
        val_split=options.val_split,
        seed=options.seed,
        order=usual_order(model.facts),
    )


def _of_the_run(options: Namespace, model: LoadedModel) -> tuple[Labeled, Labeled | None] | None:
    """Images of the run; None where others are named, and where nothing says which they are."""
    from netwright.evaluation.images import images_where_they_are
    from netwright.exports.run_images import labeled_run

    images = images_where_they_are(model.facts, str(options.ref), options.data_dir, options.dataset)
    if images is None:
        return None
    found = labeled_run(
        images,
        model,
        calibration=options.calibration_images,
        evaluation=options.evaluation_images or None,
        seed=options.seed,
    )
    if found[1] is None:
        print("top-1 is not compared: the network was trained on all images of its run", file=sys.stderr)
    return found
