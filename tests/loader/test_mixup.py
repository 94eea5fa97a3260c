import numpy as np
import pytest
import torch
from timm.data import Mixup as TimmMixup

from netwright.loader.mixup import Mixup
from netwright.loader.seeds import preserve_rng_state


def batch(n=6):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 3, 17, 23, generator=generator).contiguous(memory_format=torch.channels_last)
    return x, torch.arange(n) % 4


@pytest.mark.parametrize(("mixup", "cutmix", "probability"), [(0.8, 0, 1), (0, 1.0, 1), (0.2, 1.0, 1), (0.8, 1.0, 0.5)])
def test_the_maths_is_timms(mixup, cutmix, probability):
    oracle = TimmMixup(mixup, cutmix, prob=probability, label_smoothing=0.0, num_classes=4)
    ours = Mixup(mixup, cutmix, probability, 4)
    for seed in range(25):
        with preserve_rng_state():
            np.random.seed(seed)
            x, target = oracle(*batch())
        mixed, soft = ours(*batch(), seed)
        torch.testing.assert_close(mixed, x, rtol=0, atol=0)
        torch.testing.assert_close(soft, target, rtol=0, atol=1e-7)


def test_batches_of_odd_size_are_mixed_too():
    x, target = Mixup(0.8, 0.0, 1.0, 4)(*batch(5), seed=1)
    own, _ = batch(5)
    torch.testing.assert_close(x[2], own[2])  # the middle one with itself
    assert not torch.equal(x[0], own[0])
    torch.testing.assert_close(target.sum(1), torch.ones(5))


def test_a_batch_that_is_not_drawn_stays_as_it_is():
    x, target = Mixup(0.8, 1.0, 0.0, 4)(*batch(), seed=1)
    assert torch.equal(x, batch()[0])
    assert torch.equal(target, torch.nn.functional.one_hot(batch()[1], 4).float())


def test_the_share_of_classes_is_the_share_of_the_area():
    x = torch.arange(2.0)[:, None, None, None].expand(2, 1, 40, 40).clone()
    mixed, target = Mixup(0.0, 1.0, 1.0, 2)(x, torch.tensor([0, 1]), seed=3)
    assert 0 < mixed[0].mean() < 1
    torch.testing.assert_close(mixed[0].mean(), target[0, 1])


def test_mixing_is_off_without_alphas():
    assert not Mixup(0.0, 0.0, 1.0, 4).is_enabled
    assert Mixup(0.0, 0.1, 1.0, 4).is_enabled
