"""A picture of the learning curve: loss and error by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.system.atomic import write_bytes
from netwright.training.records import EpochRecord

if TYPE_CHECKING:
    from netwright.theme import Spec

__all__ = ["curve_chart", "draw_curve"]


def draw_curve(path: Path, records: Sequence[EpochRecord]) -> None:
    """Draw the learning curve to a PNG.

    Raises:
        OutputError: It cannot be written.
    """
    import vl_convert

    content = vl_convert.vegalite_to_png(curve_chart(records), scale=2.0)
    write_bytes(path, content, what="the picture of the training", elsewhere="another --out")


def curve_chart(records: Sequence[EpochRecord]) -> Spec:
    """A chart of two panels over epochs: the loss, and the top-1 error in percent."""
    import altair as alt

    from netwright.theme import SERIES, to_spec

    names = ("training (augmented images)", "validation", "validation, moving average")
    rows: dict[str, list[dict[str, object]]] = {"loss": [], "error": []}
    for record in records:
        scores = (record.validation, record.ema)
        losses = [record.loss, *(None if score is None else score.loss for score in scores)]
        errors = [record.train_error, *(None if score is None else 100 - score.top1 for score in scores)]
        for key, values in (("loss", losses), ("error", errors)):
            rows[key] += [
                {"epoch": record.epoch, "of": name, "value": value}
                for name, value in zip(names, values, strict=True)
                if value is not None and math.isfinite(value)
            ]
    shown = [name for name in names if any(row["of"] == name for row in rows["error"])]
    color = alt.Color(
        "of:N",
        scale=alt.Scale(domain=shown, range=list(SERIES[: len(shown)])),
        legend=alt.Legend(orient="bottom") if len(shown) > 1 else None,
    )
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(nice=False))
    panels = [
        alt.Chart(alt.NamedData(key))
        .mark_line(strokeWidth=2.2, point={"size": 22, "filled": True} if len(records) <= 40 else False)
        .encode(x=x, y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False)), color=color)
        .properties(width=380, height=260)
        for key, title in (("loss", "loss"), ("error", "top-1 error, %"))
    ]
    return to_spec(alt.hconcat(*panels), rows)
