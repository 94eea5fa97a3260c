from pathlib import Path

import pytest

from netwright.errors import WeightsError
from netwright.weights.locate import locate


def folder(path: Path, *names: str) -> Path:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).touch()
    return path


@pytest.mark.parametrize(
    ("names", "expected", "reason"),
    [
        (("m_best.safetensors", "m-9_50.safetensors", "training.yaml"), "m_best.safetensors", "the best by validation"),
        (("m-9_50.safetensors", "m-10_50.safetensors", "training.yaml"), "m-10_50.safetensors", "newest epoch, 10"),
        (("m-9_50.safetensors", "m-9_50_ema.safetensors"), "m-9_50.safetensors", "newest epoch, 9"),
        (("m-8_50.safetensors", "m-9_50_ema.safetensors"), "m-9_50_ema.safetensors", "newest epoch, 9"),
        (("regnet_x_800mf-1_2502.ckpt", "regnet_x_800mf_best.ckpt"), "regnet_x_800mf_best.ckpt", "the best"),
        (("network.yaml", "weights.safetensors", "result.json"), "weights.safetensors", ""),
        (("model.safetensors", "config.json", "pytorch_model.bin"), "model.safetensors", ""),
        (("pytorch_model.bin", "config.json"), "pytorch_model.bin", ""),
        (("m-9_50.safetensors", ".m_best.safetensors.7.partial"), "m-9_50.safetensors", "newest epoch, 9"),
    ],
)
def test_a_folder_means_its_best_or_newest_weights(tmp_path: Path, names: tuple[str, ...], expected: str, reason: str):
    found = locate(folder(tmp_path, *names))
    assert found.path == tmp_path / expected
    assert reason in found.reason
    assert found.network == (tmp_path / "network.yaml" if "network.yaml" in names else None)


def test_a_described_network_has_its_weights_beside_it(tmp_path: Path):
    folder(tmp_path, "network.yaml")
    with pytest.raises(WeightsError, match=r"expected beside it as weights.safetensors, which is not there"):
        locate(tmp_path / "network.yaml")
    folder(tmp_path, "weights.safetensors")
    assert locate(tmp_path / "network.yaml").path == tmp_path / "weights.safetensors"
    with pytest.raises(WeightsError, match="there is no"):
        locate(tmp_path / "other.yaml")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "is no folder of a training .*Give the folder of a training"),
        (("other.safetensors", "x.txt"), "It has other.safetensors: give one of these"),
        (("training.yaml",), "has written no weights yet"),
        (("a_best.safetensors", "b_best.safetensors"), "has weights of a, b. Give one of the files"),
        (("a-1_2.safetensors", "b-1_2.safetensors"), "has weights of a, b. Give one of the files"),
    ],
)
def test_a_folder_that_means_no_weights_is_said(tmp_path: Path, names: tuple[str, ...], said: str):
    with pytest.raises(WeightsError, match=said):
        locate(folder(tmp_path, *names))


def test_any_other_path_is_taken_as_it_is(tmp_path: Path):
    assert locate(tmp_path / "none.ckpt").path == tmp_path / "none.ckpt"
