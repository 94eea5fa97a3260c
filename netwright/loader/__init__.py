"""Load batches of images to a device: augmented for training, only preprocessed for validation."""

from netwright.loader.eval_loader import EvalLoader
from netwright.loader.signal_sample import signal_warnings
from netwright.loader.split import Split, open_split, open_splits
from netwright.loader.train_loader import TrainLoader

__all__ = ["EvalLoader", "Split", "TrainLoader", "open_split", "open_splits", "signal_warnings"]
