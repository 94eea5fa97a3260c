"""What a study has promised: the error probability of each comparison, kept from the first look on in study.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netwright.errors import PopulationError
from netwright.studies.study_file import PlannedComparison, Study
from netwright.system.atomic import write_text
from netwright.system.diff import difference

__all__ = ["PROMISES_FILE", "alphas"]

PROMISES_FILE = "study.json"
_FORMAT = 1
_TEXTS = ("question", "paper")
_LATER = 0.5  # of the reserve that is left, each time that comparisons are added


def alphas(study: Study, out: Path) -> dict[str, float]:
    """Name of a comparison -> its share of the error probability, which never changes once it is given.

    The first comparisons share all but the reserve evenly (Bonferroni); those that are added later share half of what
    is left of it. So the shares never sum to more than 1 - confidence, and with that confidence no interval of the
    study, at no look, misses the true difference.

    Args:
        study: As its file is now.
        out: Folder of the study, which is made.

    Raises:
        OutputError: The folder cannot be written.
        PopulationError: What was promised before is not what the file says now, or no reserve is left.
    """
    path = out / PROMISES_FILE
    common = {"confidence": study.confidence, "test": study.test, "seed": study.seed}
    kept = _read(path)
    if kept is None:
        kept = {"format": _FORMAT, "reserve": study.reserve, **common, "comparisons": {}}
    if lines := difference({name: kept[name] for name in common}, common):
        raise PopulationError(_changed(study, out, lines))
    known: dict[str, Any] = kept["comparisons"]
    for planned in study.comparisons:
        before = known.get(planned.name, {}).get("planned")
        if before is not None and (lines := difference(before, _promise(planned, study.test))):
            raise PopulationError(_changed(study, out, [f"{planned.name}: {line}" for line in lines]))
    missing = [each for each in study.comparisons if each.name not in known]
    if missing:
        share = _share(study, kept, len(missing), out)
        kept["comparisons"] = known | {
            each.name: {"alpha": share, "planned": _promise(each, study.test)} for each in missing
        }
        write_text(path, json.dumps(kept, indent=1) + "\n", what="what the study promises", elsewhere="another --out")
    return {each.name: float(kept["comparisons"][each.name]["alpha"]) for each in study.comparisons}


def _share(study: Study, kept: Mapping[str, Any], many: int, out: Path) -> float:
    alpha = 1 - study.confidence
    spent = sum(each["alpha"] for each in kept["comparisons"].values())
    if not kept["comparisons"]:
        return float(alpha * (1 - float(kept["reserve"])) / many)
    left = float(alpha - spent)
    if float(kept["reserve"]) <= 0 or left <= 0:
        raise PopulationError(
            f"the study in {out} has spent its error probability of {alpha:.3g}, so no comparison can be added: "
            "'reserve' was 0 when it began. Give the new ones a study of their own, in another folder."
        )
    return left * _LATER / many


def _promise(planned: PlannedComparison, test: str) -> dict[str, Any]:
    """What must not change after a look; a test by betting has no end, so that more trials may come."""
    free = (*_TEXTS, "trials", "looks") if test == "betting" else _TEXTS
    return {name: value for name, value in asdict(planned).items() if name not in free}


def _changed(study: Study, out: Path, lines: list[str]) -> str:
    return (
        f"the study in {out} was planned differently:\n  "
        + "\n  ".join(lines)
        + f"\nA plan that changes after looks promises nothing. Restore it in {study.source or 'the file'}, add "
        "another comparison, or choose another --out."
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        kept = dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PopulationError(f"{path} cannot be read: {error}. Restore it, or choose another --out.") from error
    if kept.get("format") != _FORMAT:
        raise PopulationError(
            f"{path} has format {kept.get('format')}; this version reads {_FORMAT}. Update netwright."
        )
    return kept
