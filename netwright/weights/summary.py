"""Summarize a network or weights: costs, accuracies, published weights, preprocessing, training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import ALIASES, STEMS, Arch, complexity, published
from netwright.weights.refs import published_row, split_tag
from netwright.weights.zoo import WEIGHTS_SOURCES, PublishedWeights, canonical_network, published_weights

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["ModelSummary", "summarize_model"]


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What is known about a network, and about weights if they were given.

    Attributes:
        arch: The network.
        flops: Multiply-adds of an image at the network's own resolution; params and acts likewise.
        names: Other names of the network.
        rows: Its published weights; those that were asked for come first.
        source: Where the weights are from, if weights were given; the following likewise.
        preprocessing: Of their input.
        class_names: Of their outputs.
        notices: What the user should know about them.
        facts: What they say about their training.
    """

    arch: Arch
    flops: int
    params: int
    acts: int
    names: tuple[str, ...] = ()
    rows: tuple[PublishedWeights, ...] = ()
    source: str = ""
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As a dict of values that JSON can hold."""
        rows = [
            asdict(row) | {"ref": row.ref, "sha256": row.sha256, "accuracy_from": WEIGHTS_SOURCES[row.source].accuracy}
            for row in self.rows
        ]
        return {
            "name": self.arch.name,
            "names": list(self.names),
            "arch": self.arch.to_dict(),
            "flops": self.flops,
            "params": self.params,
            "acts": self.acts,
            "weights": rows,
            "source": self.source,
            "preprocessing": None if self.preprocessing is None else self.preprocessing.to_dict(),
            "class_names": list(self.class_names),
            "notices": list(self.notices),
            "facts": dict(self.facts),
        }

    def lines(self) -> list[str]:
        """As lines of text."""
        arch = self.arch
        widths, depths = ("-".join(str(getattr(stage, key)) for stage in arch.stages) for key in ("width", "depth"))
        facts = {
            "also called": ", ".join(self.names),
            "weights": self.source,
            "block": f"{arch.block}, {arch.family.summary}",
            "stem": f"{STEMS[arch.stem.kind].summary}, width {arch.stem.width}",
            "stages": f"depths {depths}, widths {widths}",
            "head": f"a convolution of {arch.head_width} channels" if arch.head_width else "",
            "flops": f"{self.flops:,} multiply-adds, {arch.in_channels} x {arch.resolution} x {arch.resolution} pixels",
            "parameters": f"{self.params:,}, with {arch.num_classes:,} classes",
            "activations": f"{self.acts:,}",
            "images": "" if self.preprocessing is None else _preprocessing_text(self.preprocessing),
            "classes": f"{', '.join(self.class_names[:6])}{', ...' if len(self.class_names) > 6 else ''}",
            **_training(self.facts),
        }
        lines = [arch.name or "an unpublished network", ""]
        lines += [f"  {key:<12} {value}" for key, value in facts.items() if value]
        if self.rows:
            lines += ["", "published weights (top-1 on ImageNet-1K, percent)"]
            default = published_weights(arch.name)[:1]
            for row in self.rows:
                lines += _row_lines(row, " (default)" if row in default else "")
        lines += [line for notice in self.notices for line in ("", f"note: {notice}")]
        return lines


def _preprocessing_text(preprocessing: Preprocessing) -> str:
    smooth = "" if preprocessing.antialias else " without antialiasing"
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (preprocessing.mean, preprocessing.std))
    return (
        f"{preprocessing.resized_part} to {preprocessing.resize_size} ({preprocessing.interpolation}{smooth}), "
        f"center {preprocessing.image_size}, minus {mean}, by {std} "
        "(pixels 0-255)"
    )


def _training(facts: Mapping[str, Any]) -> dict[str, str]:
    """What netwright's own weights say about their training."""
    score = facts.get("validation")
    lines = {
        "training": f"epoch {facts['epoch']} of {facts.get('epochs', '?')} on {facts.get('dataset', 'its images')}"
        if "epoch" in facts
        else ""
    }
    if isinstance(score, dict) and isinstance(score.get("top1"), int | float):
        lines["validation"] = f"top-1 {score['top1']:.2f}"
    return lines


def _row_lines(row: PublishedWeights, mark: str) -> list[str]:
    source = WEIGHTS_SOURCES[row.source]
    top1 = "no figure published" if row.top1 is None else f"{row.top1:.2f} by {source.accuracy}"
    classes = "" if row.classes == 1000 else f", {row.classes:,} classes"
    check = f" (sha256 {row.sha256}...)" if row.sha256 else ""
    where = f"https://huggingface.co/{row.where}" if row.is_on_hub else row.where
    return [
        f"  {row.ref}{mark}",
        f"      {top1}; {row.evaluation}{classes}",
        f"      {row.recipe}; license {row.licence or 'unknown'}",
        f"      {where}{check}",
    ]


def summarize_model(ref: str | Path, **given: Any) -> ModelSummary:
    """Summarize a network or weights.

    Nothing is downloaded for a published network or its published weights, unless there is a file of that name.

    Args:
        ref: A published name, or a reference to weights as in `load_model`.
        **given: Keyword arguments of `load_model`.

    Raises:
        WeightsError, ArchError: As `load_model`.
    """
    text = str(ref)
    if not Path(ref).exists():
        name, tag = split_tag(text)
        if (network := canonical_network(name)) and not tag:
            return _of_arch(published(network), published_weights(network))
        row = published_row(text)
        if row is not None:
            rest = tuple(each for each in published_weights(row.network) if each != row)
            return _of_arch(published(row.network, num_classes=row.classes), (row, *rest))
    from netwright.weights.model import load_model

    model = load_model(ref, **given)
    rows = (model.row,) if model.row is not None else ()
    whole = _of_arch(model.arch, rows)
    return ModelSummary(
        model.arch,
        whole.flops,
        whole.params,
        whole.acts,
        whole.names,
        rows,
        model.source,
        model.preprocessing,
        model.class_names,
        model.notices,
        model.facts,
    )


def _of_arch(arch: Arch, rows: tuple[PublishedWeights, ...]) -> ModelSummary:
    cost = complexity(arch)
    names = [alias for alias, name in ALIASES.items() if name == arch.name]
    names += [row.name for row in published_weights(arch.name) if arch.name and row.name != arch.name]
    return ModelSummary(
        arch, int(cost.flops[0]), int(cost.params[0]), int(cost.acts[0]), tuple(dict.fromkeys(names)), rows
    )
