"""Errors of torch about what a device does not have."""

import pytest
import torch

from netwright.errors import RecipeError
from netwright.training.unsupported import naming_operations

NPU, CPU = torch.device("xpu"), torch.device("cpu")


@pytest.mark.parametrize(
    "said",
    [
        "Could not run 'aten::grid_sampler_2d' with arguments from the 'PrivateUse1' backend. This could be because",
        "The operator 'aten::grid_sampler_2d' is not currently implemented for the MPS device. If you want this op",
    ],
)
def test_an_operation_is_named_with_the_cures(said: str) -> None:
    with (
        pytest.raises(RecipeError, match=r"the device xpu has no operation aten::grid_sampler_2d, .*--device cpu"),
        naming_operations(NPU),
    ):
        raise NotImplementedError(said)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(NotImplementedError, match="a method"), naming_operations(NPU):
        raise NotImplementedError("a method that its subclass writes")
    with pytest.raises(NotImplementedError, match="Could not run"), naming_operations(CPU):
        raise NotImplementedError("Could not run 'aten::x' with arguments from the 'CPU' backend.")
    with pytest.raises(ValueError, match="another"), naming_operations(NPU):
        raise ValueError("another")
