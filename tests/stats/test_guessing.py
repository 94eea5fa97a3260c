import numpy as np
import pytest
from scipy.stats import binomtest

from netwright.stats.guessing import (
    beats_guessing,
    commonest_class,
    doubt_of_guessing,
    guessing_sentence,
    is_uneven,
    no_better_than_guessing,
)


def test_two_hundred_against_five_is_not_better_for_being_right_in_98_percent() -> None:
    """All of the commonest class: an error of 2.44% that is the guess. 2 of 5 found for 1 lost may be chance."""
    assert not beats_guessing(0, 0)
    assert not beats_guessing(2, 1)
    assert beats_guessing(5, 0)
    assert not beats_guessing(100, 100)


def test_a_network_beats_the_guess_where_the_exact_test_says_so() -> None:
    images, guess = 200, 80.0
    errors = np.arange(0, 100.5, 0.5)
    found = no_better_than_guessing(errors, images, guess)
    for error, is_no_better in zip(errors, found, strict=True):
        right = round(images * (1 - error / 100))
        assert is_no_better == (binomtest(right, images, 0.2, alternative="greater").pvalue >= 0.05)
    assert found[-1]
    assert not found[0]


@pytest.mark.parametrize(
    ("counts", "uneven"), [([100, 100], False), ([100, 90, 110], False), ([200, 5], True), ([0, 7], False)]
)
def test_classes_are_uneven_where_one_has_far_more_than_its_share(counts: list[int], uneven: bool) -> None:
    assert is_uneven(counts) == uneven


def test_many_networks_that_only_guess_are_said() -> None:
    errors = [80.0] * 26 + [30.0] * 38
    said = guessing_sentence(errors, 500, 80.0)
    assert said.startswith(
        "26 of 64 networks are no better than guessing (always the commonest class: an accuracy of 2"
    )
    assert "20.00%): train longer" in said
    assert guessing_sentence([80.0] + [30.0] * 63, 500, 80.0) == ""
    assert guessing_sentence([30.0] * 9, 500, 80.0) == ""
    assert guessing_sentence([], 500, 80.0) == ""
    assert guessing_sentence([80.0] + [30.0] * 3, 500, 80.0).startswith("1 of 4 networks is no better")


def test_the_commonest_class_is_the_first_of_equals():
    assert commonest_class([2, 5, 5, 0]) == (1, 5 / 12)


def test_a_few_images_above_the_guess_are_not_called_below_it() -> None:
    assert doubt_of_guessing(60.0, 100 / 3, 15) == "on 15 images this may be guessing"
    assert doubt_of_guessing(5 / 15 * 100, 100 * (5 / 15), 15) == "no better than guessing"
    assert doubt_of_guessing(0.2, 0.3, 1500) == "no better than guessing"
