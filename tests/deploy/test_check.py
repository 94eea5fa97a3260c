"""How far an export may be from its network."""

import numpy as np
import pytest

from netwright.deploy.check import LIMITS, compare, refuse_other
from netwright.deploy.info import PRECISIONS
from netwright.errors import ExportError

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
