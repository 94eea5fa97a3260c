"""A run is measured on the images that it kept for that, and no other figure passes for it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netwright.data import cut_splits, open_source
from netwright.data.cut import Cut, split_digest
from netwright.data.remembered import recall_data_dir, remember_images
from netwright.errors import DataError
from netwright.evaluation.images import ChosenImages, choose_images, images_where_they_are
from netwright.evaluation.opening import ModelRequest
from netwright.loader import open_splits
from netwright.recipe import TrainConfig

CLASSES = ("ant", "bee")
PER_CLASS = 10


def photos(root: Path, splits: tuple[str, ...] = ("",), many: int = PER_CLASS) -> Path:
    for split in splits:
        for name in CLASSES:
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(many):
                Image.fromarray(np.full((8, 8, 3), 10 * i, np.uint8)).save(folder / f"{split}{i}.png")
    return root


def design(folder: Path, data_dir: Path, *, is_final: bool = True, seed: int = 4) -> Mapping[str, Any]:
    """The facts of weights in a folder of a design on these images."""
    source = open_source(data_dir)
    cut = Cut(seed).of(source, cut_splits(source, seed))
    folder.mkdir()
    remember_images(folder, str(data_dir), cut.to_dict())
    return {"images": cut.to_dict(), "test" if is_final else "validation": {"top1": 50.0}}


def training(folder: Path, data_dir: Path, **keys: Any) -> Mapping[str, Any]:
    config = TrainConfig().with_(data_dir=str(data_dir), **keys)
    train, validation = open_splits(config)
    digests = {"train": split_digest(train.source, train.index)}
    if validation is not None:
        digests["validation"] = split_digest(validation.source, validation.index)
    folder.mkdir()
    remember_images(folder, str(data_dir), {})
    own = {key: value for key, value in config.to_flat().items() if key != "data_dir"}
    return {"training": own, "images": {"digests": digests}}


def choose(
    facts: Mapping[str, Any], run: Path | str = "", split: str = "", data_dir: Path | None = None
) -> ChosenImages:
    keys: dict[str, Any] = {"checkpoint": str(run)}
    keys |= {"val_split": split, "val_fraction": 0.0} if split else {}
    keys |= {} if data_dir is None else {"data_dir": str(data_dir)}
    explicit = frozenset(keys) - {"checkpoint", "val_fraction"}
    return choose_images(facts, ModelRequest(TrainConfig().with_(**keys), frozenset(keys), explicit))


def names(chosen: ChosenImages) -> set[str]:
    return {chosen.split.source.item_name(int(index)) for index in chosen.split.index}


def of(data_dir: Path, part: str, seed: int = 4) -> set[str]:
    source = open_source(data_dir)
    return {source.item_name(int(index)) for index in getattr(cut_splits(source, seed), part)}


@pytest.mark.parametrize("place", ["", "final/weights/pick-1.safetensors"])
def test_a_design_is_measured_on_its_test_images(tmp_path: Path, place: str) -> None:
    data = photos(tmp_path / "photos")
    facts = design(tmp_path / "run", data)
    for split, given in (("", None), ("test", None), ("Testing", None), ("", data), ("test", data)):
        chosen = choose(facts, tmp_path / "run" / place, split, given)
        assert names(chosen) == of(data, "test")
        assert (chosen.is_seen, chosen.label) == (False, "test")
        assert chosen.notice.endswith("kept for the test: 20% of each class, by seed 4.")


def test_a_trial_is_measured_on_its_validation_images(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    facts = design(tmp_path / "run", data, is_final=False)
    chosen = choose(facts, tmp_path / "run")
    assert (names(chosen), chosen.is_seen) == (of(data, "validation"), False)


@pytest.mark.parametrize("split", ["train", "validation", "val"])
def test_images_that_were_trained_on_are_said_to_be(tmp_path: Path, split: str) -> None:
    data = photos(tmp_path / "photos")
    chosen = choose(design(tmp_path / "run", data), tmp_path / "run", split)
    assert names(chosen) == of(data, "train" if split == "train" else "validation")
    assert (chosen.is_seen, chosen.label.split(", ")[1]) == (True, "trained on")
    assert "on others its accuracy is lower" in chosen.notice


def test_all_images_are_measured_only_where_that_is_asked(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    facts = design(tmp_path / "run", data)
    assert len(names(choose(facts, tmp_path / "run", "all"))) == 2 * PER_CLASS
    assert choose(facts, tmp_path / "run", "all").label == "all, some trained on"
    with pytest.raises(DataError, match=r"no split 'nonsense' .*: there is train, validation, test, and all"):
        choose(facts, tmp_path / "run", "nonsense")


def test_images_that_changed_are_no_longer_the_runs_test_images(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    facts = design(tmp_path / "run", data)
    shutil.copy(data / "ant" / "0.png", data / "ant" / "new.png")
    for split in ("", "test"):
        with pytest.raises(DataError, match="has other images than when the network was trained"):
            choose(facts, tmp_path / "run", split)
    assert len(names(choose(facts, tmp_path / "run", "all"))) == 2 * PER_CLASS + 1


def test_images_that_moved_are_known_again(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    facts = design(tmp_path / "run", data)
    expected = of(data, "test")
    (tmp_path / "elsewhere").mkdir()
    moved = data.rename(tmp_path / "elsewhere" / "photos")
    with pytest.raises(DataError, match="are gone: there is no"):
        choose(facts, tmp_path / "run")
    assert names(choose(facts, tmp_path / "run", "test", moved)) == expected


def test_other_images_are_measured_as_they_are(tmp_path: Path) -> None:
    facts = design(tmp_path / "run", photos(tmp_path / "photos"))
    other = photos(tmp_path / "other", many=3)
    chosen = choose(facts, tmp_path / "run", data_dir=other)
    assert (len(chosen.split), chosen.is_seen) == (6, None)
    assert "not the images of its run" in chosen.notice
    with pytest.raises(DataError, match="'other' has no splits, and --split is 'test'"):
        choose(facts, tmp_path / "run", "test", other)
    with pytest.raises(DataError, match="'other' has no splits, and --split is 'nonsense'"):
        choose({}, "", "nonsense", other)


def test_weights_without_a_run_folder_ask_for_the_images(tmp_path: Path) -> None:
    facts = design(tmp_path / "run", photos(tmp_path / "photos"))
    with pytest.raises(DataError, match=r"not where these are\. Give --data_dir"):
        choose(facts, tmp_path / "copied.safetensors")


def test_a_training_is_measured_on_what_it_kept(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    facts = training(tmp_path / "run", data, val_fraction=0.3, seed=5)
    kept = names(choose(facts, tmp_path / "run"))
    assert len(kept) == 6
    for split, given in (("val", None), ("validation", data), ("", data)):
        chosen = choose(facts, tmp_path / "run", split, given)
        assert (names(chosen), chosen.is_seen) == (kept, False)
        assert "kept for validation: 30% of each class, by seed 5." in chosen.notice
    train = choose(facts, tmp_path / "run", "train")
    assert (len(train.split), names(train) & kept, train.is_seen) == (14, set(), True)
    with pytest.raises(DataError, match="there is train, validation, and all"):
        choose(facts, tmp_path / "run", "test")


def test_a_training_that_kept_nothing_has_no_accuracy(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    facts = training(tmp_path / "run", data)
    for given in (None, data):
        with pytest.raises(DataError, match=r"trained on all 20 images .* none were kept .*--val_fraction 0\.2"):
            choose(facts, tmp_path / "run", data_dir=given)
    assert choose(facts, tmp_path / "run", "train").label == "train, trained on"
    assert len(choose(facts, tmp_path / "run", data_dir=photos(tmp_path / "new", many=2)).split) == 4


def test_splits_of_the_source_are_its_own(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos", ("train", "val", "test"))
    facts = training(tmp_path / "run", data)
    for split, own in (("", "val"), ("validation", "val"), ("test", "test")):
        chosen = choose(facts, tmp_path / "run", split)
        assert chosen.is_seen is False
        assert all(name.startswith(own) for name in names(chosen))
    assert choose(facts, tmp_path / "run", "train").is_seen
    with pytest.raises(DataError, match="nonsense"):
        choose(facts, tmp_path / "run", "nonsense")


def test_an_export_finds_the_images_of_its_run(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    facts = design(tmp_path / "run", data)
    found = images_where_they_are(facts, str(tmp_path / "run"), "", "")
    assert found is not None
    assert (found.measured, found.trained_on) == ("test", ("train", "validation"))
    assert images_where_they_are(facts, str(tmp_path / "copied"), "", "") is None
    assert images_where_they_are({}, str(tmp_path / "run"), str(data), "") is None
    other = photos(tmp_path / "other", many=3)
    assert images_where_they_are(facts, str(tmp_path / "run"), str(other), "") is None


def test_the_folder_is_remembered_as_it_is_wherever_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    remember_images(tmp_path, "photos", {})
    monkeypatch.chdir("/")
    assert recall_data_dir(tmp_path) == str(tmp_path / "photos")
    monkeypatch.setenv("HOME", str(tmp_path))
    remember_images(tmp_path, "~/photos", {})
    assert recall_data_dir(tmp_path) == str(tmp_path / "photos")
    (tmp_path / "images.json").write_text("[1]")
    assert recall_data_dir(tmp_path) == ""
