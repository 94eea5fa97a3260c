import numpy as np
import pytest

from netwright.data.signal import SignalMeter


def meter(*parts):
    made = SignalMeter()
    for part in parts:
        made.add(part)
    return made


def photos(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


def test_photos_and_no_images_are_fine():
    assert meter(photos(100)).warnings("white") == ()
    assert meter(photos(0)).warnings("white") == ()
    # one blank page of many is no reason to stop
    assert meter(photos(30), np.full((1, 8, 8, 3), 255, np.uint8)).warnings("white") == ()


def test_black_images_are_said():
    dark = photos(20) // 17
    assert meter(dark).warnings("black") == (
        "all 20 images are nearly black as the network sees them (no value above 15 of 255): is white less than 65,535 "
        "in images of 16 bits (--full_scale), or are they transparent (--background)?",
    )
    assert meter(photos(90), dark[:10]).warnings("white")[0].startswith("10 of 100 images are nearly black")


def test_images_of_one_color_are_said_with_the_background():
    white = np.full((10, 8, 8, 3), 255, np.uint8)
    white[:, 0, 0] = 254
    (said,) = meter(white[:1], photos(9)).warnings("white")
    assert said.startswith("1 of 10 images is of one color as the network sees them: are they transparent drawings in")
    assert "the background, white (--background)" in said


@pytest.mark.parametrize("channels", [1, 4])
def test_copies_are_said(channels):
    one = np.random.default_rng(0).integers(0, 256, (1, 8, 8, channels), dtype=np.uint8)
    (said,) = meter(one.repeat(10, axis=0), one.repeat(2, axis=0)).warnings("white")
    assert said == "of 12 images only 1 differ as the network sees them: are they copies?"
