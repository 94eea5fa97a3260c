from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from netwright.errors import DataError, OutputError, RecipeError, SpaceError
from netwright.space import load_space
from netwright.sweeps import NullProgress
from netwright.workflow import DesignConfig
from netwright.workflow.prepare import PreparedDesign, prepare

Make = Callable[..., DesignConfig]


def photos(folder: Path, classes: int = 3, each: int = 6) -> Path:
    rng = np.random.default_rng(0)
    for label in range(classes):
        (folder / f"class{label}").mkdir(parents=True)
        for i in range(each):
            pixels = rng.integers(0, 60, (24, 32, 3)) + 60 * label
            Image.fromarray(pixels.astype("uint8")).save(folder / f"class{label}" / f"{i}.jpg")
    return folder


def ready(config: DesignConfig) -> PreparedDesign:
    return prepare(config, NullProgress())


def test_a_space_is_fitted_to_the_images_and_the_budget(config: Make, tmp_path: Path) -> None:
    prepared = ready(config(data_dir=str(photos(tmp_path / "photos")), resolution=16, params=(0, 5e4)))
    setting = prepared.space.setting
    assert (setting.resolution, setting.num_classes, setting.in_channels) == (16, 3, 3)
    assert prepared.space.limits["flops"] == (0.3e6, 0.6e6)
    assert prepared.space.limits["params"] == (0, 5e4)


def test_without_a_budget_it_is_the_papers_scaled_by_pixels(config: Make) -> None:
    low, high = ready(config(flops=None)).space.limits["flops"]
    assert high == pytest.approx(400e6 * (8 / 224) ** 2)
    assert low == pytest.approx(0.9 * high)


def test_a_budget_of_another_kind_stands_alone(config: Make) -> None:
    assert "flops" not in ready(config(flops=None, params=(0, 1e5))).space.limits


def test_the_limits_of_a_users_space_stand(config: Make, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(load_space("regnety").refine(acts=(0, 5e4)).to_dict()))
    prepared = ready(config(space=str(path), flops=None))
    assert prepared.space.limits["acts"] == (0, 5e4)
    assert "flops" not in prepared.space.limits


def fitted(tmp_path: Path, resolution: int = 16) -> str:
    """A file as refined_space.yaml is, of images of that size."""
    space = load_space("regnetx").for_images(resolution, 10, 1).refine(flops=(1e6, 2e6), params=(0, 3e4))
    path = tmp_path / "refined_space.yaml"
    path.write_text(yaml.safe_dump(space.to_dict()))
    return str(path)


def test_the_limits_of_a_refined_space_grow_with_the_pixels(config: Make, tmp_path: Path) -> None:
    space = ready(config(space=fitted(tmp_path), flops=None)).space  # digits: 8 pixels
    assert space.limits["flops"] == (0.25e6, 0.5e6)
    assert space.limits["params"] == (0, 3e4)  # there are as many, whatever the size of an image
    assert space.setting.resolution == 8
    same = ready(config(space=fitted(tmp_path, 8), flops=None)).space
    assert same.limits["flops"] == (1e6, 2e6)


def test_limits_that_are_given_replace_those_of_a_refined_space(config: Make, tmp_path: Path) -> None:
    space = ready(config(space=fitted(tmp_path), flops=(3e6, 4e6))).space
    assert space.limits["flops"] == (3e6, 4e6)
    assert space.limits["params"] == (0, 3e4)


def test_recipes_of_trials_and_finals_are_resolved_for_their_own_epochs(config: Make) -> None:
    prepared = ready(config(epochs=20, final_epochs=60))
    assert (prepared.recipe.epochs, prepared.recipe.warmup_epochs) == (20, 2)
    assert (prepared.final_recipe.epochs, prepared.final_recipe.warmup_epochs) == (60, 5)
    assert prepared.recipe.is_resolved
    assert prepared.final_recipe.is_resolved


def test_finals_may_be_shorter_than_a_trials_warm_up(config: Make) -> None:
    assert ready(config(epochs=40, final_epochs=1)).final_recipe.warmup_epochs < 1


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"space": "regnetq"}, SpaceError, "did you mean"),
        ({"space": "mine.yaml"}, SpaceError, "cannot be read"),
        ({"flops": (2, 1)}, SpaceError, "low <= high"),
        ({"data_dir": "no/such"}, DataError, "does not exist"),
        ({"resolution": 2}, DataError, "at least 4 pixels"),
        ({"train_images": 3}, DataError, "Raise it"),
        ({"device": "cuda:99"}, RecipeError, "there is no device|a device is"),
    ],
)
def test_what_is_wrong_is_said_before_any_training(
    config: Make, tmp_path: Path, changes: dict[str, object], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        ready(config(**changes))
    assert not (tmp_path / "d" / "population.sqlite").exists()


def test_a_single_class_and_no_images_are_refused(config: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 2 classes"):
        ready(config(data_dir=str(photos(tmp_path / "one", classes=1))))
    (tmp_path / "empty" / "x").mkdir(parents=True)
    with pytest.raises(DataError, match="no images"):
        ready(config(data_dir=str(tmp_path / "empty")))


def test_bad_images_among_good_ones_are_counted_and_named(
    config: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = photos(tmp_path / "photos", each=12) / "class0"
    whole = (folder / "0.jpg").read_bytes()
    (folder / "0.jpg").write_bytes(whole[: len(whole) // 2])
    Image.open(folder / "1.jpg").convert("L").save(folder / "1.jpg")
    Image.open(folder / "2.jpg").convert("CMYK").save(folder / "2.jpg")
    prepared = ready(config(data_dir=str(tmp_path / "photos"), resolution=8))
    assert [bad.name for bad in prepared.images.skipped] == ["class0/0.jpg"]
    assert len(prepared.images.labels) == 35
    said = [line for line in caplog.messages if "1 image could not be decoded, the first: class0/0.jpg" in line]
    assert len(said) == 1
    assert "What is left: " in said[0]


def test_a_folder_that_cannot_be_written_is_refused_at_once(config: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = r"^the results cannot be written to .*file/below: Not a directory \(.*\)\. Choose another --out\.$"
    with pytest.raises(OutputError, match=said):
        ready(config(out=tmp_path / "file" / "below"))
