from pathlib import Path

import pytest

from netwright.data.class_order import (
    imposed_names,
    natural_key,
    read_class_file,
    refuse_folder_order,
    sorted_as,
    usual_order,
)
from netwright.data.classes import match_classes
from netwright.errors import DataError

TWELVE = tuple(sorted(map(str, range(1, 13))))  # as folders are listed: 1, 10, 11, 12, 2, ...
NATURAL = tuple(map(str, range(1, 13)))


@pytest.mark.slow
@pytest.mark.parametrize("names", [TWELVE, ("b", "A", "a10", "a9", "10b", "9"), ("x1y2", "x1y10", "x01")], ids=str)
def test_natural_order_is_that_of_timm(names: tuple[str, ...]):
    from timm.data.readers.reader_image_folder import natural_key as theirs

    assert sorted(names, key=natural_key) == sorted(names, key=theirs)


def test_without_names_the_order_must_be_known_where_there_are_two():
    with pytest.raises(DataError, match=r"have two orders: '1', '10', '11'.* Give the one .*--class_order string"):
        match_classes((), 12, TWELVE)
    for order, outputs in (("natural", [0, 9, 10, 11, 1]), ("string", [0, 1, 2, 3, 4])):
        found = match_classes((), 12, TWELVE, order=order)
        assert found.outputs[:5].tolist() == outputs
        assert f"{order} order" in found.notice
        assert "as is usual in the library of the weights" in found.notice
        assert "usual" not in match_classes((), 12, TWELVE, order=order, is_usual=False).notice
    assert match_classes((), 12, TWELVE, order="natural").names == NATURAL


def test_of_0_to_999_too():
    folders = tuple(sorted(map(str, range(1000))))
    with pytest.raises(DataError, match="two orders"):
        match_classes((), 1000, folders)
    found = match_classes((), 1000, folders, order="natural")
    assert found.outputs.tolist() == [int(name) for name in folders]


def test_letters_have_two_orders_too():
    with pytest.raises(DataError, match="two orders"):
        match_classes((), 2, ("Zebra", "ant"))
    assert match_classes((), 2, ("Zebra", "ant"), order="natural").names == ("ant", "Zebra")


@pytest.mark.parametrize("names", [("ant", "bee"), ("1", "2"), ("01", "02", "10"), ("red", "green", "blue")], ids=str)
def test_where_orders_agree_nothing_is_asked(names: tuple[str, ...]):
    found = match_classes((), len(names), names)
    assert (found.names, found.outputs.tolist()) == (names, list(range(len(names))))
    assert "in the order of the images' classes" in found.notice


def test_names_decide_where_there_are_some():
    assert match_classes(NATURAL, 12, TWELVE, order="string").outputs[1] == 9


def test_a_file_names_the_outputs(tmp_path: Path):
    path = tmp_path / "classes.txt"
    path.write_text("\ufeffb \n\na\n")
    assert read_class_file(path) == ("b", "a")
    assert imposed_names(str(path), (), 2, "w.pth") == ("b", "a")
    assert imposed_names(str(path), ("b", "a"), 2, "w.pth") == ("b", "a")
    assert imposed_names("natural", (), 12, "w.pth", TWELVE) == NATURAL == sorted_as(TWELVE, "natural")
    assert imposed_names("natural", (), 12, "w.pth") == ()
    for given, said in (
        ((str(path), (), 3, "w.pth"), "gives 2 class names, and the network in w.pth has 3 outputs"),
        ((str(path), ("a", "b"), 2, "w.pth"), "is for weights without class names"),
        (("string", ("a", "b"), 2, "w.pth"), "is for weights without class names"),
        ((str(tmp_path / "no"), (), 2, "w.pth"), "is natural, string, or a file"),
    ):
        with pytest.raises(DataError, match=said):
            imposed_names(*given)
    for text, said in (("a\na\n", "'a' more than once"), ("\n", "has none")):
        path.write_text(text)
        with pytest.raises(DataError, match=said):
            read_class_file(path)
    with pytest.raises(DataError, match="predict sees none"):
        refuse_folder_order("natural", "predict")
    assert usual_order({"class_order": "natural"}) == "natural"
    assert usual_order({"class_order": 3}) == usual_order({}) == ""
