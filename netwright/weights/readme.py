"""The model card on the hub, README.md: what the network is, how to use it, and the evidence for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import complexity
from netwright.errors import WeightsError
from netwright.system.snippet import python_lines

if TYPE_CHECKING:
    from netwright.weights.model import LoadedModel

__all__ = ["PICTURE", "Evidence", "evidence_of", "readme"]

PICTURE = "edf.png"
_RESULT, _EDF = "result.json", Path("figures") / "edf.png"  # as `netwright design` writes them


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a design for its network.

    Attributes:
        verdict: A sentence.
        refinement: A sentence.
        finalists: The selected network and the baseline, as in result.json.
        picture: Of the error distributions of both populations, if there is one.
    """

    verdict: str
    refinement: str
    finalists: tuple[Mapping[str, Any], ...]
    picture: Path | None

    @property
    def pick(self) -> Mapping[str, Any]:
        return self.finalists[0]


def evidence_of(folder: str | Path) -> Evidence | None:
    """Read the evidence in the folder of a design.

    Returns:
        The evidence; None for other folders.

    Raises:
        WeightsError: The folder is damaged, or the design is not finished.
    """
    path = Path(folder)
    path = path.parent if path.is_file() else path
    if not (path / _RESULT).is_file():
        return None
    try:
        result = json.loads((path / _RESULT).read_text(encoding="utf-8"))
        finalists = tuple(result[role] for role in ("pick", "baseline"))
        for each in finalists:
            _mean(each)
        verdict, refinement = (str(result.get(key, "")) for key in ("verdict", "refinement"))
        return Evidence(verdict, refinement, finalists, picture if (picture := path / _EDF).is_file() else None)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise WeightsError(
            f"{path / _RESULT} is not as `netwright design` writes it: {type(error).__name__}: {error}. Let the design "
            "finish: the same command resumes it."
        ) from error


def _mean(finalist: Mapping[str, Any]) -> float:
    errors = [float(error) for error in finalist["test_errors"]]
    return sum(errors) / len(errors)


def readme(
    model: LoadedModel, repository: str, *, is_timm: bool, evidence: Evidence | None = None, license: str = ""
) -> str:
    """The text of README.md: metadata for the hub, then the model card.

    Args:
        model: The model.
        repository: OWNER/NAME.
        is_timm: Whether timm opens the repository too.
        evidence: Of a design.
        license: Of the weights; by default that of the published weights.
    """
    import yaml

    title = repository.split("/")[-1]
    parts = [
        f"# {title}",
        _what(model),
        _use(repository, is_timm),
        _table("The network", _costs(model)),
        _table("Preprocessing", _images(model)),
        "" if evidence is None else _evidence(evidence),
        "" if not model.class_names else _classes(model.class_names),
        _origin(model),
    ]
    metadata = yaml.safe_dump(_metadata(model, title, is_timm, evidence, license), sort_keys=False, allow_unicode=True)
    return f"---\n{metadata}---\n" + "\n\n".join(part for part in parts if part) + "\n"


def _metadata(model: LoadedModel, title: str, is_timm: bool, evidence: Evidence | None, license: str) -> dict[str, Any]:
    """Metadata for the hub, see huggingface.co/docs/hub/model-cards."""
    license = license or (model.row.licence if model.row is not None else "")
    metadata: dict[str, Any] = {"license": license} if license else {}
    metadata |= {
        "library_name": "timm" if is_timm else "netwright",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "netwright", *(["timm"] if is_timm else [])],
    }
    metrics = _metrics(model, evidence)
    if metrics:
        task = {"type": "image-classification", "name": "Image Classification"}
        data = str(model.facts.get("dataset") or "the images of its training")
        results = [{"task": task, "dataset": {"type": "image-folder", "name": data}, "metrics": metrics}]
        metadata["model-index"] = [{"name": title, "results": results}]
    return metadata


def _metrics(model: LoadedModel, evidence: Evidence | None) -> list[dict[str, Any]]:
    """Accuracies from 0 to 1, as the hub wants them."""
    if evidence is not None:
        seeds = len(evidence.pick["test_errors"])
        name = f"test accuracy, mean of {seeds} seeds"
        return [{"type": "accuracy", "name": name, "value": round(1 - _mean(evidence.pick) / 100, 6)}]
    score = model.facts.get("validation")
    if not isinstance(score, dict):
        return []
    names = (("top1", "top-1 on validation images"), ("top5", "top-5 on validation images"))
    return [
        {"type": "accuracy", "name": name, "value": round(float(score[key]) / 100, 6)}
        for key, name in names
        if isinstance(score.get(key), int | float)
    ]


def _what(model: LoadedModel) -> str:
    arch = model.arch
    depths, widths = ("-".join(str(getattr(stage, key)) for stage in arch.stages) for key in ("depth", "width"))
    name = arch.name or "A network found with netwright"
    return (
        f"{name}: {len(arch.stages)} stages of depths {depths} and widths {widths}, block {arch.block} "
        f"({arch.family.summary}), for {arch.num_classes:,} classes."
    )


def _use(repository: str, is_timm: bool) -> str:
    lines = python_lines(f"hf-hub:{repository}", "PHOTO.jpg").rstrip("\n").split("\n")
    if is_timm:
        lines += [
            "",
            "import timm",
            "",
            f'module = timm.create_model("hf-hub:{repository}", pretrained=True).eval()',
            "prepare = timm.data.create_transform(**timm.data.resolve_model_data_config(module))",
        ]
    code = "\n".join(lines)
    return f"```python\n{code}\n```\n\n```bash\nnetwright predict hf-hub:{repository} PHOTO.jpg\n```"


def _costs(model: LoadedModel) -> dict[str, str]:
    cost = complexity(model.arch)
    arch = model.arch
    return {
        "multiply-adds": f"{cost.flops[0]:,} at {arch.in_channels} x {arch.resolution} x {arch.resolution}",
        "parameters": f"{cost.params[0]:,}",
        "activations": f"{cost.acts[0]:,}",
    }


def _images(model: LoadedModel) -> dict[str, str]:
    preprocessing = model.preprocessing
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (preprocessing.mean, preprocessing.std))
    colors = {1: "gray", 3: "RGB"}.get(preprocessing.channels, f"{preprocessing.channels} channels")
    side, smooth = preprocessing.image_size, "antialiased" if preprocessing.antialias else "without antialiasing"
    return {
        "resize": f"{preprocessing.resized_part} to "
        f"{preprocessing.resize_size} pixels, {preprocessing.interpolation}, {smooth}",
        "crop": f"the center {side} x {side}, {colors}",
        "normalize": f"pixels 0-255 minus {mean}, divided by {std}",
    }


def _table(title: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {key} | {value} |" for key, value in rows.items()]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *lines])


def _evidence(evidence: Evidence) -> str:
    lines = ["## Why this network", ""]
    if evidence.picture is not None:
        lines += [f"![Error distributions of the design spaces]({PICTURE})", ""]
        lines += ["For each error, the share of networks of a design space that are better.", ""]
    lines += [line for sentence in (evidence.refinement, evidence.verdict) if sentence for line in (sentence, "")]
    lines += ["| | test errors by seed, percent | mean | multiply-adds | parameters |", "|---|---|---|---|---|"]
    for role, each in zip(("this network", "baseline"), evidence.finalists, strict=True):
        errors = ", ".join(f"{float(error):.2f}" for error in each["test_errors"])
        name = f"{role} ({each['name']})" if each.get("name") and role == "baseline" else role
        costs = " | ".join(f"{int(each[key]):,}" if key in each else "" for key in ("flops", "params"))
        lines.append(f"| {name} | {errors} | {_mean(each):.2f} | {costs} |")
    return "\n".join(lines)


def _classes(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:20])
    more = f", and {len(names) - 20:,} more" if len(names) > 20 else ""
    return f"## Classes\n\n{shown}{more}. The weights have all of them, in the order of the outputs."


def _origin(model: LoadedModel) -> str:
    facts = model.facts
    lines = []
    if "epoch" in facts:
        lines.append(
            f"Trained for {facts['epoch']} of {facts.get('epochs', '?')} epochs ({facts.get('weights', 'weights')})."
        )
    if model.row is not None:
        row = model.row
        lines.append(f"Weights from {row.ref} ({row.where}), license {row.licence or 'unknown'}; {row.recipe}.")
    training = facts.get("training")
    if isinstance(training, dict) and training:
        lines += ["", "```yaml", *(f"{key}: {json.dumps(value)}" for key, value in training.items()), "```"]
    return "\n".join(["## Origin", "", *lines]) if lines else ""
