from pathlib import Path

import numpy as np
import pytest
from curation.conftest import photo

from netwright.curation.showing import show_data, shown_batch
from netwright.data import open_source
from netwright.errors import DataError
from netwright.loader import Split
from netwright.recipe import TrainConfig


def split_of(folder: Path, name: str) -> Split:
    source = open_source(folder)
    return Split(source, source.splits[name], name)


def test_the_pixels_are_those_of_the_images(sound_data: Path) -> None:
    training = TrainConfig().with_(image_size=96, crop_pct=1.0, batch_size=8)
    shown = shown_batch(split_of(sound_data, "validation"), training, is_training=False)
    first = np.asarray(photo(500)).astype(int)  # val/ant/0.jpg
    assert np.abs(shown.pixels[0] - first).mean() < 3  # but for the JPEG
    assert shown.labels[0] == "ant"


def test_mixed_targets_are_told_with_their_shares(sound_data: Path) -> None:
    training = TrainConfig().with_(image_size=32, batch_size=8, mixup=1.0, workers=0)
    shown = shown_batch(split_of(sound_data, "train"), training, is_training=True)
    assert shown.pixels.shape == (8, 32, 32, 3)
    assert any("% ant + " in label or "% bee + " in label for label in shown.labels)


def test_the_page(sound_data: Path, tmp_path: Path) -> None:
    page = show_data(sound_data, tmp_path / "b.html", TrainConfig().with_(image_size=32), images=4)
    text = page.read_text()
    assert text.count("version 5") == 2 * 8
    for words in ("What augmentation does", "A training batch", "Images of validation"):
        assert words in text
    with pytest.raises(DataError, match=r"is an \.html file"):
        show_data(sound_data, tmp_path / "b.png")
