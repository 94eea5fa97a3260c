import json
import logging

import pytest

from netwright.data import cut_splits, load_images, open_source, summarize
from netwright.data.few_images import few_images, half_width
from netwright.data.summarize import announcer
from netwright.data.summary import DataSummary


def test_the_lines_of_a_few_classes(split):
    assert summarize(open_source(split)).lines() == [
        "split: 57 images of 3 classes, 15 in test, 30 in train, 12 in validation",
        "  class  test  train  validation",
        "  ant       5     10           4",
        "  bee       5     10           4",
        "  cow       5     10           4",
        "  val is the validation split",
    ]


def test_many_classes_are_one_line():
    names = tuple(f"class{number}" for number in range(50))
    summary = DataSummary("many", names, {"train": tuple(range(1, 51)), "test": (7,) * 50})
    assert summary.lines() == [
        "many: 1,625 images of 50 classes, 1,275 in train, 350 in test",
        "  from 'class0' to 'class49'; the fewest images in 'class0': 8, the most in 'class49': 57",
    ]
    assert summary.facts()["classes"].endswith("class19: 20 train, 7 test; and 30 more")


@pytest.mark.slow
def test_a_source_without_files_has_a_summary_too():
    summary = summarize(open_source("digits"))
    assert (summary.images, summary.ignored, summary.warnings) == (1797, (), ())
    assert summary.lines()[1] == "  class  images"


def test_it_is_told_before_decoding_and_counts_afterwards_only_what_was_decoded(flat):
    told = []
    (flat / "ant" / "000.png").write_bytes(b"broken")
    images = load_images(flat, seed=0, announce=told.append)
    assert [summary.images for summary in told] == [30]
    found = images.summary
    assert (found.images, found.splits["train"][0]) == (29, 5)
    assert found.lines()[-1] == (
        "  could not be decoded: 1 image: ant/000.png (UnidentifiedImageError: cannot identify image file)"
    )
    assert images.provenance.endswith(
        "1 of these could not be decoded, which leaves 17 to train, 6 to validate and 6 to test."
    )
    content = json.loads(json.dumps(found.to_dict()))
    assert content["classes"]["ant"] == {"train": 5, "validation": 2, "test": 2}
    assert content["skipped"][0]["name"] == "ant/000.png"


def test_a_cached_set_has_its_summary(flat, tmp_path):
    first = load_images(flat, cache=tmp_path / "cache").summary
    assert load_images(flat, cache=tmp_path / "cache").summary == first


def test_warnings_are_logged_as_warnings(caplog):
    summary = DataSummary("few", ("a", "b"), {"train": (1, 1)}, warnings=("'a' is odd.",))
    with caplog.at_level(logging.INFO):
        announce = announcer(logging.getLogger("netwright.test"))
        announce(summary)
        announce(summary)  # a command says it once
    assert [(record.levelname, record.message) for record in caplog.records][-2:] == [
        ("INFO", "  b           1"),
        ("WARNING", "warning: 'a' is odd."),
    ]
    assert caplog.text.count("is odd") == 1


def test_few_images_are_a_warning_with_what_can_be_concluded_and_what_helps(tmp_path, make):
    make.fill(tmp_path, {"ant": 5, "bee": 5, "cow": 5})
    source = open_source(tmp_path)
    splits = cut_splits(source, 0)
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    assert summarize(source, parts).warnings == ()
    (text,) = summarize(source, parts, to_train=True).warnings
    assert text == (
        "few images: 3 a class to train on, 1 a class (3 in all) to validate on. An accuracy of 3 images is uncertain "
        "by up to 37 points either way (95%): smaller differences between networks are no evidence. What helps: more "
        "images, hundreds a class; published weights, with which `netwright train` begins where they can be had; "
        "cross-validation: the same command with --seed 1, 2, 3, ... keeps other images for validation; take the mean "
        "of the accuracies."
    )
    told = []
    load_images(tmp_path, announce=told.append)
    assert told[0].warnings == (text,)


def test_an_interval_is_that_of_half_the_images_right():
    for images in (3, 20, 400):
        p, z = 0.5, 1.96  # Wilson's, as Wikipedia has it
        exact = z / (1 + z**2 / images) * (p * (1 - p) / images + z**2 / (4 * images**2)) ** 0.5
        assert half_width(images) == pytest.approx(100 * exact)


def test_what_is_said_of_few_images_depends_on_which_are_few():
    names = ("ant", "bee", "cow")
    assert few_images((20, 20, 20), (17, 17, 16), names, is_cut=True) == ""
    assert few_images((20, 20, 20), None, names, is_cut=True) == ""
    one = few_images((100, 100, 19), (25, 25, 5), names, is_cut=True)
    assert one.startswith("few images: 19 to 100 a class (few in 'cow') to train on, 5 to 25 a class (55 in all)")
    own = few_images((100, 100, 100), (5, 5, 5), names, is_cut=False)
    assert "100 a class to train on, 5 a class (15 in all)" in own
    assert "cross-validation of one folder without splits" in own
    assert "validate on" not in few_images((4, 5, 4), None, names, is_cut=True)
