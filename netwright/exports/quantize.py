"""int8 after training: ranges of activations from a few hundred images, weights by channel."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from netwright.runtime.runtime import FloatArray
from netwright.system.extras import optional

__all__ = ["quantize_onnx", "quantize_openvino"]


def quantize_onnx(model: Any, inputs: list[FloatArray]) -> Any:
    """An onnx.ModelProto of any batch with QDQ nodes around what ONNX Runtime computes in int8.

    inputs: (1, C, H, W) each. Activations uint8 and weights int8 by channel, which VNNI multiplies without overflow.
    """
    quantization = optional("onnxruntime.quantization", "export")

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self._rest = iter(inputs)

        def get_next(self) -> dict[str, FloatArray] | None:
            x = next(self._rest, None)
            return None if x is None else {"input": x}

    onnx = optional("onnx", "export")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path, given = Path(folder) / "int8.onnx", onnx.ModelProto()
        given.CopyFrom(model)  # the library moves the weights of what it is given to a file, which then goes
        quantization.quantize_static(
            given,
            path,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(path)


def quantize_openvino(model: Any, inputs: list[FloatArray]) -> Any:
    """An openvino.Model of any batch, quantized by NNCF for CPUs. inputs: (1, C, H, W) each."""
    os.environ.setdefault("NNCF_CI", "1")  # where it is set, NNCF tells nobody that it is used
    nncf = optional("nncf", "export")
    advanced = optional("nncf.quantization.advanced_parameters", "export")
    ranges = optional("nncf.quantization.range_estimator", "export").RangeEstimatorParametersSet
    with _quiet():
        return nncf.quantize(
            model,
            nncf.Dataset(inputs),
            preset=nncf.QuantizationPreset.MIXED,  # activations that are not around 0 keep all of their 8 bits
            subset_size=len(inputs),
            # by default the mean over images of the largest values, which cuts the largest off: a network of 85.1%
            # on CIFAR-10 lost 0.9 points by that, and 0.1 with the largest of all
            advanced_parameters=advanced.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.MINMAX
            ),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """These libraries draw bars and give advice that is for their own users."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
    finally:
        logging.disable(before)
