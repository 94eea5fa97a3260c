"""A network of a population, to be looked at: drawn, as a table of stages, with its curve and its block widths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from netwright.arch import Arch
from netwright.arch.drawing import draw_network
from netwright.arch.linear_fit import LinearFit, fit
from netwright.errors import ArchError
from netwright.population import Population
from netwright.studio.columns import COSTS, numbers
from netwright.studio.commands import as_typed
from netwright.studio.errors import StudioError
from netwright.studio.populations import Opened
from netwright.studio.sweep_commands import recorded_words, without

__all__ = ["network_of", "network_yaml"]

_KEPT = 256


def network_of(opened: Opened, trial: int) -> dict[str, Any]:
    """Everything that is known of a trial.

    Returns:
        `svg`, `stages` (a dict each), `widths` (of each block) and `line` (the quantized linear function nearest to
        them), `e_fit`, `curve` (records), `costs`, `parameters`, `state`, `error`, `reason`, `failure`, `repeats`.

    Raises:
        StudioError: There is no such trial.
    """
    frame = opened.view.trials
    found = frame[frame["trial"] == trial]
    if found.empty:
        raise StudioError(404, f"{opened.entry.id} has no trial {trial}.")
    row: Mapping[Any, Any] = found.iloc[0].to_dict()
    known: dict[str, Any] = {
        "id": opened.entry.id,
        "trial": trial,
        "state": row["state"],
        **{name: _known(row.get(name)) for name in ("error", "reason", "failure", "attempts", "seconds", "seed")},
        "costs": {name: _known(row[name]) for name in COSTS if name in row},
        "parameters": {name: _known(row[name]) for name in opened.view.parameters if name in row},
        "curve": _curve(opened.population, row, trial),
        "repeats": _repeats(opened, trial),
        "where": _where(opened.population, row),
        "again": _again(opened, row),
    }
    text = row.get("arch")
    return known | (_drawn(text) if isinstance(text, str) and text else {})


def network_yaml(opened: Opened, trial: int) -> str:
    """The network as a file that `netwright train --model FILE` takes. StudioError where the trial has none."""
    frame = opened.view.trials
    found = frame[frame["trial"] == trial]
    text = None if found.empty or "arch" not in found else found.iloc[0]["arch"]
    if not isinstance(text, str) or not text:
        raise StudioError(404, f"trial {trial} of {opened.entry.id} has no network: its table had none.")
    return Arch.from_json(text).to_yaml()


@lru_cache(_KEPT)
def _drawn(text: str) -> dict[str, Any]:
    try:
        arch = Arch.from_json(text)
    except ArchError as error:
        return {"no_drawing": str(error)}
    side, stages = -(-arch.resolution // arch.stem.stride), []
    for stage in arch.stages:
        side = -(-side // stage.stride)
        stages.append(
            {
                "depth": stage.depth,
                "width": stage.width,
                "group_width": stage.group_width,
                "groups": stage.groups,
                "bottleneck": stage.bottleneck,
                "stride": stage.stride,
                "side": side,
            }
        )
    line = fit(arch)
    assert isinstance(line, LinearFit), "of one network"
    return {
        "svg": draw_network(arch),
        "stages": stages,
        "widths": list(arch.block_widths),
        "line": numbers(line.widths),
        "e_fit": line.e_fit,
    }


def _curve(population: Population | None, row: Mapping[Any, Any], trial: int) -> list[dict[str, float]]:
    """Records of the epochs, those of a population from its snapshot."""
    curve = row.get("curve") if population is None else json.loads(population.curve_text(trial) or "[]")
    return [dict(record) for record in curve] if isinstance(curve, list) else []


def _repeats(opened: Opened, trial: int) -> list[float]:
    """Errors of its trainings with other seeds."""
    repeats = opened.view.repeats
    if repeats is None:
        return []
    own = repeats[(repeats["network"] == trial) & repeats["error"].notna()]
    return [float(error) for error in own["error"]]


def _where(population: Population | None, row: Mapping[Any, Any]) -> str:
    """What trained it: devices and processor; empty where that is not recorded."""
    sessions = [] if population is None else population.notes.get("provenance", {}).get("sessions", [])
    place = _known(row.get("session"))
    if not sessions or (place is None and len(sessions) > 1):
        return ""
    session = sessions[int(place or 0)] if int(place or 0) < len(sessions) else {}
    devices = session.get("devices", [])
    hardware = session.get("hardware", {})
    parts = [", ".join(map(str, devices)), str(hardware.get("processor") or hardware.get("cpu") or "")]
    return "; ".join(part for part in parts if part)


def _again(opened: Opened, row: Mapping[Any, Any]) -> str:
    """The command that trains a trial of the machine's fault again."""
    if row["state"] != "failed" or row.get("failure") != "machine":
        return ""
    words = recorded_words(opened)
    return as_typed([*without(words, "retry_failed"), "--retry_failed"]) if words else ""


def _known(value: Any) -> Any:
    """A cell as JSON has it, None where it is empty."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and value != value else value
