"""Convert a training in memory to its state and back, so exactly that an interruption leaves no trace."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.errors import WeightsError
from netwright.training.distributed import Group
from netwright.training.ema import EmaModel
from netwright.training.engine import Engine, EpochMeter
from netwright.training.optimizer import load_optimizer_state, optimizer_state
from netwright.training.precision import LossScaler
from netwright.training.state import State

__all__ = ["restore_snapshot", "take_snapshot"]

_COUNTS = ("epoch", "batches", "counted", "seen", "skipped", "in_a_row")


def take_snapshot(
    engine: Engine,
    ema: EmaModel | None,
    scaler: LossScaler | None,
    meter: EpochMeter,
    group: Group,
    metadata: dict[str, Any],
) -> State | None:
    """Take the state of a training; all ranks must call it.

    Tensors are named model/..., average/..., optimizer/..., and rank/R/... for what differs between the ranks: random
    state, totals of the epoch, and statistics of batch norm.

    Args:
        engine: Has the network and the optimizer.
        ema: The moving average, if any.
        scaler: The loss scaler, if any.
        meter: Totals of the epoch so far.
        group: The ranks.
        metadata: Further values, which JSON can hold.

    Returns:
        The state, on rank 0; None on the others.
    """
    ranks = group.gather(_rank_tensors(engine, meter, group))
    if not ranks:
        return None
    optimizer_tensors, optimizer_plain = optimizer_state(engine.optimizer)
    tensors = {f"model/{name}": value for name, value in engine.module.state_dict().items()}
    tensors |= {f"optimizer/{name}": value for name, value in optimizer_tensors.items()}
    tensors |= {f"rank/{rank}/{name}": value for rank, own in enumerate(ranks) for name, value in own.items()}
    if ema is not None:
        tensors |= {f"average/{name}": value for name, value in ema.module.state_dict().items()}
    metadata = metadata | {
        "tally": {name: getattr(meter, name) for name in _COUNTS},
        "position": engine.schedule_step,
        "lr": engine.lr,
        "optimizer": optimizer_plain,
        "scaler": None if scaler is None else scaler.state_dict(),
        "updates": 0 if ema is None else ema.updates,
    }
    return State(tensors, metadata)


def restore_snapshot(
    state: State, engine: Engine, ema: EmaModel | None, scaler: LossScaler | None, group: Group
) -> EpochMeter:
    """Restore the state of a training, in place.

    Args:
        state: What `take_snapshot` made.
        engine: Gets weights, optimizer and its other values.
        ema: Gets the moving average; None if the training has none.
        scaler: Gets the loss scale; None without fp16.
        group: Its ranks get their random state.

    Returns:
        The epoch meter, with the sums of the epoch so far.

    Raises:
        WeightsError: The state belongs to another network.
    """
    metadata = state.metadata
    try:
        engine.module.load_state_dict(_with_prefix("model/", state.tensors))
        if ema is not None:
            ema.module.load_state_dict(_with_prefix("average/", state.tensors))
            ema.updates = metadata["updates"]
        load_optimizer_state(engine.optimizer, _with_prefix("optimizer/", state.tensors), metadata["optimizer"])
        if scaler is not None:
            scaler.load_state_dict(metadata["scaler"])
        engine.schedule_step, engine.lr = metadata["position"], metadata["lr"]
        own = _with_prefix(f"rank/{group.rank}/", state.tensors)
        for name, value in engine.module.named_buffers():
            value.copy_(own.get(f"buffer/{name}", value))
        torch.set_rng_state(own["rng"])
        if "rng_device" in own:
            torch.get_device_module(group.device).set_rng_state(own["rng_device"], group.device)
        loss, wrong = own["loss"].to(group.device), own["wrong"].to(group.device)
        return EpochMeter(loss=loss, wrong=wrong, **metadata["tally"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise WeightsError(
            f"the training state belongs to another training: {error}. Choose another --out, or --resume False."
        ) from error


def _rank_tensors(engine: Engine, meter: EpochMeter, group: Group) -> dict[str, Tensor]:
    own = {"rng": torch.get_rng_state(), "loss": meter.loss.cpu(), "wrong": meter.wrong.cpu()}
    if group.device.type != "cpu":
        own["rng_device"] = torch.get_device_module(group.device).get_rng_state(group.device)
    if group.world > 1:
        own |= {f"buffer/{name}": value.cpu() for name, value in engine.module.named_buffers()}
    return own


def _with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
