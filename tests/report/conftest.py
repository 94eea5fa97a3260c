"""Made-up populations of real RegNets, their errors a plausible function of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netwright.arch import Arch, complexity
from netwright.report import Comparison, Finalist, PopulationView, ReportData
from netwright.space import DesignSpace, draw, load_space
from netwright.stats import Fanova, FanovaEffect, bootstrap

PARAMETERS = ("depth", "w0", "wa", "wm", "bottleneck", "group_width")


def small_space(**ranges: Any) -> DesignSpace:
    space = load_space("regnetx").for_images(resolution=32, num_classes=10, in_channels=3)
    return space.refine(flops=(2e6, 40e6), **ranges)


def make_population(
    n: int, seed: int = 0, name: str = "regnetx", failed: int = 0, space: DesignSpace | None = None
) -> PopulationView:
    """n done trials and some failed ones."""
    space = space or small_space()
    drawn = draw(space, n + failed, seed)
    rng = np.random.default_rng([seed, 7])
    cost = complexity(drawn.batch)
    columns = {name: np.asarray(values, float) for name, values in drawn.batch.parameters.items()}
    flaw = (
        (np.log(columns["wm"] / 2.4)) ** 2 * 6
        + np.abs(np.log(columns["depth"] / 18)) * 2.5
        + np.log2(columns["bottleneck"])
    )
    flaw += np.where(columns["group_width"] < 4, 2.5, 0.0)
    error = 30 - 2.2 * np.log2(cost.flops / 1e6) + flaw + rng.gamma(2.0, 0.8, n + failed)
    rows = [
        {
            "trial": i,
            "state": "done",
            "reason": None,
            "error": float(error[i]),
            "flops": int(cost.flops[i]),
            "params": int(cost.params[i]),
            "acts": int(cost.acts[i]),
            "seconds": float(rng.uniform(3, 9)),
            "seed": 1000 + i,
            **{key: float(values[i]) for key, values in columns.items()},
            "arch": drawn.batch[i].to_json(),
            "curve": learning_curve(float(error[i]), rng),
        }
        for i in range(n + failed)
    ]
    for i in range(failed):
        reason = "Diverged: the loss became NaN in epoch 2. Lower 'lr'." if i % 3 else "TrialError: out of memory"
        rows[i * len(rows) // failed] |= {"state": "failed", "reason": reason, "error": float("nan"), "curve": []}
    return PopulationView(
        name=name,
        title=f"RegNetX ({name})",
        frame=pd.DataFrame(rows),
        parameters=PARAMETERS,
        space=space.to_dict(),
        bounds={key: each.bounds for key, each in space.distributions.items()},
        size=float(space.size()),
        rejections=drawn.rejection_counts,
    )


def learning_curve(error: float, rng: np.random.Generator, epochs: int = 8) -> list[dict[str, float]]:
    left = np.exp(-np.arange(1, epochs + 1) / 2) - np.exp(-epochs / 2)
    return [
        {"epoch": k + 1, "loss": 2.3 * value / 90, "lr": 0.1, "error": value, "seconds": 0.7}
        for k, value in enumerate((error + (88 - error) * left + rng.normal(0, 0.6, epochs) * (left > 0)).tolist())
    ]


def finalist(role: str, name: str, arch: Arch, errors: tuple[float, ...]) -> Finalist:
    cost = complexity(arch)
    return Finalist(
        role=role,
        name=name,
        arch=arch,
        flops=int(cost.flops.item()),
        params=int(cost.params.item()),
        acts=int(cost.acts.item()),
        test_errors=errors,
        seeds=tuple(range(len(errors))),
        note="60 epochs.",
        test_images=360,
    )


def guided_data(n: int = 64, failed: int = 5) -> ReportData:
    """The guided job: sampled, refined, confirmed, picked, trained longer."""
    before = make_population(n, seed=1, failed=failed)
    ranges = bootstrap({name: before.done[name] for name in PARAMETERS}, before.done["error"], method="exact")
    # half a population's best values, widened a little
    narrow = {"depth": (ranges["depth"].low - 2, ranges["depth"].high + 2), "wm": (2.0, 2.8), "bottleneck": 1}
    after = make_population(n, seed=2, name="refined", failed=1, space=small_space(**narrow))
    pick = Arch.from_json(after.done["arch"].iloc[0])
    nearest = (before.done["flops"] - after.done["flops"].iloc[0]).abs().idxmin()
    baseline = Arch.from_json(before.done["arch"][nearest])
    return ReportData(
        title="A network for handwritten digits",
        populations=(before, after),
        good_ranges=ranges,
        decisions=(
            f"depth was narrowed to {narrow['depth'][0]:.0f}–{narrow['depth'][1]:.0f}: the good range before.",
            "bottleneck was fixed at 1: no network of the best quarter has another.",
            f"Trial {after.done['trial'].iloc[0]} of refined was picked: the lowest validation error on the front.",
        ),
        comparison=Comparison.of(before, after),
        finalists=(
            finalist("pick", f"refined {after.done['trial'].iloc[0]}", pick, (1.39, 1.94, 1.67)),
            finalist("baseline", "RegNetX of equal flops", baseline, (2.5, 2.22, 3.05)),
        ),
        facts={
            "command": {"design": "netwright design --data_dir digits --out runs/digits --trials 64 --seed 1"},
            "seeds": {"space": "1", "training": "1000 + trial"},
            "versions": {"netwright": "0.1.0", "python": "3.11.2", "torch": "2.9.0"},
            "hardware": {"device": "cpu", "cores": "2"},
            "data": {"name": "digits", "train": "1,077 images", "test": "360 images"},
            "recipe": {"epochs": "8", "optimizer": "sgd", "lr": "0.1", "batch_size": "64"},
        },
        interactions=Fanova(
            n,
            (FanovaEffect(("wm",), 0.5, (0.2, 0.8), 0.04, 0.01), FanovaEffect(("depth",), 0.1, (0.0, 0.2), 0.05, 0.3)),
            (FanovaEffect(("depth", "wm"), 0.2, (0.1, 0.3), 0.02, 0.02),),
            rest=0.2,
            predicted=0.4,
            confidence=0.95,
        ),
    )


@pytest.fixture(scope="session")
def guided() -> ReportData:
    return guided_data(24, failed=6)  # of 30; counted as 100%, so that the refinement is confirmed


@pytest.fixture
def population() -> Callable[..., PopulationView]:
    return make_population


@pytest.fixture(scope="session")
def table_data() -> Callable[..., ReportData]:
    """A population `space` with these errors and other columns."""

    def make(errors: list[float], **columns: list[object]) -> ReportData:
        frame = pd.DataFrame({"error": errors, **columns})
        return ReportData("title", (PopulationView("space", frame, parameters=tuple(columns)),))

    return make


@pytest.fixture(scope="session")
def plain() -> ReportData:
    """A table of errors and parameters, nothing else, as people publish them."""
    view = make_population(32, seed=4, name="published")
    frame = view.frame[["error", *PARAMETERS]]
    ranges = bootstrap({name: frame[name] for name in PARAMETERS}, frame["error"], method="exact")
    return ReportData("A table", (PopulationView("published", frame, parameters=PARAMETERS),), good_ranges=ranges)


HOSTILE = "</script><script>alert('x')</script><img src=http://example.com/x.png onerror=alert(1)>&\u2028`${1}`"


@pytest.fixture(scope="session")
def hostile() -> ReportData:
    """Every text that can come from outside holds markup."""
    view = make_population(12, seed=5, failed=2)
    frame = view.frame.rename(columns={"wa": HOSTILE})
    frame.loc[frame["state"] == "failed", "reason"] = HOSTILE
    odd = replace(
        view,
        name=HOSTILE,
        title=HOSTILE,
        frame=frame,
        parameters=("depth", HOSTILE, "wm"),
        space={HOSTILE: HOSTILE},
        bounds={HOSTILE: (4.0, 256.0)},
        rejections={"draws": 10, HOSTILE: 5},
    )
    arch = Arch.from_json(view.done["arch"].iloc[0])
    pair = tuple(replace(finalist(role, HOSTILE, arch, (1.0, 2.0)), note=HOSTILE) for role in ("pick", "baseline"))
    return ReportData(
        f"{HOSTILE}\udcff", (odd, odd), decisions=(HOSTILE,), finalists=pair, facts={HOSTILE: {HOSTILE: HOSTILE}}
    )


@pytest.fixture(scope="session")
def wide() -> ReportData:
    """One population whose flops differ by more than tenfold; a design's have one budget."""
    return ReportData("wide", (make_population(80),))
