from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from curation.conftest import encoded, photo, sound
from PIL import Image

from netwright.curation import prepare_data
from netwright.curation.shard_writer import prepared_image
from netwright.data import open_source
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.testing import SourceContract


class TestPrepared(SourceContract):
    def write_images(self, folder: Path) -> None:
        prepare_data(sound(folder / "photos", each=5), folder / "prepared", short_side=48, shards=4, workers=1)

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(folder / "prepared")


def test_the_same_images_in_the_same_splits(sound_data: Path, tmp_path: Path) -> None:
    made = prepare_data(sound_data, tmp_path / "p", short_side=48, workers=1)
    before, after = open_source(sound_data), open_source(tmp_path / "p")
    assert made.images == len(before.labels) == len(after.labels)
    assert after.class_names == before.class_names
    for split, index in before.splits.items():
        assert np.bincount(after.labels[after.splits[split]]).tolist() == np.bincount(before.labels[index]).tolist()
    image = Image.open(io.BytesIO(bytes(after.read(0).data)))
    assert (min(image.size), image.format) == (48, "JPEG")


def test_the_manifest_has_checksums(sound_data: Path, tmp_path: Path) -> None:
    prepare_data(sound_data, tmp_path / "p", short_side=48, shards=3, workers=1)
    manifest = json.loads((tmp_path / "p" / "manifest.json").read_text())
    assert manifest["class_names"] == (tmp_path / "p" / "classes.txt").read_text().split() == ["ant", "bee"]
    for shard in manifest["shards"]:
        data = (tmp_path / "p" / shard["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (shard["bytes"], shard["sha256"])
    assert sum(shard["images"] for shard in manifest["shards"]) == manifest["images"] == 16


def test_small_jpegs_stay_as_they_are() -> None:
    data = encoded(photo(0), quality=80)
    assert prepared_image(data, 96, 95) == data
    with pytest.raises(DataError, match="truncated"):
        prepared_image(data[: len(data) // 2], 96, 95)


def test_large_jpegs_look_as_pillow_makes_them() -> None:
    large = photo(0).resize((1000, 700), Image.Resampling.BICUBIC)
    made = Image.open(io.BytesIO(prepared_image(encoded(large, quality=95), 100, 95)))
    expected = large.resize((142, 100), Image.Resampling.BICUBIC)
    assert made.size == expected.size
    assert np.abs(np.asarray(made).astype(int) - np.asarray(expected)).mean() < 2


def test_bad_images_are_left_out_and_named(bad_data: Path, tmp_path: Path) -> None:
    made = prepare_data(bad_data, tmp_path / "p", short_side=48, workers=1)
    assert {bad.name for bad in made.skipped} == {"train/ant/truncated.jpg", "train/ant/text.png"}
    assert len(open_source(tmp_path / "p").labels) == made.images
    page = (tmp_path / "p" / "report.html").read_text()
    assert all(text in page for text in ("train/ant/text.png", "Left out", made.shards[0].sha256, "data:image/"))


@pytest.mark.slow
def test_the_limit_of_pixels_is_raised_for_who_wants_it(tmp_path: Path) -> None:
    images = sound(tmp_path / "photos", each=3)
    Image.new("L", (15_000, 12_000), 90).save(images / "train" / "ant" / "large.png")
    refused = prepare_data(images, tmp_path / "p", short_side=48, workers=1)
    assert [bad.name for bad in refused.skipped] == ["train/ant/large.png"]
    assert "180,000,000 pixels, and at most" in refused.skipped[0].reason
    made = prepare_data(images, tmp_path / "q", short_side=48, workers=1, max_pixels=200_000_000)
    assert (made.images, made.skipped) == (refused.images + 1, ())
    with pytest.raises(DataError, match="max_pixels is 1 or more"):
        prepare_data(images, tmp_path / "r", max_pixels=0)


def test_what_is_there_is_kept(sound_data: Path, tmp_path: Path) -> None:
    first = prepare_data(sound_data, tmp_path / "p", short_side=48, shards=4, workers=1)
    (tmp_path / "p" / first.shards[1].name).write_bytes(b"cut")
    second = prepare_data(sound_data, tmp_path / "p", short_side=48, shards=4, workers=1)
    assert (second.reused, second.shards) == (len(first.shards) - 1, first.shards)


def test_another_preparation_is_refused(sound_data: Path, tmp_path: Path) -> None:
    prepare_data(sound_data, tmp_path / "p", short_side=48, workers=1)
    with pytest.raises(DataError, match="another preparation, of other images or options"):
        prepare_data(sound_data, tmp_path / "p", short_side=32, workers=1)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds other files \(letter\.txt\)"):
        prepare_data(sound_data, tmp_path / "own", workers=1)
    with pytest.raises(DataError, match="quality 1 to 100"):
        prepare_data(sound_data, tmp_path / "q", quality=0)


@pytest.mark.slow
def test_a_killed_preparation_continues_to_the_same_bytes(tmp_path: Path) -> None:
    images = sound(tmp_path / "photos", each=60)
    words = [sys.executable, "-m", "netwright", "data", "prepare", str(images), str(tmp_path / "killed")]
    words += ["--short_side", "48", "--shards", "24", "--workers", "2"]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + 120
    while program.poll() is None and time.monotonic() < until and not list(tmp_path.glob("killed/*.tar")):
        time.sleep(0.01)
    program.send_signal(signal.SIGKILL)
    program.communicate()
    time.sleep(0.5)  # its workers see that it is gone
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    whole = prepare_data(images, tmp_path / "whole", short_side=48, shards=24, workers=1)
    for shard in whole.shards:
        assert (tmp_path / "killed" / shard.name).read_bytes() == (tmp_path / "whole" / shard.name).read_bytes()
