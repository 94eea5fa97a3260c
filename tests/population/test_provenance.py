from netwright.population import mixed_sessions
from netwright.population.provenance import with_session

SESSION = {
    "versions": {"netwright": "0.2", "torch": "2.9"},
    "hardware": {"processor": "P", "processors": "2", "system": "Linux", "memory": "8 GiB"},
    "devices": ["cpu"],
    "threads": 1,
    "command": "netwright sweep x",
}
DATA = {"name": "digits", "classes": 10}


def test_the_first_session_is_kept_with_the_images():
    notes = with_session({"account": {"draws": 3}}, SESSION, DATA, finished=0, now=5.0)
    assert notes["account"] == {"draws": 3}
    known = notes["provenance"]
    assert {key: known[key] for key in SESSION} == SESSION
    assert (known["data"], known["unrecorded"]) == (DATA, 0)
    assert known["sessions"] == [SESSION | {"first": 5.0, "last": 5.0}]
    assert mixed_sessions(notes) == []


def test_the_same_software_and_device_are_one_session_however_it_was_called():
    notes = with_session({}, SESSION, DATA, finished=0, now=5.0)
    again = SESSION | {"command": "netwright sweep x --retry_failed", "hardware": SESSION["hardware"] | {"memory": "9"}}
    notes = with_session(notes, again, DATA, finished=4, now=9.0)
    assert [(each["first"], each["last"]) for each in notes["provenance"]["sessions"]] == [(5.0, 9.0)]
    assert mixed_sessions(notes) == []


def test_another_software_or_device_makes_it_mixed():
    notes = with_session({}, SESSION, DATA, finished=0, now=5.0)
    other = SESSION | {"versions": {"netwright": "0.2", "torch": "2.10"}, "devices": ["cuda: NVIDIA H100"]}
    notes = with_session(notes, other, DATA, finished=4, now=9.0)
    notes = with_session(notes, SESSION, DATA, finished=6, now=12.0)
    assert [(each["first"], each["last"]) for each in notes["provenance"]["sessions"]] == [(5.0, 12.0), (9.0, 9.0)]
    assert mixed_sessions(notes) == ["versions.torch: '2.9' -> '2.10'", "devices: ['cpu'] -> ['cuda: NVIDIA H100']"]


def test_trials_of_version_0_1_were_trained_by_nobody_knows_what():
    notes = with_session({}, SESSION, DATA, finished=3, now=5.0)
    assert notes["provenance"]["unrecorded"] == 3
    assert mixed_sessions(notes) == ["3 trials are from before sessions were recorded"]
    assert mixed_sessions({}) == []
