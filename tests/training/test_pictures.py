import numpy as np
import pytest
from PIL import Image

from netwright.data import open_source
from netwright.data.preprocess import Preprocessing
from netwright.loader import Split
from netwright.training.pictures import draw_images


@pytest.mark.parametrize("channels", [1, 3])
def test_eight_images_are_drawn_as_the_network_sees_them(tmp_path, channels):
    for label, name in enumerate(("dark", "bright")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(5):
            pixels = np.full((20, 40, 3), 100 * label + 10 * number, np.uint8)
            pixels[:, :10] = pixels[:, -10:] = 255  # cut off
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "dark" / "0.png").write_bytes(b"no image")
    source = open_source(tmp_path / "photos")
    images = Split(source, np.arange(len(source.labels)), "all")
    of = Preprocessing(image_size=16, crop_pct=1.0, channels=channels, mean=(0.0,) * channels, std=(1.0,) * channels)
    draw_images(tmp_path / "images.png", images, of)
    drawn = np.asarray(Image.open(tmp_path / "images.png"))
    assert drawn.shape == (8 + 2 * 168, 8 + 4 * 168, 3)
    middles = drawn[88::168, 88::168, 0].ravel().tolist()
    classes = [round(value / 100 - 0.2) for value in middles]
    assert sorted(classes) == [0] * 4 + [1] * 4
    assert (drawn == 255).sum() == 0
