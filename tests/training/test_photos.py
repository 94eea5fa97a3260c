"""Whole trainings of photos in folders: what is chosen for them, bad images, rare classes."""

import json
import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fixtures.trainings import of_photos, without_times
from PIL import Image

from netwright.errors import DataError, RecipeError, WeightsError
from netwright.loader import open_splits
from netwright.training.loaders import uneven_notice
from netwright.training.run import train


@pytest.mark.slow
def test_what_is_not_validated_on_is_not_looked_at(photos, training, tmp_path):
    shutil.move(photos / "bright", photos / "train" / "bright")
    shutil.move(photos / "dark", photos / "train" / "dark")
    shutil.copytree(photos / "train" / "dark", photos / "val" / "unknown")
    flat = of_photos(photos) | {"val_fraction": 0.0}
    with pytest.raises(DataError, match="unknown"):
        train(training("out", **flat))
    assert len(train(training("out", **flat, validate=False)).records) == 1


@pytest.mark.slow
def test_bad_images_are_named_and_counted_and_a_class_of_them_is_refused(photos, training, tmp_path, capsys):
    flat = of_photos(photos) | {"val_fraction": 0.5}
    for n in range(6):
        path = photos / "dark" / f"{n}.jpg"
        path.write_bytes(path.read_bytes()[:300] + bytes([n]))  # equal files would be kept in one split
    [record] = train(training("out", **flat)).records
    assert record.bad_images + record.validation.bad_images == 6
    assert record.validation.images + record.validation.bad_images == 20
    said = capsys.readouterr().out
    assert said.count("bad image dark/") == 6
    assert f"({record.validation.images} of 20 images, the others cannot be read)" in said
    assert f"trained on {20 - record.bad_images} of 20 images; validated on {record.validation.images} of 20" in said
    assert "; 6 images could not be read, dark/0.jpg the first\n" in said
    share = 1500 / record.validation.images  # 15 bright ones, of those that can be read
    assert f"always answering bright, the commonest class, gives {share:.2f}%" in said
    line = json.loads((tmp_path / "out" / "metrics.jsonl").read_text())
    assert line["validation"]["bad_images"] == record.validation.bad_images
    for path in (photos / "dark").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"no image of the class 'dark' can be read, of 5 in .* Repair its images"):
        train(training("other", **flat))


@pytest.mark.slow
def test_photos_alone_are_enough(photos, tmp_path, caplog):
    """The same command again continues, with what was chosen before."""
    flat = {"data_dir": str(photos), "out": str(tmp_path / "out"), "threads": 1, "workers": 0, "device": "cpu"}
    with caplog.at_level(logging.WARNING, logger="netwright"):
        trained = train(**flat, epochs=1)
    chosen = next(line for line in caplog.messages if line.startswith("chosen, as they were not given: "))
    assert "--model regnet_x_200mf --image_size 32 --stem cifar" in chosen
    assert "--val_fraction 0.2" in chosen
    assert "--epochs" not in chosen
    assert any("put the file at" in line and "regnet_y_400mf-" in line for line in caplog.messages)
    assert any(" an epoch on this machine as it is now, " in line for line in caplog.messages)
    assert not any("decay_epochs none makes them end together" in line for line in caplog.messages)  # it was chosen
    assert trained.records[0].validation.images == 8
    caplog.clear()
    again = train(**flat, epochs=1)
    assert without_times(again) == without_times(trained)
    assert any(line.startswith(f"as in {tmp_path / 'out'}: --model regnet_x_200mf") for line in caplog.messages)


@pytest.mark.slow
def test_images_that_no_mirror_suits_are_gone_on_with_too(tmp_path):
    rng = np.random.default_rng(0)
    for label in range(2):
        (tmp_path / "signs" / f"{label}").mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 80, (20, 20), dtype=np.uint8) + np.uint8(80 * label)
            Image.fromarray(pixels).save(tmp_path / "signs" / f"{label}" / f"{number}.png")
    flat = {"data_dir": str(tmp_path / "signs"), "out": str(tmp_path / "out"), "threads": 1, "workers": 0}
    assert len(train(**flat, device="cpu", epochs=1).records) == 1
    assert len(train(**flat, device="cpu", epochs=2).records) == 2
    assert "hflip: 0.0" in (tmp_path / "out" / "training.yaml").read_text()


def test_weights_that_are_demanded_and_cannot_be_had_end_it_before_anything_is_said(photos, tmp_path, caplog):
    flat = {"data_dir": str(photos), "out": str(tmp_path / "out"), "epochs": 1, "pretrained": True}
    for more in ({}, {"stem": "cifar"}):
        with pytest.raises(WeightsError, match=r"those of regnet_y_400mf, and these cannot be had: .* put the file at"):
            train(**flat, **more)
    assert caplog.messages == []
    assert not (tmp_path / "out").exists()


def test_uneven_classes_are_said_with_what_there_is_for_them(photos, training):
    split = open_splits(training(**of_photos(photos)))[0]
    assert uneven_notice(training(), split) == []
    rare = replace(split, index=np.delete(split.index, np.flatnonzero(split.labels == 1)[2:]))
    (text,) = uneven_notice(training(), rare)
    assert text.startswith("the classes are uneven: 2 images of 'dark', 24 of 'bright'. --class_weights balanced lets")
    for key in ({"class_weights": "balanced"}, {"balanced_sampler": True}, {"sampler": "balanced"}):
        assert uneven_notice(training(**key), rare) == []


@pytest.mark.slow
def test_rare_classes_count_more_or_come_more_often(photos, training):
    uneven = of_photos(photos)
    plain = train(training("plain", **uneven))
    weighted = train(training("weighted", **uneven, class_weights="balanced"))
    balanced = train(training("balanced", **uneven, balanced_sampler=True))
    assert len({each.records[0].loss for each in (plain, weighted, balanced)}) == 3
    with pytest.raises(RecipeError, match="balanced_sampler draws images at random, and shuffle is False"):
        training(balanced_sampler=True, shuffle=False)
    with pytest.raises(RecipeError, match="sampler balanced draws images at random, and shuffle is False"):
        training(sampler="balanced", shuffle=False)
