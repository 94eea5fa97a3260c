"""The sweep.json of pycls as a table: what each job was configured to, what it cost, and the error it came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_pycls_sweep", "sweep_frame"]

# pycls's keys -> the names of the papers; its BOT_MUL multiplies, and keeps its name
_NAMES = {
    "REGNET.DEPTH": "depth",
    "REGNET.W0": "w0",
    "REGNET.WA": "wa",
    "REGNET.WM": "wm",
    "REGNET.GROUP_W": "group_width",
    "REGNET.BOT_MUL": "bot_mul",
    "ANYNET.DEPTHS": "depth",
    "ANYNET.WIDTHS": "width",
    "ANYNET.GROUP_WS": "group_width",
    "ANYNET.BOT_MULS": "bot_mul",
}
_NO_PARAMETERS = ("OUT_DIR", "DESC", "RNG_SEED", "LOG_DEST", "PORT")
_EPOCHS = ("test_ema_epoch", "test_epoch")  # pycls judges a job by its averaged weights


def is_pycls_sweep(content: object) -> bool:
    """Whether JSON is what pycls's `sweep_collect.py` writes: jobs with their configuration and log file."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(job, dict) and "log_file" in job and "err" in job for job in content)
    )


def sweep_frame(jobs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A row for each job.

    Returns:
        Columns state, reason (of a failure), error (top-1 of the last epoch, in percent), flops, params, acts, curve,
        and one for each entry of the configuration that differs between jobs.
    """
    import pandas as pd

    configurations = [dict(_entries(job.get("cfg", {}))) for job in jobs]
    names = dict.fromkeys(name for each in configurations for name in each)
    varying = [name for name in names if len({repr(each.get(name)) for each in configurations}) > 1]
    rows = [
        _outcome(job) | {name: each.get(name) for name in varying}
        for job, each in zip(jobs, configurations, strict=True)
    ]
    frame = pd.DataFrame.from_records(rows)
    kinds = {kind for job in jobs for kind in _EPOCHS[:1] if kind in job}
    of = "averaged weights (test_ema_epoch)" if kinds else "test_epoch"
    frame.attrs["notices"] = (
        f"a job's error is the top-1 of its last epoch, of {of}; pycls's own figures show the lowest of all epochs.",
    )
    frame.attrs["parameters"] = tuple(varying)
    frame.attrs["unit"] = "percent"
    return frame


def _entries(cfg: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a configuration by its name, numbers of a list one by one, counted from 1."""
    for key, value in cfg.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _entries(value, f"{name}.")
        elif name in _NO_PARAMETERS:
            continue
        elif isinstance(value, list):
            yield from ((f"{_NAMES.get(name, name)}_{i}", each) for i, each in enumerate(value, start=1))
        else:
            yield _NAMES.get(name, name), value


def _outcome(job: Mapping[str, Any]) -> dict[str, Any]:
    epochs: Mapping[str, Any] = next((job[kind] for kind in _EPOCHS if kind in job), {})
    errors = list(epochs.get("top1_err", ()))
    lines = str(job.get("err") or "").strip().splitlines()
    if errors and _is_complete(epochs):
        state = "done"
    else:  # what is written to stderr is not always an error
        state = "failed" if any("Error" in line for line in lines) else "running" if errors else "waiting"
    cost = job.get("complexity", {})
    return {
        "state": state,
        "reason": lines[-1] if state == "failed" else None,
        "error": errors[-1] if state == "done" else None,
        **{name: cost[name] for name in ("flops", "params", "acts") if name in cost},
        "curve": [{"epoch": i, "error": error} for i, error in enumerate(errors, start=1)],
    }


def _is_complete(epochs: Mapping[str, Any]) -> bool:
    if "epoch_ind" in epochs:
        return bool(epochs["epoch_ind"][-1] == epochs["epoch_max"][-1])
    last, _, most = str(epochs.get("epoch", ["1/1"])[-1]).partition("/")  # how older versions log it
    return last == most
