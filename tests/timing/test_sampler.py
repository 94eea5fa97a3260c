import json
from pathlib import Path

import numpy as np
import pytest

from netwright.errors import PopulationError, SpaceError
from netwright.space import load_space
from netwright.timing.limit import LatencyLimit
from netwright.timing.sampler import FILE, LatencySampler

SPACE = load_space("regnetx").for_images(32, 10, 3).refine(flops=(0, 8e6))
LIMIT = LatencyLimit("0.5ms", latency_networks=30, latency_threads=1)


@pytest.mark.slow
def test_every_network_is_within_the_limit_when_it_is_measured(pretended):
    pretended.noise = 0.15
    with LatencySampler(LatencyLimit("0.15ms", latency_networks=30), SPACE) as sampler:
        found = sampler.draw(SPACE, 20, 0)
        ms = [sampler.latency(arch).ms for arch in found.batch]
    assert max(ms) <= 0.15
    counts = found.rejection_counts
    assert counts["latency"] > 0
    assert counts["latency measured"] > 0
    assert counts["accepted"] == len(found.batch) == 20
    assert sum(many for name, many in counts.items() if name != "draws") == counts["draws"]
    assert 0.05 < sampler.prediction_error(found.batch) < 0.3


def test_a_larger_sample_has_the_same_networks_first(pretended):
    with LatencySampler(LIMIT, SPACE) as sampler:
        few, many = sampler.draw(SPACE, 5, 0).batch, sampler.draw(SPACE, 12, 0).batch
    assert list(many)[:5] == list(few)


@pytest.mark.slow
def test_a_run_goes_on_with_what_was_measured_then(pretended, tmp_path: Path):
    with LatencySampler(LIMIT, SPACE, 0, tmp_path) as sampler:
        before = list(sampler.draw(SPACE, 8, 0).batch)
        confirmed = sampler.confirm(before[0])
        held_out = sampler.held_out
    pretended.measured.clear()
    pretended.slower = 3.0
    with LatencySampler(LIMIT, SPACE, 0, tmp_path) as sampler:
        assert list(sampler.draw(SPACE, 8, 0).batch) == before
        assert sampler.confirm(before[0]) == confirmed
        assert sampler.held_out == held_out
        assert pretended.measured == []
        pretended.slower = 1.0
        assert list(sampler.draw(SPACE, 10, 0).batch)[:8] == before
        assert len(pretended.measured) >= 2


def test_another_limit_or_setting_in_the_same_folder_is_refused(pretended, tmp_path: Path):
    with LatencySampler(LIMIT, SPACE, 0, tmp_path) as sampler:
        sampler.draw(SPACE, 2, 0)
    for other in (LatencyLimit("0.6ms", latency_threads=1), LatencyLimit("0.5ms", latency_threads=2)):
        with pytest.raises(
            PopulationError, match=r"sampled within another limit on latency:\n.*(max_latency_ms|threads)"
        ):
            LatencySampler(other, SPACE, 0, tmp_path)


def test_on_another_device_nothing_more_is_measured(pretended, tmp_path: Path):
    with LatencySampler(LIMIT, SPACE, 0, tmp_path) as sampler:
        before = list(sampler.draw(SPACE, 3, 0).batch)
    kept = json.loads((tmp_path / FILE).read_text())
    kept["device"]["device"] = "a processor of another kind"
    (tmp_path / FILE).write_text(json.dumps(kept))
    with LatencySampler(LIMIT, SPACE, 0, tmp_path) as sampler:
        assert list(sampler.draw(SPACE, 3, 0).batch) == before
        assert "a processor of another kind" in sampler.in_words()
        with pytest.raises(PopulationError, match=r"are of a processor of another kind, and this is .*Continue there"):
            sampler.draw(SPACE, 30, 0)


def test_a_damaged_file_is_explained(pretended, tmp_path: Path):
    (tmp_path / FILE).write_text('{"format": 1}')
    with pytest.raises(PopulationError, match=r"cannot be read: 'setting'. Restore it"):
        LatencySampler(LIMIT, SPACE, 0, tmp_path)


@pytest.mark.slow
def test_a_limit_that_the_space_cannot_meet_is_explained(pretended):
    limit = LatencyLimit("10us", latency_networks=30)
    with (
        pytest.raises(SpaceError, match=r"latency <= 0\.01 ms.*latency predicted was .* Raise --max_latency"),
        LatencySampler(limit, SPACE) as sampler,
    ):
        sampler.draw(SPACE, 3, 0)


def test_predictions_that_do_not_hold_are_refused(pretended):
    with LatencySampler(LIMIT, SPACE) as sampler:
        _ = sampler.fitted
        pretended.slower = 20.0  # the machine is no longer what it was
        with pytest.raises(SpaceError, match=r"only 0 of \d+ networks that were predicted to take at most 0.500 ms"):
            sampler.draw(SPACE, 2, 0)


@pytest.mark.slow
def test_half_of_what_the_predictor_is_fitted_on_is_near_the_limit(pretended):
    limit = LatencyLimit("0.2ms", latency_networks=40)
    with LatencySampler(limit, SPACE) as sampler:
        fitted = sampler.fitted
    assert len(fitted.ms) == 40
    assert np.median(fitted.ms[20:]) < np.median(fitted.ms[:20])
    assert fitted.ms[20:].max() < 2.5 * 0.2
