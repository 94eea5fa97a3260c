import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from netwright.arch import Arch, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import ArchError, WeightsError
from netwright.weights import load_model, save_model, save_pycls

NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture
def saved(tmp_path: Path, randomized: Callable[..., Any]) -> Path:
    path = tmp_path / "runs" / "small_best.safetensors"
    save_model(path, randomized(), preprocessing=Preprocessing(image_size=16), class_names=NAMES)
    return path


def with_config(path: Path, module: torch.nn.Module, **changes: Any) -> Path:
    """A file of ours that says something else of itself."""
    config = {"arch": module.arch.to_dict(), "preprocessing": Preprocessing().to_dict(), "class_names": []}
    metadata = {"format": "netwright", "version": "1", "config": json.dumps(config | changes)}
    path.write_bytes(save(module.state_dict(), metadata))
    return path


@pytest.mark.parametrize("places", ["standard", "stages"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_ckpt_of_mindcv_gives_the_logits_of_its_network(
    tmp_path: Path, ckpt: Any, randomized: Callable[..., Any], logits: Any, dtype: str, places: str
):
    module = randomized(replace(published("regnet_y_200mf"), num_classes=7, in_channels=1))
    content = []
    for name, array in ckpt.names(module.half().float().state_dict()).items():
        if places == "stages":
            name = name.replace("0.blocks.", "stages.", 1) if ".blocks." in name[6:] else name
            name = name.replace("0.blocks.", "stages.0.blocks.")
        content.append(ckpt.entry(name, array.astype(dtype)))
    (tmp_path / "some.ckpt").write_bytes(b"".join(reversed(content)))
    found = load_model(tmp_path / "some.ckpt")
    assert (found.arch, found.source) == (module.arch, str(tmp_path / "some.ckpt"))
    assert {value.dtype for value in found.module.parameters()} == {torch.float32}
    assert torch.equal(logits(found.module, 1, 32), logits(module, 1, 32))
    seen = found.preprocessing
    assert (seen.image_size, seen.channels, seen.antialias, seen.interpolation) == (224, 1, False, "bilinear")
    assert "without antialiasing" in found.notices[0]
    assert found.class_names == ()


def test_a_moving_average_is_offered_and_taken(
    tmp_path: Path, ckpt: Any, randomized: Callable[..., Any], logits: Any, network_yaml: str
):
    plain, average = randomized(seed=1), randomized(seed=2)
    content = ckpt.of(plain)
    for name, array in ckpt.names(average.state_dict()).items():
        content += ckpt.entry(f"ema.{name}", array)
    (tmp_path / "a.ckpt").write_bytes(content)
    found = load_model(tmp_path / "a.ckpt", model=network_yaml)
    assert torch.equal(logits(found.module), logits(plain))
    assert "the file also has the moving average" in found.notices[-1]
    found = load_model(tmp_path / "a.ckpt", model=network_yaml, ema=True)
    assert torch.equal(logits(found.module), logits(average))
    assert len(found.notices) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda names: names.pop("0.blocks.1.f.a_bn.beta"), r"1 missing \(s1.b2.f.a_bn.bias\)"),
        (
            lambda names: names.update({"0.blocks.9.f.a.weight": np.ones((1, 1, 1, 1), np.float32)}),
            "unknown to this network",
        ),
        (lambda names: names.update({"backbone.x": np.ones(1, np.float32)}), r"unknown to this network \(backbone.x\)"),
        (
            lambda names: names.update({"0.blocks.1.f.c.weight": np.ones((8, 8, 1, 2), np.float32)}),
            r"of another shape \(s1.b2.f.c.weight \[8, 8, 1, 2\], \[8, 8, 1, 1\] here\)",
        ),
        (lambda names: names.update({"head.fc.bias": np.ones(5, np.int32)}), r"not dense floating point.*head.fc.bias"),
        (lambda names: [names.pop(name) for name in list(names)[:7]], r"7 missing \(.* and 3 more\)"),
    ],
)
def test_what_is_on_one_side_only_is_listed(
    tmp_path: Path, ckpt: Any, randomized: Callable[..., Any], network_yaml: str, change: Any, said: str
):
    names = ckpt.names(randomized().state_dict())
    change(names)
    (tmp_path / "a.ckpt").write_bytes(b"".join(ckpt.entry(name, array) for name, array in names.items()))
    with pytest.raises(WeightsError, match=said):
        load_model(tmp_path / "a.ckpt", model=network_yaml)


def test_folders_and_descriptions_are_followed(saved: Path, randomized: Callable[..., Any], tmp_path: Path):
    found = load_model(saved.parent)
    assert found.source == f"{saved}, the best by validation"
    design = tmp_path / "design"
    design.mkdir()
    (design / "network.yaml").write_text(found.arch.to_yaml())
    # as `netwright design` wrote it once: entries of their own, pixels counted 0..1, from the center square
    entries = {"resolution": 16, "class_names": NAMES, "mean": [0.5, 0.25, 0.75], "std": [0.5, 0.5, 1.0]}
    metadata = {"format": "pt", "arch": found.arch.to_json()} | {
        key: json.dumps(value) for key, value in entries.items()
    }
    (design / "weights.safetensors").write_bytes(save(randomized().state_dict(), metadata))
    for ref in (design, design / "network.yaml", design / "weights.safetensors"):
        designed = load_model(ref)
        assert designed.class_names == NAMES
        assert designed.preprocessing == Preprocessing(
            *(16, 3, 1.0, "bilinear", True, (127.5, 63.75, 191.25), (127.5, 127.5, 255.0)),
            crop_first=True,
            background="black",  # as that version decoded
            full_scale="high_byte",
        )


def test_plain_safetensors_need_a_model_where_shapes_do_not_tell(
    tmp_path: Path, randomized: Callable[..., Any], network_yaml: str, logits: Any
):
    module = randomized()
    (tmp_path / "a.safetensors").write_bytes(save(module.state_dict()))
    guessed = load_model(tmp_path / "a.safetensors")
    assert "a.safetensors does not name its network: by its shapes it has 2 stages" in guessed.notices[0]
    with pytest.raises(ArchError, match="did you mean 'regnet_x_800mf'"):
        load_model(tmp_path / "a.safetensors", model="regnet_x_800m")
    with pytest.raises(WeightsError, match=r"are not those of regnet_x_200mf; of their \d+ tensors: \d+ missing"):
        load_model(tmp_path / "a.safetensors", model="regnet_x_200mf")
    found = load_model(tmp_path / "a.safetensors", model=network_yaml)
    assert torch.equal(logits(found.module), logits(module))
    assert found.preprocessing == Preprocessing(image_size=16)
    assert "does not contain its preprocessing" in found.notices[0]


def test_what_contradicts_the_file_is_refused(saved: Path, network_yaml: str):
    same = load_model(saved, model=network_yaml, num_classes=5, in_channels=3, stem="simple")
    assert same.arch == load_model(saved).arch
    assert same.facts == {}
    for given, said in (
        ({"num_classes": 10}, "has 5 classes, not 10. Leave num_classes out"),
        ({"in_channels": 1}, "has 3 channels, not 1. Leave in_channels out"),
        ({"stem": "cifar"}, "has the stem 'simple', not 'cifar'"),
        ({"model": "regnet_x_200mf"}, "is small, not regnet_x_200mf"),
        ({"ema": True}, "a moving average beside the weights is in .ckpt files"),
    ):
        with pytest.raises(WeightsError, match=said):
            load_model(saved, **given)


def test_a_file_that_contradicts_itself_is_refused(tmp_path: Path, randomized: Callable[..., Any], small: Arch):
    module = randomized()
    plain = small.to_dict()
    huge = plain | {"stages": [plain["stages"][0] | {"depth": 10**12}]}
    wide = plain | {"stages": [plain["stages"][0] | {"width": 10**15}, plain["stages"][1]]}
    wider = plain | {"stages": [plain["stages"][0] | {"width": 4 * 10**40}, plain["stages"][1]]}
    for changes, said in (
        ({"arch": {"stages": 3}}, "does not describe a network"),
        ({"arch": huge}, "1,000,000,000,000 blocks"),
        ({"arch": wide}, "cannot be built|of another shape"),
        ({"arch": wider}, "cannot be built|does not describe a network"),
        ({"class_names": ["a"]}, "names 1 classes, and its network has 5"),
        ({"class_names": 3}, "names no classes"),
        ({"preprocessing": {"image_size": -1}}, "the preprocessing in .* cannot be read"),
        ({"preprocessing": 3}, "the preprocessing in .* cannot be read"),
    ):
        with pytest.raises(WeightsError, match=said):
            load_model(with_config(tmp_path / "a.safetensors", module, **changes))


def test_a_published_name_without_a_file_is_said():
    with pytest.raises(WeightsError, match="there are no published weights for 'regnet_z_500mf'"):
        load_model("regnet_z_500mf")


def test_torchvisions_files_are_known_by_their_names(tmp_path: Path, peers: Any, monkeypatch: pytest.MonkeyPatch):
    theirs = peers.of_torchvision("resnet18").float()
    # as if it had been published: the hash in the name is that of another file, which only a download is held against
    path = tmp_path / "resnet18-f37072fd.pth"
    torch.save(theirs.state_dict(), path)
    found = load_model(path)
    assert peers.difference(found.module, theirs) < 1e-4
    assert (found.arch, len(found.class_names), found.class_names[0]) == (published("resnet18"), 1000, "tench")
    assert found.row is not None
    assert found.row.ref == "torchvision/resnet18/IMAGENET1K_V1"
    seen = found.preprocessing
    assert (seen.image_size, seen.resize_size, seen.interpolation, seen.antialias) == (224, 256, "bilinear", True)
    assert found.notices == ()


def test_pyclss_files_are_known_by_their_names(tmp_path: Path, randomized: Callable[..., Any], logits: Any):
    module = randomized(published("regnet_x_200mf"))
    path = tmp_path / "RegNetX-200MF_dds_8gpu.pyth"
    save_pycls(path, module)
    found = load_model(path)
    assert torch.equal(logits(found.module, side=32), logits(module, side=32))
    # OpenCV's bilinear resize, which does not smooth
    assert (found.preprocessing.interpolation, found.preprocessing.antialias) == ("bilinear", False)
    assert found.row is not None
    assert found.row.top1 == 68.9
