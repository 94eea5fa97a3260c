import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.weights import LoadedModel, choose_weights
from netwright.weights.readme import evidence_of, readme


@pytest.fixture
def model(randomized: Any) -> LoadedModel:
    module = randomized()
    return LoadedModel(module.arch, module, Preprocessing(16, antialias=False), tuple("abcde"))


def test_what_is_not_known_is_not_said(model: LoadedModel):
    text = readme(model, "me/net", is_timm=False)
    said = yaml.safe_load(text.split("---\n")[1])
    assert set(said) == {"library_name", "pipeline_tag", "tags"}
    for title in ("## Why this network", "## Where it is from", "import timm"):
        assert title not in text
    assert text.startswith("---\n")
    assert "bilinear, without antialiasing" in text
    assert "\n\n\n" not in text


def test_the_license_of_published_weights_goes_with_them(randomized: Any):
    module = randomized()
    row = choose_weights("regnet_y_16gf", "IMAGENET1K_SWAG_E2E_V1")
    text = readme(LoadedModel(module.arch, module, Preprocessing(16), row=row), "me/net", is_timm=True)
    assert "license cc-by-nc-4.0" in text
    assert yaml.safe_load(text.split("---\n")[1])["license"] == "cc-by-nc-4.0"


def test_many_classes_are_counted(randomized: Any, small: Any):
    module = randomized()
    names = tuple(f"class {i}" for i in range(30))
    text = readme(LoadedModel(module.arch, module, Preprocessing(16), names), "me/net", is_timm=True)
    assert "class 19, and 10 more. The weights have all of them" in text


def test_only_a_designs_folder_has_evidence(tmp_path: Path):
    assert evidence_of(tmp_path) is None
    assert evidence_of(tmp_path / "none") is None
    finalist = {"test_errors": [1.0, 3.0]}
    (tmp_path / "result.json").write_text(json.dumps({"pick": finalist, "baseline": finalist, "verdict": "equal"}))
    (tmp_path / "weights.safetensors").touch()
    for place in (tmp_path, tmp_path / "weights.safetensors"):
        found = evidence_of(place)
        assert found is not None
        assert (found.verdict, found.refinement, found.picture, found.pick) == ("equal", "", None, finalist)
    (tmp_path / "result.json").write_bytes(b"\xff")
    with pytest.raises(WeightsError, match="is not as `netwright design` writes it"):
        evidence_of(tmp_path)
