import io
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, v2

from netwright.data.decode import decode
from netwright.data.preprocess import Preprocessing
from netwright.data.resize import center_crop, resize_and_crop, resize_shorter
from netwright.errors import DataError
from netwright.recipe import TrainConfig


def picture(height, width, channels=3):
    rng = np.random.default_rng(height + width)
    small = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, channels))
    noisy = np.kron(small, np.ones((4, 4, 1)))[:height, :width] + rng.integers(-30, 31, (height, width, channels))
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(120, 90), (90, 121), (31, 40), (64, 64), (73, 501)])
@pytest.mark.parametrize("channels", [1, 3])
def test_smoothed_pixels_are_torchvisions(interpolation, size, channels):
    ours = Preprocessing(56, channels, 0.875, interpolation, True, (0.0,) * channels, (1.0,) * channels)
    mode = InterpolationMode(interpolation)
    oracle = v2.Compose([v2.Resize(64, mode, antialias=True), v2.CenterCrop(56)])
    pixels = picture(*size, channels)
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    expected = np.asarray(oracle(image)).reshape(56, 56, channels)
    assert np.abs(ours.pixels(pixels).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_rough_pixels_are_torchs_without_antialias(interpolation):
    ours = Preprocessing(56, 3, 0.875, interpolation, False)
    oracle = v2.Compose([v2.Resize(64, InterpolationMode(interpolation), antialias=False), v2.CenterCrop(56)])
    pixels = picture(120, 90)
    expected = oracle(torch.from_numpy(pixels).permute(2, 0, 1).float()).clamp(0, 255).permute(1, 2, 0).numpy()
    assert np.abs(ours.pixels(pixels) - expected).max() <= 1


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_up_to_16_to_1_all_of_the_image_is_resized_to_the_same_bits(interpolation, antialias):
    for height, width in ((1, 16), (16, 1), (40, 640), (31, 57), (300, 20), (200, 151)):
        pixels = picture(height, width)
        whole = resize_shorter(pixels, 32, interpolation, antialias=antialias)
        ours = resize_and_crop(pixels, 32, 28, interpolation, antialias=antialias)
        assert np.array_equal(ours, center_crop(whole, 28)), (height, width)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_of_longer_images_the_middle_is_what_a_resize_of_the_whole_shows(interpolation, antialias):
    for height, width in ((20, 1000), (1001, 20), (7, 7000)):
        x = np.cos(np.arange(max(height, width)) / 40) * 100 + 128
        pixels = np.broadcast_to(x[:, None, None] if height > width else x[None, :, None], (height, width, 3))
        pixels = pixels.astype(np.uint8)
        whole = center_crop(resize_shorter(pixels, 32, interpolation, antialias=antialias), 28)
        ours = resize_and_crop(pixels, 32, 28, interpolation, antialias=antialias)
        assert np.abs(ours.astype(int) - whole).max() <= 4, (height, width)


# of 1,000 to 1; a palette of two colors, as the smallest files have
_SLIVERS = """
import io, resource
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from PIL import Image
from netwright.data import decode
from netwright.data.preprocess import Preprocessing
for size in ((8000, 8), (8, 8000), (1000, 1), (1, 1000), (100_000, 101)):
    data = io.BytesIO()
    Image.new("1", size).save(data, "PNG")
    for preprocessing in (Preprocessing(), Preprocessing(448, crop_pct=0.5, interpolation="bicubic")):
        assert preprocessing.pixels(data.getvalue()).shape == (preprocessing.image_size,) * 2 + (3,)
    assert decode(data.getvalue(), 224, 3).shape == (224, 224, 3)
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_slivers_take_no_more_memory_than_their_pixels():
    done = subprocess.run([sys.executable, "-c", _SLIVERS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 512 << 10  # KiB; the last has 10 million pixels


@pytest.mark.parametrize("size", [(8000, 2), (2, 8000), (20_000, 2), (40_000_000, 1)])
def test_absurd_shapes_are_refused_before_they_are_decoded(make, size):
    data = make.encode(Image.new("1", size))
    shown = f"{size[0]:,} x {size[1]:,} pixels"
    with pytest.raises(DataError, match=f"at most 1,000 times the shorter one, and this one has {shown}"):
        Preprocessing().pixels(data)
    with pytest.raises(DataError, match="at most 1,000 times"):
        decode(data, 32, 3)


@pytest.mark.parametrize(("size", "crop_pct", "resized"), [(224, 0.875, 256), (224, 0.9, 248), (32, 1.0, 32)])
def test_the_shorter_side_is_rounded_down(size, crop_pct, resized):
    assert Preprocessing(image_size=size, crop_pct=crop_pct).resize_size == resized


def test_files_are_read_upright_and_in_color(make):
    preprocessing = Preprocessing(image_size=8, crop_pct=1.0)
    image = Image.new("L", (8, 8), 10)
    image.putpixel((0, 0), 250)
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels = preprocessing.pixels(make.encode(image, "PNG", exif=exif))
    assert pixels.shape == (8, 8, 3)
    assert pixels[7, 7].tolist() == [250] * 3


def test_large_jpegs_are_not_halved_in_decoding(make):
    pixels = picture(600, 700)
    data = make.encode(Image.fromarray(pixels), "JPEG", quality=95, subsampling=0)
    with Image.open(io.BytesIO(data)) as image:
        expected = v2.Compose([v2.Resize(64), v2.CenterCrop(56)])(image.convert("RGB"))
    ours = Preprocessing(image_size=56).pixels(data)
    assert np.abs(ours.astype(int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize("size", [(120, 90), (90, 121), (31, 40), (64, 64), (473, 501)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_crop_first_is_how_images_of_trials_are_decoded(make, size, channels, kind):
    pixels = picture(*size, channels)
    data = make.encode(Image.fromarray(pixels[..., 0] if channels == 1 else pixels), kind)
    seen = Preprocessing(56, channels, 1.0, mean=(0.0,) * channels, std=(1.0,) * channels, crop_first=True)
    for each in (data, pixels):
        assert np.array_equal(seen.pixels(each), decode(each, 56, channels))
        assert seen.pixels(each).flags.c_contiguous


def test_damage_is_a_data_error():
    with pytest.raises(DataError):
        Preprocessing().pixels(b"nothing")


def test_normalizing():
    preprocessing = Preprocessing(image_size=4)
    pixels = picture(4, 4)[None].repeat(2, axis=0)
    x = preprocessing.normalize(pixels)
    assert (x.shape, x.dtype) == ((2, 3, 4, 4), torch.float32)
    assert x.is_contiguous(memory_format=torch.channels_last)
    expected = (pixels[1, 2, 3] - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    np.testing.assert_allclose(x[1, :, 2, 3].numpy(), expected, rtol=1e-5)
    assert torch.equal(preprocessing.normalize(torch.from_numpy(pixels)), x)


def test_it_travels_as_plain_values():
    preprocessing = Preprocessing(96, 1, 0.9, "bicubic", False, (120.0,), (60.0,))
    values = preprocessing.to_dict()
    assert values["mean"] == [120.0]
    assert "crop_first" not in values  # files of version 0.1 know no such key
    assert Preprocessing.from_dict(values) == preprocessing
    first = Preprocessing(crop_pct=1.0, crop_first=True)
    assert first.to_dict()["crop_first"] is True
    assert Preprocessing.from_dict(first.to_dict()) == first


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"color": 1}, "also has 'color'"),
        ({"image_size": "96"}, "'image_size' of a preprocessing is a int: '96'"),
        ({"image_size": True}, "'image_size'"),
        ({"antialias": 1}, "'antialias'"),
        ({"mean": [1, "2", 3]}, "'mean' of a preprocessing is a list of numbers"),
        ({"mean": [1, 2]}, "mean has 3 numbers"),
        ({"std": [1, 0, 1]}, "std is above 0"),
        ({"crop_pct": 0}, "crop_pct"),
        ({"crop_first": True}, r"with crop_first crop_pct is 1, .* not 0\.875, bilinear and true"),
        ({"crop_first": True, "crop_pct": 1, "interpolation": "bicubic"}, "with crop_first"),
        ({"crop_first": True, "crop_pct": 1, "antialias": False}, "with crop_first"),
        ({"crop_first": 1}, "'crop_first'"),
        ({"interpolation": "area"}, "interpolation is one of nearest, bilinear, bicubic, not 'area'"),
        ({"channels": 0}, r"1 channel \(gray\), 3 \(RGB\)"),
        ({"channels": 4}, "mean has 4 numbers"),
        ({"background": "red"}, "background is white, black or a color like #f0f0f0, not 'red'"),
        ({"resize": "fit"}, "resize is one of crop, squash, letterbox, not 'fit'"),
        ({"full_scale": 0}, "full_scale is a number above 0, file or high_byte, not 0"),
        ({"full_scale": "12"}, "full_scale"),
    ],
)
def test_what_cannot_be_is_refused(change, constraint):
    with pytest.raises(DataError, match=constraint):
        Preprocessing.from_dict(Preprocessing().to_dict() | change)


def test_a_missing_key_is_named():
    values = Preprocessing().to_dict()
    del values["std"]
    with pytest.raises(DataError, match="lacks 'std'"):
        Preprocessing.from_dict(values)


def test_it_comes_from_a_training():
    training = TrainConfig().with_(image_size=96, crop_pct=0.9, interpolation="bicubic", antialias=False)
    assert Preprocessing.from_training(training) == Preprocessing(96, 3, 0.9, "bicubic", False)
    gray = Preprocessing.from_training(training.with_(in_channels=1))
    assert gray.mean == pytest.approx((114.495,))
    one = training.with_(mean=(127.5,), std=(50.0,))
    assert Preprocessing.from_training(one).mean == (127.5,) * 3


def test_files_without_the_new_keys_keep_what_they_did():
    before = Preprocessing.from_dict(
        {key: value for key, value in Preprocessing().to_dict().items() if key not in ("background", "full_scale")}
    )
    assert (before.background, before.resize, before.full_scale) == ("black", "crop", "high_byte")
    assert not {"background", "resize", "full_scale"} & set(before.to_dict())
    clear, dark = io.BytesIO(), io.BytesIO()
    Image.new("RGBA", (64, 64), (200, 100, 50, 0)).save(clear, "PNG")
    Image.fromarray(np.full((64, 64), 4000, np.uint16)).save(dark, "PNG")
    assert before.pixels(clear.getvalue()).max() == 0
    assert before.pixels(dark.getvalue()).max() == 4000 >> 8
    assert Preprocessing().pixels(clear.getvalue()).min() == 255
    assert Preprocessing().pixels(dark.getvalue()).min() == 4000 >> 4


@pytest.mark.parametrize("full_scale", ["file", "high_byte", 4095.0, 0.5])
def test_new_keys_are_kept(full_scale):
    ours = Preprocessing(background="#102030", resize="letterbox", full_scale=full_scale)
    assert Preprocessing.from_dict(json.loads(json.dumps(ours.to_dict()))) == ours
    whole = Preprocessing.from_dict(ours.to_dict() | {"full_scale": 4095})
    assert whole.full_scale == 4095.0


def test_a_training_says_how_images_become_square():
    training = TrainConfig().with_(resize="squash", background="black", full_scale=1023.0)
    ours = Preprocessing.from_training(training)
    assert (ours.resize, ours.background, ours.full_scale, ours.crop_pct) == ("squash", "black", 1023.0, 1.0)
    assert Preprocessing.from_training(TrainConfig()) == Preprocessing()


def test_mean_and_std_of_other_channels():
    four = Preprocessing.from_training(TrainConfig().with_(in_channels=4))
    assert four.mean == (123.675, 116.28, 103.53, pytest.approx(114.495))
    two = Preprocessing.from_training(TrainConfig().with_(in_channels=2))
    assert two.std == (pytest.approx(57.63),) * 2
    own = TrainConfig().with_(in_channels=5, mean=(1.0, 2.0, 3.0, 4.0, 5.0), std=(1.0,) * 5)
    assert Preprocessing.from_training(own).mean == (1, 2, 3, 4, 5)
    with pytest.raises(DataError, match="mean has 4 numbers, one a channel, and here it is"):
        Preprocessing.from_training(TrainConfig().with_(in_channels=4, mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 3.0)))
