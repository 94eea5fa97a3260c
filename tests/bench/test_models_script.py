"""benchmarks/models.py with its smallest settings."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from netwright.arch import NETWORKS, complexity, published

PATH = Path(__file__).parents[2] / "benchmarks" / "models.py"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("benchmarks_models", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(PATH.parent))  # as `python benchmarks/models.py` has it: for modules beside the script
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(PATH.parent))
    del sys.modules[spec.name], sys.modules["environment"]


@pytest.mark.slow
def test_it_compares_networks_with_a_peer_and_names_those_without(script, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(script, "keep_memory", lambda: None)  # of the whole process
    threads = torch.get_num_threads()
    path = tmp_path / "results.json"
    arguments = (
        "--networks regnet_x_200mf v56_cifar regnet_x_32gf --batch_size 2 --image_size 32 --repeats 2 --threads 1"
    )
    script.main([*arguments.split(), "--precision", "fp32", "--json", str(path)])
    assert torch.get_num_threads() == threads
    output = capsys.readouterr().out
    assert "v56_cifar: left out, neither timm nor torchvision has it" in output
    assert "regnet_x_32gf: left out, 108 million parameters are more than --most 40" in output
    results = json.loads(path.read_text())
    assert [(each["network"], each["mode"]) for each in results] == [
        ("regnet_x_200mf", "forward"),
        ("regnet_x_200mf", "train"),
    ]
    assert set(results[0]["milliseconds"]) == {"netwright", "not fused", results[0]["fastest"]}
    assert all(each["low"] <= each["ratio"] <= each["high"] for each in results)


def test_a_name_that_matches_nothing_is_refused(script):
    with pytest.raises(SystemExit, match="no network matches 'regnet_q"):
        script.main(["--networks", "regnet_q*"])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if complexity(published(name)).params[0] < 15e6])
def test_peers_are_the_same_network(script, name):
    params = int(complexity(published(name)).params[0])
    for library, make in script.rivals(name).items():
        # torchvision computes its widths with tensors
        with torch.device("meta" if library == "timm" else "cpu"):
            assert sum(value.numel() for value in make().parameters()) == params, library


def test_every_network_but_four_of_pycls_has_a_rival(script):
    without = {name for name in NETWORKS if not script.rivals(name)}
    assert without == {"resnet56_cifar", "resnet110_cifar", "v56_cifar", "resnext152_32x4d"}
