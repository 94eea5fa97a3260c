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
    ("netwright.bench", "Measured", "netwright.bench", "BenchmarkRow"),
    ("netwright.bench", "Network", "netwright.bench", "BuiltNetwork"),
    ("netwright.bench", "open_network", "netwright.bench", "build_contender"),
    ("netwright.bench", "peer_of", "netwright.bench", "rival_name"),
    ("netwright.data", "Source", "netwright.data", "ImageSource"),
    ("netwright.training", "Tally", "netwright.training", "EpochMeter"),
    ("netwright.training", "describe", "netwright.training", "device_name"),
    ("netwright.weights", "choose", "netwright.weights", "choose_weights"),
    ("netwright.space", "Axis", "netwright.space", "Parameter"),
    ("netwright.space", "Domain", "netwright.space", "Distribution"),
    ("netwright.space", "domain_from_dict", "netwright.space", "distribution_from_dict"),
    ("netwright.workflow", "Result", "netwright.workflow.result", "DesignResult"),
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


def test_attributes_of_a_design_space_have_their_old_names_too() -> None:
    space = netwright.load_space("regnetx")
    choice = importlib.import_module("netwright.space").Choice((2,))
    with pytest.warns(DeprecationWarning, match=r"DesignSpace\.domains is now DesignSpace\.distributions; the old"):
        assert space.domains == space.distributions
    with pytest.warns(DeprecationWarning, match=r"DesignSpace\.axes is now DesignSpace\.parameters; the old"):
        assert space.axes == space.parameters
    with pytest.warns(DeprecationWarning, match=r"DesignSpace\.with_domain is now DesignSpace\.with_distribution; the"):
        assert space.with_domain("bottleneck", choice) == space.with_distribution("bottleneck", choice)


def test_a_sample_has_its_old_account_too() -> None:
    sample = importlib.import_module("netwright.space").draw(netwright.load_space("regnetx"), 2)
    with pytest.warns(DeprecationWarning, match=r"Sample\.account is now Sample\.rejection_counts; the old name"):
        assert sample.account == sample.rejection_counts
