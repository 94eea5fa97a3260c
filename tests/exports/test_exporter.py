"""Exporting: what is written, and what is not."""

from __future__ import annotations

import copy
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from fixtures.extras import needs

import netwright
from netwright.arch import Arch, Stage, Stem
from netwright.errors import ExportError, OutputError
from netwright.exports import export, labeled_images
from netwright.runtime import open_runtime
from netwright.weights import LoadedModel, save_model


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_onnx_is_one_file_that_its_own_checker_takes(color: LoadedModel, exported: Callable[..., Path]) -> None:
    path = exported(color, "onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node].count("BatchNormalization") == 0
    assert {each.version for each in model.opset_import} == {17}
    said = json.loads(next(each.value for each in model.metadata_props if each.key == "netwright"))
    assert said["class_names"] == list(color.class_names)
    assert said["preprocessing"] == color.preprocessing.to_dict()
    assert said["arch"] == color.arch.to_dict()
    assert (said["opset"], said["precision"]) == (17, "fp32")
    assert set(said["made"]) == {"netwright", "python", "torch", "onnx"}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [(each.name, each.type, each.shape) for each in session.get_inputs()] == [
        ("input", "tensor(float)", ["N", 3, 16, 16])
    ]
    assert [(each.name, each.type, each.shape) for each in session.get_outputs()] == [
        ("logits", "tensor(float)", ["N", 5])
    ]


@pytest.mark.slow
def test_half_and_quantized_files_take_and_give_floats_too(color: LoadedModel, exported: Callable[..., Path]) -> None:
    kinds = {}
    for precision in ("fp16", "int8"):
        graph = onnx.load(exported(color, "onnx", precision)).graph
        assert graph.input[0].type.tensor_type.elem_type == graph.output[0].type.tensor_type.elem_type == 1
        kinds[precision] = {each.data_type for each in graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds["fp16"]
    assert onnx.TensorProto.INT8 in kinds["int8"]


@pytest.mark.slow
def test_a_pt2_file_is_what_torch_opens(color: LoadedModel, exported: Callable[..., Path]) -> None:
    x = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    extra = {"netwright.json": ""}
    program = torch.export.load(exported(color, "torch", "bf16"), extra_files=extra)
    assert json.loads(extra["netwright.json"])["precision"] == "bf16"
    with torch.inference_mode():
        found, source = program.module()(x), color.module(x)
    assert found.dtype == torch.float32
    assert (found - source).abs().max() < 0.1 * source.std()


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino", "torch", pytest.param("litert", marks=needs("litert"))])
def test_weights_may_lie_in_any_order(to: str, color: LoadedModel, tmp_path: Path) -> None:
    turned = replace(color, module=copy.deepcopy(color.module).to(memory_format=torch.channels_last))
    assert export(turned, tmp_path, to=to).agreement.difference < 1e-5


@pytest.mark.slow
def test_a_fixed_batch_is_in_the_file(color: LoadedModel, exported: Callable[..., Path]) -> None:
    for precision in ("fp32", "int8"):
        model = onnx.shape_inference.infer_shapes(onnx.load(exported(color, "onnx", precision, 3)), strict_mode=True)
        graph = model.graph
        between = [each.type.tensor_type.shape.dim[0] for each in graph.value_info if each.type.tensor_type.shape.dim]
        assert "N" not in {dim.dim_param for dim in between}
        assert [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim] == [3, 3, 16, 16]
        assert [dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim] == [3, 5]


@pytest.mark.slow
def test_a_fixed_batch_of_int8_in_openvino(color: LoadedModel, exported: Callable[..., Path]) -> None:
    with open_runtime(exported(color, "openvino", "int8", 3)) as runtime:
        assert runtime.info.batch == 3
        assert runtime.logits(np.zeros((4, 3, 16, 16), dtype=np.float32)).shape == (4, 5)


@pytest.mark.slow
def test_an_export_that_disagrees_is_not_written(
    color: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a true difference: the graph is written of a network one of whose weights is another."""
    import netwright.exports.writers as write

    def disturbed(model: LoadedModel) -> Any:
        module = copy.deepcopy(model.module)
        module.get_parameter("s2.b1.f.b.weight").data.mul_(1.3)
        return module

    monkeypatch.setattr(write, "_any_net", disturbed)
    targets = ("onnx", "openvino", "torch", *(["litert"] if find_spec("ai_edge_litert") else []))
    for to in targets:
        with pytest.raises(ExportError, match=r"was not written"):
            export(color, tmp_path / to, to=to)
        assert everything(tmp_path / to) == []


@pytest.mark.slow
def test_an_old_file_stays_when_a_new_one_disagrees(
    color: LoadedModel, gray: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import netwright.exports.measure as measure

    path = export(color, tmp_path / "a.xml", to="openvino").path
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert set(before) == {"a.xml", "a.bin"}
    monkeypatch.setattr(measure, "source_logits", lambda model, pixels: np.eye(5, dtype=np.float32)[[0] * len(pixels)])
    with pytest.raises(ExportError, match="was not written"):
        export(color, path, to="openvino")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    monkeypatch.undo()
    export(gray, path, to="openvino")
    with open_runtime(path) as runtime:
        assert runtime.info.name == "gray"
    assert everything(tmp_path) == ["a.bin", "a.xml"]


def test_values_that_overflow_half_are_refused(color: LoadedModel, tmp_path: Path) -> None:
    module = copy.deepcopy(color.module)
    module.head.fc.weight.data.mul_(1e6)
    with pytest.raises(ExportError, match="out of fp16's range"):
        export(replace(color, module=module), tmp_path, precision="fp16")
    assert everything(tmp_path) == []


def test_what_cannot_be_is_refused_before_anything_is_done(color: LoadedModel, tmp_path: Path) -> None:
    for given, reason in (
        ({"to": "words"}, "a target is one of onnx, openvino, torch, litert, not 'words'"),
        *(({"to": to}, "Go on from an export: .*FILE") for to in ("coreml", "executorch", "ncnn", "pte", "tensorrt")),
        *(({"to": to}, "Go on from an export: .*FILE") for to in ("mindir", ".mlpackage")),
        *(
            ({"to": to}, r"Give --to litert, which writes \.tflite files\.$")
            for to in ("tflite", "LiteRT", "tensorflow")
        ),
        ({"to": "ONNX"}, "Give --to onnx"),
        ({"to": "litert", "precision": "int8"}, "ai-edge-quantizer"),
        ({"to": "litert", "precision": "bf16"}, "--to openvino or torch"),
        ({"to": "words"}, "not 'words'.$"),
        (
            {"to": "onnx", "precision": "bf16"},
            "in fp32 and let what opens the file compute in bf16.*--runtime openvino.*modelopt",
        ),
        ({"batch": 99_999_999}, "Give a smaller --batch"),
        ({"precision": "int4"}, "a precision is one of"),
        ({"to": "onnx", "precision": "bf16"}, "--to openvino"),
        ({"to": "torch", "precision": "int8"}, "--to openvino or --to onnx"),
        ({"precision": "int8"}, "--data_dir"),
        ({"batch": 0}, "at least 1"),
        ({"batch": True}, "at least 1"),
        ({"batch": "any"}, "'dynamic'"),
        ({"precision": "int8", "calibration": []}, "1 to 300 images"),
    ):
        with pytest.raises(ExportError, match=reason):
            export(color, tmp_path / "x", **given)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=r"Name it a\.xml"):
        export(color, tmp_path / "a.onnx", to="openvino")
    assert everything(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_said(color: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    says = r"^the exported network cannot be written to .*a\.onnx: .* Choose another --out\.$"
    with pytest.raises(OutputError, match=says):
        export(color, tmp_path / "file" / "a.onnx")


def test_numbered_folders_are_versions(color: LoadedModel, tmp_path: Path) -> None:
    done = export(color, tmp_path / "flowers" / "3", name="flowers", version="3")
    assert done.path == tmp_path / "flowers" / "3" / "model.onnx"
    with open_runtime(done.path.parent) as runtime:
        assert (runtime.info.name, runtime.info.version) == ("flowers", "3")


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_int8_with_labels_says_what_it_costs(to: str, tmp_path: Path, make: Callable[..., LoadedModel]) -> None:
    """A network of ten outputs on the bundled digits: top-1 of both on the same images, sizes and speeds."""

    def floats_of(model: LoadedModel) -> list[tuple[str, torch.Tensor]]:
        counted = [(n, v) for n, v in model.module.state_dict().items() if not n.endswith("num_batches_tracked")]
        assert all(value.dtype == torch.float32 for _, value in counted)
        return counted

    model = make(Arch((Stage(1, 16, 1, 1.0, 8), Stage(1, 32, 2, 1.0, 8)), "x", Stem("cifar", 16), 0, 16, 10, 1, "d"))
    calibration, evaluation = labeled_images("digits", "", (), 10, calibration=40, evaluation=100)
    said: list[str] = []
    done = export(
        model,
        tmp_path,
        to=to,
        precision="int8",
        calibration=calibration,
        evaluation=evaluation,
        measure_speed=to == "onnx",
        progress=said.append,
    )
    assert [each.agreement.images for each in done.checks] == [40, 64]
    assert [each.description.split(" of ")[0] for each in done.checks] == ["40 images", "64"]
    assert (done.agreement, done.checked_on) == (
        done.checks[1].agreement,
        "64 of 100 images of digits that calibration left",
    )
    assert done.accuracy is not None
    assert done.accuracy.images == 100
    assert abs(done.accuracy.source - done.accuracy.exported) <= 0.1
    assert [each.batch for each in done.speed] == ([1, 32] if to == "onnx" else [])
    assert all(each.source > 0 and each.exported > 0 for each in done.speed)
    assert done.source_size == sum(4 * value.numel() for name, value in floats_of(model))
    assert done.size == sum(path.stat().st_size for path in tmp_path.iterdir())
    plain = json.loads(json.dumps(done.to_dict()))
    assert plain["accuracy"]["images"] == 100
    assert [each["images"] for each in plain["checks"]] == [40, 64]
    assert any("comparing" in each for each in said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("to", "precision"),
    [
        ("onnx", "fp32"),
        ("onnx", "int8"),
        ("openvino", "fp32"),
        ("openvino", "int8"),
        ("torch", "fp32"),
        ("torch", "bf16"),
        pytest.param("litert", "fp32", marks=needs("litert")),
    ],
)
def test_no_path_of_this_machine_is_in_a_file(
    to: str, precision: str, color: LoadedModel, tmp_path: Path, images: Callable[..., list[np.ndarray]]
) -> None:
    save_model(tmp_path / "w.safetensors", color.module, preprocessing=color.preprocessing)
    calibration = images(color, 16) if precision == "int8" else None
    done = export(tmp_path / "w.safetensors", tmp_path / "out", to=to, precision=precision, calibration=calibration)
    assert done.info.source == f"{tmp_path.name}/w.safetensors"
    packages = [Path(package.__file__).parents[1] for package in (netwright, torch, onnx)]
    paths = [*packages, Path.home(), tmp_path, Path(tempfile.gettempdir())]
    for file in done.files:
        parts = {file.name: file.read_bytes()}
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                parts |= {name: archive.read(name) for name in archive.namelist()}
            assert any(name.endswith("models/model.json") for name in parts)
        for name, content in parts.items():
            assert [str(path) for path in paths if str(path).encode() in content] == [], name
