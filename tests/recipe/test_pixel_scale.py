import pytest

from netwright.errors import RecipeError
from netwright.recipe import load_training
from netwright.recipe.pixel_scale import to_pixel_scale

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def test_numbers_for_pixels_0_to_1_are_changed_and_it_is_said(tmp_path):
    ours = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    path = tmp_path / "recipe.yaml"
    path.write_text("mean: [0.485, 0.456, 0.406]\nstd: [0.229, 0.224, 0.225]\n")
    for loaded in (
        load_training(path),
        load_training(None, IMAGENET),
        load_training(None, {"mean": "0.485 0.456 0.406", "std": "0.229 0.224 0.225"}),
        load_training(path, {"std": "0.229 0.224 0.225"}),
    ):
        assert (loaded.training.augmentation.mean, loaded.training.augmentation.std) == ours
        assert loaded.scale_notice in loaded.notices
        assert loaded.scale_notice == (
            "mean 0.485 0.456 0.406 and std 0.229 0.224 0.225 are for pixels 0 to 1; for 0 to 255, as used here: "
            "mean 123.675 116.28 103.53 and std 58.395 57.12 57.375."
        )


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"std": [0.5]}, {"std": (127.5,)}),
        ({"mean": [0.5]}, {"mean": (127.5,)}),
        ({"mean": [0.0], "std": [0.5]}, {"mean": (0.0,), "std": (127.5,)}),
        ({"mean": [0.5], "std": [1.0]}, {"mean": (127.5,), "std": (255.0,)}),
        ({"mean": [123.675], "std": [58.395]}, {}),
        ({"mean": [0.0], "std": [255.0]}, {}),
        ({"mean": [127.5]}, {}),
        ({}, {}),
    ],
)
def test_the_scale_is_known_from_the_numbers(given, changed):
    assert to_pixel_scale(given)[0] == changed
    assert bool(to_pixel_scale(given)[1]) == bool(changed)


def test_mean_0_and_std_1_mean_other_things_elsewhere_so_it_is_said():
    changed, notice = to_pixel_scale({"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]})
    assert not changed
    assert notice == "std 1 leaves pixels as they are, 0 to 255. For pixels 0 to 1 give --mean 0 --std 255."


@pytest.mark.parametrize(
    "given",
    [{"mean": [0.5], "std": [58.0]}, {"mean": [123.0], "std": [0.229]}, {"std": [0.2, 58.0, 57.0]}],
)
def test_two_scales_at_once_are_refused(given):
    with pytest.raises(RecipeError, match=r"both for pixels 0 to 255, or both for pixels 0 to 1, .* Multiply those"):
        load_training(None, given)
