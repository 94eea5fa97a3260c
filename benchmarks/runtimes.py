"""How many images a second each runtime answers in each precision, taking turns in one process.

    python benchmarks/runtimes.py                       RegNetX-800MF at 224 pixels, all cores, some minutes
    python benchmarks/runtimes.py --quick               a small network, half a minute: whether it runs at all
    python benchmarks/runtimes.py --ref runs/x          a network trained here, with its own images for int8

Inputs are normalized and in memory: this is the bare runtime, without decoding, to which benchmarks/serve.py compares.
Figures are medians of the turns, with the lowest and the highest. The goal is int8 at 2x torch fp32 channels_last. Two
torches are measured: the network as it is trained, in channels_last ("torch plain", which the goal is about), and the
fused one that `open_runtime` gives. Random weights are given the statistics of noise, so that no value is degenerate.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from importlib import metadata
from pathlib import Path
from statistics import median

import numpy as np
import torch

from netwright.arch import published
from netwright.data.preprocess import Preprocessing
from netwright.exports import export
from netwright.exports.labeled import photographs
from netwright.nn import build
from netwright.runtime import Runtime, open_runtime
from netwright.runtime.info import info_of
from netwright.runtime.runtime import FloatArray
from netwright.runtime.speed import images_per_second
from netwright.system.machine import hardware, processors, versions
from netwright.weights import LoadedModel, load_model

GOAL = 2.0
_PLAIN = "torch plain fp32"
# name -> target and precision of the file, and the precision that it is opened with
CONTENDERS = {
    "torch fused fp32": ("torch", "fp32", None),
    "torch fused bf16": ("torch", "bf16", None),
    "onnx fp32": ("onnx", "fp32", None),
    "onnx int8": ("onnx", "int8", None),
    "openvino fp32": ("openvino", "fp32", None),
    "openvino bf16": ("openvino", "bf16", None),
    "openvino int8": ("openvino", "int8", None),
}


class Plain:
    """The network as it is trained, in channels_last memory."""

    def __init__(self, model: LoadedModel) -> None:
        self._module = model.module.to(memory_format=torch.channels_last)

    def __call__(self, inputs: FloatArray) -> FloatArray:
        with torch.inference_mode():
            x = torch.from_numpy(inputs).to(memory_format=torch.channels_last)
            logits: FloatArray = self._module(x).numpy()
        return logits

    def close(self) -> None:
        pass


def subject(options: argparse.Namespace) -> LoadedModel:
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


def opened(model: LoadedModel, options: argparse.Namespace, folder: Path) -> dict[str, Runtime]:
    """All contenders, with the export's own comparison printed."""
    images = list(photographs(model.preprocessing, 16 if options.quick else 64))
    runtimes = {_PLAIN: Runtime(info_of(model), "torch", Plain(model))}
    for name in options.contenders:
        to, precision, computed = CONTENDERS[name]
        calibration = images if precision == "int8" else None
        done = export(model, folder / name.replace(" ", "-"), to=to, precision=precision, calibration=calibration)
        print(f"  {name:<18} {done.size / 1e6:8.2f} MB, {done.agreement}", flush=True)
        runtimes[name] = open_runtime(done.path, precision=computed, threads=options.threads)
    return runtimes


def facts(options: argparse.Namespace) -> dict[str, str]:
    known = hardware() | versions()
    known |= {name: metadata.version(name) for name in ("onnx", "onnxruntime", "openvino", "nncf")}
    known["threads"] = str(options.threads)
    known["load before"] = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="regnet_x_800mf")
    parser.add_argument("--ref", default="", help="trained weights instead")
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", default="", help="file for all figures")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.repeats = 0.1, 3
    torch.set_num_threads(options.threads)
    known = facts(options)
    print(", ".join(f"{name} {value}" for name, value in known.items()), flush=True)
    model = subject(options)
    print(f"{model.arch.name} at {model.preprocessing.image_size} pixels; exports against their network:", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        runtimes = opened(model, options, Path(folder))
        rates = images_per_second(runtimes, options.batches, seconds=options.seconds, repeats=options.repeats)
        for runtime in runtimes.values():
            runtime.close()
    for batch in options.batches:
        print(f"\nbatch {batch}: images/s, median (lowest to highest), median of the turns against {_PLAIN}")
        plain = np.array(rates[_PLAIN][batch])
        for name in runtimes:
            each = np.array(rates[name][batch])
            times = float(np.median(each / plain))
            goal = f"  goal {GOAL:g}: {'met' if times >= GOAL else 'not met'}" if name.endswith("int8") else ""
            print(f"  {name:<18} {median(each):9.1f} ({each.min():.1f} to {each.max():.1f})  {times:5.2f}x{goal}")
    if options.json:
        Path(options.json).write_text(json.dumps({"facts": known, "rates": rates}, indent=2))


if __name__ == "__main__":
    main()
