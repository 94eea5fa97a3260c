import math

import numpy as np
import pytest
import torch
from timm.loss import BinaryCrossEntropy, JsdCrossEntropy
from torch.nn import functional

from netwright.errors import RecipeError
from netwright.recipe.training import Loss
from netwright.training.losses import balanced_weights, make_loss

CLASSES = 7


def drawn(n=6):
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(n, CLASSES, generator=generator)
    target = torch.randint(CLASSES, (n,), generator=generator)
    soft = torch.rand(n, CLASSES, generator=generator).softmax(1)
    return logits, target, soft


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ce_is_torchs_for_classes_and_probabilities(smoothing, reduction):
    logits, target, soft = drawn()
    loss = make_loss(Loss(label_smoothing=smoothing, reduction=reduction))
    for each in (target, soft):
        expected = functional.cross_entropy(logits, each, label_smoothing=smoothing, reduction=reduction)
        assert torch.equal(loss(logits, each), expected)


def test_ce_by_hand():
    logits, target, _ = drawn()
    log_p = logits.log_softmax(1)
    expected = -(0.9 * log_p.gather(1, target[:, None])[:, 0] + 0.1 * log_p.mean(1)).mean()
    assert torch.allclose(make_loss(Loss(label_smoothing=0.1))(logits, target), expected)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_bce_is_timms_for_classes(smoothing, reduction):
    logits, target, _ = drawn()
    expected = BinaryCrossEntropy(smoothing=smoothing, reduction=reduction)(logits, target)
    loss = make_loss(Loss("BCE", label_smoothing=smoothing, reduction=reduction))
    assert torch.allclose(loss(logits, target), expected)


def test_bce_smooths_probabilities_as_it_does_classes():
    logits, target, soft = drawn()
    loss = make_loss(Loss("BCE", label_smoothing=0.2))
    assert torch.allclose(
        loss(logits, soft), functional.binary_cross_entropy_with_logits(logits, soft * 0.8 + 0.2 / CLASSES)
    )
    assert torch.allclose(loss(logits, functional.one_hot(target, CLASSES).float()), loss(logits, target))


@pytest.mark.parametrize("splits", [2, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_jsd_is_timms(smoothing, splits):
    logits, target, _ = drawn(4 * splits)
    theirs = logits.clone().requires_grad_()
    ours = logits.clone().requires_grad_()
    expected = JsdCrossEntropy(splits, alpha=12, smoothing=smoothing)(theirs, target)
    loss = make_loss(Loss(label_smoothing=smoothing), aug_splits=splits)(ours, target[:4])
    assert torch.allclose(loss, expected, rtol=1e-5)
    expected.backward()
    loss.backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


def test_jsd_is_nothing_for_equal_versions_and_the_sum_is_over_images():
    logits, target, _ = drawn()
    alike = logits.repeat(3, 1)
    assert torch.allclose(make_loss(Loss(), 3)(alike, target), functional.cross_entropy(logits, target), atol=1e-5)
    other, _, _ = drawn(18)
    total, mean = (make_loss(Loss(reduction=each), 3)(other, target) for each in ("sum", "mean"))
    assert torch.allclose(total, 6 * mean)


def test_jsd_has_finite_gradients_where_a_probability_is_zero_in_fp32():
    logits = torch.tensor([[300.0, 0.0], [0.0, 300.0], [0.0, 0.0]], requires_grad=True)
    make_loss(Loss(), 3)(logits, torch.tensor([0])).backward()
    assert torch.isfinite(logits.grad).all()


def test_jsd_needs_cross_entropy():
    with pytest.raises(RecipeError, match=r"loss is BCE\. Set loss to CE, or aug_splits to 0"):
        make_loss(Loss("BCE"), aug_splits=3)


@pytest.mark.parametrize(("name", "splits"), [("CE", 0), ("CE", 3), ("BCE", 0)])
def test_half_precision_logits_are_taken_to_fp32(name, splits):
    logits, target, _ = drawn()
    loss = make_loss(Loss(name, label_smoothing=0.1), splits)
    expected = loss(logits.bfloat16().float(), target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits.bfloat16(), target)
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)
    huge = torch.full((3, CLASSES), 6e4, dtype=torch.float16)
    assert math.isfinite(loss(huge, target[:3]))


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0] * 200 + [1] * 5 + [3] * 40)
    weights = balanced_weights(labels, 4)
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    assert weights[[0, 1, 3]].tolist() == pytest.approx(expected.tolist())
    assert weights[2] == 0
    assert float(weights[labels].mean()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["CE", "BCE"])
def test_class_weights_are_torchs(name):
    logits, target, soft = drawn()
    weights = torch.arange(1.0, CLASSES + 1)
    loss = make_loss(Loss(loss=name, label_smoothing=0.1), class_weights=weights)
    if name == "CE":
        for each in (target, soft):
            expected = functional.cross_entropy(logits, each, weight=weights, label_smoothing=0.1)
            assert torch.equal(loss(logits, each), expected)
        return
    rare = functional.binary_cross_entropy_with_logits(logits, soft * 0.9 + 0.1 / CLASSES, reduction="none")
    assert float(loss(logits, soft)) == pytest.approx(float((rare * weights).mean()))
