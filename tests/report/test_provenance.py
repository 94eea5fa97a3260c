from typing import Any

from netwright.population import mixed_sessions
from netwright.report import Provenance
from netwright.report.provenance import differences, differences_sentence, is_one_space, unrecorded, whose

IDENTITY: dict[str, Any] = {
    "space": {"name": "a", "limits": {"flops": [1e6, 2e6], "num_stages": [4, 4]}},
    "recipe": {"epochs": 1, "lr": 0.1},
    "data": {"name": "digits", "fingerprint": "abcdef0123456789abcdef0123456789", "resolution": 8},
    "threads": 1,
}
STORED: dict[str, Any] = {
    "versions": {"torch": "2.9.0"},
    "hardware": {"processor": "Xeon", "processors": "2", "memory": "8 GiB"},
    "devices": ["cpu"],
}
NOTES: dict[str, Any] = {"command": "netwright sweep regnetx", "provenance": STORED}


def test_what_a_population_stores_is_sorted_into_parts() -> None:
    stored = Provenance.of(IDENTITY, NOTES, seed=3)
    assert stored.table() == {
        "recipe": {"epochs": "1", "lr": "0.1"},
        "images": {"name": "digits", "fingerprint": "abcdef0123456789abcdef0123456789", "resolution": "8"},
        "budget": {"flops": "1M to 2M"},
        "machine": {"threads": "1", "processor": "Xeon", "processors": "2", "memory": "8 GiB", "devices": "cpu"},
        "software": {"torch": "2.9.0"},
        "population": {"seed of the population": "3", "command": "netwright sweep regnetx"},
    }


def test_a_limit_on_latency_is_a_part_of_the_budget() -> None:
    latency = {"limit": "5.00 ms", "setting": "onnx fp32, batch 1, 1 thread", "device": "Xeon", "beside": "another"}
    limited = Provenance.of(IDENTITY, NOTES | {"latency": latency}, seed=3)
    assert limited.table()["budget"]["latency"] == "5.00 ms in onnx fp32, batch 1, 1 thread on Xeon"
    assert [each.name for each in differences([limited, Provenance.of(IDENTITY, NOTES, seed=3)])] == ["latency"]


def test_an_older_population_stores_neither_versions_nor_devices() -> None:
    old = Provenance.of(IDENTITY, {}, seed=0)
    assert (old.parts["machine"], "software" in old.parts) == ({"threads": 1}, False)
    assert unrecorded((old, Provenance.of(IDENTITY, NOTES, 0))) == ("software",)


def test_differences_are_named_with_their_values() -> None:
    other = IDENTITY | {"recipe": {"epochs": 3, "lr": 0.1}, "data": IDENTITY["data"] | {"resolution": 16}}
    both = [Provenance.of(IDENTITY, NOTES, 0), Provenance.of(other, NOTES, 1)]
    found = differences(both)
    assert whose(found) == "recipes differ in epochs (1 and 3) and images in resolution (8 and 16)"
    assert differences_sentence(["a", "b"], both) == (
        "a and b were not trained alike: their recipes differ in epochs (1 and 3) and images in resolution (8 and 16)."
    )
    assert whose(differences([*both, both[0]])).startswith("recipes differ in epochs (1, 3 and 1)")


def test_each_kind_of_difference_counts() -> None:
    space = {"name": "b", "limits": {"flops": [1e6, 3e6]}}
    first = Provenance.of(IDENTITY, {"provenance": STORED | {"splits": "the first tenth"}}, 0)
    changed = {
        "budget": (IDENTITY | {"space": space}, NOTES),
        "machine": (IDENTITY | {"threads": 2}, NOTES),
        "software": (IDENTITY, {"provenance": STORED | {"versions": {"torch": "2.8.0"}}}),
        "images": (IDENTITY, {"provenance": STORED | {"splits": "the last tenth"}}),
    }
    for part, (identity, notes) in changed.items():
        assert [each.part for each in differences([first, Provenance.of(identity, notes, 0)])] == [part]
    device = {"provenance": STORED | {"devices": ["cuda"]}}
    found = differences([first, Provenance.of(IDENTITY, device, 0)])  # splits that are not recorded may be the same
    assert whose(found) == "machines differ in devices (cpu and cuda)"


def test_what_does_not_change_errors_is_no_difference() -> None:
    more = {"provenance": STORED | {"hardware": {"processor": "Xeon", "processors": "64"}}}
    assert differences([Provenance.of(IDENTITY, NOTES, 0), Provenance.of(IDENTITY, more, 5)]) == ()


def test_one_population_of_unlike_sessions_is_told() -> None:
    sessions = [STORED | {"threads": 1}, STORED | {"threads": 1, "devices": ["cuda"]}]
    notes = {"provenance": STORED | {"sessions": sessions}}
    mixed = Provenance.of(IDENTITY, notes, 0, mixed_sessions(notes))
    said = differences_sentence(["a", "b"], [mixed, Provenance.of(IDENTITY, NOTES, 0)])
    assert said.startswith("a itself was trained in sessions that differ: devices")
    assert "cuda" in mixed.table()["population"]["sessions differ in"]


def test_tables_record_nothing() -> None:
    assert differences([None, Provenance.of(IDENTITY, NOTES, 0)]) == ()
    assert differences_sentence(["a", "b"], [None, None]).startswith("a and b record nothing about how")
    assert differences_sentence(["a", "b"], [None, Provenance.of(IDENTITY, NOTES, 0)]).startswith("a records nothing")


def test_spaces_are_one_whatever_their_names() -> None:
    assert is_one_space({"name": "a", "summary": "x", "limits": {}}, {"name": "b", "limits": {}})
    assert not is_one_space({"limits": {"flops": [1, 2]}}, {"limits": {}})
    assert not is_one_space({}, {})
