"""The device: registration, its module (`torch.npu`), and its tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import library as dispatcher
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from torch_npu._copies import copies

COUNT = 2
NAME = "npu"
_aten = torch.ops.aten
_SCALARS = (_aten._local_scalar_dense.default, _aten.is_nonzero.default, _aten.equal.default)


class SimulatedTensor(torch.Tensor):
    """A tensor whose device is `npu`; `raw` is on the processor."""

    raw: torch.Tensor

    @staticmethod
    def __new__(cls, raw: torch.Tensor, index: int) -> SimulatedTensor:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            raw.size(),
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            layout=raw.layout,
            device=torch.device(NAME, index),
            requires_grad=False,
        )
        made.raw = raw
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._can_decompose():  # in inference mode these come whole
            return func.decompose(*args, **(kwargs or {}))
        return compute(func, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:
        return f"simulated({self.raw!r}, {self.device})"


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do an operation on the processor; its results are on the device."""
    if func in (_aten.copy_.default, _aten._to_copy.default, _aten._copy_from.default):
        return _copy(func, args, kwargs)
    flat, spec = tree_flatten((args, kwargs))
    indices = {each.device.index for each in flat if isinstance(each, SimulatedTensor)}
    indices |= {each.index or 0 for each in flat if isinstance(each, torch.device) and each.type == NAME}
    if len(indices) > 1:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {NAME}:0 and {NAME}:1 ({func})")
    index = indices.pop() if indices else current()
    strangers = [
        each for each in flat if isinstance(each, torch.Tensor) and not isinstance(each, SimulatedTensor) and each.dim()
    ]
    if strangers and any(isinstance(each, SimulatedTensor) for each in flat):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:{index} and cpu! "
            f"({func})"
        )
    if func in _SCALARS:
        copies.count("to_host")
    raws = [_bare(each) for each in flat]
    bare_args, bare_kwargs = tree_unflatten(raws, spec)
    if torch.Tag.nondeterministic_seeded in func.tags:
        results = _drawn(index, func, bare_args, bare_kwargs)
    else:
        results = func(*bare_args, **bare_kwargs)
    known = {id(each.raw): each for each in flat if isinstance(each, SimulatedTensor)}

    def dressed(each: Any) -> Any:
        if not isinstance(each, torch.Tensor):
            return each
        if id(each) in known:
            return known[id(each)]
        with torch.inference_mode(False):  # views of such tensors cannot be made in it
            return SimulatedTensor(each, index)

    return tree_map(dressed, results)


def _drawn(index: int, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation that draws: from the device's random state, not from the processor's."""
    kept = torch.default_generator.get_state()
    torch.default_generator.set_state(generators[index].get_state())
    try:
        return func(*args, **kwargs)
    finally:
        generators[index].set_state(torch.default_generator.get_state())
        torch.default_generator.set_state(kept)


def _bare(each: Any) -> Any:
    if isinstance(each, SimulatedTensor):
        return each.raw
    if isinstance(each, torch.device) and each.type == NAME:
        return torch.device("cpu")
    if isinstance(each, torch.Generator) and each.device.type == NAME:
        return generators[each.device.index or 0]
    return each


def _copy(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if func is _aten.copy_.default:
        target, source = args[:2]
        if isinstance(target, SimulatedTensor) != isinstance(source, SimulatedTensor):
            copies.count("to_device" if isinstance(target, SimulatedTensor) else "to_host")
        _bare(target).copy_(_bare(source))
        return target
    if func is _aten._copy_from.default:
        source, target = args[:2]
        copies.count("to_device" if isinstance(target, SimulatedTensor) else "to_host")
        _bare(target).copy_(_bare(source))
        return target
    [source] = args
    wanted = kwargs.pop("device", None) or source.device
    kwargs.pop("pin_memory", None)
    raw = func(_bare(source), **kwargs, device=torch.device("cpu"))
    was_there, is_there = isinstance(source, SimulatedTensor), torch.device(wanted).type == NAME
    if was_there != is_there:
        copies.count("to_device" if is_there else "to_host")
    if not is_there:
        return raw
    index = torch.device(wanted).index
    return SimulatedTensor(raw, current() if index is None else index)


# -- the module torch.npu --------------------------------------------------------------------------------------

_state = {"current": 0}
generators = [torch.Generator(), torch.Generator()]


def current() -> int:
    return _state["current"]


class Module:
    """What torch and netwright ask of `torch.npu`."""

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def current_device(self) -> int:
        return current()

    def set_device(self, device: Any) -> None:
        index = device if isinstance(device, int) else torch.device(device).index or 0
        if not 0 <= index < COUNT:
            raise RuntimeError(f"there are {COUNT} devices of {NAME}, not {index}")
        _state["current"] = index

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        for generator in generators:
            generator.manual_seed(seed)

    def manual_seed(self, seed: int) -> None:
        generators[current()].manual_seed(seed)

    def device_count(self) -> int:
        return COUNT

    def get_rng_state(self, device: Any = None) -> torch.Tensor:
        return generators[_index(device)].get_state()

    def set_rng_state(self, state: torch.Tensor, device: Any = None) -> None:
        generators[_index(device)].set_state(state)

    def synchronize(self, device: Any = None) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.float16, torch.bfloat16]

    def max_memory_allocated(self, device: Any = None) -> int:
        return 0


def _index(device: Any) -> int:
    if device is None:
        return current()
    return device if isinstance(device, int) else torch.device(device).index or 0


class _Hooks(torch._C._acc.PrivateUse1Hooks):
    def is_available(self) -> bool:
        return True

    def has_primary_context(self, dev_id: int) -> bool:
        return True

    def is_built(self) -> bool:
        return True


class _Guard(torch._C._acc.DeviceGuard):
    def type_(self) -> Any:
        return torch._C._autograd.DeviceType.PrivateUse1


_setup_privateuseone_for_python_backend(NAME, Module(), _Hooks(), _Guard())


def _fallback(func: Any, *args: Any, **kwargs: Any) -> Any:
    return compute(func, args, kwargs)


_fallbacks = dispatcher.Library("_", "IMPL")
_fallbacks.fallback(_fallback, "PrivateUse1")


# -- mixed precision -------------------------------------------------------------------------------------------

_KEY = "AutocastPrivateUse1"
_fallbacks.fallback(dispatcher.fallthrough_kernel, _KEY)
_autocast = dispatcher.Library("aten", "IMPL")
_HALF = ("conv2d", "conv1d", "convolution", "linear", "matmul", "mm", "addmm", "bmm")
_FULL = ("cross_entropy_loss", "log_softmax.int", "softmax.int", "nll_loss_nd", "binary_cross_entropy_with_logits")


def _cast_before(name: str, dtype: Any) -> None:
    overload = getattr(getattr(_aten, name.split(".")[0]), name.partition(".")[2] or "default")

    def kernel(*args: Any, **kwargs: Any) -> Any:
        to = torch.get_autocast_dtype(NAME) if dtype is None else dtype

        def cast(each: Any) -> Any:
            is_float = isinstance(each, torch.Tensor) and each.is_floating_point() and each.device.type == NAME
            return each.to(to) if is_float and each.dtype != torch.float64 else each

        with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)):
            return overload(*tree_map(cast, args), **tree_map(cast, kwargs))

    _autocast.impl(name, kernel, _KEY)


for _name in _HALF:
    _cast_before(_name, None)
for _name in _FULL:
    _cast_before(_name, torch.float32)


# torch.tensor(..., device="npu") reaches these without the dispatch of subclasses
_copying = dispatcher.Library("aten", "IMPL")
for _name in ("_to_copy", "copy_", "_copy_from"):
    _overload = getattr(_aten, _name).default
    _copying.impl(_name, lambda *args, _overload=_overload, **kwargs: compute(_overload, args, kwargs), "PrivateUse1")

# of what torch.accelerator does in C++, a backend in Python cannot give these
torch.accelerator.synchronize = lambda *_: None
torch.accelerator.empty_cache = lambda: None
torch.accelerator.set_device_index = torch.accelerator.set_device_idx = Module().set_device
torch.accelerator.current_device_index = current
torch.accelerator.max_memory_allocated = Module().max_memory_allocated
