"""From a training in memory to its state and back, so exactly that nothing shows where it was interrupted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.errors import WeightsError
from netwright.training.distributed import Group
from netwright.training.ema import Ema
from netwright.training.engine import Engine, Tally
from netwright.training.optimizer import load_optimizer_state, optimizer_state
from netwright.training.precision import LossScaler
from netwright.training.state import State

__all__ = ["restore", "snapshot"]

_COUNTS = ("epoch", "batches", "counted", "seen", "skipped", "in_a_row")


def snapshot(
    engine: Engine, average: Ema | None, scaler: LossScaler | None, tally: Tally, group: Group, plain: dict[str, Any]
) -> State | None:
    """What `restore` needs, with `plain` beside it; on ranks but the first None. Every rank must call it.

    Tensors are named model/..., average/..., optimizer/..., and rank/R/... for what differs between the ranks: random
    state, sums of the epoch, and statistics of batch norm.
    """
    ranks = group.gather(_of_rank(engine, tally, group))
    if not ranks:
        return None
    optimizer_tensors, optimizer_plain = optimizer_state(engine.optimizer)
    tensors = {f"model/{name}": value for name, value in engine.module.state_dict().items()}
    tensors |= {f"optimizer/{name}": value for name, value in optimizer_tensors.items()}
    tensors |= {f"rank/{rank}/{name}": value for rank, own in enumerate(ranks) for name, value in own.items()}
    if average is not None:
        tensors |= {f"average/{name}": value for name, value in average.module.state_dict().items()}
    plain = plain | {
        "tally": {name: getattr(tally, name) for name in _COUNTS},
        "position": engine.position,
        "lr": engine.lr,
        "optimizer": optimizer_plain,
        "scaler": None if scaler is None else scaler.state_dict(),
        "updates": 0 if average is None else average.updates,
    }
    return State(tensors, plain)


def restore(state: State, engine: Engine, average: Ema | None, scaler: LossScaler | None, group: Group) -> Tally:
    """Put a state back; returns the epoch so far. Raises WeightsError where it is of another network."""
    plain = state.plain
    try:
        engine.module.load_state_dict(_under("model/", state.tensors))
        if average is not None:
            average.module.load_state_dict(_under("average/", state.tensors))
            average.updates = plain["updates"]
        load_optimizer_state(engine.optimizer, _under("optimizer/", state.tensors), plain["optimizer"])
        if scaler is not None:
            scaler.load_state_dict(plain["scaler"])
        engine.position, engine.lr = plain["position"], plain["lr"]
        own = _under(f"rank/{group.rank}/", state.tensors)
        for name, value in engine.module.named_buffers():
            value.copy_(own.get(f"buffer/{name}", value))
        torch.set_rng_state(own["rng"])
        if "rng_device" in own:
            torch.get_device_module(group.device).set_rng_state(own["rng_device"], group.device)
        loss, wrong = own["loss"].to(group.device), own["wrong"].to(group.device)
        return Tally(loss=loss, wrong=wrong, **plain["tally"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise WeightsError(
            f"the training state is not of this training: {error}. Choose another --out, or --resume False."
        ) from error


def _of_rank(engine: Engine, tally: Tally, group: Group) -> dict[str, Tensor]:
    own = {"rng": torch.get_rng_state(), "loss": tally.loss.cpu(), "wrong": tally.wrong.cpu()}
    if group.device.type != "cpu":
        own["rng_device"] = torch.get_device_module(group.device).get_rng_state(group.device)
    if group.world > 1:
        own |= {f"buffer/{name}": value.cpu() for name, value in engine.module.named_buffers()}
    return own


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
