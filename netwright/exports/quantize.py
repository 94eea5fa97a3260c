"""Post-training quantization to int8: ranges of activations from a few hundred images, weights per channel."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from netwright.runtime.runtime import FloatArray
from netwright.system.extras import optional
from netwright.system.temporary import temporary_folder

__all__ = ["quantize_onnx", "quantize_openvino"]


def quantize_onnx(model: Any, inputs: list[FloatArray]) -> Any:
    """Quantize an onnx.ModelProto of any batch, with QDQ nodes around what ONNX Runtime computes in int8.

    inputs: (1, C, H, W) each. Activations are uint8, weights int8 per channel: VNNI multiplies these without overflow.
    """
    quantization = optional("onnxruntime.quantization", "export")

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self._rest = iter(inputs)

        def get_next(self) -> dict[str, FloatArray] | None:
            x = next(self._rest, None)
            return None if x is None else {"input": x}

    onnx = optional("onnx", "export")
    with temporary_folder("int8") as folder, _quiet():
        path, given = folder / "int8.onnx", onnx.ModelProto()
        given.CopyFrom(model)  # the library moves the weights of its argument to a file that is removed
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
    """Quantize an openvino.Model of any batch for CPUs, by NNCF. inputs: (1, C, H, W) each."""
    os.environ.setdefault("NNCF_CI", "1")  # then NNCF sends no telemetry
    nncf = optional("nncf", "export")
    advanced = optional("nncf.quantization.advanced_parameters", "export")
    ranges = optional("nncf.quantization.range_estimator", "export").RangeEstimatorParametersSet
    with _quiet():
        return nncf.quantize(
            model,
            nncf.Dataset(inputs),
            preset=nncf.QuantizationPreset.MIXED,  # activations that are not symmetric keep all 8 bits
            subset_size=len(inputs),
            # the default is the mean over images of the largest values, which clips larger ones: a network of 85.1%
            # on CIFAR-10 lost 0.9 points by that, and 0.1 with the largest of all
            advanced_parameters=advanced.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.MINMAX
            ),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the progress bars and the advice of these libraries, which are for their own users."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
    finally:
        logging.disable(before)
