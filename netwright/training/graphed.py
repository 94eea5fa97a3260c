"""A training step on a CUDA device as one graph: small networks wait for Python and launches, not for the GPU.

The first steps are done as always, so that cuDNN chooses its kernels and the optimizer makes its state. Then a step
is recorded, and from there on replayed: the same kernels in the same order, without Python between them.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from netwright.training.engine import Engine

__all__ = ["GraphedEngine", "engine_class"]

_LOG = logging.getLogger(__name__)

_EAGER_STEPS = 3  # of a kind of batch before it is recorded
_RECORDED = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)  # whose fused steps can be recorded
_SWITCH = "NETWRIGHT_CUDA_GRAPHS"


def engine_class(device: torch.device) -> type[Engine]:
    """The engine for a device: a `GraphedEngine` on CUDA, unless NETWRIGHT_CUDA_GRAPHS=0 is set; else an `Engine`."""
    return GraphedEngine if device.type == "cuda" and os.environ.get(_SWITCH, "1") != "0" else Engine


@dataclass(slots=True, eq=False)
class GraphedEngine(Engine):
    """An engine that replays its step as a CUDA graph, for batches of one shape.

    What cannot be recorded is done as always, with the same results: batches of other shapes, loss scales, skipped
    steps, accumulation, several ranks, other optimizers than fused SGD, Adam and AdamW, and networks whose recording
    fails.
    """

    _graph: torch.cuda.CUDAGraph | None = field(init=False, default=None)
    _stream: torch.cuda.Stream | None = field(init=False, default=None)
    _inputs: tuple[Tensor, Tensor] | None = field(init=False, default=None)
    _outputs: tuple[Tensor, Tensor] | None = field(init=False, default=None)
    _lrs: list[Tensor] = field(init=False, default_factory=list)
    _eager: int = field(init=False, default=0)
    _replayed: bool = field(init=False, default=False)
    _can_record: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        Engine.__post_init__(self)
        fused = all(group.get("fused") for group in self.optimizer.param_groups)
        alone = not hasattr(self.wrapped, "no_sync")  # DistributedDataParallel's
        plain = self.scaler is None and not self.skip_nan and alone and self.accumulate == 1
        self._can_record = plain and fused and type(self.optimizer) in _RECORDED

    def backward(self, x: Tensor, target: Tensor, share: float, *, sync: bool) -> tuple[Tensor, Tensor]:
        """As `Engine.backward`; where the step is recorded, it is all done here, and `step` only counts it."""
        self._replayed = False
        if not self._can_record or share != 1.0:
            return Engine.backward(self, x, target, share, sync=sync)
        if self._graph is None and self._eager >= _EAGER_STEPS:
            self._record(x, target)
        if self._graph is None or self._inputs is None or not _alike((x, target), self._inputs):
            return self._warm(x, target, sync)
        return self._replay(x, target)

    def step(self, batches: int) -> bool:
        """As `Engine.step`."""
        if not self._replayed:
            return Engine.step(self, batches)
        self.schedule_step += batches
        if self.ema is not None:
            self.ema.update(self.module)
        return True

    def _warm(self, x: Tensor, target: Tensor, sync: bool) -> tuple[Tensor, Tensor]:
        """Do a step without the graph, on a stream of its own: nothing of the default stream may be recorded."""
        self._eager += 1
        if self._stream is None:
            self._stream = torch.cuda.Stream(x.device)  # type: ignore[no-untyped-call]
        here = torch.cuda.current_stream(x.device)
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            result = Engine.backward(self, x, target, 1.0, sync=sync)
        here.wait_stream(self._stream)
        return result

    def _record(self, x: Tensor, target: Tensor) -> None:
        """Record a step; it is not done by that. Where it cannot be recorded, it never will be tried again."""
        groups = self.optimizer.param_groups
        before = [(group["lr"], group.get("capturable")) for group in groups]
        inputs = (x.clone(), target.clone())
        lrs = [torch.zeros((), device=x.device) for _ in groups]
        for group, lr in zip(groups, lrs, strict=True):
            group["lr"] = lr
            if "capturable" in group:
                group["capturable"] = True
        self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        try:
            # without a stream torch takes one of the current device, which may be another one than this network's
            with torch.cuda.graph(graph, stream=self._stream):
                outputs = Engine.backward(self, *inputs, 1.0, sync=True)
                if self.clip_norm is not None:
                    nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
                self.optimizer.step()
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            self._can_record = False
            _LOG.debug("a training step is not recorded as a CUDA graph: %s", error)
        else:
            self._graph, self._inputs, self._outputs, self._lrs = graph, inputs, outputs, lrs
        for group, (lr, capturable) in zip(groups, before, strict=True):
            group["lr"] = lr
            if "capturable" in group:
                group["capturable"] = capturable

    def _replay(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        assert self._graph is not None
        assert self._inputs is not None
        assert self._outputs is not None
        self.lr = self.lr_schedule(self.schedule_step)
        for group, lr in zip(self.optimizer.param_groups, self._lrs, strict=True):
            group["lr"] = self.lr * group.get("lr_scale", 1.0)
            lr.fill_(group["lr"])
        for there, given in zip(self._inputs, (x, target), strict=True):
            there.copy_(given)
        self._graph.replay()
        self._replayed = True
        loss, logits = self._outputs
        return loss.clone(), logits


def _alike(batch: tuple[Tensor, Tensor], recorded: tuple[Tensor, Tensor]) -> bool:
    """Whether a batch has the shapes, types and memory format of the recorded one."""
    return all(
        given.shape == there.shape and given.dtype == there.dtype and given.stride() == there.stride()
        for given, there in zip(batch, recorded, strict=True)
    )
