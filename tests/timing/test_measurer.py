"""The worker itself, with tiny networks: that times are times, not how long they are."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netwright.errors import ExportError
from netwright.timing.clocks import open_clock
from netwright.timing.measurer import Measurer
from netwright.timing.reference import reference_for
from netwright.timing.setting import LatencySetting


@pytest.mark.slow
def test_a_network_is_measured_once_and_again_where_that_is_asked(tiny, tmp_path: Path):
    with Measurer(LatencySetting("torch", threads=1), tiny, cache=tmp_path) as measurer:
        first = measurer.measure(tiny)
        low, high = first.interval_ms
        assert 0 < low <= first.ms <= high < 1000
        assert 15 <= first.rounds <= 45
        assert measurer.measure(replace(tiny, name="other")) == first
        assert measurer.measure(tiny, again=True).clocked_ms != first.clocked_ms
        assert measurer.others is None or measurer.others >= 0
        with pytest.raises(ExportError, match=r"missing\.onnx"):
            measurer.measure(tmp_path / "missing.onnx")
        assert measurer.measure(replace(tiny, num_classes=7)).ms > 0  # a mistake does not end the worker
    with Measurer(LatencySetting("torch", threads=1), tiny, cache=tmp_path) as measurer:
        assert measurer.measure(replace(tiny, num_classes=7)).ms > 0
        assert measurer._process is None  # from the cache
        facts = measurer.facts()
    assert facts["device"]
    assert facts["setting"] == "torch fp32, batch 1, 1 thread"
    assert facts["beside"].startswith("regnetx_200mf at 8 pixels, ")


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnx", "openvino", "torch"])
def test_a_clock_of_each_runtime(tiny, runtime, one_thread):
    clock, arch = open_clock(tiny, LatencySetting(runtime, batch=2, threads=1))
    turn = clock(3)
    clock.close()
    assert arch == tiny
    assert turn.seconds > 0
    assert turn.clocked > 0


@pytest.mark.slow
def test_a_file_of_another_batch_is_refused(tiny, tmp_path: Path, one_thread):
    from netwright.exports import export
    from netwright.timing.clocks import _loaded

    path = tmp_path / "fixed.onnx"
    export(_loaded(tiny), path, batch=4)
    with pytest.raises(ExportError, match=r"takes 4 images at once, and the latency of 1 is asked for. Give --batch 4"):
        open_clock(path, LatencySetting())
    clock, arch = open_clock(path, LatencySetting(batch=4, threads=1))
    assert clock(2).seconds > 0
    clock.close()
    assert arch.stages == tiny.stages


def test_the_reference_is_for_images_of_the_same_size(tiny):
    reference = reference_for(tiny)
    assert (reference.resolution, reference.in_channels, reference.name) == (8, 1, "regnetx_200mf")


def test_a_file_is_not_measured_on_an_accelerator(tmp_path: Path):
    with pytest.raises(ExportError, match="exported files are measured on the processors here"):
        open_clock(tmp_path / "net.onnx", LatencySetting("torch", device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_cuda_is_timed_by_events(tiny, tmp_path: Path, precision):
    setting = LatencySetting("torch", precision, device="cuda")
    clock, _ = open_clock(tiny, setting.resolved())
    clock(10)
    turn = clock(50)
    assert 1e-5 < turn.seconds < 1e-2
    clock.close()
    with Measurer(setting, tiny, cache=tmp_path) as measurer:
        assert measurer.setting.device == "cuda:0"
        assert measurer.device["device"] == torch.cuda.get_device_name(0)
        assert 0.005 < measurer.measure(tiny).ms < 20
