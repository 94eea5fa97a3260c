"""A design space: domains for each parameter, ties and orders across stages, limits on what comes out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from netwright.arch import ROUNDING
from netwright.errors import SpaceError
from netwright.space.domain import Choice, Domain, domain_from_dict
from netwright.space.parameter import FAMILIES, check_domain, unknown
from netwright.space.setting import Setting

__all__ = ["LIMITS", "ORDERS", "Axis", "DesignSpace"]

ORDERS = ("non_decreasing", "non_increasing")
LIMITS = ("num_stages", "flops", "params", "acts")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter: a domain a draw, tied to one draw for all stages, or ordered from stage to stage."""

    name: str
    domains: tuple[Domain, ...]
    tied: bool = False
    order: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what is drawn: `w0`, or `depth_1` ... `depth_4`, or `bottleneck` where it is tied."""
        if len(self.domains) == 1:
            return (self.name,)
        return tuple(f"{self.name}_{i}" for i in range(1, len(self.domains) + 1))

    def tie(self) -> Axis:
        """The same draw for every stage, from the values that all their domains allow, as likely as in the first."""
        domain = self.domains[0]
        for other in self.domains[1:]:
            ours, theirs = domain.levels(), other.levels()
            if other == domain or ours is None or theirs is None:
                continue
            shared = np.isin(ours[0], theirs[0])
            if not shared.any():
                raise SpaceError(f"no {self.name} is in the domain of every stage, so it cannot be tied. Widen one.")
            if not shared.all():
                domain = Choice(tuple(ours[0][shared].tolist()), tuple(ours[1][shared].tolist()))
        return Axis(self.name, (domain,), tied=True)

    def count(self) -> float:
        """How many combinations it allows; infinite where a domain is continuous."""
        listed = [domain.levels() for domain in self.domains]
        if any(levels is None for levels in listed):
            return math.inf
        values = [levels[0] for levels in listed if levels is not None]
        if self.order == "non_increasing":
            values.reverse()
        if self.order is None:
            return math.prod(len(each) for each in values)
        # ways[k]: sequences so far that end at values[k]; Python integers, because they outgrow 64 bits
        ways = np.ones(len(values[0]), dtype=object)
        for before, after in pairwise(values):
            reached = np.concatenate([[0], np.cumsum(ways)])
            ways = reached[np.searchsorted(before, after, side="right")]
        return int(ways.sum())


@dataclass(frozen=True)
class DesignSpace:
    """Axes, one a parameter of the family; limits: name -> (low, high), both included; the setting is common.

    stages: of every network of an AnyNet space; None for a RegNet space, where they follow from the widths.
    """

    name: str
    family: str
    axes: tuple[Axis, ...]
    stages: int | None = None
    limits: Mapping[str, Range] = field(default_factory=dict)
    setting: Setting = field(default_factory=Setting)
    rounding: str = "pycls"
    summary: str = ""

    def __post_init__(self) -> None:
        if self.family not in tuple(FAMILIES):
            raise SpaceError(f"a family is one of {sorted(FAMILIES)}, not {self.family!r}. Choose one of these.")
        if tuple(axis.name for axis in self.axes) != FAMILIES[self.family]:
            raise SpaceError(
                f"a space of the family {self.family} has the parameters {', '.join(FAMILIES[self.family])}; "
                f"this one has {', '.join(axis.name for axis in self.axes)}. Add or remove some."
            )
        if self.rounding not in tuple(ROUNDING):
            raise SpaceError(f"a rounding rule is one of {sorted(ROUNDING)}, not {self.rounding!r}. Choose one.")
        if (self.stages is None) != (self.family == "regnet") or (self.stages is not None and self.stages < 1):
            raise SpaceError(
                f"an AnyNet space has 1 or more stages and a RegNet space leaves them out; {self.name!r} is of the "
                f"family {self.family} and has {self.stages}. A RegNet space limits num_stages instead."
            )
        if self.stages is not None and "num_stages" in self.limits:
            raise SpaceError(f"num_stages is a limit of RegNets; the networks of {self.name!r} have {self.stages}.")
        for axis in self.axes:
            for domain in dict.fromkeys(axis.domains):
                check_domain(axis.name, domain)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all that is drawn for one network: the degrees of freedom."""
        return tuple(column for axis in self.axes for column in axis.columns)

    @property
    def domains(self) -> dict[str, Domain]:
        """Column -> domain."""
        return {column: domain for axis in self.axes for column, domain in zip(axis.columns, axis.domains, strict=True)}

    def size(self) -> float:
        """How many combinations of parameters there are, ties and orders counted exactly (an int), or infinity.

        Limits on flops, params, acts and number of stages are not taken off: only sampling can tell what they leave.
        """
        return math.prod(axis.count() for axis in self.axes)

    def refine(
        self,
        *,
        tie: Iterable[str] = (),
        order: Mapping[str, str] | None = None,
        name: str | None = None,
        **ranges: Any,
    ) -> DesignSpace:
        """A narrower space.

        ranges: of a parameter for all stages (`depth=(12, 28)`), of one stage (`width_3=(64, 256)`), or a limit
        (`flops=(360e6, 400e6)`); a single number means exactly that. A range that reaches beyond a domain or an
        earlier limit is cut to it. tie: parameters that all stages share. order: parameter -> how it goes from stage
        to stage, "non_decreasing" or "non_increasing".
        """
        axes = {axis.name: axis for axis in self.axes}
        limits = dict(self.limits)
        for key in (*tie, *(order or {})):
            if key not in tuple(axes):
                raise unknown("parameter", key, axes)
        for key, given in ranges.items():
            low, high = _range(key, given)
            if key in LIMITS:
                old = limits.get(key, (-math.inf, math.inf))
                limits[key] = (max(low, old[0]), min(high, old[1]))
                if limits[key][0] > limits[key][1]:
                    raise SpaceError(
                        f"{key} cannot lie within {low:g} to {high:g} and {old[0]:g} to {old[1]:g}: nothing is in "
                        "both. Start from a space without the earlier limit."
                    )
                continue
            owner = next((axis for axis in axes.values() if key == axis.name or key in axis.columns), None)
            if owner is None:
                raise unknown("parameter or limit", key, [*axes, *self.columns, *LIMITS])
            axes[owner.name] = _narrow(owner, key, low, high, self.name)
        for key in tie:
            axes[key] = axes[key].tie()
        for key, direction in (order or {}).items():
            if direction not in ORDERS or len(axes[key].domains) == 1:
                raise SpaceError(
                    f"an order is one of {', '.join(ORDERS)} on a parameter that each stage draws; not {direction!r} "
                    f"on {key!r}. Parameters drawn once a network, or tied, have no order."
                )
            if axes[key].order not in (None, direction):
                raise SpaceError(
                    f"{key} of {self.name!r} is {axes[key].order} already; {direction} as well would leave equal ones. "
                    f"Tie {key!r}, or start from a space without that order."
                )
            axes[key] = replace(axes[key], order=direction)
        return replace(self, axes=tuple(axes.values()), limits=limits, name=name or self.name)

    def with_domain(self, name: str, domain: Domain) -> DesignSpace:
        """The space with another domain for a parameter in every stage; unlike `refine` it may widen."""
        if name not in FAMILIES[self.family]:
            raise unknown("parameter", name, FAMILIES[self.family])
        axes = (
            replace(axis, domains=(domain,) * len(axis.domains)) if axis.name == name else axis for axis in self.axes
        )
        return replace(self, axes=tuple(axes))

    def with_setting(self, **changes: Any) -> DesignSpace:
        """The space with another block, stem, strides, resolution, class or channel count."""
        for key in changes:
            if key not in Setting.__dataclass_fields__:
                raise unknown("setting", key, Setting.__dataclass_fields__)
        if "block" in changes and "se_ratio" not in changes:
            changes["se_ratio"] = None
        return replace(self, setting=replace(self.setting, **changes))

    def for_images(self, resolution: int, num_classes: int, in_channels: int) -> DesignSpace:
        """The space for images of this size: a stem and strides that leave a last feature map of about 4 to 8 pixels.

        Up to 64 pixels the stem is `cifar` (stride 1, 16 channels), as NDS does for 32; the last stages stride first.
        """
        most = self.limits.get("num_stages", (4, 4))[1]
        stages = self.stages or (4 if math.isinf(most) else int(most))
        small = resolution <= 64
        side = resolution if small else resolution // 2
        halvings = min(stages, max(0, math.floor(math.log2(max(1, side / 4)))))
        return self.with_setting(
            resolution=resolution,
            num_classes=num_classes,
            in_channels=in_channels,
            stem="cifar" if small else "simple",
            stem_width=16 if small else self.setting.stem_width,
            strides=(1,) * (stages - halvings) + (2,) * halvings,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, as a space's YAML file has them; `from_dict` is the inverse."""
        parameters: dict[str, Any] = {}
        for axis in self.axes:
            plain = [domain.to_dict() for domain in axis.domains]
            parameters[axis.name] = plain[0] if all(each == plain[0] for each in plain) else plain
        whole: dict[str, Any] = {"name": self.name, "summary": self.summary, "family": self.family}
        if self.stages is not None:
            whole["stages"] = self.stages
        whole |= {
            "parameters": parameters,
            "tie": [axis.name for axis in self.axes if axis.tied],
            "order": {axis.name: axis.order for axis in self.axes if axis.order},
            "limits": {name: [float(end) for end in ends] for name, ends in self.limits.items()},
            "setting": {item.name: getattr(self.setting, item.name) for item in fields(Setting)},
            "rounding": self.rounding,
        }
        whole["setting"]["strides"] = list(self.setting.strides)
        return whole

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DesignSpace:
        """Read what `to_dict` wrote, or what a person did; SpaceError for an unknown key."""
        known = ("name", "summary", "family", "stages", "parameters", "tie", "order", "limits", "setting", "rounding")
        for key in plain:
            if key not in known:
                raise unknown("key of a space", key, known)
        for key in ("family", "parameters"):
            if key not in plain:
                raise SpaceError(f"a space has the key {key!r}; this one has {', '.join(plain)}. Add it.")
        family = plain["family"]
        if family not in tuple(FAMILIES):
            raise SpaceError(f"a family is one of {sorted(FAMILIES)}, not {family!r}. Choose one of these.")
        parameters = section(plain, "parameters")
        for key in parameters:
            if key not in FAMILIES[family]:
                raise unknown(f"parameter of the family {family}", key, FAMILIES[family])
        missing = [key for key in FAMILIES[family] if key not in parameters]
        if missing:
            raise SpaceError(f"a space of the family {family} gives every parameter a domain; not {missing}. Add them.")
        stages = plain.get("stages", 4 if family == "anynet" else None)
        if stages is not None and (not isinstance(stages, int) or not 1 <= stages <= 64):
            raise SpaceError(f"stages is a whole number from 1 to 64, not {stages!r}. 4 is usual.")
        axes = tuple(Axis(key, _domains(key, parameters[key], stages or 1)) for key in FAMILIES[family])
        space = cls(
            name=str(plain.get("name", "unnamed")),
            summary=str(plain.get("summary", "")),
            family=family,
            axes=axes,
            stages=stages,
            rounding=plain.get("rounding", "pycls"),
        )
        return space.with_setting(**section(plain, "setting")).refine(**constraints(plain))


def section(plain: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A mapping within a space's YAML, empty where it is left out."""
    held = plain.get(key)
    if held is None:
        return {}
    if not isinstance(held, Mapping):
        raise SpaceError(f"{key!r} of a space is a mapping, not {held!r}. See `netwright space show regnetx`.")
    return {str(name): value for name, value in held.items()}


def constraints(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Ties, orders and limits of a space's YAML, as `refine` takes them."""
    tie, limits = plain.get("tie") or [], section(plain, "limits")
    if not isinstance(tie, list | tuple):
        raise SpaceError(f"'tie' of a space is a list of parameters, not {tie!r}. For example: [bottleneck].")
    for key in limits:
        if key not in LIMITS:
            raise unknown("limit", key, LIMITS)
    return {"tie": tie, "order": section(plain, "order"), **limits}


def _narrow(axis: Axis, key: str, low: float, high: float, space: str) -> Axis:
    try:
        domains = tuple(
            domain.narrow(low, high) if key in (axis.name, column) else domain
            for column, domain in zip(axis.columns, axis.domains, strict=True)
        )
    except SpaceError as error:
        raise SpaceError(f"{key} of {space!r}: {error}") from error
    return replace(axis, domains=domains)


def _range(key: str, given: Any) -> Range:
    try:
        # YAML 1.1 reads 400e6 as text
        if isinstance(given, int | float | np.number | str) and not isinstance(given, bool):
            return (float(given),) * 2
        low, high = (float(end) for end in given)
    except (TypeError, ValueError) as error:
        raise SpaceError(
            f"{key} is refined by (low, high) or by one number, not by {given!r}. For example: {key}=(8, 64)."
        ) from error
    if not low <= high:
        raise SpaceError(f"{key} is refined by (low, high) with low <= high, not by ({low:g}, {high:g}). Swap them.")
    return low, high


def _domains(key: str, plain: Any, stages: int) -> tuple[Domain, ...]:
    if isinstance(plain, list) and plain and isinstance(plain[0], Mapping | list):
        if len(plain) not in (1, stages):
            raise SpaceError(
                f"{key} has one domain for all stages or one for each of the {stages}, not {len(plain)}. "
                "Correct the list, or 'stages'."
            )
        return tuple(domain_from_dict(each) for each in plain) * (stages // len(plain))
    return (domain_from_dict(plain),) * stages
