"""What every format of weights promises that is written and read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.arch import Arch, regnet
from netwright.data import Preprocessing
from netwright.errors import OutputError, WeightsError
from netwright.nn import AnyNet, fuse
from netwright.testing.networks import disturbed, randomized
from netwright.weights import LoadedModel, infer_arch, load_model, read_state

__all__ = ["WeightFormatContract"]

_COUNTER = "num_batches_tracked"  # of batch norm; no output depends on it, and not every format has it
_FILE_LIMIT = 4096  # bytes; the weights of these networks are larger
_CUTS = 12  # lengths to which a file is cut
_NAMES = ("ant", "bee", "cat", "dog", "élan")
_SEEN = Preprocessing(96, 3, 0.9, "bicubic", False, (120.0, 110.0, 100.0), (60.5, 57.25, 1 / 3))


def _loaded(arch: Arch, seed: int = 0) -> LoadedModel:
    facts = {"epoch": 3, "validation": {"top1": 71.25}}
    return LoadedModel(arch, randomized(arch, seed), _SEEN, _NAMES, "made here", facts=facts)


def _images(dtype: torch.dtype, side: int = 64) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1)).to(dtype)


def _logits(module: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        found: Tensor = module(x)
    return found


def _difference(one: nn.Module, other: nn.Module) -> float:
    """Of logits, relative to the largest; they must differ between images and classes to count."""
    x = _images(next(one.parameters()).dtype)
    first, second = _logits(one, x), _logits(other, x)
    spread = min(second.std(0).max(), second.std(1).max()) / second.abs().max()
    assert spread > 1e-2, "these weights tell images and classes apart"
    return float((first - second).abs().max() / second.abs().max())


def _own(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.endswith(_COUNTER)}


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def _small_files() -> Iterator[None]:
    """No file can grow beyond some bytes, as on a full disk."""
    resource = pytest.importorskip("resource", reason="this system has no limits on files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class WeightFormatContract:
    """The tests of a format of weights.

    A subclass gives `save`, and `load` and `read` where `load_model` and `read_state` do not know the format:

        class TestMyFormat(WeightFormatContract):
            carries = {"preprocessing", "class_names"}

            def save(self, folder, model):
                write_mine(folder / "a.mine", model.module)
                return folder / "a.mine"

    Where another library reads and writes the format, `peers` and the methods of peers compare with it: its weights
    give its logits here, and weights from here give the same there.

    Attributes:
        networks: Those that the format can hold, of five classes and RGB.
        carries: Which of "preprocessing", "class_names" and "facts" a file has besides the weights.
        dtypes: In which weights are kept as they are.
        peers: Names, as netwright has them, of networks that the other library makes too.
    """

    networks: Sequence[Arch] = tuple(
        regnet(6, 8, 16.0, 2.2, 4, block=block, num_classes=5, name=f"designed_{block}") for block in ("x", "y")
    )
    carries: frozenset[str] = frozenset()
    dtypes: Sequence[torch.dtype] = (torch.float64, torch.float16)
    peers: Sequence[Any] = ()

    def save(self, folder: Path, model: LoadedModel) -> Path:
        """Write the weights, and what else the format carries, into a folder; returns the file with the weights."""
        raise NotImplementedError

    def load(self, path: Path, arch: Arch) -> LoadedModel:
        """The network in a file. arch: for formats that do not say which network it is."""
        return load_model(path)

    def read(self, path: Path) -> Mapping[str, Tensor]:
        """The tensors in a file by netwright's names, in the precision of the file."""
        return read_state(path).state

    def make_peer(self, name: str) -> nn.Module:
        """The other library's network; its weights are made random by the test."""
        raise NotImplementedError

    def save_peer(self, folder: Path, peer: nn.Module) -> Path:
        """Write its weights as the other library does. The default is `torch.save` of its state dict."""
        torch.save(peer.state_dict(), folder / "peer.pth")
        return folder / "peer.pth"

    def load_peer(self, path: Path, name: str) -> nn.Module:
        """The other library's network with the weights that `save` wrote, strictly."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test for each network and peer."""
        for name, values in (("network", self.networks), ("dtype", self.dtypes), ("peer", self.peers)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=lambda value: getattr(value, "name", str(value)))

    def test_every_tensor_comes_back(self, network: Arch, tmp_path: Path) -> None:
        model = _loaded(network)
        found = self.load(self.save(tmp_path, model), network)
        assert replace(found.arch, name=network.name, resolution=network.resolution) == network
        expected, state = _own(model.module.state_dict()), _own(found.module.state_dict())
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], value) for name, value in expected.items())
        assert not found.module.training

    def test_the_network_computes_the_same(self, network: Arch, tmp_path: Path) -> None:
        model = _loaded(network)
        x = _images(torch.float32)
        expected = _logits(model.module, x)
        assert torch.equal(_logits(self.load(self.save(tmp_path, model), network).module, x), expected)

    def test_the_precision_stays(self, dtype: torch.dtype, tmp_path: Path) -> None:
        model = _loaded(self.networks[0])
        model.module.to(dtype)
        expected, found = _own(model.module.state_dict()), _own(self.read(self.save(tmp_path, model)))
        assert found.keys() == expected.keys()
        assert {value.dtype for value in found.values()} == {dtype}
        assert all(torch.equal(found[name], value) for name, value in expected.items())

    def test_what_a_file_carries_comes_back(self, network: Arch, tmp_path: Path) -> None:
        model = _loaded(network)
        found = self.load(self.save(tmp_path, model), network)
        for name in ("preprocessing", "class_names", "facts"):
            if name in self.carries:
                assert getattr(found, name) == getattr(model, name), name

    def test_a_file_without_one_of_the_tensors_is_refused(self, tmp_path: Path) -> None:
        network = self.networks[0]
        model = _loaded(network)
        model.module.get_submodule("head.fc").register_parameter("bias", None)
        with pytest.raises(WeightsError, match=r"\bbias\b"):
            self.load(self.save(tmp_path, model), network)

    def test_a_fused_network_is_refused(self, tmp_path: Path) -> None:
        model = _loaded(self.networks[0])
        assert isinstance(model.module, AnyNet)
        with pytest.raises(WeightsError, match="fused"):
            self.save(tmp_path, replace(model, module=fuse(model.module)))
        assert _contents(tmp_path) == {}

    def test_a_full_disk_leaves_the_old_file_and_nothing_else(self, tmp_path: Path) -> None:
        network = self.networks[0]
        path = self.save(tmp_path, _loaded(network, seed=0))
        assert path.stat().st_size > _FILE_LIMIT
        before = _contents(tmp_path)
        with _small_files(), pytest.raises(OutputError):
            self.save(tmp_path, _loaded(network, seed=1))
        assert _contents(tmp_path) == before

    def test_a_file_that_is_cut_short_is_an_error(self, tmp_path: Path) -> None:
        network = self.networks[0]
        path = self.save(tmp_path, _loaded(network))
        whole = path.read_bytes()
        for length in np.random.default_rng(0).integers(0, len(whole), _CUTS).tolist():
            path.write_bytes(whole[:length])
            with pytest.raises(WeightsError):
                self.load(path, network)

    def test_weights_of_the_other_library_come_and_go(self, peer: str, tmp_path: Path) -> None:
        torch.manual_seed(0)
        theirs = disturbed(self.make_peer(peer))
        state = self.read(self.save_peer(tmp_path, theirs))
        arch = infer_arch(state)
        assert arch is not None
        assert arch.name == peer
        ours = AnyNet(arch).double().eval()
        left = ours.load_state_dict(dict(state), strict=False)
        assert left.unexpected_keys == []
        assert all(name.endswith(_COUNTER) for name in left.missing_keys)
        assert _difference(ours, theirs) < 1e-9
        assert _difference(ours.float(), theirs.float()) < 1e-4
        (tmp_path / "back").mkdir()
        path = self.save(tmp_path / "back", LoadedModel(arch, ours, Preprocessing()))
        back = self.load_peer(path, peer)
        assert all(torch.equal(back.state_dict()[name], value) for name, value in _own(theirs.state_dict()).items())
        assert _difference(back.double().eval(), ours.double()) < 1e-9
