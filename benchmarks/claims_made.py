"""Null populations, and what the pages and the terminal claim of them: the suites of claims.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.analysis.interactions import interactions_of, interactions_text
from netwright.analysis.looking import equivalence_lines
from netwright.analysis.proposal import advice_text
from netwright.analysis.refine import advise
from netwright.analysis.summary import Analysis, analyze, comparison_text, summary_text
from netwright.analysis.trends import rise
from netwright.arch import complexity, fit_batch
from netwright.report import Comparison, PopulationView, ReportData
from netwright.report.comparison import CAUTION, pairs_of
from netwright.report.provenance import Provenance
from netwright.report.sections import SECTIONS, Missing, figures_of
from netwright.report.sections.interactions import interactions_figure
from netwright.report.sections.linearity import linearity_figure
from netwright.report.sections.verdict import of_finalists, of_refinement
from netwright.space import DesignSpace, load_space, sample
from netwright.stats import equivalence_test

Floats = npt.NDArray[np.float64]
Claims = dict[str, bool]

LEVEL = 0.05
POOL = 600  # networks of a space, from which populations are drawn
EFFECT = 8.0  # percentage points: of the populations that do differ


# -- null populations ------------------------------------------------------------------------------------------------


def _failing(errors: Floats, share: float, rng: np.random.Generator) -> Floats:
    return np.where(rng.random(errors.size) < share, np.nan, errors)


def _lognormal(n: int, deviation: float, rng: np.random.Generator) -> Floats:
    """Of mean 35 whatever the deviation of the logarithm."""
    return 30 + 5 * rng.lognormal(-(deviation**2) / 2, deviation, n)


# name -> the errors of n networks, in percent; one that failed is NaN
NULLS: Mapping[str, Callable[[int, np.random.Generator], Floats]] = {
    "normal": lambda n, rng: rng.normal(35, 3, n),
    "heavy tails": lambda n, rng: 35 + 2 * rng.standard_t(3, n),
    "lognormal": lambda n, rng: _lognormal(n, 0.8, rng),
    "ties": lambda n, rng: np.round(rng.normal(35, 1.5, n)),
    "20% fail": lambda n, rng: _failing(rng.normal(35, 3, n), 0.2, rng),
    "60% fail": lambda n, rng: _failing(rng.normal(35, 3, n), 0.6, rng),
}
# the same of two populations that are not alike, but have equal means; a failed network counts as 100%
UNLIKE: Mapping[str, tuple[Callable[[int, np.random.Generator], Floats], Callable[[int, np.random.Generator], Floats]]]
UNLIKE = {
    "wide, narrow": (lambda n, rng: rng.normal(35, 6, n), lambda n, rng: rng.normal(35, 1.5, n)),
    "narrow, wide": (lambda n, rng: rng.normal(35, 1.5, n), lambda n, rng: rng.normal(35, 6, n)),
    "tails": (lambda n, rng: _lognormal(n, 0.8, rng), lambda n, rng: _lognormal(n, 0.3, rng)),
    "fails, never": (
        lambda n, rng: _failing(rng.normal(35, 3, n), 0.2, rng),
        lambda n, rng: rng.normal(0.8 * 35 + 0.2 * 100, 3, n),
    ),
}


@dataclass(frozen=True, eq=False)
class Pool:
    """Networks of a space, and their e_fit."""

    space: DesignSpace
    frame: pd.DataFrame
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> Pool:
        space = load_space(name).for_images(resolution=32, num_classes=10, in_channels=3).refine(flops=(2e6, 40e6))
        batch = sample(space, POOL, 0)
        columns: dict[str, Any] = {key: np.asarray(x, float) for key, x in batch.parameters.items()}
        columns["flops"] = complexity(batch).flops
        columns["e_fit"] = fit_batch(batch).e_fit
        return cls(space, pd.DataFrame(columns), tuple(batch.parameters))

    def population(self, errors: Floats, rows: npt.NDArray[np.intp], *, with_e_fit: bool = False) -> PopulationView:
        frame = self.frame.iloc[rows].assign(error=errors)
        if not with_e_fit:
            frame = frame.drop(columns="e_fit")
        return PopulationView("A", frame.reset_index(drop=True), parameters=self.parameters)


@dataclass(frozen=True)
class Simulation:
    """What all suites need; is_real: whether there is an effect to be found."""

    repeats: int
    pools: Mapping[str, Pool]
    is_real: bool = False

    def draw(self, scenario: str, sizes: Sequence[int], rng: np.random.Generator) -> list[Floats]:
        """The errors of some populations of equal means; where there is an effect, the last one is better."""
        draws = UNLIKE.get(scenario) or (NULLS[scenario],) * len(sizes)
        errors = [draw(n, rng) for draw, n in zip(draws, sizes, strict=True)]
        return [*errors[:-1], errors[-1] - EFFECT * self.is_real]

    def rows(self, pool: str, n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        return rng.choice(POOL, n, replace=False)


# -- suites: from a scenario to what is claimed ----------------------------------------------------------------------


def pair(run: Simulation, scenario: str, sizes: tuple[int, int], rng: np.random.Generator) -> Claims:
    """Two populations, on a page, in the terminal, and as a refinement."""
    first, second = (_view(name, e) for name, e in zip("AB", run.draw(scenario, sizes, rng), strict=True))
    seed = int(rng.integers(2**31))
    compared = Comparison.of(first, second, is_refinement=False, seed=seed, repeats=run.repeats)
    assert compared is not None
    page, lead = _page(run, (first, second), compared)
    refined, _ = _page(run, (first, second), replace(compared, is_refinement=True), ("answer", "edf"))
    text = _terminal(run, (first, second), seed)
    claims = {
        "badge": " is better" in lead,
        "terminal": " is better in the mean" in text,
        "refinement": "refinement confirmed" in refined
        or "refinement made it worse" in refined
        or "the refinement is confirmed" in refined
        or "the refinement made the space worse" in refined,
    }
    if scenario in NULLS:  # the best of k of unlike populations do differ
        claims["networks"] = "needs more networks for what" in page
    if min(sizes) < 16 and any(claims.values()):
        assert CAUTION in page, "a claim about few networks has a caution"
        assert CAUTION.lower() in text, "likewise"
    return claims


def equivalent(run: Simulation, scenario: str, sizes: tuple[int, int], rng: np.random.Generator) -> Claims:
    """Two populations that are a margin apart; where there is something to be found, they are nearer than that."""
    a, b = run.draw(scenario, sizes, rng)
    margin = 2 * EFFECT if run.is_real else 2.0
    views = (_view("A", a), _view("B", b if run.is_real else b - margin))
    seed = int(rng.integers(2**31))
    (line, *caution) = equivalence_lines(views, ("A", "B"), margin, seed=seed, repeats=run.repeats)
    compared = Comparison.of(*views, is_refinement=False, seed=seed, repeats=run.repeats)
    assert compared is not None
    found = equivalence_test(views[1].errors, views[0].errors, margin, repeats=run.repeats, seed=seed)
    sentence = of_refinement(replace(compared, equivalence=found), "A", "B").sentence
    claims = {"terminal": "their means are equivalent" in line, "page": "The means are closer than" in sentence}
    if min(sizes) < 16 and any(claims.values()):
        assert caution == [CAUTION.lower()], "a claim about few networks has a caution"
        assert CAUTION in sentence, "likewise"
    return claims


def recipes(run: Simulation, scenario: str, sizes: tuple[int, int], rng: np.random.Generator) -> Claims:
    """Two populations whose recipes differ; and two samples of one space."""
    a, b = (_view(name, e) for name, e in zip("AB", run.draw(scenario, sizes, rng), strict=True))
    alike = [replace(view, space={"name": view.name, "depth": 8}) for view in (a, b)]
    epochs = [replace(v, provenance=Provenance({"recipe": {"epochs": e}})) for v, e in zip((a, b), (1, 3), strict=True)]
    claims = {}
    for key, views, words in (("recipes", epochs, "recipes differ"), ("one space", alike, "though both are one space")):
        seed = int(rng.integers(2**31))
        compared = Comparison.of(*views, is_refinement=False, seed=seed, repeats=run.repeats)
        _, lead = _page(run, views, compared)
        text = _terminal(run, views, seed)
        claims[key] = (" is better" in lead and words in lead) or " is better in the mean" in text
    return claims


def mixes(run: Simulation, scenario: str, sizes: tuple[int, int], rng: np.random.Generator) -> Claims:
    """Two populations of other flops, whose errors depend on flops alone ("flops matter"), or on nothing."""
    views = []
    for i, (name, n) in enumerate(zip("AB", sizes, strict=True)):
        flops = 1e7 * rng.lognormal(0.5 * i * (scenario != "equal flops"), 0.6, n)
        errors = 35 + rng.normal(0, 3, n) - 1.5 * np.log2(flops / 1e7) * (scenario == "flops matter")
        errors -= EFFECT * i * run.is_real
        views.append(PopulationView(name, pd.DataFrame({"error": errors, "flops": flops})))
    seed = int(rng.integers(2**31))
    compared = Comparison.of(*views, is_refinement=False, seed=seed, repeats=run.repeats)
    page, lead = _page(run, views, compared)
    text = _terminal(run, views, seed)
    differ = "Their mixes of flops differ" in page or "the mixes of flops differ" in text
    confirmed = ", also at equal flops" in lead or ", also at equal mixes of flops" in text
    if run.is_real:
        return {"mixes": differ, "equal mixes": confirmed}
    return {"mixes": differ} if scenario == "equal flops" else {"equal mixes": confirmed}


def four(run: Simulation, scenario: str, sizes: tuple[int, ...], rng: np.random.Generator) -> Claims:
    """Four populations, all pairs."""
    views = [_view(name, e) for name, e in zip("ABCD", run.draw(scenario, sizes, rng), strict=True)]
    seed = int(rng.integers(2**31))
    data = ReportData("four", tuple(views), pairs=pairs_of(views, seed=seed, repeats=run.repeats), repeats=run.repeats)
    text = _terminal(run, views, seed)
    return {
        "page": "differ by more than chance explains" in _sentences(figures_of(data)),
        "terminal": " is better than " in text,
    }


def parameters(run: Simulation, scenario: str, sizes: tuple[int], rng: np.random.Generator) -> Claims:
    """Six parameters of RegNetX that do nothing."""
    pool, (n,) = run.pools["regnetx"], sizes
    rows = run.rows("regnetx", n, rng)
    errors = NULLS[scenario](n, rng)
    if run.is_real:
        errors = errors + EFFECT * np.log2(pool.frame["bottleneck"].to_numpy()[rows])
    view = pool.population(errors, rows)
    if view.done.empty:
        return dict.fromkeys(("page", "terminal", "refine", "policy holm", "(relevant)"), False)
    seed = int(rng.integers(2**31))
    analysis = analyze(view, seed=seed, repeats=run.repeats)
    data = ReportData("one", (view,), relevance=analysis.relevance, good_ranges=analysis.ranges, repeats=run.repeats)
    found = {
        policy: advise(pool.space, view.frame, policy=policy, refine_from=10, seed=seed, repeats=run.repeats)
        for policy in ("holm", "relevant")
    }
    said = "\n".join(advice_text(each) + "\n".join(each.decisions) for each in found.values())
    corrected = [float(line.split()[-1]) for line in summary_text(analysis).splitlines() if _is_parameter(line, view)]
    return {
        "page": "Shown to matter" in _sentences(figures_of(data)),
        "terminal": any(p < LEVEL for p in corrected),
        "refine": "clear evidence that it matters" in said,
        "policy holm": any(each.proposed is not None for each in found["holm"].findings),
        "(relevant)": any(each.proposed is not None for each in found["relevant"].findings),
    }


def interactions(run: Simulation, scenario: str, sizes: tuple[int], rng: np.random.Generator) -> Claims:
    """Four parameters that do nothing; where there is an effect, two of them do something only together."""
    values = rng.uniform(-1, 1, (4, sizes[0]))
    errors = NULLS[scenario](sizes[0], rng) - EFFECT * run.is_real * (values[0] + 2 * values[0] * values[1])
    frame = pd.DataFrame(dict(zip("abcd", values, strict=True)) | {"error": errors})
    view = PopulationView("A", frame, parameters=tuple("abcd"))
    found = interactions_of(view, seed=int(rng.integers(2**31)), repeats=min(99, run.repeats))
    assert found is not None
    said = _sentences({"interactions": interactions_figure(ReportData("one", (view,), interactions=found.fanova))})
    p_values = [float(line.split()[-1]) for line in interactions_text(found)[2:] if "[" in line]
    return {
        "alone": "Shown to explain errors" in said,
        "together": "Shown to act together" in said,
        "terminal": any(p < LEVEL for p in p_values),
    }


def linearity(run: Simulation, scenario: str, sizes: tuple[int], rng: np.random.Generator) -> Claims:
    """Whether the best networks of AnyNetX-C are nearer to the line."""
    pool, (n,) = run.pools["anynetx_c"], sizes
    rows = run.rows("anynetx_c", n, rng)
    errors = NULLS[scenario](n, rng)
    if run.is_real:
        errors = errors + 10 * EFFECT * pool.frame["e_fit"].to_numpy()[rows]
    view = pool.population(errors, rows, with_e_fit=True)
    if view.done.empty:
        return {"e_fit": False}
    said = _sentences({"linearity": linearity_figure(ReportData("e_fit", (view,), repeats=run.repeats))})
    return {"e_fit": "has a smaller e_fit" in said or "has a larger e_fit" in said}


def step(run: Simulation, scenario: str, sizes: tuple[int], rng: np.random.Generator) -> Claims:
    """Whether AnyNetX-E should become a RegNet space."""
    pool, (n,) = run.pools["anynetx_e"], sizes
    rows = run.rows("anynetx_e", n, rng)
    errors = NULLS[scenario](n, rng)
    if run.is_real:
        errors = errors + 5 * EFFECT * np.minimum(pool.frame["e_fit"].to_numpy()[rows], 0.5)
    frame = pool.population(errors, rows, with_e_fit=True).frame
    found = advise(pool.space, frame, refine_from=10, seed=int(rng.integers(2**31)), repeats=run.repeats)
    said = advice_text(found) + "\n".join(found.decisions)
    taken = found.linear_step is not None and found.linear_step.space is not None
    return {"linear": "AnyNet to RegNet: networks" in said, "step": taken}


def curves(run: Simulation, scenario: str, sizes: tuple[int], rng: np.random.Generator) -> Claims:
    """Curves that are flat at their end, but for the noise of an epoch."""
    ends = NULLS[scenario](sizes[0], rng)
    steps = np.array([40, 15, 5, EFFECT * run.is_real, 0])
    table = ends[:, np.newaxis] + steps + rng.normal(0, 3, (ends.size, steps.size))
    if scenario == "ties":
        table = np.round(table)
    stored = [[{"epoch": k, "error": e} for k, e in enumerate(row, start=1)] for row in table.tolist()]
    view = PopulationView("A", pd.DataFrame({"error": table[:, -1], "curve": stored}))
    return {"curves": "still falling in the last epoch (" in _sentences(figures_of(ReportData("curves", (view,))))}


def trends(run: Simulation, scenario: str, sizes: tuple[int], rng: np.random.Generator) -> Claims:
    """Widths and depths of AnyNetX-C whose rise does nothing."""
    pool, (n,) = run.pools["anynetx_c"], sizes
    rows = run.rows("anynetx_c", n, rng)
    errors = NULLS[scenario](n, rng)
    if run.is_real:
        widths = pool.frame[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)[rows]
        errors = errors - EFFECT * rise(widths)
    frame = pool.population(errors, rows).frame
    seed = int(rng.integers(2**31))
    found = advise(pool.space, frame, refine_from=10, seed=seed, repeats=run.repeats)
    free = {each.name: each.order for each in pool.space.parameters}
    said = advice_text(found) + "\n".join(found.decisions)
    return {
        "sentence": " from stage to stage are better (Spearman" in said,
        "order": any(each.order != free[each.name] for each in found.space.parameters),
    }


def seeds(run: Simulation, scenario: str, sizes: tuple[int, int], rng: np.random.Generator) -> Claims:
    """A pick and a baseline of equal mean error over seeds."""
    spread = (0.4, 0.1) if scenario == "wide, narrow" else (0.2, 0.2)
    a, b = (5 + sd * rng.normal(size=n) for sd, n in zip(spread, sizes, strict=True))
    if scenario == "360 images":
        a, b = (np.round(e * 3.6) / 3.6 for e in (a, b))
    verdict = of_finalists((a - EFFECT * run.is_real).tolist(), b.tolist(), "the baseline")
    said = f"{verdict.label} {verdict.sentence}"
    return {"badge": "better than the baseline" in said or "worse than the baseline" in said or "more than" in said}


def _view(name: str, errors: Floats) -> PopulationView:
    return PopulationView(name, pd.DataFrame({"error": errors}))


def _page(
    run: Simulation, views: Sequence[PopulationView], compared: Comparison | None, only: Sequence[str] = tuple(SECTIONS)
) -> tuple[str, str]:
    """All sentences of a report, or of some of its sections, and its badge."""
    data = ReportData("pair", tuple(views), comparison=compared, repeats=run.repeats)
    figures = {name: SECTIONS[name].figure(data) for name in only}
    answer: Any = figures["answer"]
    return f"{_sentences(figures)}\n{answer.refinement.label}", answer.refinement.label


def _sentences(figures: Mapping[str, Any]) -> str:
    return "\n".join(s for figure in figures.values() if not isinstance(figure, Missing) for s in figure.sentences)


def _terminal(run: Simulation, views: Sequence[PopulationView], seed: int) -> str:
    a, b, *more = (Analysis(view, {}, {}, {}) for view in views)  # no parameters: as `analyze` returns it
    return comparison_text(a, b, *more, seed=seed, repeats=run.repeats)


def _is_parameter(line: str, view: PopulationView) -> bool:
    words = line.split()
    return bool(words) and words[0] in view.parameters and "%" in line
