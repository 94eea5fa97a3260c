import base64
import io

import numpy as np
import pytest
from PIL import Image

from netwright.data import load_images
from netwright.workflow.pictures import pictures_of, preparation_in_words


def test_eight_pictures_are_of_as_many_classes_and_show_the_pixels():
    images = load_images("digits")
    pictures = pictures_of(images)
    assert [picture.label for picture in pictures] == ["0", "1", "2", "3", "5", "6", "7", "8"]
    for picture in pictures:
        kind, content = picture.source.split(",", 1)
        assert (kind, picture.is_small) == ("data:image/png;base64", True)
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
        mine = images.train[images.labels[images.train] == images.class_names.index(picture.label)]
        assert any(np.array_equal(shown, images.images[index, ..., 0]) for index in mine)
    assert pictures == pictures_of(images)


@pytest.mark.parametrize(("classes", "expected"), [(2, 4), (3, 3)])
def test_of_few_classes_there_are_several_different_ones(tmp_path, classes, expected):
    rng = np.random.default_rng(0)
    for label in range(classes):
        (tmp_path / f"c{label}").mkdir()
        for number in range(12):
            values = rng.integers(0, 256, (100, 100, 4), dtype=np.uint8)
            Image.fromarray(values).save(tmp_path / f"c{label}" / f"{number}.png")
    images = load_images(tmp_path, in_channels=4, resize="letterbox")
    pictures = pictures_of(images)
    assert len({picture.source for picture in pictures}) == 8
    assert [picture.label for picture in pictures].count("c0") == expected
    assert preparation_in_words(images) == (
        "Training images as the networks see them: 96 x 96 pixels, 4 channels, the first of which are shown, all of "
        "each image, between bands of white. What is transparent lies on white.",
    )
