"""How far an export may be from its network."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.errors import ExportError
from netwright.exports import export, labeled_images
from netwright.exports.check import LIMITS, compare, refuse_other
from netwright.runtime.info import PRECISIONS
from netwright.weights import LoadedModel

SOURCE = np.random.default_rng(0).standard_normal((40, 10)).astype(np.float32)


def test_differences_are_in_spreads_of_the_source() -> None:
    found = compare(SOURCE * 7, SOURCE * 7 + 0.7 * SOURCE.std(), "fp32")
    assert found.difference == pytest.approx(0.1, rel=1e-3)
    assert found.largest == pytest.approx(0.1, rel=1e-3)
    assert (found.images, found.agreement) == (40, 1.0)


def test_other_answers_are_counted_and_ties_are_not() -> None:
    other = SOURCE.copy()
    other[:10] = np.roll(other[:10], 1, axis=1)
    assert compare(SOURCE, other, "fp32").agreement == pytest.approx(0.75)
    tied = np.zeros((4, 3), dtype=np.float32)
    tied[:, :2] = 5.0
    swapped = tied.copy()
    swapped[:, 1] += 1e-4
    assert compare(tied, swapped, "fp32").agreement == 1.0


@pytest.mark.parametrize("precision", PRECISIONS)
def test_each_precision_has_its_limit(precision: str) -> None:
    limit, sign = LIMITS[precision].difference, np.where(np.arange(10) % 2, 1, -1)
    step = SOURCE.std() * sign.astype(np.float32)
    refuse_other(compare(SOURCE, SOURCE + 0.9 * limit * 0.05 * step, precision), precision, "a.onnx")
    with pytest.raises(ExportError, match=r"a\.onnx was not written"):
        refuse_other(compare(SOURCE, SOURCE + 1.1 * limit * step, precision), precision, "a.onnx")
    with pytest.raises(ExportError, match="the same class is first in 0"):
        refuse_other(compare(SOURCE, -SOURCE, precision), precision, "a.onnx")


def test_limits_grow_as_precision_falls() -> None:
    order = [LIMITS[precision] for precision in ("fp32", "fp16", "bf16", "int8")]
    assert [each.difference for each in order] == sorted(each.difference for each in order)
    assert [each.agreement for each in order] == sorted((each.agreement for each in order), reverse=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_infinite_logits_disagree(bad: float) -> None:
    other = SOURCE.copy()
    other[3, 3] = bad
    with pytest.raises(ExportError):
        refuse_other(compare(SOURCE, other, "int8"), "int8", "a.onnx")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_other_answers_are_refused_though_the_logits_are_near(precision: str) -> None:
    limit, source = LIMITS[precision], np.tile(SOURCE, (20, 1))
    source[:, :2] = 5.0
    gap = 1.3 * limit.difference * source.std()  # more than a tie
    source[:, 1] -= gap
    for part, is_let in ((0.5, True), (2.0, False)):
        other, turned = source.copy(), round(part * len(source) * (1 - limit.agreement))
        other[:turned, 1] = 5.0 + 0.1 * gap
        found = compare(source, other, precision)
        assert found.difference < limit.difference
        assert found.agreement == 1 - turned / len(source)
        if is_let:
            refuse_other(found, precision, "a.onnx")
        else:
            with pytest.raises(ExportError, match=r"a\.onnx was not written"):
                refuse_other(found, precision, "a.onnx")


# a last layer whose weights are so much larger than the network's: what passes, and what is too much
DAMAGE = {
    ("onnx", "fp32"): (3e-4, 2e-3),
    ("onnx", "fp16"): (5e-3, 4e-2),
    ("openvino", "bf16"): (3e-2, 0.3),
    ("onnx", "int8"): (0.15, 1.0),
}


@pytest.mark.slow
@pytest.mark.parametrize(("to", "precision"), DAMAGE)
def test_a_damaged_weight_is_refused_and_rounding_is_not(
    to: str,
    precision: str,
    color: LoadedModel,
    images: Callable[..., list[np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file that is written is of a network one of whose weights is another; logits differ by so much of their
    spread, which is what is checked here with numbers of its own."""
    import netwright.exports.writers as write

    damage = 0.0

    def damaged(model: LoadedModel) -> Any:
        module = copy.deepcopy(model.module)
        module.head.fc.bias.data.zero_()
        module.head.fc.weight.data.mul_(1 + damage)
        return module

    module = copy.deepcopy(color.module)
    module.head.fc.bias.data.zero_()
    source = replace(color, module=module)
    calibration = images(color, 16) if precision == "int8" else None
    monkeypatch.setattr(write, "_any_net", damaged)
    for damage, is_let in zip((0.0, *DAMAGE[to, precision]), (True, True, False), strict=True):
        if is_let:
            done = export(source, tmp_path / "a", to=to, precision=precision, calibration=calibration)
            assert done.agreement.difference < 2 * damage + DAMAGE[to, precision][0]
        else:
            with pytest.raises(ExportError, match="was not written"):
                export(source, tmp_path / "b", to=to, precision=precision, calibration=calibration)
            assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("to", "value"), [("onnx", 0), ("onnx", 255), ("openvino", 128)])
def test_int8_calibrated_on_nothing_is_refused(to: str, value: int, digits: LoadedModel, tmp_path: Path) -> None:
    """Of images of one shade the ranges are points: right for these images, and wrong for all others."""
    nothing = [np.full((8, 8, 1), value, dtype=np.uint8)] * 8
    calibration, evaluation = labeled_images("digits", "", digits.class_names, 10, calibration=32, evaluation=100)
    for given in (None, evaluation):
        with pytest.raises(ExportError, match=r"Give more calibration images"):
            export(digits, tmp_path, to=to, precision="int8", calibration=nothing, evaluation=given)
        assert list(tmp_path.iterdir()) == []
    good = export(digits, tmp_path, to=to, precision="int8", calibration=calibration, evaluation=evaluation)
    assert good.accuracy is not None
    assert good.accuracy.source > 0.85
    assert good.accuracy.exported > good.accuracy.source - 0.03
