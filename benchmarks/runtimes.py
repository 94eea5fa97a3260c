"""Compare images per second of the runtimes in each precision; they take turns in one process.

    python benchmarks/runtimes.py                       RegNetX-800MF at 224 pixels, all cores, some minutes
    python benchmarks/runtimes.py --quick               a small network, half a minute: checks that everything runs
    python benchmarks/runtimes.py --ref runs/x          a trained network

Inputs are normalized and in memory: this is the bare runtime, without decoding, with which benchmarks/serve.py compares
a server. Figures are medians of the turns, with lowest and highest. Goal: int8 is twice as fast as torch fp32 in
channels_last. torch is measured twice: the network as it is trained ("torch plain", which the goal refers to), and the
fused network that `open_runtime` makes. The batch norms of a network with random weights take the statistics of noise,
so that activations stay in range.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import torch
from environment import as_line, environment  # beside this file

from netwright.arch import published
from netwright.data.preprocess import Preprocessing
from netwright.exports import export
from netwright.exports.labeled import photographs
from netwright.nn import build
from netwright.runtime import Runtime, open_runtime
from netwright.runtime.info import info_of
from netwright.runtime.runtime import FloatArray
from netwright.runtime.speed import images_per_second
from netwright.system.machine import processors
from netwright.weights import LoadedModel, load_model

GOAL = 2.0
_PLAIN = "torch plain fp32"
# name -> format and precision of the file, and the precision it is opened with
CONTENDERS = {
    "torch fused fp32": ("torch", "fp32", None),
    "torch fused bf16": ("torch", "bf16", None),
    "onnx fp32": ("onnx", "fp32", None),
    "onnx int8": ("onnx", "int8", None),
    "openvino fp32": ("openvino", "fp32", None),
    "openvino bf16": ("openvino", "bf16", None),
    "openvino int8": ("openvino", "int8", None),
}


class PlainTorch:
    """A backend: the network as it is trained, in channels_last memory."""

    takes_tensors = False

    def __init__(self, model: LoadedModel) -> None:
        self._module = model.module.to(memory_format=torch.channels_last)

    def __call__(self, inputs: FloatArray) -> FloatArray:
        with torch.inference_mode():
            x = torch.from_numpy(inputs).to(memory_format=torch.channels_last)
            logits: FloatArray = self._module(x).numpy()
        return logits

    def close(self) -> None:
        pass


def load_or_build(options: argparse.Namespace) -> LoadedModel:
    """Load the trained network, or build a published one with random weights."""
    if options.ref:
        return load_model(options.ref)
    arch = published("regnet_x_200mf" if options.quick else options.network)
    side = 64 if options.quick else options.image_size
    module, generator = build(arch, seed=0), torch.Generator().manual_seed(0)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(8, 3, side, side, generator=generator))
    return LoadedModel(arch, module.eval(), Preprocessing(image_size=side), source="random weights")


def open_contenders(model: LoadedModel, options: argparse.Namespace, folder: Path) -> dict[str, Runtime]:
    """Export and open every contender; print how well each export agrees with the network."""
    images = list(photographs(model.preprocessing, 64))
    runtimes = {_PLAIN: Runtime(info_of(model), "torch", PlainTorch(model))}
    for name in options.contenders:
        to, precision, open_precision = CONTENDERS[name]
        calibration = images if precision == "int8" else None
        exported = export(model, folder / name.replace(" ", "-"), to=to, precision=precision, calibration=calibration)
        print(f"  {name:<18} {exported.size / 1e6:8.2f} MB, {exported.agreement}", flush=True)
        runtimes[name] = open_runtime(exported.path, precision=open_precision, threads=options.threads)
    return runtimes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="regnet_x_800mf")
    parser.add_argument("--ref", default="", help="trained weights instead")
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--seconds", type=float, default=2.0, help="per turn")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", default="", help="file for all figures")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.repeats = 0.1, 3
    torch.set_num_threads(options.threads)
    found = environment("onnx", "onnxruntime", "openvino", "nncf") | {"threads": str(options.threads)}
    print(as_line(found), flush=True)
    model = load_or_build(options)
    size = model.preprocessing.image_size
    print(f"{model.arch.name} at {size} pixels; exports, with their size and agreement:", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        runtimes = open_contenders(model, options, Path(folder))
        rates = images_per_second(runtimes, options.batches, seconds=options.seconds, repeats=options.repeats)
        for runtime in runtimes.values():
            runtime.close()
    for batch in options.batches:
        print(f"\nbatch {batch}: images/s, median (lowest to highest), and the median ratio to {_PLAIN}")
        plain = np.array(rates[_PLAIN][batch])
        for name in runtimes:
            own = np.array(rates[name][batch])
            ratio = float(np.median(own / plain))
            goal = f"  goal {GOAL:g}: {'met' if ratio >= GOAL else 'not met'}" if name.endswith("int8") else ""
            print(f"  {name:<18} {median(own):9.1f} ({own.min():.1f} to {own.max():.1f})  {ratio:5.2f}x{goal}")
    if options.json:
        Path(options.json).write_text(json.dumps({"facts": found, "rates": rates}, indent=2))


if __name__ == "__main__":
    main()
