"""Batches on a device, from images of any source: augmented for training, as they are for validation."""

from netwright.pipeline.eval_loader import EvalLoader
from netwright.pipeline.loader import TrainLoader
from netwright.pipeline.split import Split, open_split, open_splits

__all__ = ["EvalLoader", "Split", "TrainLoader", "open_split", "open_splits"]
