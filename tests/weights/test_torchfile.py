from __future__ import annotations

import argparse
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from netwright.arch import published
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.weights import read_state


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def pycls_file(path: Path, plain: Any, average: Any = None, **given: Any) -> Path:
    """As pycls writes it: the first convolution sees BGR."""
    content = {
        "epoch": 99,
        "optimizer_state": {"state": {}, "param_groups": [{"lr": 0.1}]},
        "cfg": "MODEL: {}",
        **given,
    }
    for name, module in (("model_state", plain), ("ema_state", average)):
        if module is not None:
            state = dict(module.state_dict())
            state["stem.conv.weight"] = state["stem.conv.weight"][:, [2, 1, 0]]
            content[name] = state
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("errors", "ema", "is_average"),
    [
        ({"test_err": 31.0, "ema_err": 30.0}, False, True),
        ({"test_err": 30.0, "ema_err": 30.0}, False, False),
        ({"test_err": 30.0, "ema_err": 31.0}, False, False),
        ({"test_err": 30.0, "ema_err": 31.0}, True, True),
        ({"test_err": 30.0, "ema_err": float("nan")}, False, False),
        ({"test_err": 30.0}, False, False),
        ({}, False, False),
    ],
)
def test_of_pycls_the_lower_error_wins_unless_ema_is_said(
    tmp_path: Path, randomized: Callable[..., Any], errors: dict[str, float], ema: bool, is_average: bool
):
    plain, average = randomized(seed=1), randomized(seed=2)
    stored = read_state(pycls_file(tmp_path / "a.pyth", plain, average, **errors), ema=ema)
    assert (stored.layout, stored.format, stored.has_average) == ("pycls", "torch", True)
    assert same(stored.state, (average if is_average else plain).state_dict())
    assert [("lower error" in notice) for notice in stored.notices] == ([True] if is_average and not ema else [])


@pytest.mark.parametrize(
    "config", ["TRAIN:\n  DATASET: cifar10\n", "TEST: {DATASET: 'cifar10'}", '  DATASET: "cifar100"']
)
def test_of_cifar_pycls_sees_rgb(tmp_path: Path, randomized: Callable[..., Any], config: str):
    module = randomized()
    torch.save({"model_state": module.state_dict(), "cfg": config}, tmp_path / "a.pyth")
    stored = read_state(tmp_path / "a.pyth")
    assert same(stored.state, module.state_dict())
    assert stored.config["preprocessing"]["mean"] == [125.3, 123.0, 113.9]
    for other in ("TRAIN:\n  DATASET: imagenet\n", "", None, 3, ["DATASET: cifar10"], "A_DATASET: x"):
        torch.save({"model_state": module.state_dict(), "cfg": other}, tmp_path / "b.pyth")
        stored = read_state(tmp_path / "b.pyth")
        assert torch.equal(stored.state["stem.conv.weight"], module.stem.conv.weight.flip(1))
        assert stored.config == {}


def test_an_older_file_of_pycls_has_no_average(tmp_path: Path, randomized: Callable[..., Any]):
    path = pycls_file(tmp_path / "a.pyth", randomized())
    assert same(read_state(path).state, randomized().state_dict())
    with pytest.raises(WeightsError, match=r"has none\. Leave ema out"):
        read_state(path, ema=True)
    # said to be ours, the first convolution stays
    stem = read_state(path, format="netwright").state["stem.conv.weight"]
    assert torch.equal(stem, randomized().stem.conv.weight.flip(1))


@pytest.mark.parametrize("numbers", [float, np.float64, np.float32])
def test_numbers_of_numpy_beside_weights_are_read(tmp_path: Path, randomized: Callable[..., Any], numbers: Any):
    plain, average = randomized(seed=1), randomized(seed=2)
    errors = {"test_err": numbers(31.5), "ema_err": numbers(30.25), "steps": np.int64(7)}
    stored = read_state(pycls_file(tmp_path / "a.pyth", plain, average, **errors))
    assert same(stored.state, average.state_dict())


@pytest.mark.parametrize(
    ("name", "average"),
    [("state_dict", "state_dict_ema"), ("model", "model_ema"), ("model_state_dict", "ema_state_dict")],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "model."])
def test_checkpoints_of_other_trainers_are_unpacked(
    tmp_path: Path, randomized: Callable[..., Any], name: str, average: str, prefix: str
):
    plain, averaged = (
        {f"{prefix}{key}": value for key, value in randomized(seed=seed).state_dict().items()} for seed in (1, 2)
    )
    args = argparse.Namespace(model="regnety_002", lr=0.1, nested=argparse.Namespace(a=[1]))
    if prefix == "module.":
        averaged["n_averaged"] = torch.tensor(3)  # as torch's AveragedModel keeps it
    torch.save({"epoch": 3, "arch": "a", "args": args, name: plain, average: averaged}, tmp_path / "a.pth.tar")
    for ema, seed in ((False, 1), (True, 2)):
        stored = read_state(tmp_path / "a.pth.tar", ema=ema)
        assert same(stored.state, randomized(seed=seed).state_dict())
        assert (stored.has_average, stored.layout) == (True, "netwright")


def classy_file(path: Path, module: Any, heads: dict[str, Tensor], trunk: str = "_feature_blocks") -> Path:
    """As vissl writes SEER, from the description of its modules."""
    names = {"f.c_bn": "f.final_bn", "f.se.f_ex": "f.se.excitation"}
    names |= {f"f.{x}_bn": f"f.{x}.1" for x in "ab"}
    body = {}
    for name, value in module.state_dict().items():
        place, _, rest = name.partition(".")
        if place == "head":
            continue
        if place == "stem":
            rest = rest.replace("conv.", "0.").replace("bn.", "1.")
            body[f"_feature_blocks.conv1.stem.{rest}" if trunk == "_feature_blocks" else f"stem.stem.{rest}"] = value
            continue
        block, _, rest = rest.partition(".")
        for ours, theirs in names.items():
            rest = rest.replace(ours, theirs)
        rest = rest.replace("f.a.weight", "f.a.0.weight").replace("f.b.weight", "f.b.0.weight")
        stage = int(place[1:])
        where = f"_feature_blocks.res{stage + 1}" if trunk == "_feature_blocks" else f"trunk_output.block{stage}"
        body[f"{where}.block{stage}-{int(block[1:]) - 1}.{rest}"] = value
    model = {"trunk": body, "heads": heads}
    torch.save({"phase_idx": 1, "classy_state_dict": {"base_model": {"model": model, "meters": {}}}}, path)
    return path


@pytest.mark.parametrize("trunk", ["_feature_blocks", "trunk_output"])
@pytest.mark.parametrize("head", ["0.clf.0.{}", "nested"])
def test_seer_and_classy_vision_are_read(tmp_path: Path, randomized: Callable[..., Any], trunk: str, head: str):
    module = randomized()
    fc = module.head.fc
    pairs = {"weight": fc.weight.data, "bias": fc.bias.data}
    heads: Any = {head.format(key): value for key, value in pairs.items()}
    if head == "nested":
        heads = {"block3-2": {"default_head": {f"fc.{key}": value for key, value in pairs.items()}}}
    stored = read_state(classy_file(tmp_path / "a.torch", module, heads, trunk))
    assert stored.layout == "classy"
    assert same(stored.state, module.state_dict())
    assert stored.notices == ()


def test_heads_of_pretraining_are_left_out_and_others_are_not(tmp_path: Path, randomized: Callable[..., Any]):
    heads = {"0.projection_head.0.weight": torch.ones(2), "0.prototypes0.weight": torch.ones(3)}
    stored = read_state(classy_file(tmp_path / "a.torch", randomized(), heads))
    assert not any(name.startswith("head") for name in stored.state)
    assert stored.notices == ("2 tensors of heads used only in pretraining are left out",)
    stored = read_state(classy_file(tmp_path / "b.torch", randomized(), {"0.odd.weight": torch.ones(2)}))
    assert "heads.0.odd.weight" in stored.state  # no network has it, which is said where it is filled


def test_a_file_of_classy_vision_without_a_body_is_said(tmp_path: Path):
    for inner in ({}, {"base_model": {"model": {"heads": {}}}}, {"base_model": 3}):
        torch.save({"classy_state_dict": inner}, tmp_path / "a.torch")
        with pytest.raises(WeightsError, match=r"has no classy_state_dict.base_model.model.trunk"):
            read_state(tmp_path / "a.torch")
    torch.save({"classy_state_dict": {}}, tmp_path / "a.torch")
    with pytest.raises(WeightsError, match="Leave ema out"):
        read_state(tmp_path / "a.torch", ema=True)


def test_tensors_that_claim_more_than_the_file_holds_are_refused(tmp_path: Path):
    for value in (torch.zeros(1).expand(10**12), torch.zeros(1).expand(100, 10**5)):
        torch.save({"stem.conv.weight": value}, tmp_path / "a.pth")
        with pytest.raises(WeightsError, match=r"has tensors of [\d,]+ bytes, which is more than the file: refused"):
            read_state(tmp_path / "a.pth")
    shared = torch.zeros(10_000)
    torch.save({f"s1.b{i}.f.a.weight": shared for i in range(1, 200)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="more than the file"):
        read_state(tmp_path / "a.pth")


class Bomb:
    """Runs code where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_what_stands_for_harmless_objects_runs_nothing(tmp_path: Path):
    victim = tmp_path / "executed"
    args = argparse.Namespace(bomb=Bomb(victim))
    for beside in (args, [np.float64(1), Bomb(victim)], {"a": np.array([Bomb(victim)], dtype=object)}):
        torch.save({"args": beside, "state_dict": {"a.b": torch.ones(1)}}, tmp_path / "a.pth")
        with pytest.raises(WeightsError, match=r"Python objects \([\w.]+\) that could run code, so it is not opened"):
            read_state(tmp_path / "a.pth")
    assert not victim.exists()


def test_calls_of_builtins_in_a_pickle_are_not_made(tmp_path: Path):
    victim = tmp_path / "executed"
    whole = tmp_path / "whole.pth"
    torch.save({"a.b": torch.ones(1)}, whole)
    for module, name in (("os", "system"), ("builtins", "eval"), ("builtins", "exec"), ("posix", "system")):
        code = f"__import__('pathlib').Path({str(victim)!r}).touch()" if module == "builtins" else f"touch {victim}"
        text = code.encode()
        opcodes = f"c{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(text)) + text + b"\x85R."
        with zipfile.ZipFile(whole) as old, zipfile.ZipFile(tmp_path / "a.pth", "w") as new:
            for record in old.namelist():
                new.writestr(record, b"\x80\x02" + opcodes if record.endswith("data.pkl") else old.read(record))
        (tmp_path / "b.pth").write_bytes(b"\x80\x02" + opcodes)
        for path in (tmp_path / "a.pth", tmp_path / "b.pth"):
            with pytest.raises(WeightsError):
                read_state(path)
    assert not victim.exists()


def test_a_storage_that_claims_terabytes_is_an_error(tmp_path: Path):
    for is_zip in (True, False):
        torch.save({"a.b": torch.arange(1000.0)}, tmp_path / "a.pth", _use_new_zipfile_serialization=is_zip)
        content = (tmp_path / "a.pth").read_bytes()
        thousand, huge = b"M\xe8\x03", b"\x8a\x06" + (10**12).to_bytes(6, "little")
        if is_zip:
            with zipfile.ZipFile(tmp_path / "a.pth") as old, zipfile.ZipFile(tmp_path / "b.pth", "w") as new:
                for record in old.namelist():
                    new.writestr(record, old.read(record).replace(thousand, huge))
        else:
            (tmp_path / "b.pth").write_bytes(content.replace(thousand, huge))
        with pytest.raises(WeightsError, match="truncated or damaged"):
            read_state(tmp_path / "b.pth")


@pytest.mark.parametrize("content", [3, "text", [torch.ones(1)], {"a.b": 3}, {"model": {"a.b": [torch.ones(1)]}}, {}])
def test_what_has_no_weights_is_said(tmp_path: Path, content: Any):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"mapping of names to tensors|holds none"):
        read_state(tmp_path / "a.pth")


def test_deep_nesting_ends(tmp_path: Path):
    heads: Any = {"fc.weight": torch.ones(1)}
    for _ in range(200):
        heads = {"a": heads}
    model = {"trunk": {"stem.stem.0.weight": torch.ones(1)}, "heads": heads}
    torch.save({"classy_state_dict": {"base_model": {"model": model}}}, tmp_path / "a.torch")
    assert list(read_state(tmp_path / "a.torch").state) == ["stem.conv.weight"]  # what is deeper is no head
    (tmp_path / "b.pth").write_bytes(b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".")
    with pytest.raises(WeightsError):
        read_state(tmp_path / "b.pth")


def test_a_published_network_of_pycls_is_known(tmp_path: Path):
    from netwright.weights.arch_inference import infer_arch

    module = build(published("regnet_x_200mf"), seed=0)
    arch = infer_arch(read_state(pycls_file(tmp_path / "a.pyth", module)).state)
    assert arch == published("regnet_x_200mf")
    assert pickle.loads(pickle.dumps(arch)) == arch


@pytest.mark.filterwarnings("ignore")
def test_other_archives_are_said_for_what_they_are(tmp_path: Path, randomized: Callable[..., Any]):
    module = randomized()
    torch.jit.save(torch.jit.trace(module, torch.zeros(1, 3, 16, 16)), tmp_path / "a.pt")
    with pytest.raises(WeightsError, match=r"a TorchScript file, which has code, .*torch\.jit\.load\(path\)"):
        read_state(tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.writestr("a/text.txt", b"hello")
    with pytest.raises(WeightsError, match=r"a zip archive, and no file of torch\.save"):
        read_state(tmp_path / "b.pt")


def test_mappings_that_multiply_are_read_once(tmp_path: Path):
    content: Any = {"a": torch.ones(1)}
    for _ in range(6):
        content = {str(i): content for i in range(100)}
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(WeightsError, match="a mapping of names to tensors"):
        read_state(tmp_path / "a.pt")
