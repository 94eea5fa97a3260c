"""A design space: domains for each parameter, ties and orders across stages, limits on what comes out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from netwright.arch import ROUNDING
from netwright.errors import SpaceError
from netwright.space.axis import ORDERS, Axis
from netwright.space.domain import Choice, Domain, domain_from_dict
from netwright.space.parameter import FAMILIES, check_domain, parameters_of, unknown
from netwright.space.setting import Setting
from netwright.space.table import space_table

__all__ = ["LIMITS", "DesignSpace"]

LIMITS = ("num_stages", "flops", "params", "acts")

Range = tuple[float, float]


@dataclass(frozen=True)
class DesignSpace:
    """Axes, one a parameter of family and block; limits: name -> (low, high), both included; the setting is common.

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
        names = tuple(axis.name for axis in self.axes)
        if names != (known := parameters_of(self.family, self.setting.block, names)):
            raise SpaceError(
                f"a space of the family {self.family} with block {self.setting.block!r} has the parameters "
                f"{', '.join(known)}; this one has {', '.join(names)}. Add or remove some."
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
        """The space with another domain for a parameter in every stage; unlike `refine` it may widen.

        `groups` may be given in place of `group_width`, and the other way round.
        """
        known = parameters_of(self.family, self.setting.block, (name,))
        if name not in known:
            raise unknown("parameter", name, known)
        same = ("groups", "group_width") if name in ("groups", "group_width") else (name,)
        axes = (
            replace(axis, name=name, domains=(domain,) * len(axis.domains)) if axis.name in same else axis
            for axis in self.axes
        )
        return replace(self, axes=tuple(axes))

    def with_setting(self, **changes: Any) -> DesignSpace:
        """The space with another block, stem, strides, head, resolution, class or channel count.

        A block that lacks a parameter loses it; one that has more of them has them fixed to what the networks were
        before: no bottleneck, one group.
        """
        setting = self.setting.with_(**changes)
        fixed = {name: Axis(name, (Choice((1,)),), self.family == "anynet") for name in ("bottleneck", "groups")}
        axes = fixed | {axis.name: axis for axis in self.axes}
        names = parameters_of(self.family, setting.block, axes)
        return replace(self, setting=setting, axes=tuple(axes[name] for name in names))

    def for_images(self, resolution: int, num_classes: int, in_channels: int) -> DesignSpace:
        """The space for images of this size: a stem and strides that leave a last feature map of about 4 to 8 pixels.

        Its own, where they do. Else the stem is `cifar` (stride 1, 16 channels) up to 64 pixels, as in NDS for 32; the
        last stages stride first.
        """
        most = self.limits.get("num_stages", (4, 4))[1]
        stages = self.stages or (4 if math.isinf(most) else int(most))
        return replace(self, setting=self.setting.for_images(resolution, num_classes, in_channels, stages))

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
            "setting": self.setting.to_dict(),
            "rounding": self.rounding,
        }
        return whole

    def _repr_html_(self) -> str:
        return space_table(self.name, self.summary, self.axes, self.limits, self.setting, self.size())

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
        setting = Setting().with_(**section(plain, "setting"))
        parameters = section(plain, "parameters")
        names = parameters_of(family, setting.block, parameters)
        for key in parameters:
            if key not in names:
                raise unknown(f"parameter of the family {family} with block {setting.block!r}", key, names)
        missing = [key for key in names if key not in parameters]
        if missing:
            raise SpaceError(
                f"a space of the family {family} with block {setting.block!r} gives each of {', '.join(names)} a "
                f"domain; not {missing}. Add them."
            )
        stages = plain.get("stages", 4 if family == "anynet" else None)
        if stages is not None and (not isinstance(stages, int) or not 1 <= stages <= 64):
            raise SpaceError(f"stages is a whole number from 1 to 64, not {stages!r}. 4 is usual.")
        space = cls(
            name=str(plain.get("name", "unnamed")),
            summary=str(plain.get("summary", "")),
            family=family,
            axes=tuple(Axis(key, _domains(key, parameters[key], stages or 1)) for key in names),
            stages=stages,
            setting=setting,
            rounding=plain.get("rounding", "pycls"),
        )
        return space.refine(**constraints(plain))


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
