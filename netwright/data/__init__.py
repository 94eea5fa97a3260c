"""Labeled images: find, split and decode them once, and share them between processes. numpy only; no torch."""

from typing import TYPE_CHECKING

from netwright.data.data_ref import DataRef
from netwright.data.decode import decode
from netwright.data.images import ImageSet, Skipped
from netwright.data.load import load_images
from netwright.data.preprocess import Preprocessing
from netwright.data.source import ImageSource
from netwright.data.sources import open_source
from netwright.data.splits import Splits, cut_splits
from netwright.data.summarize import summarize
from netwright.data.summary import DataSummary
from netwright.system.deprecation import moved_names

__all__ = [
    "DataRef",
    "DataSummary",
    "ImageSet",
    "ImageSource",
    "Preprocessing",
    "Skipped",
    "Splits",
    "cut_splits",
    "decode",
    "load_images",
    "open_source",
    "summarize",
]

if not TYPE_CHECKING:  # to a type checker, the old name is an error
    __getattr__ = moved_names(__name__, {"Source": "netwright.data:ImageSource"})
