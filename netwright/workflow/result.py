"""The result of a design, and its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from netwright.analysis.refine import Advice
from netwright.arch import Arch
from netwright.errors import OutputError
from netwright.space import DesignSpace
from netwright.system.atomic import atomic_file, remove_abandoned, write_text
from netwright.system.machine import hardware, versions
from netwright.system.plural import count
from netwright.system.snippet import python_lines
from netwright.workflow.compared import Compared, compare_with_opponents
from netwright.workflow.final_recipe import in_words
from netwright.workflow.final_training import weights_of
from netwright.workflow.opponent_sections import opponent_sections, with_balanced
from netwright.workflow.picking import Picked
from netwright.workflow.pictures import pictures_of, preparation_in_words
from netwright.workflow.prepare import PreparedDesign, what_is_left

if TYPE_CHECKING:
    from netwright.report import Comparison, Finalist, PopulationView
    from netwright.report.data import Extra
    from netwright.report.parts import Section
    from netwright.workflow.held_out import HeldOut

__all__ = ["DesignResult", "conclude"]

_ELSEWHERE = "another --out. The same command continues with what is finished"
_MOST_NAMED = 20  # images that could not be decoded, by name in the report


@dataclass(frozen=True)
class DesignResult:
    """The selected network, how good it is, and where everything is.

    Attributes:
        network: The pick.
        test_errors: Of the pick on the test split, percent, one for each seed.
        baseline: The published network that it is compared with, scaled to the same flops.
        baseline_test_errors: Likewise; empty where every training of it failed.
        confirmed: Whether the refined space is better than the given one by more than chance.
        verdict: A sentence that compares pick and baseline.
        refinement: A sentence that compares the refined space and the given one.
        refined: The refined space.
        report: The page.
        folder: Of all files.
        test_guess: What always answering the commonest class gives on the test split, percent; None where unknown.
        opponents: The pick against each network that was trained beside it, the baseline first.
        expected_error: Of the pick on new images before its final training, as the validation images tell it honestly;
            percent, None where it is not known.
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
    test_guess: float | None = None
    latency: str = ""
    baseline_latency: str = ""
    opponents: tuple[Compared, ...] = ()
    expected_error: float | None = None


def conclude(
    prepared: PreparedDesign,
    advice: Advice,
    views: tuple[PopulationView, ...],
    finalists: tuple[Finalist, ...],
    picked: Picked,
    held_out: HeldOut | None = None,
    notes: Sequence[str] = (),
) -> DesignResult:
    """Compare, and write everything to the folder.

    Args:
        prepared: The design.
        advice: From which the refined space is.
        views: The population of the given space, and where it was narrowed that of the refined space.
        finalists: Pick, baseline and other opponents, trained.
        picked: The pick, and how it was chosen.
        held_out: The pick on the validation images; None where that is not known.
        notes: Sentences about the opponents.

    Raises:
        OutputError: The folder cannot be written, or trained weights are gone.
    """
    from netwright.report import Comparison, ReportData, write_report
    from netwright.report.sections.verdict import of_finalists, of_refinement

    out = prepared.config.out
    pick, baseline = finalists[:2]
    finalists = with_balanced(prepared, finalists)
    compared = compare_with_opponents(finalists)
    narrowed = advice.space.parameters != prepared.space.parameters  # an order narrows too
    sampled = narrowed and len(views) > 1  # not where the time was up
    comparison = Comparison.of(views[0], views[1], seed=prepared.config.seed) if sampled else None
    data = ReportData(
        title=f"Designing a network for {prepared.images.name}",
        populations=views,
        good_ranges=advice.good_ranges,
        relevance=advice.relevance,
        decisions=(*_guessing(prepared, views), *advice.decisions, *picked.decisions, *notes),
        comparison=comparison,
        finalists=finalists,
        facts=_facts(prepared, pick),
        extra=_extra(prepared, held_out, opponent_sections(compared, finalists)),
        pictures=pictures_of(prepared.images),
        pictures_text=preparation_in_words(prepared.images),
    )
    _write_network(out, pick, {"space": views[0].space, "refined_space": advice.space.to_dict()})
    result = DesignResult(
        network=pick.arch,
        test_errors=pick.test_errors,
        baseline=baseline.arch,
        baseline_test_errors=baseline.test_errors,
        confirmed=comparison is not None and comparison.is_better,
        verdict=of_finalists(pick.test_errors, baseline.test_errors, baseline.name).sentence,
        refinement=of_refinement(comparison, views[0].name, views[-1].name).sentence
        if sampled
        else _unconfirmed(advice, narrowed),
        refined=advice.space,
        report=write_report(data, out),
        folder=out,
        test_guess=pick.test_guess,
        latency=pick.latency,
        baseline_latency=baseline.latency,
        opponents=compared,
        expected_error=None if picked.expected is None else picked.expected.expected,
    )
    # last: its presence means that the rest is there
    summary = _summary(result, comparison, finalists) | {"selection": picked.to_dict()} | _classes(held_out)
    if (found := prepared.images.summary) is not None:
        summary["data"] = found.to_dict()
    _write(out / "result.json", json.dumps(summary, indent=2), "the result of the design")
    return result


def _write_network(out: Path, pick: Finalist, spaces: Mapping[str, Mapping[str, Any]]) -> None:
    """The pick's weights and network, and the spaces, by their names."""
    _copy(weights_of(out / "final", "pick", pick.seeds[0]), out / "weights.safetensors")
    _write(out / "network.yaml", pick.arch.to_yaml(), "the selected network")
    for name, space in spaces.items():
        _write(out / f"{name}.yaml", yaml.safe_dump(dict(space), sort_keys=False), "the design space")


def _extra(prepared: PreparedDesign, held_out: HeldOut | None, opponents: Sequence[Section]) -> Extra:
    """What the pick confuses, and how it is used from Python."""
    from netwright.report.data import Extra
    from netwright.report.parts import Lead, Preformatted, Section
    from netwright.report.write import FORMATS

    lines = python_lines(str(prepared.config.out), "PHOTO.jpg")
    lead = Lead(["The network prepares an image itself: it resizes, crops and normalizes it as in its training."])
    use = Section("use", "Use it in Python", (lead, Preformatted(lines)))
    if held_out is None:
        return Extra((*opponents, use))
    from netwright.evaluation.sections import class_sections

    left = "trial" if held_out.epochs == prepared.recipe.epochs else "last rung"
    about = (
        f"This is the pick as its {left} left it, trained for {count(held_out.epochs, 'epoch')} on the training images "
        "alone, and these are the validation images. The final network learned for longer, and from these images too. "
        "No test image is shown, so the test stays fair for who changes images or classes after looking at these."
    )
    if prepared.recipe.precision == "bf16":
        about += " It was trained in bf16 and is measured in fp32, so that a few answers may differ from its trial's."
    extra = class_sections(held_out.metrics, about, held_out.pixels, FORMATS)
    return replace(extra, sections=(*opponents, *extra.sections, use))


def _classes(held_out: HeldOut | None) -> dict[str, Any]:
    """What result.json says of the classes."""
    if held_out is None:
        return {}
    metrics = held_out.metrics
    names = metrics.class_names
    rows = [
        {
            "name": row.name,
            "images": row.images,
            "correct": row.correct,
            "confused_with": None if row.confused_with is None else names[row.confused_with],
            "confused": row.confused,
        }
        for row in metrics.classes
    ]
    numbers = metrics.to_dict()
    return {"validation": {key: numbers[key] for key in ("images", "top1", "guess", "balanced")} | {"classes": rows}}


def _guessing(prepared: PreparedDesign, views: Sequence[PopulationView]) -> list[str]:
    """Of each population of which many networks are no better than a guess, a sentence."""
    found = [(view.name, prepared.guessing(list(view.done["error"]))) for view in views]
    return [f"{name}: {sentence}" for name, sentence in found if sentence]


def _unconfirmed(advice: Advice, narrowed: bool) -> str:
    if narrowed:
        return "The space was narrowed, and there was no time to confirm that: it is not known whether it is better."
    return f"Nothing was narrowed, so there is no refinement to confirm{_missing(advice)}."


def _missing(advice: Advice) -> str:
    few = f": {advice.missing} more networks are needed" if advice.missing != 1 else ": 1 more network is needed"
    return few if advice.missing else ""


def _summary(result: DesignResult, comparison: Comparison | None, finalists: tuple[Finalist, ...]) -> dict[str, Any]:
    """What result.json holds."""
    tests = {} if comparison is None else {"difference": comparison.mean.difference, "p_value": comparison.mean.p_value}
    return {
        "confirmed": result.confirmed,
        "refined_against_given": tests,
        "refinement": result.refinement,
        "verdict": result.verdict,
        "test_guess": result.test_guess,
        "opponents": [each.to_dict() for each in result.opponents],
        **{each.role: _jsonable(each) for each in finalists},
    }


def _jsonable(finalist: Finalist) -> dict[str, Any]:
    names = ["name", "test_errors", "seeds", "flops", "params", "acts", "note"]
    names += [name for name in ("latency", "balanced_errors") if getattr(finalist, name)]
    return {name: getattr(finalist, name) for name in names} | {"arch": finalist.arch.to_dict()}


def _facts(prepared: PreparedDesign, pick: Finalist) -> Mapping[str, Mapping[str, str]]:
    """Of the report: title -> name -> text."""
    config, images = prepared.config, prepared.images
    bad = "; ".join(f"{skipped.name}: {skipped.reason}" for skipped in images.skipped[:_MOST_NAMED])
    return {
        "command": {"command": config.command or f"design({config})"},
        "results": {"folder": str(config.out)},
        "seeds": {
            "population": str(config.seed),
            "confirmation": str(config.seed + 1),
            "trial": "from the population's seed and the trial's index",
            "pick and baseline": ", ".join(map(str, pick.seeds)),
        },
        "data": {
            "images": f"{images.name}, {len(images.labels):,} images, {images.num_classes} classes, "
            f"{images.resolution} pixels, {count(images.channels, 'channel')}",
            "splits": images.provenance,
            **({} if images.summary is None else images.summary.facts()),
            "skipped": f"{count(len(images.skipped), 'image')} could not be decoded. {what_is_left(images)}. {bad}"
            if bad
            else "none",
            "fingerprint": images.fingerprint,
        },
        **({} if prepared.latency is None else {"latency": prepared.latency.facts()}),
        "recipe": {key: str(value) for key, value in prepared.recipe.to_dict().items()}
        | {
            "epochs of pick and baseline": str(prepared.final_recipe.epochs),
            "recipe of pick and baseline": in_words(prepared.final_recipe, prepared.recipe),
        },
        "versions": versions(),
        "hardware": hardware() | {"devices": _devices(prepared), "threads of a worker": str(config.threads)},
    }


def _devices(prepared: PreparedDesign) -> str:
    from netwright.training import device_name, resolve_device

    return ", ".join(f"{name}: {device_name(resolve_device(name))}" for name in prepared.devices)


def _write(path: Path, text: str, what: str) -> None:
    write_text(path, text, what=what, elsewhere=_ELSEWHERE)


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all."""
    if not source.is_file():
        raise OutputError(
            f"the trained weights {source} are gone. Remove {source.parent.parent} to train pick and baseline again; "
            "the same command continues."
        )
    remove_abandoned(target, 0.0)  # of a killed process: one at a time works here
    what = "the weights of the selected network"
    with (
        atomic_file(target, what=what, elsewhere=_ELSEWHERE, needed=source.stat().st_size) as file,
        open(source, "rb") as content,
    ):
        shutil.copyfileobj(content, file)
