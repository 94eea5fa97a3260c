"""Whose fault a failure is, by the reasons that workers of this version and of 0.1 give."""

import pytest

from netwright.population import failure_of

MACHINE = (
    "out of memory: CUDA out of memory. Tried to allocate 20.00 MiB",
    "out of memory: MemoryError",
    "the worker was killed (signal 9): out of memory is the usual cause; 2 attempts",
    "the worker died of SIGSEGV; 2 attempts",
    "the worker ended with code 1: AcceleratorError: CUDA error: an illegal memory access was encountered; 2 attempts",
    "no result within 60 s (--trial_timeout)",
    "OSError: [Errno 28] No space left on device",
    "FileNotFoundError: [Errno 2] No such file or directory: 'images.npy'",
    "TimeoutError",
    "RuntimeError: can't start new thread",
    "RuntimeError: CUDA error: unspecified launch failure",
    "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "RuntimeError: unable to open shared memory object </torch_1> in read-write mode: Too many open files (24)",
)
NETWORK = (
    "diverged: the loss became nan in epoch 3",
    "RuntimeError: Given groups=1, weight of size [8, 3, 3, 3], expected input[32, 1, 8, 8] to have 3 channels",
    "RuntimeError: cuDNN error: CUDNN_STATUS_NOT_SUPPORTED",
    "ValueError: Expected more than 1 value per channel when training",
    "AssertionError",
    "ran out of <memory>, in the words of another executor",
    "",
    None,
)


@pytest.mark.parametrize("reason", MACHINE)
def test_what_the_machine_fails(reason):
    assert failure_of(reason) == "machine"


@pytest.mark.parametrize("reason", NETWORK)
def test_what_a_network_fails(reason):
    assert failure_of(reason) == "network"
