"""The section of the report that has the pick beside all of its opponents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netwright.report.parts import Lead, Section, Table
from netwright.report.sections.verdict import with_spread
from netwright.report.text import amount, signed
from netwright.stats.guessing import is_uneven
from netwright.workflow.compared import Compared
from netwright.workflow.final_training import weights_of
from netwright.workflow.judging import balanced_error
from netwright.workflow.prepare import PreparedDesign

if TYPE_CHECKING:
    from netwright.report import Finalist

__all__ = ["opponent_sections", "with_balanced"]

_HEADS = ("network", "flops", "parameters", "test error", "the pick less it", "95% interval", "p", "p (Holm)")


def with_balanced(prepared: PreparedDesign, finalists: Sequence[Finalist]) -> tuple[Finalist, ...]:
    """Finalists with their errors class by class, where test classes have uneven numbers of images."""
    images = prepared.images
    if not is_uneven(np.bincount(images.labels[images.test], minlength=images.num_classes)):
        return tuple(finalists)
    folder = prepared.config.out / "final"
    return tuple(
        replace(
            each,
            balanced_errors=tuple(
                balanced_error([weights_of(folder, each.role, seed) for seed in each.seeds], images, images.test)
            ),
        )
        for each in finalists
    )


def opponent_sections(compared: Sequence[Compared], finalists: Sequence[Finalist]) -> tuple[Section, ...]:
    """A table and a sentence for each; none where the baseline is the only one and classes are even."""
    pick = finalists[0]
    if len(compared) < 2 and not pick.balanced_errors:
        return ()
    rows: list[tuple[str, ...]] = [
        (f"pick: {pick.name}", amount(pick.flops), amount(pick.params), with_spread(pick.test_errors), *[""] * 4)
    ]
    for each, other in zip(compared, finalists[1:], strict=True):
        name = f"{other.role}: {other.name}"
        rows.append((name, amount(other.flops), amount(other.params), with_spread(other.test_errors), *_test(each)))
    heads: tuple[str, ...] = _HEADS
    extra = []
    if pick.balanced_errors:
        heads = (*_HEADS[:4], "balanced error", *_HEADS[4:])
        rows = [
            (*row[:4], with_spread(each.balanced_errors), *row[4:]) for row, each in zip(rows, finalists, strict=True)
        ]
        extra = [
            "Classes have uneven numbers of images, so the balanced error stands beside the error: the mean over "
            "classes, in which a rare one counts as much as a common one."
        ]
    lead = Lead(
        [
            "All were trained by the same recipe, for as many epochs and with the same seeds, on the training and "
            "validation images. Of the test images nothing was known before.",
            *(each.sentence() for each in compared),
            *extra,
        ]
    )
    return (Section("opponents", "The pick beside its opponents", (lead, Table(heads, rows, kind="numbers"))),)


def _test(each: Compared) -> tuple[str, str, str, str]:
    if each.test is None:
        return "", "", "", ""
    interval = each.test.interval
    between = "" if interval is None else f"{signed(interval[0])} to {signed(interval[1])}"
    return signed(each.test.difference), between, f"{each.test.p_value:.2g}", f"{each.p_holm:.2g}"
