"""How often a trial is begun again whose worker was lost."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from netwright.population import Population
from netwright.sweeps.executor import TrialEvent
from netwright.sweeps.recording import Recorder


@pytest.mark.parametrize(
    ("losses", "again"),
    [
        ("dd", [True, False]),  # its worker died twice: it may be the trial that ends it
        ("v" * 10, [True] * 9 + [False]),  # machines that are taken away are not
        ("vdvd", [True, True, True, False]),
    ],
)
def test_machines_that_vanish_count_apart(
    tmp_path: Path, program: SimpleNamespace, losses: str, again: list[bool]
) -> None:
    with Population.create(tmp_path, networks=program.small_networks(1), seed=3, identity={}) as population:
        recorder = Recorder(population, "sweep", ({}, {}), lambda *_: None)
        recorder.expect(population.trials("waiting"))
        found = []
        for loss in losses:
            recorder.record(TrialEvent("began", 0, {}))
            values = {"reason": "gone"} | ({"vanished": True} if loss == "v" else {})
            found.append(recorder.record(TrialEvent("lost", 0, values)))
        assert found == again
        assert population.counts()["failed"] == 1
        assert set(population.failures()["machine"]) == {f"gone; {len(losses)} attempts"}
