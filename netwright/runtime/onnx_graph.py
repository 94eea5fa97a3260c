"""A network as an ONNX graph: torch.export finds its operations, and a table says how each is written.

torch's own exporter needs another package and also writes where the Python code was. Here a dozen operations are
enough, and every export is compared with its network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from netwright.errors import ExportError
from netwright.system.extras import optional

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from netwright.nn import AnyNet

__all__ = ["OPSET", "graph_program", "onnx_model"]

OPSET = 17  # of 2022: what ONNX Runtime 1.12, OpenVINO 2022.3, TensorRT 8.5 and later read
_MAX_BATCH = 65_536  # torch.export needs a bound


@dataclass(slots=True)
class _Graph:
    """A graph being built: nodes so far, constants by name, and the numpy type of floating-point values."""

    helper: Any
    dtype: Any
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(self.helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output


def _conv(graph: _Graph, out: str, args: list[Any]) -> str:
    defaults: list[Any] = [None, [1, 1], [0, 0], [1, 1], 1]
    x, weight, bias, stride, padding, dilation, groups = args + defaults[len(args) - 2 :]
    kernel = list(graph.constants[weight].shape[2:])
    inputs = [x, weight] + ([bias] if bias is not None else [])
    return graph.add(
        "Conv", inputs, out, kernel_shape=kernel, strides=stride, pads=padding * 2, dilations=dilation, group=groups
    )  # fmt: skip


def _max_pool(graph: _Graph, out: str, args: list[Any]) -> str:
    defaults: list[Any] = [[], [0, 0], [1, 1], False]
    x, kernel, stride, padding, dilation, ceil = args + defaults[len(args) - 2 :]
    assert dilation in (1, [1, 1]), "the networks' pool has no dilation"
    assert not ceil, "the networks' pool rounds down"
    return graph.add("MaxPool", [x], out, kernel_shape=kernel, strides=stride or kernel, pads=padding * 2)


def _mean(graph: _Graph, out: str, args: list[Any]) -> str:
    """Over height and width; without keepdim these dimensions go."""
    x, axes, keeps = args[0], sorted(args[1]), len(args) > 2 and args[2]
    assert axes in ([2, 3], [-2, -1]), "the networks average over height and width"
    if keeps:
        return graph.add("GlobalAveragePool", [x], out)
    return graph.add("Flatten", [graph.add("GlobalAveragePool", [x], f"{out}_pool")], out, axis=1)


def _unsqueeze(graph: _Graph, out: str, args: list[Any]) -> str:
    axes = f"{out}_axes"
    graph.constants[axes] = np.array([args[1]], dtype=np.int64)
    return graph.add("Unsqueeze", [args[0], axes], out)


def _adaptive(graph: _Graph, out: str, args: list[Any]) -> str:
    assert args[1] in (1, [1, 1]), "the networks pool to one value"
    return graph.add("GlobalAveragePool", [args[0]], out)


def _linear(graph: _Graph, out: str, args: list[Any]) -> str:
    return graph.add("Gemm", args, out, transB=1)


def _silu(graph: _Graph, out: str, args: list[Any]) -> str:
    return graph.add("Mul", [args[0], graph.add("Sigmoid", args[:1], f"{out}_gate")], out)


def _elementwise(kind: str, count: int) -> Callable[[_Graph, str, list[Any]], str]:
    return lambda graph, out, args: graph.add(kind, args[:count], out)


def _same(graph: _Graph, out: str, args: list[Any]) -> str:
    return str(args[0])


# torch's operation -> how it is written
_LOWERED: dict[str, Callable[[_Graph, str, list[Any]], str]] = {
    "aten.conv2d.default": _conv,
    "aten.relu.default": _elementwise("Relu", 1),
    "aten.relu_.default": _elementwise("Relu", 1),
    "aten.silu.default": _silu,
    "aten.silu_.default": _silu,
    "aten.sigmoid.default": _elementwise("Sigmoid", 1),
    "aten.sigmoid_.default": _elementwise("Sigmoid", 1),
    "aten.add.Tensor": _elementwise("Add", 2),
    "aten.add_.Tensor": _elementwise("Add", 2),
    "aten.mul.Tensor": _elementwise("Mul", 2),
    "aten.mul_.Tensor": _elementwise("Mul", 2),
    "aten.max_pool2d.default": _max_pool,
    "aten.adaptive_avg_pool2d.default": _adaptive,
    "aten.mean.dim": _mean,
    "aten.unsqueeze.default": _unsqueeze,
    "aten.flatten.using_ints": lambda graph, out, args: graph.add("Flatten", args[:1], out, axis=1),
    "aten.linear.default": _linear,
    "aten.dropout.default": _same,
    "aten.clone.default": _same,
}


def graph_program(module: torch.nn.Module, shape: tuple[int, int, int], batch: int | None) -> ExportedProgram:
    """torch.export's program of a module on (N, *shape) float32; batch: N, or None for any."""
    # from an example of one image torch would conclude that a batch is one image
    x = torch.zeros((batch or 2, *shape))
    shapes = ({0: torch.export.Dim("batch", min=1, max=_MAX_BATCH)},) if batch is None else None
    with torch.no_grad():
        program = torch.export.export(module.eval(), (x,), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it has paths of this machine
    return program


def onnx_model(fused: AnyNet, shape: tuple[int, int, int], batch: int | None, *, half: bool = False) -> Any:
    """onnx.ModelProto of a fused network: `input` (N, *shape) float32 -> `logits` (N, classes) float32.

    half: weights and operations in float16 between the two. Raises ExportError for an operation that is not in
    the table.
    """
    onnx = optional("onnx", "export")
    program = graph_program(fused, shape, batch)
    graph = _Graph(onnx.helper, np.float16 if half else np.float32)
    names = _constants(graph, program)
    last = ""
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name not in names:
            names[node.name] = (
                graph.add("Cast", ["input"], "input_half", to=onnx.TensorProto.FLOAT16) if half else "input"
            )
        elif node.op == "call_function":
            lower = _LOWERED.get(str(node.target))
            if lower is None or node.kwargs:
                raise ExportError(
                    f"an ONNX export knows {', '.join(_LOWERED)}; this network has {node.target}"
                    f"{f' with {dict(node.kwargs)}' if node.kwargs else ''}. Export it with to='torch', or report it."
                )
            names[node.name] = lower(graph, node.name, [_argument(each, names) for each in node.args])
        elif node.op == "output":
            last = names[node.args[0][0].name]
    # runtimes find the output by its name
    if half:
        graph.add("Cast", [last], "logits", to=onnx.TensorProto.FLOAT)
    else:
        graph.add("Identity", [last], "logits")
    return _model(onnx, graph, shape, batch, fused.arch.num_classes)


def _constants(graph: _Graph, program: ExportedProgram) -> dict[str, str]:
    """Add the weights as constants, by their names in the network; returns placeholder -> name."""
    signature = program.graph_signature
    names = dict(signature.inputs_to_parameters) | dict(signature.inputs_to_buffers)
    with np.errstate(over="ignore"):  # what is too large for half becomes infinite, which the comparison finds
        for name in names.values():
            graph.constants[name] = program.state_dict[name].detach().contiguous().numpy().astype(graph.dtype)
    return names


def _argument(value: Any, names: dict[str, str]) -> Any:
    return (
        names[value.name]
        if isinstance(value, torch.fx.Node)
        else list(value)
        if isinstance(value, tuple | list)
        else value
    )


def _model(onnx: Any, graph: _Graph, shape: tuple[int, int, int], batch: int | None, classes: int) -> Any:
    helper, kind, n = onnx.helper, onnx.TensorProto.FLOAT, "N" if batch is None else batch
    used = {name for node in graph.nodes for name in node.input}
    body = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info("input", kind, [n, *shape])],
        [helper.make_tensor_value_info("logits", kind, [n, classes])],
        [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items() if name in used],
    )
    # the IR version of that opset's time, so that readers of that time open the file
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    model.producer_name = "netwright"
    onnx.checker.check_model(model, full_check=True)
    return model
