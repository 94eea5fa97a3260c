"""What a design comes to, and the files that say so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from netwright.analysis.refine import Advice
from netwright.arch import Arch
from netwright.errors import OutputError
from netwright.space import DesignSpace
from netwright.system.atomic import atomic_file, remove_abandoned, write_text
from netwright.system.machine import hardware, versions
from netwright.workflow.final_training import weights_of
from netwright.workflow.job import Job

if TYPE_CHECKING:
    from netwright.report import Finalist, PopulationView

__all__ = ["Result", "conclude"]

_ELSEWHERE = "another --out. The same command continues with what is finished"
_NAMED = 20  # images that could not be decoded, by name in the report


@dataclass(frozen=True)
class Result:
    """The pick, the errors of both finalists on the test split (percent, one a seed), and where everything is.

    confirmed: the refined space is better than the given one by more than chance. verdict, refinement: what may be
    said of the pick beside the baseline, and of the refined space.
    """

    network: Arch
    test_errors: tuple[float, ...]
    baseline: Arch
    baseline_test_errors: tuple[float, ...]
    confirmed: bool
    verdict: str
    refinement: str
    refined: DesignSpace
    report: Path
    folder: Path


def conclude(
    job: Job,
    advice: Advice,
    views: tuple[PopulationView, PopulationView],
    finals: tuple[Finalist, Finalist],
    why_picked: str,
) -> Result:
    """Compare, and write everything to the folder; result.json last: its presence means that the rest is there."""
    from netwright.report import Comparison, ReportData, write_report
    from netwright.report.sections.verdict import of_finalists, of_refinement

    out = job.config.out
    pick, baseline = finals
    narrowed = advice.space.domains != job.space.domains
    comparison = Comparison.of(*views, seed=job.config.seed) if narrowed else None
    data = ReportData(
        title=f"Designing a network for {job.images.name}",
        populations=views,
        good_ranges=advice.good_ranges,
        decisions=(*advice.decisions, why_picked),
        comparison=comparison,
        finalists=finals,
        facts=_facts(job, pick),
    )
    _copy(weights_of(out / "final", "pick", pick.seeds[0]), out / "weights.safetensors")
    _write(out / "network.yaml", pick.arch.to_yaml(), "the selected network")
    for name, view in zip(("space", "refined_space"), views, strict=True):
        _write(out / f"{name}.yaml", yaml.safe_dump(dict(view.space), sort_keys=False), "the design space")
    result = Result(
        network=pick.arch,
        test_errors=pick.test_errors,
        baseline=baseline.arch,
        baseline_test_errors=baseline.test_errors,
        confirmed=comparison is not None and comparison.is_better,
        verdict=of_finalists(pick.test_errors, baseline.test_errors, baseline.name).sentence,
        refinement=of_refinement(comparison, views[0].name, views[1].name).sentence
        if narrowed
        else "Nothing was narrowed, so there is no refinement to confirm.",
        refined=advice.space,
        report=write_report(data, out),
        folder=out,
    )
    tests = {} if comparison is None else {"difference": comparison.mean.difference, "p_value": comparison.mean.p_value}
    summary = {
        "confirmed": result.confirmed,
        "refined_against_given": tests,
        "refinement": result.refinement,
        "verdict": result.verdict,
        **{each.role: _plain(each) for each in finals},
    }
    _write(out / "result.json", json.dumps(summary, indent=2), "the result of the design")
    return result


def _plain(finalist: Finalist) -> dict[str, Any]:
    names = ("name", "test_errors", "seeds", "flops", "params", "acts", "note")
    return {name: getattr(finalist, name) for name in names} | {"arch": finalist.arch.to_dict()}


def _facts(job: Job, pick: Finalist) -> Mapping[str, Mapping[str, str]]:
    config, images = job.config, job.images
    bad = "; ".join(f"{skipped.name}: {skipped.reason}" for skipped in images.skipped[:_NAMED])
    return {
        "command": {"command": config.command or f"design({config})", "folder": str(config.out)},
        "seeds": {
            "population": str(config.seed),
            "confirmation": str(config.seed + 1),
            "trial": "from the population's seed and the trial's index",
            "pick and baseline": ", ".join(map(str, pick.seeds)),
        },
        "data": {
            "images": f"{images.name}, {len(images.labels):,} images, {images.num_classes} classes, "
            f"{images.resolution} pixels, {images.channels} channel(s)",
            "splits": images.provenance,
            "skipped": f"{len(images.skipped)} images could not be decoded. {bad}" if bad else "none",
            "fingerprint": images.fingerprint,
        },
        "recipe": {key: str(value) for key, value in job.recipe.to_dict().items()}
        | {"epochs of pick and baseline": str(job.final_recipe.epochs)},
        "versions": versions(),
        "hardware": hardware() | {"devices": _devices(job), "threads of a worker": str(config.threads)},
    }


def _devices(job: Job) -> str:
    from netwright.training import describe, resolve_device

    return ", ".join(f"{name}: {describe(resolve_device(name))}" for name in job.devices)


def _write(path: Path, text: str, what: str) -> None:
    write_text(path, text, what=what, elsewhere=_ELSEWHERE)


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all."""
    if not source.is_file():
        raise OutputError(
            f"the trained weights {source} are gone. Remove {source.parent.parent} to have the finals trained anew; "
            "the same command goes on."
        )
    remove_abandoned(target, 0.0)  # of a killed process: one at a time works here
    what = "the weights of the selected network"
    with (
        atomic_file(target, what=what, elsewhere=_ELSEWHERE, needed=source.stat().st_size) as file,
        open(source, "rb") as content,
    ):
        shutil.copyfileobj(content, file)
