from pathlib import Path

import pytest

from netwright.curation import DataCheck, Finding, check_data
from netwright.errors import DataError


def found(check: DataCheck) -> dict[str, Finding]:
    return {each.code: each for each in check.findings}


def names(finding: Finding) -> list[tuple[str, ...]]:
    return [group.names for group in finding.groups]


def test_sound_images_have_no_findings(sound_data: Path) -> None:
    check = check_data(sound_data)
    assert check.findings == ()
    assert check.summary.splits == {"train": (4, 4), "validation": (4, 4)}


def test_every_fault_is_found_once(bad_data: Path) -> None:
    check = check_data(bad_data)
    codes = found(check)
    where = {code: names(each) for code, each in codes.items()}
    assert where["truncated"] == [("train/ant/truncated.jpg",)]
    assert where["unreadable"] == [("train/ant/text.png",)]
    assert where["ending"] == [("train/ant/is_png.jpg",)]
    assert where["blank"] == [("train/bee/blank.png",)]
    assert where["tiny"] == [("train/bee/tiny.png",)]
    assert where["sliver"] == [("train/bee/sliver.png",)]
    assert where["duplicate_splits"] == [("train/ant/0.jpg", "val/ant/learned.jpg")]
    assert where["duplicate_labels"] == [("train/ant/also_bee.jpg", "train/bee/0.jpg")]
    assert where["near_duplicate_splits"] == [("train/ant/1.jpg", "val/ant/again.webp")]
    assert ("train/bee/gray.png",) in where["colors"]
    assert where["ignored"] == [("labels.txt",)]
    errors = {each.code for each in check.of_level("error")}
    assert errors == {"truncated", "unreadable", "duplicate_splits", "duplicate_labels"}
    assert len(check.findings) == len(codes)


def test_what_is_to_be_said_of_a_group(bad_data: Path) -> None:
    codes = found(check_data(bad_data))
    assert codes["ending"].groups[0].detail == "is PNG"
    assert codes["tiny"].groups[0].detail == "8 x 8"
    assert codes["duplicate_splits"].groups[0].detail == "train and validation"
    assert codes["duplicate_labels"].groups[0].detail == "ant and bee"


def test_threads_do_not_change_it(bad_data: Path) -> None:
    one, many = (check_data(bad_data, threads=threads).to_dict() for threads in (1, 8))
    assert one | {"seconds": 0} == many | {"seconds": 0}


def test_classes_that_differ_between_splits(sound_data: Path) -> None:
    (sound_data / "val" / "bee").rename(sound_data / "val" / "wasp")
    check = check_data(sound_data)
    codes = found(check)
    assert "every split has the same class folders" in codes["layout"].text
    assert {group.names[0]: group.detail for group in codes["class_folders"].groups} == {
        "bee": "in train, not in val",
        "wasp": "in val, not in train",
    }
    assert check.summary.splits == {"train": (4, 4, 0), "validation": (4, 0, 4)}


def test_uneven_classes_and_another_mix(sound_data: Path) -> None:
    from curation.conftest import encoded, photo

    for number in range(60):
        (sound_data / "train" / "ant" / f"more{number}.jpg").write_bytes(encoded(photo(5000 + number)))
    codes = found(check_data(sound_data))
    assert "'ant' has 68 images and 'bee' 8, 8.5 times fewer" in codes["uneven"].text
    assert codes["uneven"].level == "warning"
    assert "'ant' is 94.1% of train and 50.0% of validation" in codes["mix"].text


@pytest.mark.slow
def test_digits_are_checked_too() -> None:
    check = check_data("digits")
    assert check.scan.readable.all()
    assert not check.of_level("error")


def test_no_images_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images below"):
        check_data(tmp_path)
