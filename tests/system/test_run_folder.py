from pathlib import Path

import pytest

from netwright.system.run_folder import MARKER, is_run_folder, mark_run_folder

_OLD = Path(__file__).parents[1] / "golden" / "v0_1"


def _names(folder):
    return [entry.name for entry in folder.iterdir()]


def test_an_empty_folder_is_marked(tmp_path):
    mark_run_folder(tmp_path)
    assert _names(tmp_path) == [MARKER]
    assert is_run_folder(_names(tmp_path))


def test_a_folder_of_photos_that_is_chosen_for_results_stays_a_folder_of_photos(tmp_path):
    (tmp_path / "cat").mkdir()
    mark_run_folder(tmp_path)
    assert not is_run_folder(_names(tmp_path))


def test_a_folder_that_is_not_there_is_not_marked(tmp_path):
    mark_run_folder(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["design", "design/refined", "design/final", "done", "finished", "validated"])
def test_folders_of_version_0_1_are_known_by_their_files(name):
    assert is_run_folder(_names(_OLD / name))


@pytest.mark.parametrize("names", [["images-0123.json", "images-0123.npy"], ["report.html", "figures"]])
def test_image_caches_and_reports_are_known(names):
    assert is_run_folder(names)


@pytest.mark.parametrize("names", [[], ["report.html"], ["images-1.jpg"], ["cat", "dog"]])
def test_other_folders_are_not(names):
    assert not is_run_folder(names)
