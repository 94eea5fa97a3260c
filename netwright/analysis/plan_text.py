"""A plan of trials as the terminal shows it."""

from __future__ import annotations

from netwright.analysis.planning import SPREAD, TrialPlan, in_points
from netwright.options.duration import duration_in_words
from netwright.report.text import count

__all__ = ["plan_text"]

_SPENDING = {"obrien_fleming": "O'Brien-Fleming", "pocock": "Pocock"}


def plan_text(plan: TrialPlan) -> str:
    """A plan as lines of text."""
    lines = [_of_what(plan), ""]
    goal = f"a difference of {in_points(plan.difference)} in the mean is shown with power {plan.power:.0%}, at"
    lines.append(f"{goal} {plan.confidence:.0%} confidence, by so many networks of each population:")
    by_range = ""
    if plan.trials_range is not None and plan.trials_range[0] < plan.trials_range[1]:
        low, high = plan.trials_range
        by_range = f"; {low:,} to {high:,}, for the pilot's spread is not exact"
    rows = [("one look at the end", f"{plan.trials:,}{by_range}")]
    for each in plan.groups:
        rows.append(
            (
                f"{each.looks} looks, {_SPENDING[each.spending]}",
                f"at most {each.most:,}; on average {each.expected:,.0f}, and {each.expected_null:,.0f} where there is "
                "no difference",
            )
        )
    rows.append(
        ("a look after every trial", f"about {plan.every_trial:,}, with no assumption but errors within 0 and 100")
    )
    if plan.equivalence is not None:
        rows.append(
            (f"closer than {in_points(plan.margin or 0)}", f"{plan.equivalence:,}, where there is no difference")
        )
    width = max(len(name) for name, _ in rows)
    lines += [f"  {name:<{width}}  {text}" for name, text in rows]
    return "\n".join([*lines, "", "what more networks buy", *_table(plan)])


def _of_what(plan: TrialPlan) -> str:
    if not plan.pilot_networks:
        known = "published populations have 1.4 to 5.4" if plan.spread == SPREAD else "as given"
        return f"no pilot: errors are taken to vary by {in_points(plan.spread)} (standard deviation; {known})"
    low, high = plan.spread_range or (plan.spread, plan.spread)
    text = f"{plan.pilot}: errors of {count(plan.pilot_networks, 'network')} vary by {plan.spread:.2f} points"
    text += f" (standard deviation; 95% interval {low:.2f} to {high:.2f})"
    if plan.spread_of_survivors is not None:
        text += f"\n{plan.pilot_failed:,} of them failed and count as 100%; the others vary by "
        text += f"{plan.spread_of_survivors:.2f} points"
    return text


def _table(plan: TrialPlan) -> list[str]:
    has_best, has_time = (any(getattr(row, name) is not None for row in plan.rows) for name in ("best", "seconds"))
    heads = [f"{'of each':>9}", "band ±", "± at all looks", "difference shown", f"power for {plan.difference:g}"]
    heads += ["best of them"] * has_best + [f"{'time of both':>14}"] * has_time
    lines = ["  ".join(heads)]
    for row in plan.rows:
        cells = [f"{row.n:,}", f"{row.band:.3f}", f"{row.band_all_looks:.3f}", f"{row.detectable:.2f} points"]
        cells += [f"{row.power:.0%}" if row.power < 0.995 else ">99%"]
        cells += [("-" if row.best is None else f"{row.best:.2f}%")] * has_best
        cells += [("-" if row.seconds is None else duration_in_words(row.seconds))] * has_time
        line = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
        lines.append(line + ("  <- planned" if row.n == plan.trials else ""))
    lines.append(
        f"  band: how far the true share of networks below any error can be from the sample's, with "
        f"{plan.confidence:.0%} confidence"
    )
    lines.append(f"  difference shown: of two means, with power {plan.power:.0%}, in one look")
    if has_best:
        lines.append("  best of them: the lowest error to be expected, from the pilot")
    return lines
