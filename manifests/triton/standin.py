"""A backend of Triton in Python, in place of those for ONNX Runtime and OpenVINO where only Triton's core is available.

Triton runs it for every model whose config.pbtxt names its folder, where `check.py` puts it. Needs the module
triton_python_backend_utils, which is part of Triton, and numpy below 2, for which that module was built.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, os.environ["STANDIN_PACKAGES"])  # Triton replaces PYTHONPATH

import numpy as np
import triton_python_backend_utils as triton


class TritonPythonModel:
    """The class that Triton calls; its name and its methods are Triton's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the model. args: model_config as JSON, the folder of the model, the version."""
        config = json.loads(args["model_config"])
        self._input, self._output = config["input"][0]["name"], config["output"][0]["name"]
        folder = Path(args["model_repository"]) / args["model_version"]
        if config["backend"] == "onnxruntime":
            import onnxruntime

            session = onnxruntime.InferenceSession(folder / "model.onnx")
            self._run: Any = lambda images: session.run([self._output], {self._input: images})[0]
        else:
            import openvino

            # by its parameter; Triton's own backend has no setting for f32, and uses bf16 where a processor has it
            hint = "bf16" if "HINT_BF16" in config["parameters"] else "f32"
            settings = {"INFERENCE_PRECISION_HINT": hint}
            network = openvino.Core().compile_model(folder / "model.xml", "CPU", settings)
            self._run = lambda images: network({self._input: images})[self._output]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Compute the requests that Triton's batcher combined, and return a response for each."""
        given = [triton.get_input_tensor_by_name(each, self._input).as_numpy() for each in requests]
        parts = np.split(self._run(np.concatenate(given)), np.cumsum([len(each) for each in given])[:-1])
        return [triton.InferenceResponse([triton.Tensor(self._output, np.ascontiguousarray(part))]) for part in parts]
