"""Uploads to a hub on this machine, and what is then there."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from netwright.arch import Arch, Stage, Stem, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.weights import load_model, push_to_hub, save_model
from netwright.weights.push import write_repository

PNG = b"\x89PNG of error distributions"
# timm has no V blocks
OWN = Arch((Stage(1, 8, 1), Stage(1, 16, 2)), "v", Stem("cifar", 8), resolution=16, num_classes=3, name="own")


def metadata(text: str) -> dict[str, Any]:
    _, front, _ = text.split("---\n", 2)
    return yaml.safe_load(front)


@pytest.fixture
def run(tmp_path: Path, randomized: Any) -> Path:
    """A run's folder of a network that timm knows."""
    arch = published("regnet_x_200mf", num_classes=5)
    facts = {
        "epoch": 2,
        "epochs": 3,
        "weights": "as trained",
        "dataset": "five things",
        "validation": {"top1": 87.5, "top5": 100.0, "loss": 0.4},
        "training": {"lr": 0.1, "model": "regnet_x_200mf"},
    }
    path = tmp_path / "run" / "regnet_x_200mf_best.safetensors"
    seen = Preprocessing(64, crop_pct=0.5)
    save_model(path, randomized(arch), preprocessing=seen, class_names=tuple("abcde"), facts=facts)
    return path.parent


@pytest.fixture
def design(tmp_path: Path, randomized: Any) -> Path:
    """A design's folder, as `netwright design` leaves it, of a network that timm cannot build."""
    folder = tmp_path / "design"
    (folder / "figures").mkdir(parents=True)
    save_model(folder / "weights.safetensors", randomized(OWN), preprocessing=Preprocessing(16))
    (folder / "network.yaml").write_text(OWN.to_yaml())
    (folder / "figures" / "edf.png").write_bytes(PNG)
    finalists = {
        role: {"name": name, "test_errors": errors, "flops": 1000, "params": 50, "acts": 20}
        for role, name, errors in (("pick", "pick", [2.0, 4.0]), ("baseline", "regnet_x_200mf", [5.0, 6.0]))
    }
    result = {"verdict": "The pick is better.", "refinement": "The refined space is better.", **finalists}
    (folder / "result.json").write_text(json.dumps(result))
    return folder


@pytest.mark.slow
def test_a_run_goes_to_the_hub_and_comes_back(hub: Any, run: Path, logits: Any):
    address = push_to_hub(run, "me/five", private=True, token="hf_good", license="apache-2.0", message="first")
    assert address == f"{hub.url}/me/five"
    assert {name for repository, name in hub.files if repository == "me/five"} == {
        "README.md",
        "config.json",
        "model.safetensors",
    }
    (made,) = hub.made
    assert (made["organization"], made["name"]) == ("me", "five")
    assert "private" in (made.get("visibility"), *(key for key in made if made[key] is True))
    assert hub.messages == ["first"]
    here, there = load_model(run), load_model("hf-hub:me/five")
    assert torch.equal(logits(here.module, side=64), logits(there.module, side=64))
    assert (there.arch, there.preprocessing, there.class_names) == (here.arch, here.preprocessing, here.class_names)
    assert there.facts == here.facts


def test_the_license_may_have_its_old_name(hub: Any, run: Path):
    with pytest.warns(DeprecationWarning, match=r"licence=\.\.\.\) is now push_to_hub\(license="):
        push_to_hub(run, "me/five", token="hf_good", licence="mit")
    assert metadata(hub.files["me/five", "README.md"].decode())["license"] == "mit"


def test_timm_opens_what_was_uploaded(run: Path, tmp_path: Path, logits: Any):
    import timm

    model = load_model(run)
    assert write_repository(model, tmp_path / "repo", "me/five") == ["README.md", "config.json", "model.safetensors"]
    theirs = timm.create_model(f"local-dir:{tmp_path / 'repo'}", pretrained=True).eval()
    assert torch.allclose(logits(theirs, side=64), logits(model.module, side=64), rtol=1e-4, atol=1e-5)


def test_the_card_of_a_run_has_its_accuracy_for_machines_and_people(hub: Any, run: Path):
    push_to_hub(run, "me/five", token="hf_good", license="apache-2.0")
    text = hub.files["me/five", "README.md"].decode()
    said = metadata(text)
    assert (said["license"], said["library_name"], said["pipeline_tag"]) == (
        "apache-2.0",
        "timm",
        "image-classification",
    )
    (result,) = said["model-index"][0]["results"]
    assert result["dataset"]["name"] == "five things"
    assert [(each["type"], each["value"]) for each in result["metrics"]] == [("accuracy", 0.875), ("accuracy", 1.0)]
    for line in (
        'with open_runtime("hf-hub:me/five") as network:',
        'timm.create_model("hf-hub:me/five", pretrained=True)',
        "| resize | shorter side to 128 pixels, bilinear, antialiased |",
        "Trained for 2 of 3 epochs (as trained).",
        "a, b, c, d, e. The weights have all of them",
        "lr: 0.1",
    ):
        assert line in text
    assert str(run) not in text


def test_the_card_of_a_design_has_its_evidence(hub: Any, design: Path, logits: Any):
    push_to_hub(design, "me/designed", token="hf_good")
    assert hub.files["me/designed", "edf.png"] == PNG
    text = hub.files["me/designed", "README.md"].decode()
    said = metadata(text)
    assert said["library_name"] == "netwright"
    assert "license" not in said
    (metric,) = said["model-index"][0]["results"][0]["metrics"]
    assert (metric["value"], metric["name"]) == (0.97, "test accuracy, mean of 2 seeds")
    for line in (
        "![Error distributions of the design spaces](edf.png)",
        "The refined space is better.\n\nThe pick is better.",
        "| this network | 2.00, 4.00 | 3.00 | 1,000 | 50 |",
        "| baseline (regnet_x_200mf) | 5.00, 6.00 | 5.50 | 1,000 | 50 |",
    ):
        assert line in text
    assert "timm" not in text
    there = load_model("hf-hub:me/designed")
    assert there.arch == OWN
    assert torch.equal(logits(there.module), logits(load_model(design).module))


def test_evidence_that_is_damaged_is_said(design: Path):
    for content in ("{", "{}", '{"pick": {"test_errors": []}, "baseline": {"test_errors": [1]}}'):
        (design / "result.json").write_text(content)
        with pytest.raises(WeightsError, match=r"result.json is not as `netwright design` writes it"):
            push_to_hub(design, "me/designed", token="hf_good")


def test_what_the_hub_does_not_take_is_said(hub: Any, run: Path, monkeypatch: pytest.MonkeyPatch):
    model = load_model(run)
    for given, said in (
        ({"token": "hf_bad"}, "does not accept me/five: .*401.* It needs a token that may write there"),
        ({}, "does not accept me/five: .*It needs a token"),
    ):
        with pytest.raises(WeightsError, match=said):
            push_to_hub(model, "me/five", **given)
    with pytest.raises(WeightsError, match="does not accept not a name"):
        push_to_hub(model, "not a name", token="hf_good")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="uploads are turned off"):
        push_to_hub(model, "me/five", token="hf_good")
    assert not any(repository == "me/five" for repository, _ in hub.files)
