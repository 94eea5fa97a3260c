"""validate(): the same from a run and from its exported files."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netwright.errors import DataError, RecipeError
from netwright.evaluation import Validation, validate
from netwright.exports import export
from netwright.recipe import TrainConfig
from netwright.weights import LoadedModel

Exported = Callable[..., Path]
NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., np.ndarray]) -> Path:
    """val/<class>/, 8 images each, of several sizes; one is broken."""
    root = tmp_path_factory.mktemp("images")
    for label, name in enumerate(NAMES):
        for i in range(8):
            path = root / "val" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(10 * label + i, 30 + i, 40 - 2 * i)).save(path)
    (root / "val" / "bee" / "3.png").write_bytes(b"broken")
    return root


@pytest.fixture(scope="module")
def whole(weights: Path, images: Path) -> Validation:
    return validate(weights, data_dir=images, workers=0, device="cpu")


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino", "torch"])
def test_an_exported_file_gives_what_its_weights_give(
    to: str, whole: Validation, model: LoadedModel, images: Path, exported: Exported, tmp_path: Path
) -> None:
    found = validate(exported(model, to), data_dir=images, workers=0, batch_size=7, out=tmp_path)
    metrics = found.metrics
    assert (metrics.images, metrics.total, len(metrics.skipped)) == (31, 32, 1)
    assert metrics.top1 == whole.metrics.top1
    assert metrics.confusion == whole.metrics.confusion
    assert np.allclose(metrics.records.probability, whole.metrics.records.probability, atol=1e-5, rtol=0)
    assert metrics.loss == pytest.approx(whole.metrics.loss, rel=1e-5)
    assert metrics.skipped == whole.metrics.skipped
    assert [each.name for each in metrics.wrong] == [each.name for each in whole.metrics.wrong]
    assert (found.network, found.images) == (whole.network, whole.images)
    assert (found.is_fused, found.is_export) == (True, True)
    assert found.report == tmp_path / "report.html"
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert (written["top1"], written["images"]) == (metrics.top1, 31)
    machine = written["facts"]["machine"]
    assert (machine["runtime"], machine["precision"], machine["batch norm"]) == (
        *(to, "fp32"),
        "folded into the convolutions",
    )
    assert written["facts"]["network"]["weights"] == str(exported(model, to))


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_int8_is_validated(
    to: str, whole: Validation, model: LoadedModel, images: Path, quantized: Callable[[str], Path]
) -> None:
    found = validate(quantized(to), data_dir=images, workers=0)
    assert (found.metrics.images, found.metrics.class_names) == (31, model.class_names)
    assert np.abs(found.metrics.records.probability - whole.metrics.records.probability).mean() < 0.1


@pytest.mark.slow
def test_a_fixed_batch_is_validated(whole: Validation, model: LoadedModel, images: Path, exported: Exported) -> None:
    for to in ("onnx", "torch"):
        found = validate(exported(model, to, "fp32", 3), data_dir=images, workers=0, batch_size=8)
        assert found.metrics.confusion == whole.metrics.confusion


def test_a_loaded_model_and_other_runtimes_give_the_same(whole: Validation, model: LoadedModel, images: Path) -> None:
    for runtime in ("auto", "onnx", "openvino"):
        found = validate(model, data_dir=images, workers=0, runtime=runtime)
        assert found.metrics.confusion == whole.metrics.confusion
        assert found.metrics.loss == pytest.approx(whole.metrics.loss, rel=1e-5)


def test_an_exported_file_says_which_images_its_training_validated_on(
    model: LoadedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Bundled ones here, which need no folder."""
    from fixtures.exported import DIGITS, randomized

    from netwright.data.preprocess import Preprocessing

    keys = TrainConfig().with_(dataset="digits", val_fraction=0.1, seed=1).to_flat()
    preprocessing = Preprocessing(image_size=8, channels=1, mean=(80.0,), std=(100.0,))
    digits = replace(
        *(model,),
        arch=DIGITS,
        module=randomized(DIGITS),
        preprocessing=preprocessing,
        class_names=tuple("0123456789"),
        facts={"training": keys},
    )
    path = export(digits, tmp_path).path
    with caplog.at_level(logging.INFO, logger="netwright"):
        found = validate(path, workers=0)
    expected = validate(digits, workers=0, device="cpu")
    assert found.metrics.confusion == expected.metrics.confusion
    assert 170 <= found.metrics.images <= 190
    assert any("kept for validation: 10% of each class, by seed 1" in text for text in found.metrics.notices)
    assert found.metrics.notices[0] in caplog.text


def test_other_preprocessing_is_used_and_said(model: LoadedModel, images: Path, exported: Exported) -> None:
    found = validate(exported(model, "onnx"), data_dir=images, workers=0, crop_pct=1.0)
    expected = validate(model, data_dir=images, workers=0, device="cpu", crop_pct=1.0)
    assert found.metrics.confusion == expected.metrics.confusion
    assert found.metrics.loss == pytest.approx(expected.metrics.loss, rel=1e-5)
    assert "Images are not prepared as for the weights: crop_pct 1.0 instead of 0.75." in found.metrics.notices


def test_mistakes_are_explained(model: LoadedModel, images: Path) -> None:
    with pytest.raises(RecipeError, match="unknown key 'crop': did you mean"):
        validate(model, data_dir=images, crop=1.0)
    with pytest.raises(DataError, match="tset"):
        validate(model, data_dir=images, split="tset", device="cpu")
