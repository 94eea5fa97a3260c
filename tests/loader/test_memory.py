import numpy as np
import pytest

from netwright.data.preprocess import Preprocessing
from netwright.loader import open_splits
from netwright.loader.memory import InMemoryTrainReader, fits_in_memory, has_cheap_augmentation
from netwright.loader.read import lighting_shift
from netwright.loader.sampler import BatchIndex
from netwright.recipe import TrainConfig

PLAIN = {"random_crop": "padded", "color_jitter": None, "hflip": 0.0, "image_size": 16}


@pytest.fixture
def made(training):
    def make(**changes):
        made = training(**(PLAIN | changes))
        split = open_splits(made)[0]
        preprocessing = Preprocessing.from_training(made)
        return split, InMemoryTrainReader(split, split.labels, made.augmentation, preprocessing, 3)

    return make


def key(positions, epoch=1, repeats=None):
    chosen = np.array(positions, dtype=np.int64)
    return BatchIndex(epoch, chosen, np.zeros_like(chosen) if repeats is None else np.array(repeats))


@pytest.mark.parametrize(
    ("changes", "cheap"),
    [
        ({}, True),
        ({"re_prob": 0.5, "vflip": 0.5, "lighting": 0.1, "mixup": 0.2, "aug_repeats": 3}, True),
        ({"random_crop": "none", "color_jitter": (0.0, 0.0, 0.0)}, True),
        ({"random_crop": "resized"}, False),
        ({"color_jitter": 0.4}, False),
        ({"auto_augment": "3a"}, False),
        ({"aug_splits": 3}, False),
    ],
)
def test_what_is_cheap(changes, cheap):
    assert has_cheap_augmentation(TrainConfig().with_(**(PLAIN | changes)).augmentation) is cheap


def test_small_images_suit_memory(training):
    split = open_splits(training())[0]
    assert fits_in_memory(split, 96, 3)
    assert not fits_in_memory(split, 97, 3)


def test_large_images_do_not(training, data_dir):
    from PIL import Image

    Image.new("RGB", (200, 60)).save(data_dir / "train" / "ant" / "000.jpg")
    assert not fits_in_memory(open_splits(training())[0], 16, 3)


def test_crops_are_windows_of_the_preprocessed_image_in_black(made):
    split, read = made()
    whole = Preprocessing(image_size=16, crop_pct=1.0)
    positions = list(range(len(split)))
    for pixels, position in zip(read(key(positions)).pixels.numpy(), positions, strict=True):
        image = whole.pixels(split.source.read(int(split.index[position])).data)
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
        windows = [padded[top : top + 16, left : left + 16] for top in range(5) for left in range(5)]
        assert any(np.array_equal(pixels, window) for window in windows)


def test_flips_are_of_the_share_asked_for(made):
    _, always = made(hflip=1.0, vflip=1.0, random_crop="none")
    _, never = made(random_crop="none")
    flipped, plain = (read(key(range(33))).pixels.numpy() for read in (always, never))
    assert np.array_equal(flipped, plain[:, ::-1, ::-1])


def test_what_is_drawn_does_not_depend_on_the_batch(made):
    _, read = made(hflip=0.5, vflip=0.5, re_prob=0.5, lighting=0.2, aug_repeats=2)
    together = read(key([4, 9, 20], repeats=[0, 1, 1]))
    read(key([1], epoch=2))
    alone = read(key([9], repeats=[1]))
    for name in ("pixels", "labels", "shifts", "boxes", "seeds"):
        assert np.array_equal(getattr(together, name)[1:2], getattr(alone, name)), name


def test_lighting_is_along_the_principal_components():
    # one standard deviation of the first: a change of brightness, by 0.2175 * 255 in all
    shift = lighting_shift(np.array([1.0, 0.0, 0.0]), 3)
    np.testing.assert_allclose(shift, 255 * 0.2175 * np.array([-0.5675, -0.5808, -0.5836]), rtol=1e-6)
    assert lighting_shift(np.ones((5, 3)), 1).shape == (5, 1)
