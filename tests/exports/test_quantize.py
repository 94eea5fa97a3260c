"""int8 files say how they were made: by channel, with 8 bits for what is there, from all of the images."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnx
import pytest

from netwright.exports.quantize import quantize_onnx, quantize_openvino
from netwright.nn import fuse
from netwright.runtime.onnx_graph import onnx_model
from netwright.runtime.openvino_backend import openvino_core
from netwright.weights import LoadedModel

# the largest values are in the last image, and they do not lie around 0
LOW, HIGH = -1.0, 3.0


def inputs() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    images = [rng.uniform(LOW, HIGH, (1, 3, 16, 16)).astype(np.float32) * 0.4 for _ in range(8)]
    images[-1][0, 0, 0, :2] = LOW, HIGH
    return images


@pytest.fixture(scope="module")
def float_graph(color: LoadedModel) -> Any:
    return onnx_model(fuse(color.module, channels_last=False), (3, 16, 16), None)


@pytest.fixture(scope="module")
def quantized_onnx(float_graph: Any) -> Any:
    return quantize_onnx(float_graph, inputs())


@pytest.fixture(scope="module")
def quantized_openvino(float_graph: Any) -> Any:
    return quantize_openvino(openvino_core().read_model(float_graph.SerializeToString()), inputs())


def test_onnx_has_a_scale_a_channel_and_unsigned_activations(quantized_onnx: Any) -> None:
    graph = quantized_onnx.graph
    values = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    scales = {node.input[0]: values[node.input[1]] for node in graph.node if node.op_type == "DequantizeLinear"}
    convolution = next(value for name, value in scales.items() if name.startswith("stem.conv.weight"))
    assert convolution.shape == (8,)
    assert len(np.unique(convolution)) == 8
    points = {values[node.input[2]].dtype for node in graph.node if node.op_type == "QuantizeLinear"}
    assert points == {np.dtype(np.uint8)}
    weights = {value.dtype for name, value in values.items() if name.endswith("weight_quantized")}
    assert weights == {np.dtype(np.int8)}


def test_onnx_has_the_range_of_all_images(quantized_onnx: Any) -> None:
    values = {each.name: onnx.numpy_helper.to_array(each) for each in quantized_onnx.graph.initializer}
    first = next(node for node in quantized_onnx.graph.node if node.input[0] == "input")
    scale, point = float(values[first.input[1]]), int(values[first.input[2]])
    assert scale == pytest.approx((HIGH - LOW) / 255, rel=0.02)
    assert -point * scale == pytest.approx(LOW, rel=0.02)


@pytest.mark.slow
def test_openvino_has_the_range_of_all_images_wherever_it_lies(quantized_openvino: Any) -> None:
    """A symmetric range would give away half of the 8 bits, and a mean over images cuts the largest values off."""
    fake = next(iter(quantized_openvino.inputs[0].get_target_inputs())).get_node()
    assert fake.get_type_name() == "FakeQuantize"
    low, high = (float(fake.input_value(place).get_node().data.ravel()[0]) for place in (1, 2))
    assert low == pytest.approx(LOW, rel=0.02)
    assert high == pytest.approx(HIGH, rel=0.02)
    assert fake.get_attributes()["levels"] == 256


def test_openvino_has_a_scale_a_channel(quantized_openvino: Any) -> None:
    kernels = [each for each in quantized_openvino.get_ordered_ops() if each.get_type_name() == "Convolution"]
    scaled = kernels[0].input_value(1).get_node()
    scale = scaled.input_value(1).get_node().data
    assert scaled.get_type_name() == "Multiply"
    assert scale.shape[0] == 8
    assert len(np.unique(scale)) == 8


@pytest.mark.slow
def test_they_are_quiet_and_tell_nobody(
    float_graph: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNCF_CI", "")
    monkeypatch.delenv("NNCF_CI")
    quantize_openvino(openvino_core().read_model(float_graph.SerializeToString()), inputs()[:2])
    quantize_onnx(float_graph, inputs()[:2])
    assert capfd.readouterr() == ("", "")
    assert os.environ["NNCF_CI"] == "1"
