import io
import random

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

import netwright.data.resize as resize_module
import netwright.loader.augment as augment_module
from netwright.data.decode import decode_full
from netwright.data.preprocess import Preprocessing
from netwright.errors import RecipeError
from netwright.loader.augment import Augment
from netwright.loader.seeds import preserve_rng_state, seed_global_rngs
from netwright.recipe import TrainConfig

USUAL = ["randaug-m9-mstd0.5-inc1", "autoaug", "autoaugr", "3a", "augmix-m3-w3", "trivialaugwide", "autoaug-mstd0.5"]


@pytest.fixture(autouse=True)
def _as_before():
    with preserve_rng_state():
        yield


def augment_of(**changes):
    plain = {"hflip": 0.0, "color_jitter": None, "image_size": 24}
    training = TrainConfig().with_(**(plain | changes))
    return Augment(training.augmentation, Preprocessing.from_training(training))


def noise(height=50, width=60, channels=3, seed=0):
    smooth = np.random.default_rng(seed).integers(0, 256, (height // 5, width // 5, channels))
    return np.kron(smooth, np.ones((5, 5, 1))).astype(np.uint8)


def image_of(pixels):
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_resized_crop_is_torchvisions(interpolation, channels):
    """The same parts; smoothed colors are torch's, which differ from Pillow's by rounding."""
    mode = transforms.InterpolationMode(interpolation)
    oracle = transforms.RandomResizedCrop(24, (0.2, 0.9), (0.6, 1.6), interpolation=mode, antialias=True)
    ours = augment_of(scale=(0.2, 0.9), ratio=(0.6, 1.6), interpolation=interpolation, in_channels=channels)
    pixels = noise(channels=channels)
    for seed in range(12):
        seed_global_rngs(seed)
        expected = np.asarray(oracle(image_of(pixels))).reshape(24, 24, channels)
        seed_global_rngs(seed)
        difference = np.abs(ours(pixels)[0].astype(int) - expected)
        is_pillows = interpolation == "nearest" or channels == 1
        assert difference.max() <= (0 if is_pillows else 8)
        assert difference.mean() < 0.3


@pytest.mark.parametrize("resize", ["crop", "squash"])
def test_parts_are_those_that_torchvision_draws(resize):
    draw = transforms.RandomResizedCrop.get_params
    augmentation = augment_of(scale=(0.1, 0.9), ratio=(0.6, 1.6), resize=resize)._augmentation
    for seed, (rows, columns) in enumerate([(50, 60), (300, 20), (7, 7), (200, 340)] * 20):
        seed_global_rngs(seed)
        size = (rows, columns) if resize == "crop" else (max(rows, columns),) * 2
        top, left, height, width = draw(torch.empty(3, *size), [0.1, 0.9], [0.6, 1.6])
        after = torch.rand(1)
        seed_global_rngs(seed)
        box = augment_module._random_box(rows, columns, augmentation)
        assert torch.rand(1) == after, "what is drawn afterwards is the same too"
        if resize == "crop":
            assert box == (top, left, height, width)
        else:
            assert box[0] == top * rows // size[0]
            assert box[3] == max(1, round(width * columns / size[1]))


def jpeg_of(pixels, orientation=1, **options):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image_of(pixels).save(file, "JPEG", quality=90, exif=exif, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 1}, {"progressive": True}])
def test_a_part_of_a_file_is_that_of_its_pixels(orientation, options):
    data = jpeg_of(noise(70, 110), orientation, **options)
    ours = augment_of(scale=(0.05, 0.6))
    for seed in range(5):
        seed_global_rngs(seed)
        (of_file,) = ours.of_file(data)
        seed_global_rngs(seed)
        (of_pixels,) = ours(decode_full(data, 3))
        assert np.array_equal(of_file, of_pixels)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("resize", ["crop", "squash"])
def test_a_part_of_a_large_file_is_decoded_smaller(orientation, resize):
    smooth = np.asarray(image_of(noise(60, 80)).resize((1600, 1200), Image.Resampling.BICUBIC))
    data = jpeg_of(smooth, orientation)
    ours = augment_of(scale=(0.2, 0.9), resize=resize)
    for seed in range(5):
        seed_global_rngs(seed)
        (of_file,) = ours.of_file(data)
        seed_global_rngs(seed)
        (of_pixels,) = ours(decode_full(data, 3))
        assert np.abs(of_file.astype(int) - of_pixels).mean() < 1.5


def test_flips_and_jitter_are_torchvisions():
    oracle = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(0.5),
            transforms.RandomVerticalFlip(0.3),
            transforms.ColorJitter(0.4, 0.4, 0.4),
        ]
    )
    ours = augment_of(random_crop="none", crop_pct=1.0, hflip=0.5, vflip=0.3, color_jitter=0.4)
    pixels = noise(24, 24)[:24, :24]
    pixels = np.pad(pixels, ((0, 24 - len(pixels)), (0, 24 - pixels.shape[1]), (0, 0)))
    for seed in range(12):
        seed_global_rngs(seed)
        expected = np.asarray(oracle(image_of(pixels)))
        seed_global_rngs(seed)
        assert np.array_equal(ours(pixels)[0], expected)


def test_the_padded_crop_is_a_window_of_the_image_in_black():
    ours = augment_of(random_crop="padded", image_size=32)
    pixels = np.full((32, 32, 3), 200, np.uint8)
    corners = set()
    for seed in range(60):
        seed_global_rngs(seed)
        (cropped,) = ours(pixels)
        rows, columns = np.flatnonzero(cropped[:, :, 0].any(1)), np.flatnonzero(cropped[:, :, 0].any(0))
        assert min(len(rows), len(columns)) >= 28
        assert (cropped[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 200).all()
        corners.add((rows[0], rows[-1], columns[0], columns[-1]))
    assert {corner[0] for corner in corners} == {0, 1, 2, 3, 4}
    assert {corner[1] for corner in corners} == {27, 28, 29, 30, 31}


@pytest.mark.parametrize("random_crop", ["padded", "resized", "none"])
@pytest.mark.parametrize("size", [(2, 8000), (8000, 2)])
def test_a_sliver_is_no_larger_than_other_images_once_resized(monkeypatch, random_crop, size):
    largest = []

    def spy(pixels, height, width, interpolation, *, antialias):
        largest.append(height * width)
        return real(pixels, height, width, interpolation, antialias=antialias)

    real = resize_module.resize
    monkeypatch.setattr(resize_module, "resize", spy)
    monkeypatch.setattr(
        augment_module, "resize_part", lambda part, side, how, **_: spy(part, side, side, how, antialias=1)
    )
    (cropped,) = augment_of(random_crop=random_crop)(np.zeros((*size, 3), np.uint8))
    assert cropped.shape == (24, 24, 3)
    assert 0 < max(largest) <= 17 * 28**2


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_usual_augmentation_changes_images_and_repeats_itself(name, channels):
    ours = augment_of(auto_augment=name, random_crop="none", in_channels=channels)
    pixels = noise(channels=channels)
    plain = augment_of(random_crop="none", in_channels=channels)(pixels)[0]
    seen = set()
    for seed in range(8):
        seed_global_rngs(seed)
        (first,) = ours(pixels)
        seed_global_rngs(seed)
        (second,) = ours(pixels)
        assert first.shape == (24, 24, channels)
        assert np.array_equal(first, second)
        seen.add(first.tobytes())
    assert len(seen | {plain.tobytes()}) >= 3  # 3a on gray images: blurred, solarised, or neither


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("randaug-m9-mstd0.5-inc1", "rand-m9-mstd0.5-inc1"), ("autoaug", "original"), ("autoaugr", "originalr")],
)
def test_names_of_mindcv_are_timms(name, theirs):
    from timm.data.transforms_factory import transforms_imagenet_train

    _, oracle, _ = transforms_imagenet_train(
        24, auto_augment=theirs, interpolation="bilinear", separate=True, mean=(0.485, 0.456, 0.406)
    )
    ours = augment_of(auto_augment=name, random_crop="none", crop_pct=1.0)
    pixels = np.ascontiguousarray(noise(25, 25)[:24, :24])
    for seed in range(10):
        seed_global_rngs(seed)
        expected = np.asarray(oracle(image_of(pixels)))
        seed_global_rngs(seed)
        assert np.array_equal(ours(pixels)[0], expected)


def test_auto_augment_replaces_the_jitter():
    seen = set()
    for jitter in (None, 0.9):
        seed_global_rngs(1)
        seen.add(augment_of(auto_augment="autoaug", color_jitter=jitter)(noise())[0].tobytes())
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("jitter", "constraint"), [((0.4, 0.4), "three for brightness"), ((0.1, 0.1, 0.1, 0.6), "hue of color_jitter")]
)
def test_a_jitter_of_other_numbers_is_refused(jitter, constraint):
    with pytest.raises(RecipeError, match=constraint):
        augment_of(color_jitter=jitter)


def test_without_antialias_pixels_are_left_rougher():
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    rough, smooth = (
        augment_of(scale=(1.0, 1.0), ratio=(1.0, 1.0), antialias=antialias)(pixels)[0].std()
        for antialias in (False, True)
    )
    assert rough > 2 * smooth


def test_seeding_reaches_every_generator():
    def drawn():
        seed_global_rngs(5)
        return random.random(), float(np.random.rand()), torch.rand(1).item()

    assert drawn() == drawn()
    assert len(set(drawn())) == 3


@pytest.mark.parametrize("resize", ["squash", "letterbox"])
@pytest.mark.parametrize("size", [(30, 90), (90, 30)])
def test_a_random_part_of_a_wide_image_has_its_ratio(resize, size):
    """Where all of an image is seen in validation, training sees parts of the same shape."""
    rows, columns = np.indices(size)
    pixels = np.stack([rows * 255 // size[0], columns * 255 // size[1], rows * 0], axis=2).astype(np.uint8)
    training = TrainConfig().with_(image_size=32, resize=resize, hflip=0.0, color_jitter=None, background="#0000ff")
    augment = Augment(training.augmentation, Preprocessing.from_training(training))
    spans = []
    for seed in range(40):
        torch.manual_seed(seed)
        (seen,) = augment(pixels)
        image = seen[seen[..., 2] < 128]
        assert len(image), "no training image is nothing but bands"
        spans.append([np.ptp(image[..., channel].astype(int)) for channel in (0, 1)])
        if resize == "letterbox":
            high, wide = (seen[..., 2] < 128).any(axis=1).sum(), (seen[..., 2] < 128).any(axis=0).sum()
            assert max(high, wide) == 32
            assert 2 < max(high, wide) / min(high, wide) < 4.6
    high, wide = np.mean(spans, axis=0)
    assert 0.85 < high / wide < 1.18


def test_other_channels_are_cropped_with_the_colors_and_keep_their_values():
    training = TrainConfig().with_(image_size=16, in_channels=4, color_jitter=0.4)
    augment = Augment(training.augmentation, Preprocessing.from_training(training))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 1), dtype=np.uint8).repeat(4, axis=2)
    torch.manual_seed(0)
    (four,) = augment(pixels)
    plain = training.with_(color_jitter=None)
    torch.manual_seed(0)
    (expected,) = Augment(plain.augmentation, Preprocessing.from_training(plain))(pixels)
    assert np.array_equal(four[..., 3], expected[..., 3])
    assert not np.array_equal(four[..., :3], expected[..., :3])
    five = training.with_(in_channels=5)
    assert Augment(five.augmentation, Preprocessing.from_training(five))(pixels[..., [0] * 5])[0].shape == (16, 16, 5)


@pytest.mark.parametrize("option", [{"auto_augment": "trivialaugwide"}, {"lighting": 0.1}, {"aug_splits": 3}])
def test_what_is_for_colors_is_refused_for_other_channels(option):
    training = TrainConfig().with_(in_channels=4, color_jitter=None, **option)
    with pytest.raises(RecipeError, match="is for 1 or 3 channels, and the network takes 4"):
        Augment(training.augmentation, Preprocessing.from_training(training))
