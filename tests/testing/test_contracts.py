"""The contract suites can fail: what somebody else wrote passes where it is right, and fails where it is wrong.

The modules in third_party/ are run as their author would run them: by pytest alone, without a conftest of ours.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from netwright import testing

FOLDER = Path(__file__).with_name("third_party")

# module -> class that is wrong -> a test that must find it
FAULTS = {
    "executors": {
        "TestEndsTwice": "test_every_trial_begins_reports_its_epochs_and_ends_once",
        "TestHidesEpochs": "test_every_trial_begins_reports_its_epochs_and_ends_once",
        "TestStopsAtFailures": "test_a_fault_of_a_network_is_reported_and_the_others_continue",
        "TestBlamesNetworks": "test_a_fault_of_a_network_is_reported_and_the_others_continue",
        "TestHasNoClock": "test_a_trial_without_a_result_in_time_is_ended_and_the_machine_failed_it",
        "TestLooksAtTest": "test_the_test_split_is_looked_at_once_and_only_where_it_is_asked_for",
        "TestSeedsByOrder": "test_a_trial_does_not_depend_on_others_or_on_their_order",
        "TestWritesNothing": "test_weights_are_written_whole_and_open_with_all_that_using_them_takes",
        "TestNeverRetries": "test_a_lost_trial_is_trained_once_more_where_it_is_retried",
        "TestSleeps": "test_an_executor_that_is_woken_says_so_and_goes_on",
        "TestWakesForATrial": "test_an_executor_that_is_woken_says_so_and_goes_on",
        "TestForgetsNothing": "test_closing_the_iterator_ends_what_runs_and_forgets_what_waits",
    },
    "sources": {
        "TestCountsFromOne": "test_labels_index_the_class_names",
        "TestLacksAClass": "test_every_split_has_images_of_every_class",
        "TestSharesImages": "test_splits_part_the_items",
        "TestNamesOthers": "test_items_decode_and_agree_with_the_labels",
        "TestChangesItsSignature": "test_opening_twice_gives_the_same",
        "TestOneReader": "test_threads_read_what_one_thread_reads",
        "TestKeepsALock": "test_it_goes_to_other_processes",
    },
    "runtimes": {
        "TestImprecise": "test_the_logits_are_the_networks_for_any_number_of_images",
        "TestDouble": "test_the_logits_are_the_networks_for_any_number_of_images",
        "TestOneBuffer": "test_its_answers_stay_when_it_computes_others",
        "TestChangesInputs": "test_inputs_stay_as_they_are_however_they_lie_in_memory",
        "TestOneCaller": "test_threads_do_not_see_each_other",
        "TestSeesNeighbors": "test_more_images_than_are_computed_at_once",
        "TestForgetsNames": "test_it_knows_what_it_is",
        "TestTakesAnything": "test_wrong_inputs_are_refused_with_the_right_shape",
        "TestNeverCloses": "test_closing_waits_for_what_runs_and_then_nothing_is_answered",
    },
    "formats": {
        "TestLosesStatistics": "test_every_tensor_comes_back",
        "TestHalf": "test_the_precision_stays",
        "TestLosesNames": "test_what_a_file_carries_comes_back",
        "TestFillsUp": "test_a_file_without_one_of_the_tensors_is_refused",
        "TestTakesFused": "test_a_fused_network_is_refused",
        "TestWritesInPlace": "test_a_full_disk_leaves_the_old_file_and_nothing_else",
        "TestTakesDamage": "test_a_file_that_is_cut_short_is_an_error",
    },
}


def outcomes(module: str, *names: str, folder: Path) -> dict[str, set[str]]:
    """Class::test, without parameters -> what its cases came to: passed, failed, error or skipped."""
    report = folder / "report.xml"
    wanted = [f"{FOLDER / module}.py::{name}" for name in names]
    alone = ["--noconftest", "-c", "/dev/null", "--rootdir", str(folder), "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *alone, f"--junit-xml={report}", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {"failure": "failed", "error": "error", "skipped": "skipped"}
        came = next((kinds[child.tag] for child in case if child.tag in kinds), "passed")
        name = f"{case.get('classname', '').rsplit('.', 1)[-1]}::{case.get('name', '').split('[')[0]}"
        found.setdefault(name, set()).add(came)
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.slow
@pytest.mark.parametrize("module", FAULTS)
def test_what_is_right_passes_all_tests(module: str, tmp_path: Path) -> None:
    found = outcomes(module, "TestRight", folder=tmp_path)
    peers = "TestRight::test_weights_of_the_other_library_come_and_go"  # there is no other library
    assert {name: came for name, came in found.items() if came != {"passed"} and name != peers} == {}


@pytest.mark.slow
@pytest.mark.parametrize("module", FAULTS)
def test_each_fault_is_found(module: str, tmp_path: Path) -> None:
    cases = [f"{name}::{test}" for name, test in FAULTS[module].items()]
    found = outcomes(module, *cases, folder=tmp_path)
    assert {name for name, came in found.items() if "failed" in came} == set(cases)


@pytest.mark.slow
def test_an_executor_of_before_there_were_slots_is_never_woken(tmp_path: Path) -> None:
    name = "test_an_executor_that_is_woken_says_so_and_goes_on"
    found = outcomes("executors", f"TestIsGivenAllAtOnce::{name}", folder=tmp_path)
    assert found == {f"TestIsGivenAllAtOnce::{name}": {"skipped"}}


@pytest.mark.slow
def test_an_executor_of_before_there_were_timeouts_can_say_so(tmp_path: Path) -> None:
    name = "test_a_trial_without_a_result_in_time_is_ended_and_the_machine_failed_it"
    found = outcomes("executors", f"TestSaysThatItHasNoClock::{name}", folder=tmp_path)
    assert found == {f"TestSaysThatItHasNoClock::{name}": {"skipped"}}


@pytest.mark.parametrize(
    ("module", "contract"),
    [
        ("executors", testing.ExecutorContract),
        ("sources", testing.SourceContract),
        ("runtimes", testing.RuntimeContract),
        ("formats", testing.WeightFormatContract),
    ],
)
def test_faults_are_of_tests_that_there_are(module: str, contract: type) -> None:
    tests = {name for name in vars(contract) if name.startswith("test_")}
    assert set(FAULTS[module].values()) <= tests


def test_each_suite_says_what_a_subclass_gives() -> None:
    for name in testing.__all__:
        assert (getattr(testing, name).__doc__ or "").strip(), name
