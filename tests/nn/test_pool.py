import pytest
import torch
from torch import Tensor

from netwright.nn.pool import global_avg_pool


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_it_is_the_mean_to_the_bit_and_so_is_its_gradient(dtype: torch.dtype, layout: torch.memory_format):
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1)).to(dtype).to(memory_format=layout)
    results: list[tuple[Tensor, Tensor | None]] = []
    for mean in (global_avg_pool, lambda x: x.mean((2, 3))):
        leaf = x.clone().requires_grad_()
        # as squeeze-and-excitation: the map is used twice
        y = mean(leaf)
        (leaf * y[:, :, None, None]).square().sum().backward()
        results.append((y.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert results[0][1] is not None
    assert torch.equal(results[0][1], results[1][1])
    assert torch.equal(global_avg_pool(x), x.mean((2, 3)))


def test_it_can_be_derived_twice():
    x = torch.randn(2, 2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(global_avg_pool, x)
    assert torch.autograd.gradgradcheck(lambda x: global_avg_pool(x).square(), x)
