"""Predictions as text: a table for people, JSON and CSV for programs.

JSON: {"format": 1, "model", "weights", "predictions": [{"path", "classes": [{"index", "name", "probability",
"description"?}, ...]}, ...], "errors": [{"path", "reason"}, ...]}; probability is 0 to 1, classes go from the likeliest
down, description is there for ImageNet's classes only. CSV: path,rank,index,name,description,probability, a row a
class; images that cannot be read have none.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netwright.evaluation.prediction import ImagePrediction, UnreadableImage

__all__ = ["FORMATS", "to_csv", "to_json", "to_table"]

Answers = Sequence[ImagePrediction | UnreadableImage]

_FORMAT = 1
_BAR = 20  # characters


def to_table(answers: Answers, facts: Mapping[str, str]) -> str:
    """A paragraph an image."""
    parts = []
    for answer in answers:
        if isinstance(answer, UnreadableImage):
            parts.append(f"{answer.name}\n  cannot be read: {answer.reason}")
            continue
        names = [each.description.split(",")[0] or each.name for each in answer.candidates]
        width = max(map(len, names))
        lines = [
            f"  {100 * each.probability:6.2f}%  {name:<{width}}  {'#' * round(_BAR * each.probability)}".rstrip()
            for name, each in zip(names, answer.candidates, strict=True)
        ]
        parts.append("\n".join([answer.name, *lines]))
    return "\n".join(parts) + "\n"


def to_json(answers: Answers, facts: Mapping[str, str]) -> str:
    """One object; see the module."""
    content: dict[str, Any] = {"format": _FORMAT, **facts, "predictions": [], "errors": []}
    for answer in answers:
        if isinstance(answer, UnreadableImage):
            content["errors"].append({"path": answer.name, "reason": answer.reason})
            continue
        classes = [
            {"index": each.index, "name": each.name, "probability": each.probability}
            | ({"description": each.description} if each.description else {})
            for each in answer.candidates
        ]
        content["predictions"].append({"path": answer.name, "classes": classes})
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(answers: Answers, facts: Mapping[str, str]) -> str:
    """A row a class of an image; see the module."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["path", "rank", "index", "name", "description", "probability"])
    for answer in answers:
        if isinstance(answer, ImagePrediction):
            for rank, each in enumerate(answer.candidates, 1):
                writer.writerow([answer.name, rank, each.index, each.name, each.description, each.probability])
    return buffer.getvalue()


FORMATS: Mapping[str, Callable[[Answers, Mapping[str, str]], str]] = {"table": to_table, "json": to_json, "csv": to_csv}
