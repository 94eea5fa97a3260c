import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from netwright.data.preprocess import Preprocessing
from netwright.errors import OutputError, WeightsError
from netwright.weights import load_model, save_ckpt, save_model

SEEN = Preprocessing(image_size=16, crop_pct=0.9, interpolation="bicubic", antialias=False, std=(60.5, 57.25, 1 / 3))
NAMES = ("ant", "bee", "cat", "dog", "élan")


def test_all_that_using_a_network_takes_comes_back(tmp_path: Path, randomised: Callable[..., Any], logits: Any):
    module = randomised().to(memory_format=torch.channels_last)
    facts = {"epoch": 3, "validation": {"top1": 71.25}}
    save_model(tmp_path / "new" / "a.safetensors", module, preprocessing=SEEN, class_names=NAMES, facts=facts)
    found = load_model(tmp_path / "new" / "a.safetensors")
    assert (found.arch, found.preprocessing, found.class_names, found.facts) == (module.arch, SEEN, NAMES, facts)
    assert found.notices == ()
    assert not found.module.training
    assert torch.equal(logits(found.module), logits(module.to(memory_format=torch.contiguous_format)))
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["a.safetensors"]


def test_the_metadata_are_those_of_the_format(tmp_path: Path, randomised: Callable[..., Any]):
    save_model(tmp_path / "a.safetensors", randomised(), preprocessing=SEEN)
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert sorted(metadata) == ["config", "format", "version"]
    assert (metadata["format"], metadata["version"]) == ("netwright", "1")


def test_a_network_goes_to_mindcv_and_comes_back(
    tmp_path: Path, randomised: Callable[..., Any], ckpt: Any, logits: Any, network_yaml: str
):
    module = randomised()
    save_ckpt(tmp_path / "a.ckpt", module)
    assert (tmp_path / "a.ckpt").read_bytes() == ckpt.checksum(ckpt.of(module))
    found = load_model(tmp_path / "a.ckpt", model=network_yaml)
    assert torch.equal(logits(found.module), logits(module))


def test_class_names_are_as_many_as_classes(tmp_path: Path, randomised: Callable[..., Any]):
    with pytest.raises(WeightsError, match="of 5 classes has as many class names, not 2"):
        save_model(tmp_path / "a.safetensors", randomised(), preprocessing=SEEN, class_names=("a", "b"))
    with pytest.raises(WeightsError, match=r"not Linear\. Give the network itself"):
        save_model(tmp_path / "a.safetensors", torch.nn.Linear(2, 2), preprocessing=SEEN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("save", ["ours", "mindcv"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, randomised: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, code: int, save: str
):
    path = tmp_path / "a.safetensors"
    path.write_text("the old file")

    def fail(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    write = save_ckpt if save == "mindcv" else partial(save_model, preprocessing=SEEN)
    said = r"needs about [\d,]+ bytes in .*, which has [\d,]+ bytes free" if code == errno.ENOSPC else "another folder"
    with pytest.raises(OutputError, match=said):
        write(path, randomised())
    assert path.read_text() == "the old file"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, randomised: Callable[..., Any]):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Choose another folder"):
        save_model(tmp_path / "file" / "a.safetensors", randomised(), preprocessing=SEEN)
