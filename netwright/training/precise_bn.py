"""Precise batch norm: statistics over many batches, instead of a moving average that favors the last ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from netwright.nn.freeze import frozen_parts

__all__ = ["precise_bn"]

# _NormBase would include instance norms, whose statistics are not of a batch
_BatchNorm = nn.modules.batchnorm._BatchNorm


@torch.no_grad()
def precise_bn(
    module: nn.Module, batches: Iterable[Tensor], all_reduce_mean: Callable[[list[Tensor]], None] | None = None
) -> None:
    """Set every running mean and (unbiased) variance to the mean of those of the batches, with the weights as they are.

    The method of pycls (compute_precise_bn_stats). Meanwhile only batch norm is in training mode, so dropout and
    stochastic depth are off and draw no random numbers; afterwards every mode is as before. Frozen parts are not
    changed, and nothing is changed without batches, or when one of them fails.

    Args:
        module: The network.
        batches: (B, C, H, W) each.
        all_reduce_mean: Replaces each tensor of a list by its mean over the ranks; all ranks then need the same number
            of batches.
    """
    frozen = frozen_parts(module)
    parts = [part for part in module.modules() if isinstance(part, _BatchNorm) and part not in frozen]
    norms = [part for part in parts if part.running_mean is not None]
    modes = [(part, part.training) for part in module.modules()]
    momenta = [part.momentum for part in norms]
    kept = [(value, value.clone()) for part in norms for value in part.buffers(recurse=False)]
    done = 0
    try:
        module.eval()
        for part in norms:
            part.train()
            part.momentum = None  # in torch: a cumulative mean since the reset
            part.reset_running_stats()
        for x in batches:
            module(x)
            done += 1
    except BaseException:
        done = 0
        raise
    finally:
        counts = {id(part.num_batches_tracked) for part in norms}
        for value, before in kept:
            if not done or id(value) in counts:
                value.copy_(before)
        for part, momentum in zip(norms, momenta, strict=True):
            part.momentum = momentum
        for module_part, training in modes:
            module_part.training = training
    if all_reduce_mean is not None and done:
        all_reduce_mean(
            [value for part in norms for value in (part.running_mean, part.running_var) if value is not None]
        )
