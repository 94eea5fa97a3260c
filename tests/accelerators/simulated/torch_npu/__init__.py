"""A simulated accelerator: importing it registers the device `npu`, which computes on the processor and is strict.

It stands in for Ascend's torch_npu where there is none. Each tensor of it holds one of the processor, and every
operation is done there. As on hardware, a tensor of the processor within an operation is an error (a number is not),
there are two devices, each with streams, random state and memory figures of its own, and every copy between host and
device is counted: `torch_npu.copies` has what was copied, from which line.
"""

from torch_npu import _device as _device
from torch_npu._copies import copies

__all__ = ["copies"]
