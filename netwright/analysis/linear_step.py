"""From AnyNet to RegNet: free widths and depths are replaced by a quantized linear function, where trials support it.

DDS, section 3.3, takes this step from AnyNetX-E to RegNetX after Figure 8: the best networks are near such a function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.analysis.policy import Policy
from netwright.analysis.trends import LEAST_OF_EACH
from netwright.arch import fit_widths
from netwright.errors import SpaceError
from netwright.space import DesignSpace, Distribution, LogUniform, Uniform, draw, load_space
from netwright.space.families import parameters_of
from netwright.space.parameter import Parameter
from netwright.stats import Relevance, importance, permutation_test

__all__ = ["NEAR", "LinearStep", "linear_step", "regnet_space"]

Floats = npt.NDArray[np.float64]

NEAR = 0.1  # an e_fit up to it counts as small: the widths are within about a tenth of the line
_LEVEL = 0.05
_COSTS = ("flops", "params", "acts")


@dataclass(frozen=True, slots=True)
class LinearStep:
    """What trials say of the step from AnyNet to RegNet.

    Attributes:
        relevance: How e_fit goes with the error.
        near: Number of networks with an e_fit of at most 0.1.
        others: Number of the other ones.
        difference: Mean error of the near ones less that of the others; None where there are fewer than 16 of either.
        difference_p: Its p-value by the permutation test of means.
        space: The RegNet space, None where the step is not supported or no network is left.
        why_not: Why there is no space, as the end of a sentence; empty where there is one.
    """

    relevance: Relevance
    near: int
    others: int
    difference: float | None
    difference_p: float | None
    space: DesignSpace | None = None
    why_not: str = ""

    @property
    def is_trend(self) -> bool:
        """Networks nearer to a quantized linear function are better, by more than chance."""
        return self.relevance.p_value <= _LEVEL and self.relevance.spearman > 0

    @property
    def is_confirmed(self) -> bool:
        """The networks that are near are better than the others, by more than chance."""
        return (
            self.difference is not None
            and self.difference_p is not None
            and self.difference < 0
            and self.difference_p <= _LEVEL
        )

    def sentence(self, refine: str = "netwright refine RUN") -> str:
        """The step as a decision. refine: the command that takes it."""
        found = (
            f"AnyNet to RegNet: networks with widths nearer to a quantized linear function are better (e_fit, Spearman "
            f"{self.relevance.spearman:+.2f}, p = {self.relevance.p_value:.2g})"
        )
        if self.difference is None:
            compared = (
                f"{self.near} of {self.near + self.others} networks have an e_fit of at most {NEAR:g}, and "
                f"{LEAST_OF_EACH} of either kind are needed to compare them"
            )
        else:
            word = "lower" if self.difference < 0 else "higher"
            compared = (
                f"the mean error of the {self.near} with an e_fit of at most {NEAR:g} is {abs(self.difference):.2f} "
                f"points {word} than that of the {self.others} others (p = {self.difference_p:.2g})"
            )
        if self.space is None:
            return f"{found}, but {compared}: {self.why_not}."
        return (
            f"{found}, and {compared}: `{refine} --family regnet --out FILE` writes the space {self.space.name!r}, "
            "whose widths are such functions. The same trials proposed it: sweep it, and compare both before you "
            "believe it."
        )


def linear_step(
    space: DesignSpace, rows: pd.DataFrame, rule: Policy | None, *, repeats: int, seed: int
) -> LinearStep | None:
    """What the trials say of the step.

    The tests are those of an order from stage to stage: that e_fit goes with the error, and that the networks that are
    near are better than the others; both at 5%. By a policy with "+order" the first is enough.

    Args:
        space: That was sampled.
        rows: Its networks with their errors and e_fit, at least 10.
        rule: When a step is taken; None where there are too few networks for any.
        repeats: Of the permutation tests.
        seed: Likewise.

    Returns:
        None for a space to which the step does not apply, or too few networks for any test.
    """
    if not _applies(space):
        return None
    e_fit = _e_fit(space, rows)
    rows = rows[known := np.isfinite(e_fit)]
    e_fit, errors = e_fit[known], rows["error"].to_numpy(float)
    if len(rows) < 2 * LEAST_OF_EACH or np.ptp(e_fit) == 0:
        return None
    relevance = importance({"e_fit": e_fit}, errors, repeats=repeats, seed=seed)["e_fit"]
    near = e_fit <= NEAR
    step = LinearStep(relevance, int(near.sum()), int((~near).sum()), None, None)
    if not step.is_trend:
        shown = f"Spearman {relevance.spearman:+.2f}, p = {relevance.p_value:.2g}"
        return replace(step, why_not=f"that networks with a smaller e_fit are better is not shown ({shown})")
    if min(step.near, step.others) >= LEAST_OF_EACH:
        test = permutation_test(errors[near], errors[~near], repeats=repeats, seed=seed)
        step = replace(step, difference=test.difference, difference_p=test.p_value)
    if rule is None:
        return replace(step, why_not="too few networks are done for a step")
    if not (step.is_confirmed or rule.orders):
        return replace(step, why_not="no step is proposed; a sweep of a RegNet space beside this one would tell")
    try:
        return replace(step, space=regnet_space(space, rows))
    except SpaceError as error:
        return replace(step, why_not=f"no RegNet is left within the limits ({error})")


def _applies(space: DesignSpace) -> bool:
    """Whether widths are free: an AnyNet space of two stages or more that share no draw of the width."""
    width = next((each for each in space.parameters if each.name == "width"), None)
    return space.family == "anynet" and width is not None and len(width.columns) > 1


def _e_fit(space: DesignSpace, rows: pd.DataFrame) -> Floats:
    """(rows,): the column, or from what was drawn; NaN where neither is there."""
    if "e_fit" in rows:
        return rows["e_fit"].to_numpy(float)
    own = {parameter.name: parameter.columns for parameter in space.parameters}
    if not set(own["depth"] + own["width"]) <= set(rows.columns):
        return np.full(len(rows), np.nan)
    depth, width = (
        np.broadcast_to(rows[list(own[name])].to_numpy(np.int64), (len(rows), space.stages or 1))
        for name in ("depth", "width")
    )
    return fit_widths([np.repeat(w, d).tolist() for w, d in zip(width, depth, strict=True)]).e_fit


def regnet_space(space: DesignSpace, rows: pd.DataFrame) -> DesignSpace:
    """The RegNet space that takes the place of an AnyNet space: DDS, section 3.3.

    depth is the sum of the stages' depths. w0 and wa go up to a quarter of the largest width, as 256 in DDS for widths
    up to 1,024; wm from 1.5 to 3. Bottleneck and groups are one draw for all stages. The number of stages and the
    setting stay. Costs that the space does not limit are limited to what was drawn: of others nothing is known.

    Args:
        space: An AnyNet space.
        rows: Its networks.

    Raises:
        SpaceError: No network is left.
    """
    assert space.stages is not None, "an AnyNet space has stages"
    own = {parameter.name: parameter for parameter in space.parameters}
    lows, highs = zip(*(each.bounds for each in own["depth"].distributions), strict=True)
    depth = Uniform(max(space.stages, math.floor(sum(lows))), math.ceil(sum(highs)), 1)
    most = max(16.0, math.floor(max(each.bounds[1] for each in own["width"].distributions) / 16) * 4.0)
    regnet = load_space("regnetx")
    linear: dict[str, Distribution] = {
        "depth": depth,
        "w0": LogUniform(4, most, 4),
        "wa": LogUniform(4, most, 4),
        "wm": regnet.distributions["wm"],
    }
    tied = {name: own[name] if own[name].tied else own[name].tie() for name in own if name not in ("depth", "width")}
    parameters = {name: Parameter(name, (distribution,)) for name, distribution in linear.items()}
    parameters |= {name: Parameter(name, each.distributions[:1]) for name, each in tied.items()}
    limits: dict[str, Any] = {"num_stages": (space.stages, space.stages)} | dict(space.limits)
    for cost in _COSTS if not any(cost in space.limits for cost in _COSTS) else ():
        if cost in rows:
            limits[cost] = (float(rows[cost].min()), float(rows[cost].max()))
            break  # flops alone, where they are known
    found = DesignSpace(
        name=f"{space.name}_regnet",
        family="regnet",
        parameters=tuple(parameters[name] for name in parameters_of("regnet", space.setting.block, parameters)),
        limits=limits,
        setting=space.setting,
        rounding=space.rounding,
        summary=f"{space.name} with widths that are a quantized linear function of the block index",
    )
    draw(found, 1, 0)
    return found
