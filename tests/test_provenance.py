import os
from importlib import metadata

from netwright.provenance import hardware, processors, versions


def test_versions_are_of_what_the_numbers_depend_on() -> None:
    assert versions()["netwright"] == metadata.version("netwright")
    assert {"python", "torch", "numpy", "scipy"} <= versions().keys()


def test_hardware_is_in_words() -> None:
    told = hardware()
    assert told["processors"] == str(processors())
    assert all(isinstance(value, str) and value for value in told.values())


def test_processors_are_those_that_this_process_may_use() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)
