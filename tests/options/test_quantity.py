import pytest

from netwright.options import read_quantity, read_window


@pytest.mark.parametrize(
    ("text", "value"), [("400M", 4e8), ("1.5G", 1.5e9), ("8e6", 8e6), ("5_200_000", 5.2e6), ("3k", 3e3), ("2B", 2e9)]
)
def test_quantities(text, value):
    assert read_quantity(text) == value


@pytest.mark.parametrize("text", ["", "M", "-1", "nan", "inf", "1X", "many"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="400M"):
        read_quantity(text)


def test_windows():
    assert read_window("360M:400M") == (3.6e8, 4e8)
    assert read_window(":400M") == (0, 4e8)
    for text in ("400M", "2:1", "1:2:3"):
        with pytest.raises(ValueError, match="window"):
            read_window(text)
