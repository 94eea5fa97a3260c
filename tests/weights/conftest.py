"""A small network with every statistic random, and MindSpore's format written from its description."""

from __future__ import annotations

import importlib.util
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.arch import Arch, Stage, Stem
from netwright.nn import AnyNet, build
from netwright.testing import disturbed

SMALL = Arch((Stage(2, 8, 1, 1.0, 4), Stage(1, 16, 2, 2.0, 4)), "y", Stem("simple", 8), 0.25, 16, 5, 3, "small")
KINDS = {"float32": "Float32", "float16": "Float16", "int32": "Int32", "int64": "Int64", "bool": "Bool"}


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test here computes with one."""


@pytest.fixture(scope="session")
def small() -> Arch:
    return SMALL


@pytest.fixture(scope="session")
def randomized() -> Callable[..., AnyNet]:
    """A network in which nothing is as it was initialized, so that no tensor can be left out or exchanged unseen."""

    def make(arch: Arch = SMALL, seed: int = 0) -> AnyNet:
        module = build(arch, seed=seed)
        generator = torch.Generator().manual_seed(seed + 100)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                for value in (part.weight, part.bias, part.running_mean, part.running_var):
                    value.data.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        module.head.fc.bias.data.copy_(torch.randn(arch.num_classes, generator=generator))
        return module.eval()

    return make


@pytest.fixture(scope="session")
def logits() -> Callable[[nn.Module], Tensor]:
    def of(module: nn.Module, channels: int = 3, side: int = 16) -> Tensor:
        with torch.inference_mode():
            return module(torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(9)))

    return of


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(8 * number + 2) + varint(len(content)) + content


def value(tag: str, dims: tuple[int, ...], kind: str, content: bytes, *, packed: bool = False) -> bytes:
    """One entry of a checkpoint."""
    shape = b"".join(map(varint, dims))
    shape = (field(1, shape) if dims else b"") if packed else b"".join(b"\x08" + varint(dim) for dim in dims)
    return field(1, field(1, tag.encode()) + field(2, shape + field(2, kind.encode()) + field(3, content)))


def entry(tag: str, array: np.ndarray, **given: Any) -> bytes:
    return value(tag, array.shape, KINDS[str(array.dtype)], np.ascontiguousarray(array).tobytes(), **given)


def mindspore_names(state: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Ours -> MindCV's, written out here once more, apart from the program's table."""
    named = {}
    for name, tensor in state.items():
        head, _, rest = name.partition(".")
        if name.endswith("num_batches_tracked"):
            continue
        if head[0] == "s" and head[1:].isdigit():
            stage, block = int(head[1:]) - 1, int(rest.split(".")[0][1:]) - 1
            rest = rest.split(".", 1)[1]
            name = f"0.blocks.{block}.{rest}" if stage == 0 else f"0.blocks.{stage}.blocks.{block}.{rest}"
        name = name.replace("f_ex.0", "conv_reduce").replace("f_ex.2", "conv_expand")
        if name.split(".")[-2].endswith("bn"):
            last = name.split(".")[-1]
            renamed = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean"}
            name = name.removesuffix(last) + renamed.get(last, "moving_variance")
        named[name] = tensor.detach().numpy()
    return named


def checksum(content: bytes) -> bytes:
    return content + b"crc_num" + b"\0" * 6 + struct.pack(">I", zlib.crc32(content))


class Ckpt:
    """The writer, for tests."""

    entry, field, names, value, varint = map(staticmethod, (entry, field, mindspore_names, value, varint))
    checksum = staticmethod(checksum)

    @staticmethod
    def of(module: nn.Module) -> bytes:
        return b"".join(entry(name, array) for name, array in mindspore_names(module.state_dict()).items())


@pytest.fixture(scope="session")
def ckpt() -> type[Ckpt]:
    return Ckpt


@pytest.fixture
def network_yaml(tmp_path: Path) -> str:
    """The small network, described: its weights are no published network's."""
    path = tmp_path / "described" / "network.yaml"
    path.parent.mkdir()
    path.write_text(SMALL.to_yaml())
    return str(path)


class Peers:
    """Networks that timm and torchvision make themselves, with nothing left as it was initialized."""

    @staticmethod
    def of_timm(name: str, **given: Any) -> Any:
        import timm

        torch.manual_seed(0)
        return disturbed(timm.create_model(name, **given), given.get("in_chans", 3))

    @staticmethod
    def of_torchvision(name: str, **given: Any) -> Any:
        import torchvision

        torch.manual_seed(0)
        return disturbed(torchvision.models.get_model(name, **given))

    @staticmethod
    def difference(one: nn.Module, other: nn.Module, side: int = 64, channels: int = 3) -> float:
        """Of logits, relative to the largest; they must differ between images and classes to count."""
        dtype = next(one.parameters()).dtype
        x = torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(1)).to(dtype)
        with torch.inference_mode():
            first, second = one(x), other(x)
        spread = min(second.std(0).max(), second.std(1).max()) / second.abs().max()
        assert spread > 1e-2
        return float((first - second).abs().max() / second.abs().max())


@pytest.fixture(scope="session")
def peers() -> type[Peers]:
    return Peers


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A hub of models on this machine (see fake_hub.py), with caches of its own and nobody's token."""
    spec = importlib.util.spec_from_file_location("fake_hub", Path(__file__).with_name("fake_hub.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    if not hasattr(module, "running"):
        spec.loader.exec_module(module)
    with module.running() as state:
        for name, value in (("HF_ENDPOINT", state.url), ("HF_HUB_CACHE", str(tmp_path / "hf"))):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between attempts
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "NETWRIGHT_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield state
