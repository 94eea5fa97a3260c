"""Loss functions, computed in fp32 whatever the precision of the network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from netwright.errors import RecipeError
from netwright.recipe.training import Loss

__all__ = ["Criterion", "balanced_weights", "make_loss"]

# (logits, target) -> scalar. logits: (N, C); target: (N,) int64 classes or (N, C) probabilities
Criterion = Callable[[Tensor, Tensor], Tensor]

_JSD_WEIGHT = 12.0  # arXiv 1912.02781, section 3
_MIN_PROBABILITY = 1e-7  # of the mixture, so that its logarithm is finite


def balanced_weights(labels: npt.NDArray[np.int64], classes: int) -> Tensor:
    """(classes,) float32: images / (classes with images x images of the class), whose mean over images is 1.

    A class without images weighs nothing. labels: (N,) of all training images.
    """
    counts = np.bincount(labels, minlength=classes)
    weights = np.where(counts > 0, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 0.0)
    return torch.from_numpy(weights.astype(np.float32))


def make_loss(loss: Loss, aug_splits: int = 0, class_weights: Tensor | None = None) -> Criterion:
    """Make the loss function of a recipe.

    CE is torch's cross-entropy. BCE is the binary cross-entropy of every class, as in MindCV and timm: smoothing s
    turns a target t of C classes into t * (1 - s) + s / C. The reduction `mean` is over images for CE, over images and
    classes for BCE, and `sum` over the same.

    With aug_splits n the loss is CE of the clean images + 12 x the Jensen-Shannon divergence of the n versions
    (AugMix).

    Args:
        loss: The recipe's loss.
        aug_splits: n; 0 for none.
        class_weights: (C,) float32, on the device of the logits: factors of an image's loss by its class, of a soft
            target's by their mean; of BCE, factors of the loss of each class. The mean of CE is weighted, as in torch.

    Returns:
        A function of logits (N, C) and target, (N,) int64 classes or (N, C) probabilities, to a scalar in fp32. With
        aug_splits, logits are (n * B, C) with the B clean images first, and the target has B rows (more are ignored).

    Raises:
        RecipeError: aug_splits is used with another loss than CE.
    """
    smoothing, reduction = loss.label_smoothing, loss.reduction
    if aug_splits:
        if loss.loss != "CE":
            raise RecipeError(
                f"aug_splits trains with cross-entropy and the divergence of the versions of an image, and loss is "
                f"{loss.loss}. Set loss to CE, or aug_splits to 0."
            )
        return partial(_jsd, splits=aug_splits, smoothing=smoothing, reduction=reduction, weight=class_weights)
    return partial(_LOSSES[loss.loss], smoothing=smoothing, reduction=reduction, weight=class_weights)


def _cross_entropy(
    logits: Tensor, target: Tensor, *, smoothing: float, reduction: str, weight: Tensor | None = None
) -> Tensor:
    return functional.cross_entropy(
        logits.float(), target, weight=weight, label_smoothing=smoothing, reduction=reduction
    )


def _binary_cross_entropy(
    logits: Tensor, target: Tensor, *, smoothing: float, reduction: str, weight: Tensor | None = None
) -> Tensor:
    logits = logits.float()
    if target.ndim == 1:
        target = torch.zeros_like(logits).scatter_(1, target[:, None], 1.0)
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / logits.shape[1]
    return functional.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction=reduction)


def _jsd(
    logits: Tensor, target: Tensor, *, splits: int, smoothing: float, reduction: str, weight: Tensor | None = None
) -> Tensor:
    logits = logits.float()
    assert len(logits) % splits == 0, "the loader has each image in all its versions"
    images = len(logits) // splits
    clean = _cross_entropy(logits[:images], target[:images], smoothing=smoothing, reduction=reduction, weight=weight)
    log_p = logits.view(splits, images, -1).log_softmax(2)
    # with log p, not p: the gradient of p log p is not finite where p is too small for fp32
    p = log_p.exp()
    mixture = p.mean(0).clamp(_MIN_PROBABILITY, 1.0).log()
    divergence = (p * (log_p - mixture)).sum() / splits
    if reduction == "mean":
        divergence = divergence / images
    return clean + _JSD_WEIGHT * divergence


_LOSSES: dict[str, Callable[..., Tensor]] = {"BCE": _binary_cross_entropy, "CE": _cross_entropy}
