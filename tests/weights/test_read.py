import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from netwright.arch import published
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.weights import read_state
from netwright.weights.layouts import MINDCV_RESNET, TIMM_REGNET
from netwright.weights.names import rename_from_netwright


class Bomb:
    """Runs code where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_plain_safetensors_and_torch_files_are_read_whatever_they_are_called(tmp_path: Path, small: Any):
    state = build(small, seed=0).state_dict()
    (tmp_path / "a.pth").write_bytes(save(state))
    torch.save(state, tmp_path / "b.safetensors")
    torch.save(state, tmp_path / "c.ckpt", _use_new_zipfile_serialization=False)
    formats = []
    for name in ("a.pth", "b.safetensors", "c.ckpt"):
        stored = read_state(tmp_path / name)
        formats.append(stored.format)
        assert list(stored.state) == list(state) or stored.format == "safetensors"
        assert all(torch.equal(stored.state[name], value) for name, value in state.items())
    assert formats == ["safetensors", "torch", "torch"]


def test_what_wrappers_put_before_every_name_is_left_out(tmp_path: Path, small: Any):
    state = build(small, seed=0).state_dict()
    wrapped = {f"module.{name}": value for name, value in state.items()}
    (tmp_path / "a.safetensors").write_bytes(save(wrapped))
    assert read_state(tmp_path / "a.safetensors").state.keys() == state.keys()
    wrapped["other"] = torch.ones(1)  # a trainer's own is left out, and said
    (tmp_path / "a.safetensors").write_bytes(save(wrapped))
    stored = read_state(tmp_path / "a.safetensors")
    assert stored.state.keys() == state.keys()
    assert stored.notices == ("the network in a.safetensors is under 'module.'; 1 other tensors are left out (other)",)


def test_a_format_that_is_said_is_kept_to(tmp_path: Path, small: Any):
    state = build(small, seed=0).state_dict()
    torch.save(state, tmp_path / "a.pth")
    assert read_state(tmp_path / "a.pth").layout == "netwright"
    stored = read_state(tmp_path / "a.pth", format="pycls")
    assert stored.layout == "pycls"
    assert torch.equal(stored.state["stem.conv.weight"], state["stem.conv.weight"][:, [2, 1, 0]])
    with pytest.raises(WeightsError, match=r"are those of netwright, not of the format 'timm'\. Leave format out"):
        read_state(tmp_path / "a.pth", format="timm")
    with pytest.raises(WeightsError, match=r"a format of weights is one of .*, not 'onnx'"):
        read_state(tmp_path / "a.pth", format="onnx")


def test_one_channel_is_not_exchanged(tmp_path: Path, small: Any):
    state = build(small, in_channels=1, seed=0).state_dict()
    torch.save({"model_state": state}, tmp_path / "a.pyth")
    assert torch.equal(read_state(tmp_path / "a.pyth").state["stem.conv.weight"], state["stem.conv.weight"])


def test_weights_of_timm_take_what_its_config_says(tmp_path: Path, small: Any):
    state = rename_from_netwright(build(small, seed=0).state_dict(), TIMM_REGNET)
    (tmp_path / "model.safetensors").write_bytes(save(state, {"format": "pt"}))
    assert read_state(tmp_path / "model.safetensors").config == {}
    config = {"architecture": "regnety_032", "num_classes": 2, "label_names": ["a", "b"], "pretrained_cfg": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    stored = read_state(tmp_path / "model.safetensors")
    assert (stored.layout, stored.name, stored.config["class_names"]) == ("timm", "regnety_032", ["a", "b"])
    assert stored.config["preprocessing"]["interpolation"] == "bicubic"
    # those of ours beside it are none of its business
    (tmp_path / "a.safetensors").write_bytes(save(build(small, seed=0).state_dict()))
    assert read_state(tmp_path / "a.safetensors").config == {}


def test_resnets_of_mindcv_are_read_with_a_warning(tmp_path: Path, ckpt: Any):
    module = build(published("resnet18"), num_classes=3, seed=0)
    theirs = rename_from_netwright(
        {name: value for name, value in module.state_dict().items() if "num_b" not in name}, MINDCV_RESNET
    )
    content = b"".join(ckpt.entry(name, value.numpy()) for name, value in theirs.items() if "layer" not in name)
    content += ckpt.entry("layer1.0.bn1.gamma", np.ones(64, np.float32))
    (tmp_path / "a.ckpt").write_bytes(content)
    stored = read_state(tmp_path / "a.ckpt")
    assert stored.layout == "mindcv"
    assert torch.equal(stored.state["head.fc.weight"], module.head.fc.weight)
    assert "shift the max pool by a pixel" in stored.notices[0]


def test_a_header_whose_length_begins_like_a_pickle_is_safetensors(tmp_path: Path):
    for length in (0x280, 0x0A0A, 0x0A):
        header = json.dumps({"a.b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
        header = header.ljust(length) if length > len(header) else b"{}".ljust(length)
        (tmp_path / "a").write_bytes(struct.pack("<Q", length) + header + bytes(4 if length > 10 else 0))
        if length > 10:
            assert read_state(tmp_path / "a").format == "safetensors"
        else:
            with pytest.raises(WeightsError, match="holds none"):
                read_state(tmp_path / "a")


def test_optimizers_and_counters_are_left_out_and_averages_kept_apart(
    tmp_path: Path, small: Any, ckpt: Any, randomized: Callable[..., Any]
):
    plain, average = randomized(seed=1), randomized(seed=2)
    names, averaged = ckpt.names(plain.state_dict()), ckpt.names(average.state_dict())
    content = [ckpt.entry(name, array) for name, array in names.items()]
    content += [ckpt.entry(f"ema.{name}", array) for name, array in averaged.items()]
    content += [ckpt.entry(f"moments.{name}", array) for name, array in names.items() if "moving" not in name]
    content += [ckpt.entry("global_step", np.int32([7])), ckpt.entry("momentum", np.float32(0.9))]
    content += [ckpt.entry("learning_rate", np.float32([0.1])), ckpt.value("note", (), "str", b"a text")]
    np.random.default_rng(0).shuffle(content)  # any order
    (tmp_path / "a.ckpt").write_bytes(ckpt.checksum(b"".join(content)))
    for module, ema in ((plain, False), (average, True)):
        stored = read_state(tmp_path / "a.ckpt", ema=ema)
        assert stored.has_average
        own = {name: value for name, value in module.state_dict().items() if "num_batches" not in name}
        assert stored.state.keys() == own.keys()
        assert all(torch.equal(stored.state[name], value) for name, value in own.items())


def test_a_ckpt_of_something_else_is_said(tmp_path: Path, ckpt: Any):
    one = np.ones(1, np.float32)
    for content, ema, said in (
        (ckpt.entry("moments.stem.conv.weight", one), False, "has 1 entries of an optimizer and no weights"),
        (
            ckpt.entry("ema.stem.conv.weight", one),
            False,
            "has nothing but a moving average of 1 weights. Load it with ema",
        ),
        (ckpt.entry("stem.conv.weight", one), True, "has no moving average beside its 1 weights"),
        (
            ckpt.entry("stages.0.blocks.0.bn.gamma", one) + ckpt.entry("0.blocks.0.bn.gamma", one),
            False,
            "has two entries for s1.b1.bn.weight: stages.0.blocks.0.bn.gamma and 0.blocks.0.bn.gamma",
        ),
    ):
        (tmp_path / "a.ckpt").write_bytes(content)
        with pytest.raises(WeightsError) as caught:
            read_state(tmp_path / "a.ckpt", ema=ema)
        assert said in str(caught.value)


def test_a_pickle_is_not_executed(tmp_path: Path):
    victim = tmp_path / "executed"
    torch.save({"a.b": Bomb(victim)}, tmp_path / "zip.pth")
    torch.save({"a.b": Bomb(victim)}, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare2.pth").write_bytes(pickle.dumps(Bomb(victim), protocol=2))
    (tmp_path / "bare4.pth").write_bytes(pickle.dumps(Bomb(victim), protocol=4))
    for name, said in (
        ("zip.pth", "could run code, so it is not opened"),
        ("legacy.pth", "could run code, so it is not opened"),
        ("bare2.pth", "."),
        ("bare4.pth", "a pickle of Python objects"),
    ):
        with pytest.raises(WeightsError, match=said):
            read_state(tmp_path / name)
    assert not victim.exists()


def test_torch_files_that_are_no_state_dict_are_said(tmp_path: Path):
    torch.save({"epoch": 3, "optimizer_state": {"a.b": torch.ones(1)}}, tmp_path / "a.pyth")
    said = r"is a mapping of names to tensors, and .* is not \(epoch, optimizer_state\)"
    with pytest.raises(WeightsError, match=said):
        read_state(tmp_path / "a.pyth")
    torch.save([torch.ones(1)], tmp_path / "b.pth")
    with pytest.raises(WeightsError, match="no mapping"):
        read_state(tmp_path / "b.pth")


def test_a_compressed_archive_is_refused(tmp_path: Path):
    torch.save({"a.b": torch.zeros(1000)}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth") as old, zipfile.ZipFile(tmp_path / "b.pth", "w") as new:
        for record in old.namelist():
            new.writestr(record, old.read(record), zipfile.ZIP_DEFLATED)
        new.writestr("archive/data/9", bytes(10**6), zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match=r"unpacks to [\d,]+ bytes: refused"):
        read_state(tmp_path / "b.pth")


def header(content: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 10**10) + b'{"a.b":{}}',
        struct.pack("<Q", 90 << 20) + b'{"a.b":{}}',
        struct.pack("<Q", 9) + b'{"a": 1',
        struct.pack("<Q", 2**63) + b"{",
        header({"a.b": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 4]}}, bytes(4)),
        header({"a.b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}, bytes(4)),
        header({"a.b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, bytes(4)),
        header({"a.b": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        header({"a.b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(99)),
        header({"a.b": []}),
        struct.pack("<Q", 4000) + b"{" + b"[" * 3999,
    ],
)
def test_damaged_safetensors_are_errors(tmp_path: Path, content: bytes):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="truncated or damaged"):
        read_state(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"format": "netwright"}, "damaged: KeyError"),
        ({"format": "netwright", "version": "2", "config": "{}"}, "format version 2, and this program reads up to 1"),
        ({"format": "netwright", "version": "x", "config": "{}"}, "damaged"),
        ({"format": "netwright", "version": "1", "config": "["}, "damaged"),
        ({"format": "netwright", "version": "1", "config": "[1]"}, "not a mapping"),
        ({"format": "netwright", "version": "1", "config": "[" * 10**5}, "damaged"),
        ({"format": "pt", "arch": "{"}, "damaged"),
        ({"format": "pt", "netwright": "2", "config": "{}"}, "format version 2, and this program reads up to 1"),
        ({"format": "pt", "netwright": "1"}, "damaged: KeyError"),
    ],
)
def test_metadata_that_cannot_be_read_is_said(tmp_path: Path, metadata: dict[str, str], said: str):
    (tmp_path / "a.safetensors").write_bytes(save({"a.b": torch.ones(1)}, metadata))
    with pytest.raises(WeightsError, match=said):
        read_state(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"\n<!DOCTYPE html>", "a web page"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"hello, this is a text", "begins with b'hello, this "),
        (bytes(64), "is no file of weights"),
    ],
)
def test_files_that_are_no_weights_are_named(tmp_path: Path, content: bytes, said: str):
    (tmp_path / "a.ckpt").write_bytes(content)
    with pytest.raises(WeightsError, match=said):
        read_state(tmp_path / "a.ckpt")


def test_a_file_that_is_not_there_is_named_with_its_neighbors(tmp_path: Path):
    (tmp_path / "regnet_best.safetensors").touch()
    for name, says in (
        ("regnet_bset.safetensors", r"did you mean 'regnet_best\.safetensors'\?"),
        ("quite_another_thing.safetensors", r"that folder has regnet_best\.safetensors\."),
    ):
        with pytest.raises(WeightsError, match=rf"there is no .*: {says} Correct the path"):
            read_state(tmp_path / name)
    with pytest.raises(WeightsError, match="there is no folder"):
        read_state(tmp_path / "none" / "a.ckpt")
    with pytest.raises(WeightsError, match="is a folder"):
        read_state(tmp_path)


def test_files_with_any_byte_changed_end_in_an_error_or_weights(tmp_path: Path):
    buffer = io.BytesIO()
    torch.save({"a.b": torch.arange(4.0), "a.c": torch.ones(2, 2)}, buffer)
    rng, errors, read = np.random.default_rng(0), 0, 0
    for whole in (buffer.getvalue(), save({"a.b": torch.arange(4.0), "a.c": torch.ones(2, 2)})):
        for i in range(300):
            content = bytearray(whole)
            for at in rng.integers(0, len(whole), rng.integers(1, 30)):
                content[at] = rng.integers(256)
            if i % 5 == 0:
                content = content[: rng.integers(len(whole))]
            (tmp_path / "a").write_bytes(content)
            try:
                read_state(tmp_path / "a")
                read += 1
            except WeightsError:
                errors += 1
    assert errors > 100
    assert read > 10


@pytest.mark.parametrize(
    "prefixes",
    [("adam_m", "adam_v"), ("lion_m",), ("nadam_m", "nadam_v"), ("moment1", "moment2", "moment3", "prev_gradient")],
    ids=str,
)
def test_what_optimizers_of_mindcv_keep_is_left_out(
    tmp_path: Path, randomized: Callable[..., Any], ckpt: Any, prefixes: tuple[str, ...]
):
    names = ckpt.names(randomized().state_dict())
    content = [ckpt.entry(name, array) for name, array in names.items()]
    # and of one that nobody knows here
    for prefix in (*prefixes, "slot_of_tomorrow"):
        content += [ckpt.entry(f"{prefix}.{name}", 0 * array) for name, array in names.items() if "moving" not in name]
    (tmp_path / "a.ckpt").write_bytes(b"".join(content))
    state = read_state(tmp_path / "a.ckpt").state
    own = {name: value for name, value in randomized().state_dict().items() if "num_batches" not in name}
    assert state.keys() == own.keys()
    assert all(torch.equal(state[name], value) for name, value in own.items())
