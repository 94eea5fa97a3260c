"""A network, opened as it will be served, with a clock: how long an answer takes."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.arch import Arch
from netwright.errors import ExportError
from netwright.timing.rounds import Clock, Turn
from netwright.timing.setting import LatencySetting

if TYPE_CHECKING:
    from netwright.runtime import Runtime
    from netwright.weights import LoadedModel

__all__ = ["open_clock"]


class _RuntimeClock:
    """Times a runtime on the processors, answer by answer. runtime: closed with the clock."""

    def __init__(self, runtime: Runtime, batch: int) -> None:
        self._runtime = runtime
        self._x = np.random.default_rng(0).standard_normal((batch, *runtime.info.input_shape), dtype=np.float32)

    def __call__(self, calls: int) -> Turn:
        times, undisturbed = [], []
        for _ in range(calls):
            before, start = _preemptions(), time.perf_counter()
            self._runtime.logits(self._x)
            times.append(time.perf_counter() - start)
            if _preemptions() == before:
                undisturbed.append(times[-1])
        return Turn(median(undisturbed) if undisturbed else min(times), median(times))

    def close(self) -> None:
        self._runtime.close()


class _EventClock:
    """Times a module on CUDA by events on its stream, so that no wait of the host is counted but what delays it."""

    def __init__(self, module: Any, shape: tuple[int, ...], dtype: Any, device: Any) -> None:
        import torch

        self._torch, self._device = torch, device
        self._module = module.to(device, dtype).to(memory_format=torch.channels_last).eval()
        x = torch.from_numpy(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))
        self._x = x.to(device, dtype, memory_format=torch.channels_last)

    def __call__(self, calls: int) -> Turn:
        torch = self._torch
        pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(calls)]
        with torch.inference_mode(), torch.cuda.device(self._device):
            torch.cuda.synchronize()
            for start, end in pairs:
                start.record()
                self._module(self._x)
                end.record()
                end.synchronize()  # one answer at a time: the next does not wait in the queue behind it
        typical = median(float(start.elapsed_time(end)) / 1e3 for start, end in pairs)
        return Turn(typical, typical)

    def close(self) -> None:
        self._module = None


def _preemptions() -> int:
    """How often the system took the processor from a thread of this process for another program, as far as it tells."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def open_clock(network: Arch | Path, setting: LatencySetting) -> tuple[Clock, Arch]:
    """Open a network or an exported file.

    Args:
        network: What is measured. The weights of an `Arch` are random: they do not change how long an answer takes.
        setting: Resolved. An exported file has its own precision, and its own runtime where it opens in no other.

    Returns:
        The clock, which has a method `close`, and the network.

    Raises:
        ExportError: It cannot be computed so.
    """
    if setting.device != "cpu":
        if isinstance(network, Path):
            raise ExportError(
                f"exported files are measured on the processors here, and {network} is one. Name the weights to "
                "measure the network in torch on an accelerator, or leave the device out."
            )
        return _on_device(network, setting), network
    from netwright.runtime import open_runtime

    if isinstance(network, Path):
        kind = setting.runtime if network.suffix == ".onnx" and setting.runtime == "openvino" else "auto"
        runtime = open_runtime(network, runtime=kind, threads=setting.threads)
        if runtime.info.batch not in (None, setting.batch):
            batch = runtime.info.batch
            runtime.close()
            raise ExportError(
                f"{network} takes {batch} images at once, and the latency of {setting.batch} is asked for. Give "
                f"--batch {batch}, or export it with --batch dynamic."
            )
    else:
        runtime = open_runtime(
            _loaded(network), runtime=setting.runtime, precision=setting.precision, threads=setting.threads
        )
    return _RuntimeClock(runtime, setting.batch), runtime.info.arch


def _loaded(arch: Arch) -> LoadedModel:
    from netwright.data.preprocess import Preprocessing, for_channels
    from netwright.nn import build
    from netwright.weights import LoadedModel

    seen = Preprocessing()
    mean, std = (for_channels(values, arch.in_channels) for values in (seen.mean, seen.std))
    preprocessing = Preprocessing(arch.resolution, arch.in_channels, mean=mean, std=std)
    return LoadedModel(arch, build(arch, seed=0).eval(), preprocessing)


def _on_device(arch: Arch, setting: LatencySetting) -> _EventClock:
    import torch

    from netwright.nn import build, fuse
    from netwright.runtime.torch_backend import DTYPES
    from netwright.training import resolve_device

    device = resolve_device(setting.device)
    if device.type != "cuda":
        raise ExportError(
            f"latency is measured on the processors and on CUDA, not on {device}. Leave the device out for the "
            "processors."
        )
    torch.backends.cudnn.benchmark = True  # the shape stays the same: the quickest kernels are looked for
    shape = (setting.batch, arch.in_channels, arch.resolution, arch.resolution)
    return _EventClock(fuse(build(arch, seed=0).eval()), shape, DTYPES[setting.precision], device)
