"""A network as a LiteRT (TensorFlow Lite) graph: torch.export finds its operations, a table says how each is written.

Google's converter brings JAX and Transformers and pins versions of common packages. Here a dozen operations are enough,
and every export is compared with its network. Maps are (N, H, W, C) in between, as LiteRT has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import ExportError
from netwright.runtime.litert_tables import ANY, LiteRtGraph
from netwright.runtime.onnx_graph import graph_program
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.nn import AnyNet

__all__ = ["litert_model"]

_LOWEST = float(np.finfo(np.float32).min)


def _outside(shape: Sequence[int]) -> list[int]:
    """Of one image, (C, H, W) -> (H, W, C)."""
    return [*shape[1:], shape[0]] if len(shape) == 3 else list(shape)


def _shape(node: Any) -> list[int]:
    """Of one image, as torch has it."""
    return [int(each) for each in node.meta["val"].shape[1:]]


def _padded(
    graph: LiteRtGraph, node: Any, x: Any, kernel: int, stride: int, padding: int, *, lowest: bool = False
) -> Any:
    """(tensor, LiteRT's padding) of what a window moves over.

    "SAME" puts the odd pixel at the end, where torch has as many on both sides: then pixels are added before.
    """
    before, after = _shape(x)[-1], _shape(node)[-1]
    same = max(0, (after - 1) * stride + kernel - before)
    if padding == 0:
        return graph.at[x.name], graph.schema.Padding.VALID
    if same == 2 * padding:
        return graph.at[x.name], graph.schema.Padding.SAME
    channels, height, width = _shape(x)
    out = graph.computed(f"{node.name}_pad", [height + 2 * padding, width + 2 * padding, channels])
    pads = graph.constant(f"{node.name}_pads", np.array([[0, 0], [padding] * 2, [padding] * 2, [0, 0]], dtype=np.int32))
    inputs = [graph.at[x.name], pads]
    if not lowest:
        return graph.add("PAD", inputs, out), graph.schema.Padding.VALID
    inputs.append(graph.constant(f"{node.name}_lowest", np.array(_LOWEST, dtype=np.float32)))
    return graph.add("PADV2", inputs, out), graph.schema.Padding.VALID


def _conv(graph: LiteRtGraph, node: Any) -> int:
    defaults: list[Any] = [None, [1, 1], [0, 0], [1, 1], 1]
    x, weight, bias, stride, padding, dilation, groups = list(node.args) + defaults[len(node.args) - 2 :]
    assert list(dilation) == [1, 1], "the networks' convolutions have no dilation"
    assert len({*stride}) == len({*padding}) == 1, "the networks' convolutions are square"
    array = graph.weights[weight.name]  # (outputs, inputs of a group, height, width)
    inputs = _shape(x)[0]
    is_depthwise = groups == inputs > 1
    # (1, height, width, outputs) for one channel at a time, else (outputs, height, width, inputs of a group)
    moved = array.transpose(1, 2, 3, 0) if is_depthwise else array.transpose(0, 2, 3, 1)
    kernel = graph.constant(graph.names[weight.name], np.ascontiguousarray(moved))
    offset = (
        graph.constant(f"{node.name}_zeros", np.zeros(len(array), dtype=np.float32))
        if bias is None
        else graph.constant(graph.names[bias.name], graph.weights[bias.name])
    )
    source, pad = _padded(graph, node, x, array.shape[2], stride[0], padding[0])
    out = graph.computed(node.name, _outside(_shape(node)))
    more = {"depthMultiplier": len(array) // inputs} if is_depthwise else {}
    kind, version = ("DEPTHWISE_CONV_2D", 1) if is_depthwise else ("CONV_2D", 6 if groups > 1 else 1)
    steps = {"strideW": stride[0], "strideH": stride[0]}
    return graph.add(kind, [source, kernel, offset], out, version=version, padding=pad, **steps, **more)


def _max_pool(graph: LiteRtGraph, node: Any) -> int:
    defaults: list[Any] = [[], [0, 0], [1, 1], False]
    x, kernel, stride, padding, dilation, ceil = list(node.args) + defaults[len(node.args) - 2 :]
    assert dilation in (1, [1, 1]), "the networks' pool has no dilation"
    assert not ceil, "the networks' pool rounds down"
    side, step = kernel[0], (stride or kernel)[0]
    # zeros do where nothing is below them, and more libraries have them
    is_positive = str(x.target) in ("aten.relu.default", "aten.relu_.default")
    source, pad = _padded(graph, node, x, side, step, padding[0], lowest=not is_positive)
    out = graph.computed(node.name, _outside(_shape(node)))
    return graph.add(
        "MAX_POOL_2D", [source], out, padding=pad, strideW=step, strideH=step, filterWidth=side, filterHeight=side
    )


def _mean(graph: LiteRtGraph, node: Any) -> int:
    """Over height and width; without keepdim these dimensions go."""
    keeps = len(node.args) > 2 and node.args[2]
    if str(node.target) == "aten.adaptive_avg_pool2d.default":
        assert node.args[1] in (1, [1, 1]), "the networks pool to one value"
        keeps = True
    else:
        assert sorted(node.args[1]) in ([2, 3], [-2, -1]), "the networks average over height and width"
    axes = graph.constant(f"{node.name}_axes", np.array([1, 2], dtype=np.int32))
    out = graph.computed(node.name, _outside(_shape(node)))
    return graph.add("MEAN", [graph.at[node.args[0].name], axes], out, keepDims=bool(keeps))


def _reshape(graph: LiteRtGraph, node: Any) -> int:
    """Dimensions of 1 that come or go."""
    shape = _outside(_shape(node)) if len(_shape(node)) == 3 else _shape(node)
    n = graph.batch or ANY
    wanted = graph.constant(f"{node.name}_shape", np.array([n, *shape], dtype=np.int32))
    out = graph.computed(node.name, shape)
    return graph.add("RESHAPE", [graph.at[node.args[0].name], wanted], out, newShape=[n, *shape])


def _linear(graph: LiteRtGraph, node: Any) -> int:
    x, weight, bias = node.args
    inputs = [graph.constant(graph.names[each.name], graph.weights[each.name]) for each in (weight, bias)]
    return graph.add("FULLY_CONNECTED", [graph.at[x.name], *inputs], graph.computed(node.name, _shape(node)))


def _relu(graph: LiteRtGraph, node: Any) -> int:
    """Within the operation before it, where that can and nothing else takes its result."""
    x, relu = node.args[0], graph.schema.ActivationFunctionType.RELU
    last = graph.operators[-1]
    is_its_own = last.outputs == [graph.at[x.name]] and graph.users[x.name] == 1
    if is_its_own and hasattr(last.builtinOptions, "fusedActivationFunction"):
        last.builtinOptions.fusedActivationFunction = relu
        return graph.at[x.name]
    return graph.add("RELU", [graph.at[x.name]], graph.computed(node.name, _outside(_shape(node))))


def _silu(graph: LiteRtGraph, node: Any) -> int:
    x, shape = graph.at[node.args[0].name], _outside(_shape(node))
    gate = graph.add("LOGISTIC", [x], graph.computed(f"{node.name}_gate", shape))
    return graph.add("MUL", [x, gate], graph.computed(node.name, shape))


def _elementwise(kind: str, count: int) -> Callable[[LiteRtGraph, Any], int]:
    def lower(graph: LiteRtGraph, node: Any) -> int:
        inputs = [graph.at[each.name] for each in node.args[:count]]
        return graph.add(kind, inputs, graph.computed(node.name, _outside(_shape(node))))

    return lower


def _same(graph: LiteRtGraph, node: Any) -> int:
    return graph.at[node.args[0].name]


# torch's operation -> how it is written
_LOWERED: dict[str, Callable[[LiteRtGraph, Any], int]] = {
    "aten.conv2d.default": _conv,
    "aten.relu.default": _relu,
    "aten.relu_.default": _relu,
    "aten.silu.default": _silu,
    "aten.silu_.default": _silu,
    "aten.sigmoid.default": _elementwise("LOGISTIC", 1),
    "aten.sigmoid_.default": _elementwise("LOGISTIC", 1),
    "aten.add.Tensor": _elementwise("ADD", 2),
    "aten.add_.Tensor": _elementwise("ADD", 2),
    "aten.mul.Tensor": _elementwise("MUL", 2),
    "aten.mul_.Tensor": _elementwise("MUL", 2),
    "aten.max_pool2d.default": _max_pool,
    "aten.adaptive_avg_pool2d.default": _mean,
    "aten.mean.dim": _mean,
    "aten.unsqueeze.default": _reshape,
    "aten.flatten.using_ints": _reshape,
    "aten.linear.default": _linear,
    "aten.dropout.default": _same,
    "aten.clone.default": _same,
}


def litert_model(fused: AnyNet, shape: tuple[int, int, int], batch: int | None, *, half: bool = False) -> Any:
    """LiteRT's ModelT of a fused network: `input` (N, *shape) float32 -> `logits` (N, classes) float32.

    half: weights are stored in float16 and computed with in float32. Raises ExportError for an operation that is not
    in the table.
    """
    schema: Any = optional("ai_edge_litert.schema_py_generated", "litert")
    program = graph_program(fused, shape, batch)
    signature = program.graph_signature
    names = dict(signature.inputs_to_parameters) | dict(signature.inputs_to_buffers)
    graph = LiteRtGraph(schema, batch, half, names)
    for placeholder, name in names.items():
        graph.weights[placeholder] = program.state_dict[name].detach().contiguous().numpy().astype(np.float32)
    source = graph.computed("input", list(shape))
    last = source
    for node in program.graph.nodes:
        graph.users[node.name] = len(node.users)
        if node.op == "placeholder" and node.name not in names:
            order = graph.constant("order", np.array([0, 2, 3, 1], dtype=np.int32))
            graph.at[node.name] = graph.add("TRANSPOSE", [source, order], graph.computed("nhwc", _outside(shape)))
        elif node.op == "call_function":
            lower = _LOWERED.get(str(node.target))
            if lower is None or node.kwargs:
                raise ExportError(
                    f"a LiteRT export knows {', '.join(_LOWERED)}; this network has {node.target}"
                    f"{f' with {dict(node.kwargs)}' if node.kwargs else ''}. Export it with --to torch, or report it."
                )
            graph.at[node.name] = lower(graph, node)
        elif node.op == "output":
            last = graph.at[node.args[0][0].name]
    graph.tensors[last].name = "logits"
    return _model(graph, source, last)


def _model(graph: LiteRtGraph, source: int, last: int) -> Any:
    schema = graph.schema
    body = schema.SubGraphT(graph.tensors, [source], [last], graph.operators, name="network")
    signature = schema.SignatureDefT(
        inputs=[schema.TensorMapT(name="input", tensorIndex=source)],
        outputs=[schema.TensorMapT(name="logits", tensorIndex=last)],
        signatureKey="serving_default",
    )
    codes = [
        # older readers know the first name of the code only
        schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=version)
        for code, version in graph.codes
    ]
    return schema.ModelT(
        version=3, operatorCodes=codes, subgraphs=[body], buffers=graph.buffers, signatureDefs=[signature]
    )
