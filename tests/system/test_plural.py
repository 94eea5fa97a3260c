import pytest

from netwright.system.plural import count


@pytest.mark.parametrize(
    ("n", "words", "text"),
    [
        (0, ["image"], "0 images"),
        (1, ["image"], "1 image"),
        (1200, ["image"], "1,200 images"),
        (1, ["class", "classes"], "1 class"),
        (2, ["class", "classes"], "2 classes"),
    ],
)
def test_one_is_no_plural(n, words, text):
    assert count(n, *words) == text
