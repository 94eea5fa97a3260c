"""What names a network, and what a foreign, damaged or hostile file gives."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from fixtures.extras import needs

from netwright.errors import ExportError, WeightsError
from netwright.runtime import find_export, open_runtime
from netwright.weights import LoadedModel, save_model

KINDS = ("onnx", "openvino", "torch")


@pytest.fixture(params=KINDS)
def copied(request: pytest.FixtureRequest, color: LoadedModel, exported: Callable[..., Path], tmp_path: Path) -> Path:
    """An export of each kind, to be changed."""
    made = exported(color, request.param)
    folder = tmp_path / "copy"
    shutil.copytree(made.parent, folder)
    return folder / made.name


def test_weights_are_opened_by_their_path(color: LoadedModel, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_model(path, color.module, preprocessing=color.preprocessing, class_names=color.class_names)
    with open_runtime(path, name="mine", version="7") as runtime:
        assert (runtime.kind, runtime.info.name, runtime.info.version) == ("torch", "mine", "7")
        assert runtime.info.class_names == color.class_names
    with pytest.raises(WeightsError):
        open_runtime(tmp_path / "nothing")


@pytest.mark.slow
def test_a_folder_means_its_export(copied: Path) -> None:
    assert find_export(copied.parent) == copied
    (copied.parent / "notes.txt").write_text("x")
    with open_runtime(copied.parent) as runtime:
        assert runtime.info.name == "small"
    (copied.parent / "other.onnx").write_bytes(b"")
    assert find_export(copied.parent) == copied, "model.* goes before others"
    (copied.parent / "model.onnx").touch()
    (copied.parent / "model.pt2").touch()
    with pytest.raises(ExportError, match="has one exported file"):
        find_export(copied.parent)


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert find_export(tmp_path) is None


def test_what_a_runtime_cannot_do_names_what_can(color: LoadedModel, exported: Callable[..., Path]) -> None:
    for file, runtime in (("openvino", "onnx"), ("openvino", "torch"), ("torch", "openvino"), ("onnx", "torch")):
        with pytest.raises(ExportError, match=f"--to {runtime}"):
            open_runtime(exported(color, file), runtime=runtime)
    with pytest.raises(ExportError, match="--precision fp16"):
        open_runtime(exported(color, "onnx"), precision="fp16")
    with pytest.raises(ExportError, match="int8 is computed in int8, not in bf16"):
        open_runtime(exported(color, "openvino", "int8"), precision="bf16")
    with pytest.raises(ExportError, match="calibration"):
        open_runtime(color, runtime="openvino", precision="int8")
    with pytest.raises(ExportError, match="fp32 or bf16 or fp16, not int8"):
        open_runtime(color, precision="int8")
    for wrong in ({"runtime": "tensorrt"}, {"precision": "fp8"}, {"threads": 0}):
        with pytest.raises(ExportError, match=r"one of|1 or more"):
            open_runtime(color, **wrong)  # type: ignore[arg-type]


def test_another_precision_on_request(color: LoadedModel, exported: Callable[..., Path]) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16), dtype=np.float32)
    for file in ("openvino", "torch"):
        with open_runtime(exported(color, file)) as full, open_runtime(exported(color, file), precision="bf16") as b:
            assert (full.precision, b.precision, b.info.precision) == ("fp32", "bf16", "fp32")
            apart = np.abs(full.logits(x) - b.logits(x)).max()
            assert 0 < apart < 0.1 * full.logits(x).std()


@pytest.mark.parametrize("content", [b"", b"\x00" * 50, b"PK\x03\x04nonsense", b"<net></net>", b"<html>", b"\xff" * 99])
def test_other_content_is_no_export(copied: Path, content: bytes) -> None:
    copied.write_bytes(content)
    with pytest.raises(ExportError, match="model"):
        open_runtime(copied)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    for suffix in (".onnx", ".xml", ".pt2"):
        with pytest.raises(ExportError, match=r"cannot be read: No such file"):
            open_runtime(tmp_path / f"gone{suffix}")


@pytest.mark.slow
def test_damage_is_refused_or_harmless(copied: Path) -> None:
    """Cut off, overwritten, repeated: an ExportError, or the very answers of the whole file."""
    whole = copied.read_bytes()
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16), dtype=np.float32)
    with open_runtime(copied) as runtime:
        answers = runtime.logits(x)
    rng, refused = np.random.default_rng(0), 0
    for turn in range(60):
        content = bytearray(whole)
        start = int(rng.integers(len(content)))
        if turn % 3 == 0:
            del content[start:]
        elif turn % 3 == 1:
            content[start : start + 4] = rng.bytes(4)
        else:
            content[start:start] = content[: int(rng.integers(1, 200))]
        copied.write_bytes(content)
        try:
            with open_runtime(copied) as runtime:
                found = runtime.logits(x)
        except ExportError:
            refused += 1
        else:
            # what a file says of itself, and what torch's graph says, may be damaged and the network is not
            assert np.allclose(found, answers, atol=1e-4), turn
    assert refused > 20


def test_weights_of_another_export_are_refused(copied: Path, gray: LoadedModel) -> None:
    if copied.suffix != ".xml":
        pytest.skip("one file")
    weights = copied.with_suffix(".bin")
    content = bytearray(weights.read_bytes())
    content[100] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ExportError, match="other weights than were written"):
        open_runtime(copied)
    weights.unlink()
    with pytest.raises(ExportError, match="Copy both files"):
        open_runtime(copied)


def test_foreign_files_say_who_wrote_them(tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]) -> None:
    model = onnx.load(exported(color, "onnx"))
    del model.metadata_props[:]
    model.producer_name = "somebody"
    onnx.save(model, tmp_path / "theirs.onnx")
    with pytest.raises(ExportError, match=r"something else wrote it \(somebody\)"):
        open_runtime(tmp_path / "theirs.onnx")
    with zipfile.ZipFile(tmp_path / "theirs.pt2", "w") as archive:
        archive.writestr("a/archive_format", "pt2")
    with pytest.raises(ExportError, match="something else wrote it"):
        open_runtime(tmp_path / "theirs.pt2")
    (tmp_path / "theirs.xml").write_text('<?xml version="1.0"?><net name="a" version="11"></net>')
    with pytest.raises(ExportError, match="something else wrote it"):
        open_runtime(tmp_path / "theirs.xml")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "openvino", pytest.param("litert", marks=needs("litert"))])
def test_an_export_answers_without_torch(kind: str, color: LoadedModel, exported: Callable[..., Path]) -> None:
    program = (
        "import sys, numpy as np\n"
        "from dataclasses import replace\n"
        "from netwright.runtime import open_runtime\n"
        f"with open_runtime({str(exported(color, kind))!r}) as runtime:\n"
        "    print(runtime.predict([np.zeros((30, 20, 3), np.uint8)]).top(1)[0][0].name)\n"
        "    for interpolation in ('nearest', 'bilinear', 'bicubic'):\n"
        "        plain = replace(runtime.info.preprocessing, antialias=False, interpolation=interpolation)\n"
        "        runtime.use_preprocessing(plain)\n"
        "        runtime.predict([np.zeros((33, 21, 3), np.uint8)])\n"
        "print(sorted({'torch', 'timm', 'torchvision', 'pandas'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    name, modules = done.stdout.splitlines()
    assert name in color.class_names
    assert modules == "[]"


@pytest.mark.slow
def test_weights_without_torch_say_what_is_missing(tmp_path: Path) -> None:
    """As in the image of manifests/, which has no torch."""
    (tmp_path / "w.safetensors").write_bytes(b"any")
    (tmp_path / "m.pt2").write_bytes(b"any")
    code = """
import sys
import importlib.abc
class NoTorch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, NoTorch())
from netwright.cli.main import main
sys.exit(main(["serve", sys.argv[1], "--port", "0"]))
"""
    for name, said in (("w.safetensors", "is no exported file"), ("m.pt2", "is a file for torch"), ("gone", "no")):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert said in done.stderr
        assert "torch, which is not installed" in done.stderr.replace("\n", " ") or "pip install torch" in done.stderr
