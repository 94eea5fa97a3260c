import pytest
from PIL import Image

from netwright.data.decode_rules import DecodeRules
from netwright.errors import DataError


@pytest.mark.parametrize("background", ["red", "#fff", "#12345g", "", "White"])
def test_a_background_is_one_of_few_forms(background):
    with pytest.raises(DataError, match="background is white, black or a color like #f0f0f0"):
        DecodeRules(background)


@pytest.mark.parametrize("full_scale", [0, -1.0, float("nan"), float("inf"), "12", True])
def test_a_full_scale_is_a_number_or_a_word(full_scale):
    with pytest.raises(DataError, match="full_scale is a number above 0, file or high_byte"):
        DecodeRules(full_scale=full_scale)


@pytest.mark.parametrize("background", ["white", "black", "#1e90ff", "#010203"])
def test_bands_have_the_background_and_further_channels_nothing(background):
    rules = DecodeRules(background)
    gray = Image.new("L", (1, 1), background).getpixel((0, 0))
    assert rules.fill(1) == (gray,)
    assert rules.fill(2) == (gray, 0)
    assert rules.fill(3) == Image.new("RGB", (1, 1), background).getpixel((0, 0))
    assert rules.fill(6) == (*rules.fill(3), 0, 0, 0)
