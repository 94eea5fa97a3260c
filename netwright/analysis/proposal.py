"""A narrower space proposed from a trained population, and nothing else: with its evidence, as text and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from netwright.analysis.finding import number, span
from netwright.analysis.policy import DEFAULT, REFINE_FROM, policy_of
from netwright.analysis.refine import Advice, advise
from netwright.analysis.summary import read
from netwright.errors import SpaceError, StatsError
from netwright.report.text import listing
from netwright.space import DesignSpace, load_space
from netwright.system.atomic import write_text

if TYPE_CHECKING:
    import pandas as pd

    from netwright.report import PopulationView

__all__ = ["advice_text", "refine", "refuse_other_columns", "write_space"]


def refine(
    population: str | Path | PopulationView,
    *,
    space: DesignSpace | str | Path | None = None,
    policy: str = DEFAULT,
    refine_from: int = REFINE_FROM,
    survivors: bool = False,
    error: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    family: str | None = None,
) -> Advice:
    """Propose a narrower space: what `netwright refine` runs. Nothing is trained.

        advice = netwright.refine("runs/first", out="narrower.yaml")
        print(advice.decisions)
        netwright.sweep(advice.space, data_dir="photos", out="runs/second")

    Args:
        population: A run folder, or a table (.csv, .parquet, .jsonl) with an error column in percent; or either, read.
        space: What a table was sampled from: a space, its name or its YAML file. A run folder has its own.
        policy: When a parameter is narrowed: "relevant", "holm" or "all"; with "+order" a trend alone sets an order.
        refine_from: Networks that must be done before anything is narrowed, at least 10.
        survivors: Leave out networks that failed; otherwise they count as the worst.
        error: The error column of a table, where it cannot be guessed.
        seed: Of the permutation tests.
        out: A YAML file for the refined space, which `netwright sweep` and every other command take.
        family: "regnet" takes the step from an AnyNet space to a RegNet space instead of narrowing, where the trials
            support it; None stays in the family.

    Returns:
        The refined space, what was found of every parameter, and the decisions in words.

    Raises:
        PopulationError: There is no population in the folder, or a damaged one.
        StatsError: A table that cannot be read or that has no space, no such policy, or a step to another family that
            the trials do not support.
        SpaceError: No such space, or a table whose values are not of it.
        OutputError: The file cannot be written.
    """
    view = read(population, error=error) if isinstance(population, str | Path) else population
    source = str(population) if isinstance(population, str | Path) else view.name
    if view.space and space is not None:
        raise StatsError(f"{source} has the space that it was sampled from. Leave out the other one (--space).")
    if not view.space and space is None:
        raise StatsError(
            f"a space is refined, and {source} does not name the one of its networks. Give it: --space "
            "regnetx, or a YAML file; its parameters are the columns of the table."
        )
    given = DesignSpace.from_dict(view.space) if space is None else space
    found = given if isinstance(given, DesignSpace) else load_space(given)
    refuse_other_columns(found, view.frame, source)
    advice = advise(found, view.frame, policy=policy, refine_from=refine_from, survivors=survivors, seed=seed)
    if family is not None:
        advice = replace(advice, space=_space_of_family(advice, family, found))
    if absent := [column for column in found.columns if column not in view.frame]:
        note = f"{source} has no column {listing(absent)}: nothing is known of it, and it stays as it is."
        if len(absent) > 1:
            note = f"{source} has no columns {listing(absent)}: nothing is known of them, and they stay as they are."
        advice = replace(advice, decisions=(*advice.decisions, note), notes=(*advice.notes, note))
    if out is not None:
        write_space(advice.space, Path(out))
    return advice


def _space_of_family(advice: Advice, family: str, space: DesignSpace) -> DesignSpace:
    """The RegNet space that the trials support. StatsError where they do not, with the reason."""
    step = advice.linear_step
    if family != "regnet":
        raise StatsError(f"the family to step to is regnet, not {family!r}. Leave it out to stay in the family.")
    if step is not None and step.space is not None:
        return step.space
    if step is not None:
        why = step.why_not
    elif space.family == "anynet":
        why = "that takes widths that are drawn for each stage, and 32 networks whose widths and errors are known"
    else:
        why = f"{space.name!r} is of the family {space.family} already"
    raise StatsError(
        f"the step from AnyNet to RegNet is not supported by these trials: {why}. Train more networks, or sweep a "
        "RegNet space (`netwright space list`) beside this one and compare both."
    )


def refuse_other_columns(space: DesignSpace, frame: pd.DataFrame, source: str) -> None:
    """StatsError or SpaceError where the columns are not parameters of the space."""
    from pandas.api.types import is_numeric_dtype

    known = [column for column in space.columns if column in frame]
    if not known:
        raise StatsError(
            f"no parameter of {space.name!r} is a column of {source}: it has {', '.join(space.columns)}, and the table "
            f"{', '.join(map(str, frame.columns))}. Rename the columns, or name another space."
        )
    for column in known:
        if not is_numeric_dtype(frame[column]):
            raise StatsError(f"a parameter is numbers, and the column {column!r} of {source} is text. Correct it.")
        low, high = space.distributions[column].bounds
        least, most = float(frame[column].min()), float(frame[column].max())
        if least < low or most > high:
            raise SpaceError(
                f"{column} of {source} is {span(least, most)}, and {space.name!r} allows {span(low, high)}: it was "
                "sampled from another space. Name that one."
            )


def write_space(space: DesignSpace, path: Path) -> None:
    """Write a space as the YAML file that every command takes. OutputError where that is not possible."""
    text = yaml.safe_dump(space.to_dict(), sort_keys=False, default_flow_style=None)
    write_text(path, text, what="the refined space", elsewhere="another --out")


def advice_text(advice: Advice) -> str:
    """The evidence as a table, and what follows from it, as several lines of text."""
    lines = [f"policy {advice.policy}: {policy_of(advice.policy).text}"]
    if advice.findings:
        heads = ("parameter", "allowed", "drawn", "good range (best)", "p", "p (Holm)", "decision")
        rows = [
            (
                each.parameter,
                span(*each.allowed),
                span(*each.drawn),
                f"{span(each.good.low, each.good.high)} ({number(each.good.best)})",
                f"{each.relevance.p_value:.3g}",
                f"{each.relevance.p_holm:.3g}",
                each.decision,
            )
            for each in advice.findings
        ]
        lines += _columns([heads, *rows])
    step = advice.linear_step
    is_set = {each.name: each.order for each in advice.space.parameters}
    lines += [each.sentence(is_set=is_set.get(each.parameter) == each.order) for each in advice.trends]
    lines += [step.sentence()] if step is not None and step.is_trend and not advice.missing else []
    if advice.missing or not advice.findings:
        lines += advice.decisions
    else:
        narrowed = any(each.proposed is not None for each in advice.findings)
        lines += [*([] if narrowed else ["No parameter is narrowed."]), *advice.notes]
    return "\n".join(lines)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
