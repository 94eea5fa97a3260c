from dataclasses import replace

import pytest

from netwright.bench import Settings
from netwright.errors import RecipeError


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("batch_size", 0, "batch_size is a whole number of at least 1, not 0"),
        ("image_size", -1, "image_size is a whole number of at least 1, or none, not -1"),
        ("threads", 0, "threads is a whole number of at least 1, or none, not 0. Correct 'threads'."),
        ("repeats", 0, "repeats is a whole number of at least 1, not 0"),
        ("seconds", -1.0, "seconds is a number of at least 0, not -1.0"),
    ],
)
def test_impossible_settings_are_refused(name: str, value: float, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        replace(Settings(), **{name: value})


def test_settings_come_back_from_plain_values() -> None:
    settings = Settings(batch_size=3, image_size=32, precision="bf16", train=False)
    assert Settings.from_dict(settings.to_dict()) == settings
