"""What an ONNX file may hold, and how others are refused before a runtime sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from netwright.errors import ExportError
from netwright.runtime import open_runtime
from netwright.runtime.onnx_file import onnx_bytes, read_onnx
from netwright.weights import LoadedModel


def _changed(path: Path, change: Callable[[onnx.ModelProto], object], tmp_path: Path) -> Path:
    _, info = read_onnx(path)
    model = onnx.load(path)
    change(model)
    out = tmp_path / "changed.onnx"
    out.write_bytes(onnx_bytes(model, info))
    return out


def test_onnx_that_could_do_harm_never_reaches_a_runtime(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]
) -> None:
    path = exported(color, "onnx")

    def external(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/hostname")

    def huge(model: onnx.ModelProto) -> None:
        model.graph.node.add(op_type="ConstantOfShape", input=["a"], output=["b"])

    def other_domain(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = "evil.ops"

    def other_output(model: onnx.ModelProto) -> None:
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 6

    def function(model: onnx.ModelProto) -> None:
        model.functions.add(name="f", domain="")

    def sparse(model: onnx.ModelProto) -> None:
        model.graph.sparse_initializer.add().dims.append(10**9)

    changes = (external, huge, other_domain, other_output, function, sparse)
    said = ("weights in other files", "ConstantOfShape", "no export writes", "another network than it holds")
    for change, reason in zip(changes, (*said, "parts that no export writes", "parts that no"), strict=True):
        with pytest.raises(ExportError, match=reason):
            open_runtime(_changed(path, change, tmp_path))


def test_a_graph_that_cannot_be_computed_is_found_when_it_is_opened(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]
) -> None:
    def groups(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.input[1:2] == ["s1.b1.f.b.weight"])
        next(each for each in node.attribute if each.name == "group").i = 1

    with pytest.raises(ExportError, match=r"opens in onnx and cannot be computed: .*channels"):
        open_runtime(_changed(exported(color, "onnx"), groups, tmp_path))


def test_onnx_weights_are_as_they_were_written(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]
) -> None:
    """Their values, shapes and names; what else is in the file has checks of its own."""
    whole = onnx.load(exported(color, "onnx"))

    def value(tensor: onnx.TensorProto) -> None:
        tensor.raw_data = tensor.raw_data[:-1] + bytes([tensor.raw_data[-1] ^ 1])

    def shape(tensor: onnx.TensorProto) -> None:
        dims = list(tensor.dims)
        del tensor.dims[:]
        tensor.dims.extend(dims[::-1])

    def name(tensor: onnx.TensorProto) -> None:
        tensor.name += "x"

    for change in (value, shape, name):
        model = onnx.ModelProto.FromString(whole.SerializeToString())
        change(next(each for each in model.graph.initializer if each.name == "head.fc.weight"))
        (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(ExportError, match="other weights than were written"):
            open_runtime(tmp_path / "a.onnx")
