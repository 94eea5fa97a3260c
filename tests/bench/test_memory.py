import sys
from collections.abc import Callable

import pytest
import torch

from netwright.bench import Contender, Settings
from netwright.bench.memory import peak_memory

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_memory_grows_with_the_batch(quick: Callable[..., Settings]) -> None:
    contender = Contender("regnet_x_200mf")
    small, large = (peak_memory(contender, quick(batch_size=size, image_size=96), CPU, "infer") for size in (1, 64))
    assert small is not None
    assert large is not None
    # 10 MB of weights, and the largest activations of 64 images: two of 24 x 48 x 48 numbers
    assert 10e6 < small < large
    assert large - small > 0.5 * 63 * 2 * 24 * 48 * 48 * 4


@pytest.mark.slow
def test_a_process_that_does_not_come_through_is_none(quick: Callable[..., Settings]) -> None:
    assert peak_memory(Contender("no such network"), quick(), CPU, "train") is None
