import pytest

from netwright.options import read_color


def test_names_and_numbers():
    assert read_color("white") == (255, 255, 255)
    assert read_color("black") == (0, 0, 0)
    assert read_color("#0a80fF") == (10, 128, 255)


@pytest.mark.parametrize("text", ["", "gray", "#fff", "#gggggg", "#0a80ff0", "White"])
def test_others_are_no_colors(text):
    with pytest.raises(ValueError, match=r"^white, black or a color like #f0f0f0, not "):
        read_color(text)
