"""A design space: a distribution of each parameter, ties and orders across stages, limits on the networks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from netwright.arch import ROUNDING
from netwright.errors import SpaceError
from netwright.space.distribution import Choice, Distribution
from netwright.space.drawn_setting import DRAWN, WORDS, check_drawn, drawn_to_dict, nominal, split_setting
from netwright.space.families import FAMILIES, check_distribution, parameters_of, unknown
from netwright.space.located import about
from netwright.space.parameter import Parameter
from netwright.space.recipe_parameters import check_recipe, recipe_to_dict
from netwright.space.refining import both, narrowed, ordered
from netwright.space.setting import Setting
from netwright.space.table import space_table
from netwright.space.values import LIMITS, Range, range_of
from netwright.system.deprecation import renamed_attribute, renamed_method

__all__ = ["LIMITS", "DesignSpace"]


@dataclass(frozen=True)
class DesignSpace:
    """A set of networks, and how likely each is to be drawn. Immutable; `refine` and `with_...` make others of it.

    Source: DDS (arXiv 2003.13678), sections 3 and 4.

    Attributes:
        name: What reports call it.
        family: "anynet" or "regnet".
        parameters: What is drawn, one for each parameter that networks of the family and block have, in order.
        stages: Of every network of an AnyNet space; None for a RegNet space, where stages follow from the widths.
        limits: Name in `LIMITS` -> (low, high), both included.
        setting: What all networks have in common.
        rounding: The rule that makes widths and groups agree, a key of `netwright.arch.ROUNDING`.
        summary: One line about the space.
        every_step: Of a RegNet space: only networks of which every step of the quantized linear function is a stage, as
            pycls has it. Without it networks that skip a step, or of which two steps round to one width, belong to the
            space too.
        recipe: Options of the trials' recipe that are drawn too, once a trial.
        drawn_setting: Parts of the setting that are drawn once for a network: resolution, stem, se_ratio, activation.
            The setting then has the largest resolution and the stem of the smallest stride.

    Raises:
        SpaceError: Parts that contradict each other, or a value from which no network can be made.
    """

    name: str
    family: str
    parameters: tuple[Parameter, ...]
    stages: int | None = None
    limits: Mapping[str, Range] = field(default_factory=dict)
    setting: Setting = field(default_factory=Setting)
    rounding: str = "pycls"
    summary: str = ""
    every_step: bool = False
    recipe: tuple[Parameter, ...] = ()
    drawn_setting: tuple[Parameter, ...] = ()

    def __post_init__(self) -> None:
        check_drawn(self.setting, self.drawn_setting)
        object.__setattr__(self, "setting", nominal(self.setting, self.drawn_setting))
        if self.family not in tuple(FAMILIES):
            with about("family"):
                raise SpaceError(f"a family is one of {sorted(FAMILIES)}, not {self.family!r}. Choose one of these.")
        names = tuple(parameter.name for parameter in self.parameters)
        if names != (known := parameters_of(self.family, self.setting.block, names)):
            raise SpaceError(
                f"a space of the family {self.family} with block {self.setting.block!r} has the parameters "
                f"{', '.join(known)}; this one has {', '.join(names)}. Add or remove some."
            )
        if self.rounding not in tuple(ROUNDING):
            with about("rounding"):
                raise SpaceError(f"a rounding rule is one of {sorted(ROUNDING)}, not {self.rounding!r}. Choose one.")
        if (self.stages is None) != (self.family == "regnet") or (self.stages is not None and self.stages < 1):
            with about("stages"):
                raise SpaceError(
                    f"an AnyNet space has 1 or more stages and a RegNet space leaves them out; {self.name!r} is of the "
                    f"family {self.family} and has {self.stages}. A RegNet space limits num_stages instead."
                )
        if self.stages is not None and "num_stages" in self.limits:
            raise SpaceError(f"num_stages is a limit of RegNets; the networks of {self.name!r} have {self.stages}.")
        if not isinstance(self.every_step, bool) or (self.every_step and self.family != "regnet"):
            with about("every_step"):
                raise SpaceError(
                    f"every_step is true or false, and true only for the family regnet; not {self.every_step!r} for "
                    f"{self.family}. Leave it out."
                )
        for parameter in self.parameters:
            with about("parameters", parameter.name):
                for distribution in dict.fromkeys(parameter.distributions):
                    check_distribution(parameter.name, distribution)
        check_recipe(self.recipe)

    axes = renamed_attribute("DesignSpace", "axes", "parameters")
    domains = renamed_attribute("DesignSpace", "domains", "distributions")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all that is drawn for one network: the degrees of freedom."""
        return tuple(column for parameter in self.drawn for column in parameter.columns)

    @property
    def drawn(self) -> tuple[Parameter, ...]:
        """The parameters of the networks, of their setting, and of the recipe."""
        return (*self.parameters, *self.drawn_setting, *self.recipe)

    @property
    def distributions(self) -> dict[str, Distribution]:
        """Column -> its distribution."""
        return {
            column: distribution
            for parameter in self.drawn
            for column, distribution in zip(parameter.columns, parameter.distributions, strict=True)
        }

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """Of what is drawn from words: column -> all that there are; a distribution has their places in it."""
        return {each.name: WORDS[each.name] for each in self.drawn if each.name in WORDS}

    def size(self) -> float:
        """How many combinations of parameters there are, ties and orders counted exactly (an int), or infinity.

        Limits on flops, params, acts and number of stages are not taken off: only sampling tells what they leave.
        """
        counts = [parameter.count() for parameter in self.drawn]
        # an int beyond 1e308 times infinity is an OverflowError
        return math.inf if math.inf in counts else math.prod(counts)

    def refine(
        self,
        *,
        tie: Iterable[str] = (),
        order: Mapping[str, str] | None = None,
        name: str | None = None,
        **ranges: Any,
    ) -> DesignSpace:
        """A narrower space.

        Args:
            tie: Parameters of which all stages share one draw.
            order: Parameter -> how it goes from stage to stage, "non_decreasing" or "non_increasing".
            name: Of the new space; None keeps the old one.
            **ranges: (low, high), both included, of a parameter in all stages (`depth=(12, 28)`), of one stage
                (`width_3=(64, 256)`), or a limit (`flops=(360e6, 400e6)`); a single number means exactly that. A range
                that reaches beyond the distribution or an earlier limit is cut to it.

        Raises:
            SpaceError: An unknown name, or a range that leaves nothing.
        """
        parameters = {parameter.name: parameter for parameter in self.drawn}
        of_networks = tuple(parameter.name for parameter in self.parameters)
        limits = dict(self.limits)
        for part, keys in (("tie", tie := tuple(tie)), ("order", tuple(order or {}))):
            for key in keys:
                if key not in of_networks:
                    with about(part):
                        raise unknown("parameter", key, of_networks)
        for key, given in ranges.items():
            with about("limits" if key in LIMITS else "parameters", key):
                low, high = range_of(key, given)
                if key in LIMITS:
                    limits[key] = both(key, (low, high), limits.get(key, (-math.inf, math.inf)))
                    continue
                owner = next((each for each in parameters.values() if key == each.name or key in each.columns), None)
                if owner is None:
                    raise unknown("parameter or limit", key, [*parameters, *self.columns, *LIMITS])
                if key in WORDS:
                    raise SpaceError(f"{key} is drawn from words, which no range narrows. Use with_setting({key}=...).")
                parameters[owner.name] = narrowed(owner, key, low, high, self.name)
        for key in tie:
            with about("tie"):
                parameters[key] = parameters[key].tie()
        for key, direction in (order or {}).items():
            with about("order", key):
                parameters[key] = ordered(parameters[key], direction, self.name, self.family)
        return replace(
            self,
            parameters=tuple(parameters[each] for each in of_networks),
            recipe=tuple(parameters[each.name] for each in self.recipe),
            drawn_setting=tuple(parameters[each.name] for each in self.drawn_setting),
            limits=limits,
            name=name or self.name,
        )

    def with_distribution(self, name: str, distribution: Distribution) -> DesignSpace:
        """The space with another distribution of a parameter in every stage; unlike `refine` it may widen.

        Args:
            name: The parameter; `groups` in place of `group_width` and the other way round.
            distribution: Of the parameter in each stage.

        Raises:
            SpaceError: No such parameter, or a value from which no network can be made.
        """
        known = parameters_of(self.family, self.setting.block, (name,))
        if name not in known:
            raise unknown("parameter", name, known)
        same = ("groups", "group_width") if name in ("groups", "group_width") else (name,)
        parameters = (
            replace(each, name=name, distributions=(distribution,) * len(each.distributions))
            if each.name in same
            else each
            for each in self.parameters
        )
        return replace(self, parameters=tuple(parameters))

    def with_recipe(self, **distributions: Distribution) -> DesignSpace:
        """The space that draws options of the trials' recipe too, or others of them.

        Args:
            **distributions: Option -> its distribution. `netwright.recipe.DRAWABLE` has the options: lr, weight_decay,
                epochs, ...

        Raises:
            SpaceError: An option that cannot be drawn, or a value that it cannot have.
        """
        parameters = {each.name: each for each in self.recipe}
        parameters |= {name: Parameter(name, (distribution,)) for name, distribution in distributions.items()}
        return replace(self, recipe=tuple(parameters.values()))

    with_domain = renamed_method("DesignSpace", "with_domain", "with_distribution")

    def with_setting(self, **changes: Any) -> DesignSpace:
        """The space with another block, stem, strides, head, resolution, class or channel count.

        With a block that lacks a parameter the space loses it. A parameter that only the new block has is fixed to what
        the networks were before: no bottleneck, one group.

        Args:
            **changes: Attributes of `Setting`. Of resolution, stem, se_ratio and activation also a distribution, or a
                list of values: it is drawn then, once for a network.

        Raises:
            SpaceError: An unknown name, or a value that cannot be.
        """
        changes, drawn = split_setting(changes)
        kept = [each for each in self.drawn_setting if each.name not in (*changes, *(new.name for new in drawn))]
        drawn = tuple(sorted([*kept, *drawn], key=lambda each: DRAWN.index(each.name)))
        setting = self.setting.with_(**changes)
        fixed = {name: Parameter(name, (Choice((1,)),), self.family == "anynet") for name in ("bottleneck", "groups")}
        parameters = fixed | {parameter.name: parameter for parameter in self.parameters}
        names = parameters_of(self.family, setting.block, parameters)
        return replace(self, setting=setting, parameters=tuple(parameters[name] for name in names), drawn_setting=drawn)

    def for_images(self, resolution: int, num_classes: int, in_channels: int) -> DesignSpace:
        """The space for images of this size: a stem and strides that leave a last feature map of about 4 to 8 pixels.

        The space keeps its own stem and strides where these do. Otherwise the stem is `cifar` (stride 1, 16 channels)
        up to 64 pixels, as in NDS for 32, and stages have stride 2 from the last one backward.

        Args:
            resolution: Pixels a side.
            num_classes: Outputs of the networks.
            in_channels: 1 for gray, 3 for RGB.

        Raises:
            SpaceError: The space draws resolutions, and this is not the largest.
        """
        drawn = {each.name for each in self.drawn_setting}
        if "resolution" in drawn and resolution != self.setting.resolution:
            raise SpaceError(
                f"{self.name!r} draws resolutions of up to {self.setting.resolution} pixels, and images of "
                f"{resolution} are given: networks of smaller ones see images of the largest, resized. Leave it out."
            )
        most = self.limits.get("num_stages", (4, 4))[1]
        stages = self.stages or (4 if math.isinf(most) else int(most))
        images = resolution, num_classes, in_channels
        return replace(self, setting=self.setting.for_images(*images, stages, keep_stem="stem" in drawn))

    def contains(self, arch: Any) -> bool:
        """Whether the space can draw a network: `netwright.space.contains(space, arch)`."""
        return bool(import_module("netwright.space.membership").contains(self, arch))

    def suggest(self, trial: Any) -> Any:
        """A network drawn by a trial of an Optuna study: `netwright.space.suggest_network(space, trial)`."""
        # not a plain import: what draws networks imports this file
        return import_module("netwright.space.suggesting").suggest_network(self, trial)

    def to_dict(self) -> dict[str, Any]:
        """Dicts, lists and numbers, as a space's YAML file has them; `from_dict` is the inverse."""
        parameters: dict[str, Any] = {}
        for parameter in self.parameters:
            listed = [distribution.to_dict() for distribution in parameter.distributions]
            parameters[parameter.name] = listed[0] if all(each == listed[0] for each in listed) else listed
        whole: dict[str, Any] = {"name": self.name, "summary": self.summary, "family": self.family}
        if self.stages is not None:
            whole["stages"] = self.stages
        whole |= {
            "parameters": parameters,
            "tie": [parameter.name for parameter in self.parameters if parameter.tied],
            "order": {parameter.name: parameter.order for parameter in self.parameters if parameter.order},
            "limits": {name: [float(end) for end in ends] for name, ends in self.limits.items()},
            "setting": self.setting.to_dict() | drawn_to_dict(self.drawn_setting),
            "rounding": self.rounding,
        }
        # only where they are on: spaces that were stored before there were these options stay equal to their own
        whole |= {"every_step": True} if self.every_step else {}
        return whole | ({"recipe": recipe_to_dict(self.recipe)} if self.recipe else {})

    def _repr_html_(self) -> str:
        return space_table(self.name, self.summary, self.drawn, self.limits, self.setting, self.size())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DesignSpace:
        """A space from what `to_dict` gave or a person wrote.

        Raises:
            SpaceError: An unknown or missing key, or a value that cannot be.
        """
        found: DesignSpace = import_module("netwright.space.plain_values").space_from_dict(values)
        return found
