"""Predictions as text: a table for people, JSON and CSV for programs.

JSON: {"format": 1, "model", "weights", "predictions": [{"path", "classes": [{"index", "name", "probability",
"description"?}, ...]}, ...], "errors": [{"path", "reason"}, ...]}; probability is 0 to 1, classes go from the likeliest
down, description is there for ImageNet's classes only. CSV: path,rank,index,name,description,probability, a row a
class; images that cannot be read have none. With a threshold, each prediction of JSON has "score" and "rejected" too,
and each row of CSV two more columns of these names.
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
        doubt = [] if not answer.is_rejected else [f"  rejected: not sure enough ({answer.score:.4g})"]
        parts.append("\n".join([answer.name, *doubt, *lines]))
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
        doubt = {} if answer.score is None else {"score": answer.score, "rejected": answer.is_rejected}
        content["predictions"].append({"path": answer.name, **doubt, "classes": classes})
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(answers: Answers, facts: Mapping[str, str]) -> str:
    """A row a class of an image; see the module."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    predictions = [answer for answer in answers if isinstance(answer, ImagePrediction)]
    has_scores = any(answer.score is not None for answer in predictions)
    heads = ["path", "rank", "index", "name", "description", "probability"]
    writer.writerow([*heads, *(["score", "rejected"] if has_scores else [])])
    for answer in predictions:
        doubt = [answer.score, str(answer.is_rejected).lower()] if has_scores else []
        for rank, each in enumerate(answer.candidates, 1):
            row = [answer.name, rank, each.index, each.name, each.description, each.probability]
            writer.writerow([*row, *doubt])
    return buffer.getvalue()


FORMATS: Mapping[str, Callable[[Answers, Mapping[str, str]], str]] = {"table": to_table, "json": to_json, "csv": to_csv}
