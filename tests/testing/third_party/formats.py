"""A format of weights that somebody else wrote, right and wrong in several ways; run by ../test_contracts.py."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netwright.arch import Arch
from netwright.data import Preprocessing
from netwright.errors import WeightsError
from netwright.nn import AnyNet, build
from netwright.system.atomic import write_bytes
from netwright.testing import WeightFormatContract
from netwright.weights import LoadedModel

torch.set_num_threads(1)


class Arrays:
    """numpy's .npz, with class names beside the arrays."""

    def save(self, path: Path, model: LoadedModel) -> None:
        if model.module.is_fused:
            raise WeightsError("a fused network has no batch norm left to save")
        arrays = {name: value.numpy() for name, value in model.module.state_dict().items()}
        names = np.frombuffer(json.dumps(model.class_names).encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays, class_names=names)
        self.write(path, buffer.getvalue())

    def write(self, path: Path, content: bytes) -> None:
        write_bytes(path, content, what="the arrays", elsewhere="another folder")

    def read(self, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise WeightsError(f"{path} is damaged: {error}") from error
        names = tuple(json.loads(arrays.pop("class_names").tobytes()))
        return {name: torch.from_numpy(value) for name, value in arrays.items()}, names

    def load(self, path: Path, arch: Arch) -> LoadedModel:
        state, names = self.read(path)
        module = AnyNet(arch).eval()
        if lacking := module.state_dict().keys() - state.keys():
            raise WeightsError(f"{path} lacks {', '.join(sorted(lacking))}")
        module.load_state_dict(state)
        return LoadedModel(arch, module, Preprocessing(), names)


class OfArrays(WeightFormatContract):
    carries = frozenset({"class_names"})
    kind: type[Arrays] = Arrays

    def save(self, folder: Path, model: LoadedModel) -> Path:
        self.kind().save(folder / "a.npz", model)
        return folder / "a.npz"

    def load(self, path: Path, arch: Arch) -> LoadedModel:
        return self.kind().load(path, arch)

    def read(self, path: Path) -> Mapping[str, Tensor]:
        return self.kind().read(path)[0]


class TestRight(OfArrays):
    pass


class LosesStatistics(Arrays):
    """As formats that keep parameters only."""

    def read(self, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        state, names = super().read(path)
        return {name: value * 0 if "running_mean" in name else value for name, value in state.items()}, names


class TestLosesStatistics(OfArrays):
    kind = LosesStatistics


class Half(Arrays):
    def read(self, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        state, names = super().read(path)
        return {name: value.half() for name, value in state.items()}, names


class TestHalf(OfArrays):
    kind = Half


class LosesNames(Arrays):
    def load(self, path: Path, arch: Arch) -> LoadedModel:
        model = super().load(path, arch)
        return LoadedModel(model.arch, model.module, model.preprocessing)


class TestLosesNames(OfArrays):
    kind = LosesNames


class FillsUp(Arrays):
    """What is missing stays as it was initialized."""

    def load(self, path: Path, arch: Arch) -> LoadedModel:
        state, names = self.read(path)
        module = build(arch, seed=0).eval()
        module.load_state_dict(state, strict=False)
        return LoadedModel(arch, module, Preprocessing(), names)


class TestFillsUp(OfArrays):
    kind = FillsUp


class TakesFused(Arrays):
    def save(self, path: Path, model: LoadedModel) -> None:
        self.write(path, b"".join(value.numpy().tobytes() for value in model.module.state_dict().values()))


class TestTakesFused(OfArrays):
    kind = TakesFused


class WritesInPlace(Arrays):
    def write(self, path: Path, content: bytes) -> None:
        with open(path, "wb") as file:
            file.write(content)


class TestWritesInPlace(OfArrays):
    kind = WritesInPlace


class TakesDamage(Arrays):
    def load(self, path: Path, arch: Arch) -> LoadedModel:
        try:
            return super().load(path, arch)
        except WeightsError:
            return LoadedModel(arch, build(arch, seed=0), Preprocessing())


class TestTakesDamage(OfArrays):
    kind = TakesDamage
