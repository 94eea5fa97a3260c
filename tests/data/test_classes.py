"""Names of outputs, and classes of images matched to them."""

import subprocess
import sys

import numpy as np
import pytest

from netwright.data import classes
from netwright.data.classes import descriptions, imagenet_synsets, match_classes, output_names
from netwright.errors import DataError


def test_the_same_names_in_another_order_are_matched_by_name() -> None:
    found = match_classes(("cat", "ant", "bee"), 3, ("ant", "bee", "cat"))
    assert found.names == ("cat", "ant", "bee")
    assert found.outputs.tolist() == [1, 2, 0]
    assert "matched by name" in found.notice


def test_the_same_names_need_no_word() -> None:
    found = match_classes(("ant", "bee"), 2, ("ant", "bee"))
    assert (found.outputs.tolist(), found.notice) == ([0, 1], "")


def test_other_names_are_refused_even_where_the_number_fits() -> None:
    with pytest.raises(DataError, match=r"does not know 'wasp' of the images' 2 classes, and knows 'bee'.*fine-tune"):
        match_classes(("ant", "bee"), 2, ("ant", "wasp"))
    with pytest.raises(DataError, match="does not know 'wasp'"):
        match_classes(("ant", "bee"), 2, ("ant", "bee", "wasp"), allow_subset=True)


def test_missing_classes_are_refused_unless_that_is_allowed() -> None:
    with pytest.raises(DataError, match=r"of 1 of these: none of 'bee'. .*--allow_subset"):
        match_classes(("ant", "bee"), 2, ("ant",))
    found = match_classes(("bee", "ant", "cat"), 3, ("ant", "cat"), allow_subset=True)
    assert found.outputs.tolist() == [1, 2]
    assert "Only 2 of the network's 3 classes" in found.notice


def test_without_names_the_order_is_taken_and_said_and_the_number_must_fit() -> None:
    found = match_classes((), 2, ("ant", "bee"))
    assert (found.names, found.outputs.tolist()) == (("ant", "bee"), [0, 1])
    assert "have no class names" in found.notice
    with pytest.raises(DataError, match=r"3 outputs and the images have 2 classes.*--num_classes 2"):
        match_classes((), 3, ("ant", "bee"))


def test_imagenet_is_known_by_its_names() -> None:
    synsets = imagenet_synsets()
    assert len(set(synsets)) == 1000
    assert list(synsets) == sorted(synsets)  # the order of everybody's outputs is that of the folders
    found = match_classes((), 1000, ("n01440764", "n02033041"), allow_subset=True)
    assert found.names == synsets
    assert [synsets[i] for i in found.outputs] == ["n01440764", "n02033041"]
    assert np.array_equal(match_classes((), 1000, synsets).outputs, np.arange(1000))
    assert descriptions(["n01440764"]) == ("tench, Tinca tinca",)
    assert descriptions(["n01440764", "cat"]) == ("", "")
    assert descriptions(["n99999999"]) == ("",)


def test_outputs_have_names_in_any_case() -> None:
    assert output_names(("a", "b"), 2) == ("a", "b")
    assert output_names((), 3) == ("0", "1", "2")
    assert output_names((), 1000)[0] == "n01440764"


@pytest.mark.slow
def test_the_names_of_imagenet_are_those_of_timm_without_importing_it() -> None:
    code = (
        "import sys; from netwright.data.classes import imagenet_synsets as f; print(len(f()), 'timm' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "1000 False\n"
    )
    assert classes._imagenet() == classes._imagenet_of_timm()
    assert list(classes._imagenet()) == list(classes._imagenet_of_timm())
