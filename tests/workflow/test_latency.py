"""Designs and sweeps within a limit on latency; the engine trains nothing, and the measurer measures nothing."""

import json

import pytest
from fixtures.latency import pretended

from netwright.arch import ArchBatch, complexity
from netwright.errors import PopulationError, SpaceError
from netwright.population import Population
from netwright.timing.limit import LatencyLimit
from netwright.workflow import DesignConfig, design, sweep
from netwright.workflow.latency import refuse_too_slow
from netwright.workflow.prepare import prepare

__all__ = ["pretended"]

LIMIT = LatencyLimit("0.25ms", latency_networks=24, latency_threads=1)


@pytest.fixture
def limited(config):
    """A small design within a limit; other options change it."""

    def make(**changes: object) -> DesignConfig:
        return config(**{"latency": LIMIT, "flops": (0.0, 0.6e6)} | changes)

    return make


@pytest.mark.slow
def test_the_pick_meets_the_limit_and_every_result_names_the_device(limited, engine, quiet, pretended):
    result = design(limited(), quiet)
    out = limited().out
    assert pretended.ms(result.network) <= 0.25 * 1.1
    assert " ms (95% interval " in result.latency
    assert "onnx fp32, batch 1, 1 thread on " in result.latency
    assert result.baseline_latency
    with Population.open(out) as population:
        frame = population.frame()
        assert (frame["latency_ms"] <= 0.25).all()
        assert "5-fold cross-validation" in population.notes["latency"]["predictor"]
        assert "were measured: the predictions were off by" in population.notes["latency"]["sample"]
    [data] = engine.reports
    assert data.facts["latency"]["limit"] == "0.250 ms"
    assert data.finalists[0].latency == result.latency
    assert json.loads((out / "result.json").read_text())["pick"]["latency"] == result.latency
    before = len(pretended.measured)
    assert design(limited(), quiet).network == result.network
    assert len(pretended.measured) == before


@pytest.mark.slow
def test_a_network_that_is_too_slow_when_measured_again_is_not_picked(limited, engine, quiet, pretended, monkeypatch):
    first = design(limited(), quiet).network
    config = limited(out=limited().out.with_name("e"))
    from netwright.timing.sampler import LatencySampler

    confirm = LatencySampler.confirm

    def slower(self, arch):
        found = confirm(self, arch)
        is_first = complexity(arch).flops[0] == complexity(first).flops[0]
        return found if not is_first else type(found)(9 * found.ratio, 1, 9, 1.0, 1.0, 15)

    monkeypatch.setattr(LatencySampler, "confirm", slower)
    second = design(config, quiet)
    assert second.network.stages != first.stages
    assert "1 network of a lower error took longer than that when measured again" in str(engine.reports[-1].decisions)


@pytest.mark.slow
def test_a_sweep_keeps_latencies_and_is_resumed_with_the_same_limit_only(limited, engine, quiet, pretended):
    assert sweep(limited(), quiet)["done"] == 12
    assert sweep(limited(trials=14), quiet)["done"] == 14
    with Population.open(limited().out) as population:
        assert population.frame()["latency_ms"].notna().all()
    with pytest.raises(PopulationError, match="sampled within a limit on latency, and none is given"):
        sweep(limited(latency=None), quiet)
    with pytest.raises(PopulationError, match="sampled within another limit on latency"):
        sweep(limited(latency=LatencyLimit("0.3ms", latency_threads=1)), quiet)


def test_a_folder_without_a_limit_is_not_continued_with_one(config, limited, engine, quiet, pretended):
    sweep(config(trials=2), quiet)
    with pytest.raises(PopulationError, match=r"sampled without a limit on latency. Leave out --max_latency"):
        sweep(limited(), quiet)


def test_a_limit_on_latency_alone_does_not_force_the_flops_of_dds(config, quiet, pretended):
    space = prepare(config(flops=None, latency=LIMIT), quiet).space
    low, high = space.limits["flops"]
    assert low == 0
    assert (0.9 * high, high) == prepare(config(flops=None, out=config().out.with_name("e")), quiet).space.limits[
        "flops"
    ]


def test_sizes_of_images_that_are_too_slow_are_refused_before_a_plan(config, quiet, pretended):
    space = prepare(config(), quiet).space
    refuse_too_slow(config(), space)
    refuse_too_slow(config(latency=LatencyLimit("5ms")), space)
    with pytest.raises(
        SpaceError, match=r"the smallest of 256 takes .* ms. Raise --max_latency, or give a smaller --res"
    ):
        refuse_too_slow(config(latency=LatencyLimit("1us")), space)
    assert len(ArchBatch.from_archs(pretended.measured)) == 4


def test_options_by_name(tmp_path):
    config = DesignConfig.from_options(data_dir="digits", max_latency="5ms", runtime="openvino", out=tmp_path)
    assert config.latency == LatencyLimit("5ms", "openvino")
    assert "latency" not in DesignConfig.from_options(out=tmp_path).lasting()
    assert config.lasting()["latency"]["runtime"] == "openvino"
