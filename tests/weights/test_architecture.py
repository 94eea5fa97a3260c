from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from netwright.arch import Arch, Stem, published
from netwright.errors import ArchError, WeightsError
from netwright.weights.architecture import resolve_arch, resolve_stored_arch
from netwright.weights.read import read_state


def test_a_network_is_named_or_described(network_yaml: str, small: Arch):
    assert resolve_arch("regnet_x_800mf") == published("regnet_x_800mf")
    given = resolve_arch("regnet_x_800mf", num_classes=10, in_channels=1, stem="cifar", resolution=32)
    assert given == published("regnet_x_800mf", num_classes=10, in_channels=1, resolution=32, stem=Stem("cifar", 32))
    assert resolve_arch(network_yaml) == small
    assert resolve_arch(Path(network_yaml).parent, num_classes=9) == replace(small, num_classes=9)


def test_a_network_that_does_not_exist_is_named(tmp_path: Path):
    (tmp_path / "bad.yaml").write_text("stages: 3")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xfa")
    for model, said in (
        ("regnet_x_800m", "no network is called 'regnet_x_800m': did you mean 'regnet_x_800mf'"),
        ("zzz", "these are known: regnet_x_200mf"),
        ("", "a network is given by its name or its network.yaml"),
        (tmp_path / "none.yaml", "cannot be read as a network.yaml: No such file"),
        (tmp_path, "cannot be read as a network.yaml"),
        (tmp_path / "bad.yaml", "a network is a mapping"),
        (tmp_path / "binary.yaml", "cannot be read as a network.yaml"),
    ):
        with pytest.raises(ArchError, match=said):
            resolve_arch(model)


def written(path: Path, module: torch.nn.Module) -> Any:
    path.write_bytes(save(module.state_dict()))
    return read_state(path)


def test_shapes_show_a_published_network(tmp_path: Path, randomized: Any):
    arch = replace(published("regnet_y_200mf"), num_classes=3, in_channels=1)
    assert resolve_stored_arch(written(tmp_path / "a.safetensors", randomized(arch))) == (arch, [])


def test_what_shapes_do_not_show_is_said(tmp_path: Path, randomized: Any, small: Arch, network_yaml: str):
    stored = written(tmp_path / "a.safetensors", randomized())
    found, (notice,) = resolve_stored_arch(stored)
    assert [(stage.depth, stage.width) for stage in found.stages] == [(2, 8), (1, 16)]
    assert "a.safetensors does not name its network: by its shapes it has 2 stages of block 'y'" in notice
    assert "do not show in shapes, and the usual ones are taken" in notice
    assert resolve_stored_arch(stored, network_yaml) == (small, [])
    assert resolve_stored_arch(stored, stem="cifar")[0].stem == Stem("cifar", 8)


def test_names_that_show_no_network_are_refused(tmp_path: Path):
    (tmp_path / "a.safetensors").write_bytes(save({"encoder.weight": torch.ones(2, 2)}))
    with pytest.raises(WeightsError, match="does not name its network, and its 1 tensor names and shapes fit none"):
        resolve_stored_arch(read_state(tmp_path / "a.safetensors"))
