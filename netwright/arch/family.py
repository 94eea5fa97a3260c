"""One network scaled to a budget, or to a row of them: a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch.catalog import canonical_name, published
from netwright.arch.costs import complexity
from netwright.arch.linear_fit import fit_widths
from netwright.arch.network_file import read_network, write_network
from netwright.arch.scaling import COSTS, scale_to
from netwright.arch.spec import Arch
from netwright.errors import ArchError, OutputError
from netwright.system.atomic import write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScaledNetwork", "family_table", "scale", "scale_family", "write_family"]

_YAML = (".yaml", ".yml")
_TABLE = "family.csv"
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class ScaledNetwork:
    """A network of a family.

    Attributes:
        budget: What was asked for, of `cost`.
        cost: "flops", "params" or "acts".
        arch: What came out. Its costs are near the budget, as near as whole blocks and groups allow.
    """

    budget: float
    cost: str
    arch: Arch

    @property
    def costs(self) -> dict[str, int]:
        """flops, params and acts."""
        reached = complexity(self.arch)
        return {name: int(getattr(reached, name)[0]) for name in COSTS}


def scale(
    network: Arch | str | Path,
    *,
    flops: float | None = None,
    params: float | None = None,
    acts: float | None = None,
    rule: str = "fast",
    max_flops: float | None = None,
    max_params: float | None = None,
    max_acts: float | None = None,
    resolution: int | None = None,
    out: str | Path | None = None,
) -> Arch:
    """Scale a network to a budget: what `netwright scale` runs.

        large = netwright.scale("regnet_x_400mf", flops=1.6e9)
        small = netwright.scale("runs/design", params=1e6, rule="uniform", out="small.yaml")

    Args:
        network: A published name, a network.yaml, a folder with one (a design), or the network itself.
        flops: The budget, of one of the three costs.
        params: Likewise.
        acts: Likewise.
        rule: "fast" (most into width, arXiv 2103.06877), "uniform", "width" or "depth".
        max_flops: What is never exceeded.
        max_params: Likewise.
        max_acts: Likewise.
        resolution: Pixels a side of the input, instead of the network's own. Scaling itself never changes it.
        out: A YAML file for the scaled network, which `netwright train --model` takes.

    Raises:
        ArchError: No such network or rule, no budget or several, or one that no scaled network meets.
        OutputError: The file cannot be written.
    """
    given = {"flops": flops, "params": params, "acts": acts}
    most = {"flops": max_flops, "params": max_params, "acts": max_acts}
    if out is not None:
        _check_suffix(Path(out))
    [scaled] = scale_family(
        network,
        **{name: None if budget is None else (budget,) for name, budget in given.items()},
        rule=rule,
        most={name: limit for name, limit in most.items() if limit is not None},
        resolution=resolution,
    )
    if out is not None:
        write_network(Path(out), scaled.arch)
    return scaled.arch


def scale_family(
    network: Arch | str | Path,
    *,
    flops: Sequence[float] | None = None,
    params: Sequence[float] | None = None,
    acts: Sequence[float] | None = None,
    rule: str = "fast",
    most: Mapping[str, float] | None = None,
    resolution: int | None = None,
) -> tuple[ScaledNetwork, ...]:
    """Scale a network to each of several budgets of one cost.

    Args:
        network: As for `scale`.
        flops: The budgets, of one of the three costs.
        params: Likewise.
        acts: Likewise.
        rule: As for `scale`.
        most: Cost -> what is never exceeded.
        resolution: As for `scale`.

    Returns:
        One network a budget, in their order.

    Raises:
        ArchError: As for `scale`.
    """
    given = {name: tuple(each) for name, each in (("flops", flops), ("params", params), ("acts", acts)) if each}
    if len(given) != 1:
        named = "none of them" if not given else " and ".join(given)
        raise ArchError(
            f"a network is scaled to budgets of one of {', '.join(COSTS)}; given: {named}. Give one, such as --flops "
            "800M; --max_params 10M limits another."
        )
    [(cost, budgets)] = given.items()
    arch = _network_of(network)
    if resolution is not None:
        arch = replace(arch, resolution=resolution)
    return tuple(_scaled(arch, budget, cost, rule, most or {}) for budget in budgets)


def _network_of(network: Arch | str | Path) -> Arch:
    if isinstance(network, Arch):
        return network
    path = Path(network)
    if path.is_dir():
        return read_network(path / "network.yaml")
    if path.suffix in _YAML:
        return read_network(path)
    return published(canonical_name(str(network)))


def _scaled(arch: Arch, budget: float, cost: str, rule: str, most: Mapping[str, float]) -> ScaledNetwork:
    scaled = scale_to(arch, budget, cost=cost, rule=rule, most=most)
    name = f"{arch.name or 'network'}, scaled to {short(budget)} {cost}"
    return ScaledNetwork(budget, cost, replace(scaled, name=name))


def short(value: float) -> str:
    """`800M`, `1.6G`: as a budget is written."""
    size, unit = next(((size, unit) for size, unit in _UNITS if value >= size), (1.0, ""))
    return f"{value / size:.4g}{unit}"


def family_table(family: Sequence[ScaledNetwork]) -> pd.DataFrame:
    """A row for each network: budget, flops, params, acts, depth and width of each stage, group widths, e_fit."""
    import pandas as pd

    e_fit = fit_widths([each.arch.block_widths for each in family]).e_fit
    rows: list[dict[str, Any]] = [
        {
            "budget": short(each.budget),
            **each.costs,
            "depths": [stage.depth for stage in each.arch.stages],
            "widths": [stage.width for stage in each.arch.stages],
            "group_widths": [stage.group_width for stage in each.arch.stages],
            "e_fit": round(float(distance), 4),
        }
        for each, distance in zip(family, e_fit, strict=True)
    ]
    return pd.DataFrame(rows)


def write_family(family: Sequence[ScaledNetwork], out: str | Path) -> list[Path]:
    """Write one network to a YAML file, or several to a folder: a YAML file each, and family.csv.

    Args:
        family: What `scale_family` returned.
        out: The file or the folder.

    Returns:
        The paths of the files.

    Raises:
        OutputError: A file for several networks, a folder for one, or they cannot be written.
    """
    target = Path(out)
    if len(family) == 1 and not target.is_dir():
        _check_suffix(target)
        write_network(target, family[0].arch)
        return [target]
    if target.suffix in _YAML or target.is_file():
        raise OutputError(f"{len(family)} networks go into a folder, and {target} is a file. Name a folder (--out).")
    paths = []
    for each in family:
        name = each.arch.name.split(",")[0].replace("/", "_").replace(" ", "_")
        paths.append(target / f"{name}-{short(each.budget)}-{each.cost}.yaml")
        write_network(paths[-1], each.arch)
    table = family_table(family).to_csv(index=False)
    write_text(target / _TABLE, table, what="the table of the family", elsewhere="another --out")
    return [*paths, target / _TABLE]


def _check_suffix(path: Path) -> None:
    if path.suffix not in _YAML:
        raise OutputError(f"a network goes to a file ending in {' or '.join(_YAML)}, not {path.name!r}. Rename it.")
