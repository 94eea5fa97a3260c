"""What trained a population: programs, processors and devices, once for each session that differed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netwright.system.diff import difference

__all__ = ["KEY", "merged_sessions", "mixed_sessions", "session_number", "with_session"]

KEY = "provenance"  # of a population's notes
# of the hardware, what changes sums in their last digits; how many processors there are does not
_COMPUTES = ("processor", "system")


def with_session(
    notes: Mapping[str, Any], session: Mapping[str, Any], data: Mapping[str, Any], *, finished: int, now: float
) -> dict[str, Any]:
    """The notes with a session that has just finished a trial.

    Args:
        notes: Of the population.
        session: versions, hardware, devices, threads, command, splits.
        data: What is known of the images.
        finished: Number of trials that were done or failed before this session.
        now: Seconds since 1970.

    Returns:
        Notes whose "provenance" has the facts of the first session, data, and `sessions`: one for each software and
        device, with `first` and `last`, when they first and last finished a trial. Trials from before anything was
        recorded are counted as `unrecorded`.
    """
    known = dict(notes.get(KEY, {}))
    sessions = [dict(each) for each in known.get("sessions", ())]
    if not sessions:
        known = dict(session) | {"data": dict(data), "unrecorded": finished}
    same = next((each for each in sessions if _computed_by(each) == _computed_by(session)), None)
    if same is None:
        sessions.append(dict(session) | {"first": now, "last": now})
    else:
        same["last"] = now
    return dict(notes) | {KEY: known | {"sessions": sessions}}


def session_number(notes: Mapping[str, Any], session: Mapping[str, Any]) -> int | None:
    """The place of a session among those of the notes; None where it is not there."""
    sessions = notes.get(KEY, {}).get("sessions", ())
    wanted = _computed_by(session)
    return next((place for place, each in enumerate(sessions) if _computed_by(each) == wanted), None)


def merged_sessions(
    sources: Sequence[Sequence[Mapping[str, Any]]],
) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """The sessions of several populations, each once, and for each source the places of its own among them."""
    found: list[dict[str, Any]] = []
    places = []
    for sessions in sources:
        own = []
        for session in sessions:
            known = [_computed_by(each) for each in found]
            if _computed_by(session) not in known:
                found.append(dict(session))
                own.append(len(found) - 1)
                continue
            place = known.index(_computed_by(session))
            for name, choose in (("first", min), ("last", max)):
                if name in session and name in found[place]:
                    found[place][name] = choose(session[name], found[place][name])
            own.append(place)
        places.append(own)
    return found, places


def mixed_sessions(notes: Mapping[str, Any]) -> list[str]:
    """What differs between the sessions that trained a population, a line each; empty where nothing is known to."""
    known = notes.get(KEY, {})
    sessions = [_computed_by(each) for each in known.get("sessions", ())]
    lines = [line for each in sessions[1:] for line in difference(sessions[0], each)]
    if known.get("unrecorded"):
        lines.insert(0, f"{known['unrecorded']} trials are from before sessions were recorded")
    return list(dict.fromkeys(lines))


def _computed_by(session: Mapping[str, Any]) -> dict[str, Any]:
    """Of a session, what results may depend on."""
    hardware = session.get("hardware", {})
    return {
        "versions": dict(session.get("versions", {})),
        "hardware": {name: hardware.get(name) for name in _COMPUTES},
        "devices": list(session.get("devices", ())),
        "threads": session.get("threads"),
    }
