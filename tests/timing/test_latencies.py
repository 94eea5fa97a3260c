import json
from pathlib import Path

import pytest

import netwright
from netwright.arch import published
from netwright.errors import ArchError, RecipeError, SpaceError
from netwright.space import load_space
from netwright.timing import latency
from netwright.timing.setting import LatencySetting
from netwright.timing.subject import find_subject, is_space


def test_networks_are_rows_with_their_device(pretended, tiny):
    found = netwright.latency([tiny, "regnet_x_200mf"], runtime="torch", threads=1)
    assert [row.name for row in found.rows] == ["tiny", "regnet_x_200mf"]
    assert found.held_out is None
    frame = found.frame()
    assert {"flops", "params", "acts", "latency_ms", "low_ms", "high_ms", "device", "setting"} <= set(frame.columns)
    assert frame["setting"].iloc[0] == "torch fp32, batch 1, 1 thread"
    assert frame["device"].iloc[0]
    assert json.loads(json.dumps(found.to_dict()))["rows"][1]["resolution"] == 224


def test_a_space_is_predicted(pretended):
    space = load_space("regnetx").refine(flops=(0, 8e6)).with_setting(resolution=32)
    found = latency(space, n=30)
    assert len(found.rows) == len(pretended.measured) == 30
    assert found.space == "regnetx"
    assert found.held_out is not None
    assert found.held_out.mean < 0.1
    assert [row.arch for row in found.rows] == pretended.measured


def test_mistakes_are_explained(pretended, tiny):
    with pytest.raises(RecipeError, match="unknown option 'thread' of a latency: did you mean 'threads'"):
        latency(tiny, thread=2)
    with pytest.raises(RecipeError, match="Name one space, or networks alone"):
        latency(["regnetx", tiny])
    assert pretended.measured == []


def test_what_references_mean(tiny, tmp_path: Path):
    setting = LatencySetting()
    network, space = tmp_path / "network.yaml", tmp_path / "space.yaml"
    network.write_text(tiny.to_yaml())
    space.write_text("base: regnetx\nlimits: {flops: [0, 4e8]}\n")
    assert is_space("regnetx")
    assert is_space(str(space))
    assert not is_space(str(network))
    assert not is_space("regnetx_200mf")
    assert find_subject(network, setting).arch == tiny
    assert find_subject(network, setting, 16).arch.resolution == 16
    assert find_subject("regnetx_200mf", setting).arch == published("regnetx_200mf")
    with pytest.raises(ArchError, match=r"none\.yaml cannot be read"):
        find_subject(tmp_path / "none.yaml", setting)
    with pytest.raises(RecipeError, match="by calibration"):
        find_subject(tiny, LatencySetting(precision="int8"))
    space.write_text("base: nothing\n")
    with pytest.raises(SpaceError):
        find_subject(space, setting)


@pytest.mark.slow
def test_an_exported_file_has_its_own_runtime_and_precision(tiny, tmp_path: Path, one_thread):
    from netwright.exports import export
    from netwright.timing.clocks import _loaded

    path = tmp_path / "half.onnx"
    export(_loaded(tiny), path, precision="fp16")
    subject = find_subject(path, LatencySetting("torch", threads=1))
    assert (subject.setting.runtime, subject.setting.precision, subject.file) == ("onnx", "fp16", path)
    assert find_subject(path, LatencySetting("openvino")).setting.runtime == "openvino"
    [row] = latency(path, threads=1, cache=tmp_path / "cache").rows
    assert row.latency.ms > 0
