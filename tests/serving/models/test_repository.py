import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from netwright.errors import ServeError, WeightsError
from netwright.serving import ServeSettings
from netwright.serving.errors import RequestError
from netwright.serving.models.discovery import find_models, is_repository
from netwright.serving.models.repository import ModelEvent, Repository, until_refresh

Save = Callable[..., Path]


@pytest.fixture
def events() -> list[ModelEvent]:
    return []


@pytest.fixture
def folder(tmp_path: Path, save: Save) -> Path:
    save(tmp_path / "models" / "cats" / "1" / "w.safetensors", seed=1)
    save(tmp_path / "models" / "dogs" / "3" / "w.safetensors", seed=3)
    (tmp_path / "models" / "notes").mkdir()
    return tmp_path / "models"


@pytest.fixture
def repository(folder: Path, events: list[ModelEvent]) -> Iterator[Repository]:
    made = Repository(ServeSettings(str(folder), threads=1), on_event=events.append)
    yield made
    made.close()


def names(repository: Repository) -> list[tuple[str, int]]:
    return [(each.name, each.version) for each in repository.models()]


def kinds(events: list[ModelEvent]) -> list[tuple[str, str, int]]:
    return [(event.kind, event.name, event.version) for event in events]


def test_a_folder_is_read_as_models_and_versions(folder: Path, tmp_path: Path) -> None:
    for odd in ("01", "0", "-1", "x2", ".3"):
        (folder / "cats" / odd).mkdir()
    assert is_repository(folder)
    assert [(each.name, each.version) for each in find_models(folder)] == [("cats", 1), ("dogs", 3)]
    assert [(each.name, each.version) for each in find_models(folder / "cats")] == [("cats", 1)]
    assert [each.name for each in find_models(folder / "cats", "felines")] == ["felines"]
    assert not is_repository(folder / "cats" / "1")
    assert not is_repository(tmp_path / "nothing")


def test_the_highest_version_answers_unless_one_is_named(repository: Repository, folder: Path, save: Save) -> None:
    save(folder / "cats" / "10" / "w.safetensors", seed=2)
    save(folder / "cats" / "9" / "w.safetensors", seed=2)
    repository.refresh(at_once=True)
    assert repository.get("cats").version == 10
    assert repository.get("cats", "1").version == 1
    for name, version, constraint in (
        ("cats", "2", "cats has no version '2'; it has: 1, 9, 10"),
        ("cats", "9" * 5000, "no version"),
        ("bird", "", "no model 'bird'; known are: cats, dogs"),
        ("", "", r"name one, by --model cats of .netwright client. or \?model=cats .*known are: cats, dogs"),
    ):
        with pytest.raises(RequestError, match=constraint):
            repository.get(name, version)


def test_a_new_version_is_opened_when_two_looks_found_the_same_files(
    repository: Repository, folder: Path, save: Save, events: list[ModelEvent]
) -> None:
    save(folder / "cats" / "2" / "w.safetensors", seed=2)
    repository.refresh()
    assert names(repository) == [("cats", 1), ("dogs", 3)]
    repository.refresh()
    assert names(repository) == [("cats", 1), ("cats", 2), ("dogs", 3)]
    assert kinds(events)[-1] == ("loaded", "cats", 2)


def test_a_corrupt_version_is_reported_and_the_old_one_answers(
    repository: Repository, folder: Path, save: Save, events: list[ModelEvent]
) -> None:
    (folder / "cats" / "2").mkdir()
    (folder / "cats" / "2" / "w.safetensors").write_bytes(b"\x00" * 100)
    repository.refresh(at_once=True)
    assert repository.get("cats").version == 1
    assert "version 1 continues to answer" in events[-1].detail
    bad = next(each for each in repository.index() if each.version == 2)
    assert not bad.is_ready
    assert bad.reason
    count = len(events)
    repository.refresh()  # the same file is not tried again
    assert len(events) == count
    save(folder / "cats" / "2" / "w.safetensors", seed=2)
    repository.refresh(at_once=True)
    assert repository.get("cats").version == 2
    assert all(each.is_ready for each in repository.index())


def test_a_version_that_is_damaged_in_place_answers_as_before(
    repository: Repository, folder: Path, events: list[ModelEvent]
) -> None:
    before = repository.get("cats", 1)
    (folder / "cats" / "1" / "w.safetensors").write_bytes(b"torn")
    repository.refresh(at_once=True)
    assert repository.get("cats", 1) is before
    assert before.batcher.submit(np.zeros((1, 16, 16, 3), dtype=np.uint8)).result(10).shape == (1, 3)
    assert kinds(events)[-1] == ("failed", "cats", 1)


def test_a_version_that_is_rewritten_replaces_itself_and_finishes_first(
    repository: Repository, folder: Path, save: Save, events: list[ModelEvent]
) -> None:
    before = repository.get("cats", 1)
    future = before.batcher.submit(np.zeros((1, 16, 16, 3), dtype=np.uint8))
    save(folder / "cats" / "1" / "w.safetensors", seed=9)
    repository.refresh(at_once=True)
    assert future.result(10).shape == (1, 3)
    assert repository.get("cats", 1) is not before
    assert kinds(events)[-1] == ("replaced", "cats", 1)


def test_what_is_gone_is_closed_but_never_everything(
    repository: Repository, folder: Path, events: list[ModelEvent]
) -> None:
    import shutil

    shutil.rmtree(folder / "dogs")
    repository.refresh()
    assert names(repository) == [("cats", 1)]
    assert kinds(events)[-1] == ("removed", "dogs", 3)
    shutil.rmtree(folder / "cats")
    repository.refresh()
    assert names(repository) == [("cats", 1)]


def test_the_folder_is_watched(folder: Path, save: Save) -> None:
    changed = threading.Event()
    made = Repository(
        ServeSettings(str(folder), threads=1, poll=0.05),
        on_event=lambda event: changed.set() if event.version == 4 else None,
    )
    made.watch()
    save(folder / "cats" / "4" / "w.safetensors")
    assert changed.wait(20)
    assert made.get("cats").version == 4
    made.close()


def test_a_file_alone_is_one_model(weights: Path) -> None:
    made = Repository(ServeSettings(str(weights), threads=1, name="mine"))
    assert names(made) == [("mine", 1)]
    assert made.get("").version == 1
    made.close()


def test_nothing_to_serve_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        Repository(ServeSettings(str(tmp_path / "nothing")))
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(ServeError, match="none of the models in"):
        Repository(ServeSettings(str(tmp_path)))


@pytest.fixture
def alone(folder: Path, events: list[ModelEvent]) -> Iterator[Repository]:
    loading = list[bool]()
    made = Repository(
        ServeSettings(str(folder), threads=1), on_event=events.append, on_loading=loading.append, is_alone=True
    )
    assert loading == [True, False, True, False]
    yield made
    made.close()


def test_an_unloaded_model_stays_so_whatever_happens_in_the_folder(
    alone: Repository, folder: Path, save: Save, events: list[ModelEvent]
) -> None:
    future = alone.get("cats").batcher.submit(np.zeros((1, 16, 16, 3), dtype=np.uint8))
    alone.unload("cats")
    assert future.result(0).shape == (1, 3)  # what was accepted is answered before
    assert kinds(events)[-1] == ("unloaded", "cats", 1)
    save(folder / "cats" / "2" / "w.safetensors", seed=2)
    save(folder / "cats" / "1" / "w.safetensors", seed=9)
    for _ in range(3):
        alone.refresh(at_once=True)
    assert names(alone) == [("dogs", 3)]
    assert [(each.version, each.reason) for each in alone.index() if each.name == "cats"] == [(1, "unloaded")]
    with pytest.raises(RequestError, match="the model 'cats' is unloaded: load it first"):
        alone.get("cats")
    alone.load("cats")
    assert names(alone) == [("cats", 1), ("cats", 2), ("dogs", 3)]
    before = alone.get("cats", 1)
    alone.load("cats")  # nothing is new
    assert alone.get("cats", 1) is before


def test_the_last_model_may_be_unloaded_and_what_failed_is_forgotten(alone: Repository, folder: Path) -> None:
    (folder / "cats" / "2").mkdir()
    (folder / "cats" / "2" / "w.safetensors").write_bytes(b"torn")
    with pytest.raises(RequestError, match="cats version 2 cannot be loaded") as caught:
        alone.load("cats")
    assert caught.value.status == 400
    assert alone.get("cats").version == 1
    alone.unload("cats")
    assert {each.reason for each in alone.index() if each.name == "cats"} == {"unloaded"}
    alone.unload("dogs")
    with pytest.raises(RequestError, match="no model is loaded"):
        alone.get("")
    for call in (alone.load, alone.unload):
        with pytest.raises(RequestError, match="no model") as caught:
            call("bird")
        assert caught.value.status == 404


def test_one_of_several_processes_does_not_change_alone(repository: Repository, weights: Path) -> None:
    for call in (repository.load, repository.unload):
        with pytest.raises(RequestError, match="one of several processes"):
            call("cats")
    single = Repository(ServeSettings(str(weights), threads=1), is_alone=True)
    with pytest.raises(RequestError, match="no folder of models"):
        single.unload("tiny")
    single.close()


def test_versions_are_matched(alone: Repository, folder: Path, save: Save) -> None:
    save(folder / "cats" / "2" / "w.safetensors", seed=2)
    alone.load("cats")

    def matched(*asked: str) -> list[tuple[str, int]]:
        return [(each.name, each.version) for each in alone.matching(*asked)]

    assert matched() == [("cats", 1), ("cats", 2), ("dogs", 3)]
    assert matched("cats") == [("cats", 1), ("cats", 2)]
    assert matched("cats", "1") == [("cats", 1)]
    with pytest.raises(RequestError, match="no version"):
        matched("cats", "7")


def test_all_processes_look_at_the_same_moments_and_never_twice_at_once() -> None:
    generator = np.random.default_rng(0)
    for poll in (0.05, 2.0, 7.5):
        starts = 1.7e9 + generator.random(200) * 100
        waits = np.array([until_refresh(now, poll) for now in starts])
        assert waits.min() >= poll / 2 - 1e-6
        assert waits.max() <= 1.5 * poll + 1e-6
        looks = (starts + waits) / poll
        np.testing.assert_allclose(looks, np.round(looks), atol=1e-4)


@pytest.mark.slow
def test_a_computation_that_hangs_is_found_even_when_its_version_was_replaced(folder: Path, save: Save) -> None:
    settings = ServeSettings(str(folder), threads=1, timeout=0.2, heartbeat=0.1)
    made = Repository(settings, is_alone=True)
    batcher, go = made.get("cats").batcher, threading.Event()
    runtime = batcher.runtime

    class Held:
        info, normalize, close = runtime.info, runtime.normalize, runtime.close

        def logits(self, x: np.ndarray) -> np.ndarray:
            assert go.wait(20)
            return runtime.logits(x)

    batcher.runtime = Held()  # type: ignore[assignment]
    batcher.submit(np.zeros((1, 16, 16, 3), dtype=np.uint8))
    assert made.hanging() == ""
    save(folder / "cats" / "1" / "w.safetensors", seed=9)
    made.refresh(at_once=True)  # comes back, although the old one does not
    assert made.get("cats").batcher is not batcher
    assert made.hanging() == "cats version 1 has been at one computation for more than 0.2 s"
    go.set()
    batcher.close()
    assert made.hanging() == ""
    made.close()


@pytest.fixture
def locked(folder: Path, as_anyone: None) -> Iterator[Path]:
    """A folder in the folder of models that cannot be read, as lost+found of any disk."""
    found = folder / "lost+found"
    found.mkdir(mode=0)
    yield found
    found.chmod(0o700)


def test_a_folder_that_cannot_be_read_hides_no_other(
    locked: Path, folder: Path, save: Save, events: list[ModelEvent]
) -> None:
    made = Repository(ServeSettings(str(folder), threads=1), on_event=events.append, is_alone=True)
    assert names(made) == [("cats", 1), ("dogs", 3)]
    assert [(each.name, each.version, each.is_ready) for each in made.index()] == [
        *(("cats", 1, True), ("dogs", 3, True), ("lost+found", 0, False))
    ]
    assert "Permission denied" in made.index()[-1].reason
    save(folder / "cats" / "2" / "w.safetensors", seed=2)
    for _ in range(3):
        made.refresh()
    assert names(made) == [("cats", 1), ("cats", 2), ("dogs", 3)]
    assert kinds(events).count(("failed", "lost+found", 0)) == 1  # said once
    with pytest.raises(RequestError, match=r"lost\+found cannot be loaded: its folder cannot be read") as caught:
        made.load("lost+found")
    assert caught.value.status == 400
    made.close()


def test_a_model_whose_folder_becomes_unreadable_answers_on(alone: Repository, folder: Path, as_anyone: None) -> None:
    (folder / "dogs").chmod(0)
    (folder / "cats" / "1").chmod(0)
    for _ in range(2):
        alone.refresh()
    assert names(alone) == [("cats", 1), ("dogs", 3)]
    assert {each.name for each in alone.index() if each.reason} == {"cats", "dogs"}
    folder.chmod(0)
    with pytest.raises(RequestError, match="cannot be read") as caught:
        alone.load("cats")
    assert caught.value.status == 503
    for each in (folder, folder / "dogs", folder / "cats" / "1"):
        each.chmod(0o700)
    alone.refresh()
    assert all(each.is_ready and not each.reason for each in alone.index())


def test_a_file_that_may_be_read_later_is_loaded_then(
    alone: Repository, folder: Path, save: Save, as_anyone: None
) -> None:
    weights = save(folder / "cats" / "2" / "w.safetensors", seed=2)
    weights.chmod(0)
    alone.refresh(at_once=True)
    assert names(alone) == [("cats", 1), ("dogs", 3)]
    weights.chmod(0o600)
    alone.refresh(at_once=True)
    assert names(alone) == [("cats", 1), ("cats", 2), ("dogs", 3)]


def test_a_name_that_is_no_text_is_said_in_ascii(folder: Path) -> None:
    import os

    os.makedirs(os.fsencode(folder) + b"/b\xfcrd/1")
    made = Repository(ServeSettings(str(folder), threads=1))
    bad = next(each for each in made.index() if not each.is_ready)
    assert (bad.name, bad.reason) == ("b\\xfcrd", "its name is not in UTF-8")
    made.close()


def test_an_empty_folder_waits_for_its_first_model(tmp_path: Path, save: Save, events: list[ModelEvent]) -> None:
    (tmp_path / "models" / "cats").mkdir(parents=True)  # as when models begin to be copied
    (tmp_path / "models" / "cats" / "config.pbtxt").touch()
    made = Repository(ServeSettings(str(tmp_path / "models"), threads=1, poll=0.05), on_event=events.append)
    assert kinds(events) == [("awaited", "", 0)]
    assert "yet" in made.unready()
    with pytest.raises(RequestError, match="no model is loaded"):
        made.get("")
    save(tmp_path / "models" / "cats" / "1" / "w.safetensors")
    made.refresh()
    made.refresh()
    assert (names(made), made.unready()) == ([("cats", 1)], "")
    made.close()


def test_a_folder_of_something_else_is_no_empty_repository(tmp_path: Path) -> None:
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / "cats" / "1.jpg").touch()
    assert not is_repository(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ServeError, match="with poll 0 nobody looks"):
        Repository(ServeSettings(str(tmp_path / "empty"), poll=0.0))


def test_it_is_not_ready_until_it_is_opened(folder: Path) -> None:
    made = Repository(ServeSettings(str(folder), threads=1), opens=False)
    assert made.unready() == "the server is loading its models"
    with pytest.raises(RequestError, match="loading its models") as caught:
        made.get("cats")
    assert (caught.value.status, caught.value.retry_after) == (503, 1)
    made.open()
    assert made.unready() == ""
    made.close()
    late = Repository(ServeSettings(str(folder), threads=1), opens=False)
    late.interrupt()
    late.open()
    assert names(late) == []


def test_a_run_has_its_folders_name_as_its_export_has(tmp_path: Path, save: Save) -> None:
    from netwright.exports import export

    save(tmp_path / "my digits" / "model.safetensors")
    file = export(tmp_path / "my digits", tmp_path / "any.onnx").path
    for ref in (tmp_path / "my digits", file):
        made = Repository(ServeSettings(str(ref), threads=1))
        assert [(each.name, each.runtime.info.name) for each in made.models()] == [("my-digits", "my-digits")]
        made.close()
    with pytest.raises(ServeError, match=r"the name of a model has .* and this is 'a/b'"):
        ServeSettings(str(file), name="a/b")
