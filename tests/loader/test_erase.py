import numpy as np
import torch
from torchvision.transforms import RandomErasing

from netwright.data.preprocess import Preprocessing
from netwright.loader.batch import Batch, to_device
from netwright.loader.erase import draw_box, draw_boxes
from netwright.loader.seeds import preserve_rng_state
from netwright.recipe import TrainConfig

CPU = torch.device("cpu")


def augmentation(**changes):
    return TrainConfig().with_(re_prob=0.6, **changes).augmentation


def test_rectangles_are_torchvisions():
    options = augmentation(re_scale=(0.05, 0.9), re_ratio=(0.2, 4.0))
    oracle = RandomErasing(0.6, scale=(0.05, 0.9), ratio=(0.2, 4.0), value=0)
    with preserve_rng_state():
        erased = 0
        for seed in range(60):
            torch.manual_seed(seed)
            expected = (oracle(torch.ones(1, 32, 32))[0] == 0).numpy()
            torch.manual_seed(seed)
            top, left, height, width = draw_box(options, 32)
            found = np.zeros((32, 32), bool)
            found[top : top + height, left : left + width] = True
            assert np.array_equal(found, expected)
            erased += expected.any()
    assert 20 < erased < 50


def test_many_rectangles_have_the_same_distribution():
    options = augmentation()
    with preserve_rng_state():
        torch.manual_seed(0)
        one_by_one = np.array([draw_box(options, 32) for _ in range(4000)])
    at_once = draw_boxes(options, 32, 4000, np.random.default_rng(0))
    for boxes in (one_by_one, at_once):
        drawn = boxes[boxes[:, 2] > 0]
        assert abs(len(drawn) / len(boxes) - 0.6) < 0.03
        assert (drawn[:, 0] + drawn[:, 2] <= 32).all()
        assert (drawn[:, 1] + drawn[:, 3] <= 32).all()
    first, second = (boxes[boxes[:, 2] > 0].astype(float) for boxes in (one_by_one, at_once))
    assert np.abs(first.mean(0) - second.mean(0)).max() < 0.6
    assert np.abs(first.std(0) - second.std(0)).max() < 0.5


def test_attempts_are_counted():
    # nothing of nine tenths of the area and ten times as wide as high fits
    for attempts in (1, 5):
        options = augmentation(re_scale=(0.9, 0.9), re_ratio=(10.0, 10.0), re_max_attempts=attempts)
        assert not draw_boxes(options, 32, 100, np.random.default_rng(0)).any()
    half = {"re_scale": (0.5, 0.5), "re_ratio": (0.4, 6.0)}
    shares = [
        (draw_boxes(augmentation(**half, re_max_attempts=n), 32, 4000, np.random.default_rng(0))[:, 2] > 0).mean()
        for n in (1, 10)
    ]
    assert shares[0] < 0.5 < 0.58 < shares[1] < 0.62


def erased(value, device=CPU):
    preprocessing = Preprocessing(image_size=8)
    pixels = torch.full((2, 8, 8, 3), 255, dtype=torch.uint8)
    boxes, seeds = torch.tensor([[1, 2, 3, 4], [0, 0, 0, 0]]), torch.tensor([5, 6])
    batch = Batch(pixels, torch.zeros(2).long(), torch.arange(2), boxes=boxes, seeds=seeds)
    plain, _ = to_device(batch._replace(boxes=None), preprocessing, device, channels_last=True)
    x, _ = to_device(batch, preprocessing, device, channels_last=True, erase_with=value)
    return plain, x


def test_a_number_is_put_in_after_normalizing():
    plain, x = erased(0.25)
    assert (x[0, :, 1:4, 2:6] == 0.25).all()
    plain[0, :, 1:4, 2:6] = 0.25
    assert torch.equal(x, plain)


def test_random_is_normal_noise_of_its_own_seed():
    plain, x = erased("random")
    patch = x[0, :, 1:4, 2:6]
    assert len(patch.unique()) == 36
    assert torch.equal(x[1], plain[1])
    assert torch.equal(x, erased("random")[1])
