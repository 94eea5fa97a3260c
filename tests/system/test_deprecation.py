"""Old names work for one version more, and say the new one."""

import importlib

import numpy as np
import pytest

import netwright
from netwright.system.deprecation import moved_names

# where a public name was, and where it is
MOVED = [
    ("netwright.deploy", "open_runtime", "netwright.runtime", "open_runtime"),
    ("netwright.deploy", "export", "netwright.exports", "export"),
    ("netwright.deploy", "export_triton", "netwright.exports", "export_triton"),
    ("netwright.deploy", "labelled_images", "netwright.exports", "labeled_images"),
    ("netwright.deploy", "Labelled", "netwright.exports", "Labeled"),
    ("netwright.serving.ray_app", "build", "netwright.serving.ray.app", "build"),
    ("netwright.serving.ray_app", "application", "netwright.serving.ray.app", "application"),
]


@pytest.mark.parametrize(("old", "name", "new", "its_name"), MOVED)
def test_moved_names_are_found_with_a_warning(old: str, name: str, new: str, its_name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"{old}\.{name} is now {new}[:.]{its_name}; the old name goes"):
        found = getattr(importlib.import_module(old), name)
    assert found is getattr(importlib.import_module(new), its_name)


def test_a_renamed_method_does_what_the_new_one_does() -> None:
    preprocessing = netwright.Preprocessing(image_size=2)
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    with pytest.warns(DeprecationWarning, match=r"Preprocessing\.normalise is now Preprocessing\.normalize"):
        old = preprocessing.normalise(pixels)
    assert old.equal(preprocessing.normalize(pixels))


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'x' has no attribute 'y'"):
        moved_names("x", {"a": "b:c"})("y")
