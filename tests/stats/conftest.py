"""The golden population of these tests."""

import numpy as np
import pytest
from numpy.typing import NDArray

# top-1 errors in percent of 32 RegNetX at 0.4 GF, ImageNet, 25 epochs (MIT, zhanghang1989/RegNet-Search-PyTorch)
_REGNETX_400MF = """
34.984 37.712 37.96 35.24 38.358 35.13 36.128 35.68 36.666 37.602 35.916 38.94 41.068 37.568 38.768 36.608
39.098 36.604 36.77 36.096 37.278 36.352 36.344 36.682 38.296 38.046 35.556 36.296 38.572 36.724 36.21 38.168
"""
_DEPTHS = "18 16 20 14 14 17 18 12 12 24 13 22 19 19 15 18 21 20 16 13 20 12 18 19 19 15 13 12 19 15 16 23"


@pytest.fixture
def regnetx_errors() -> NDArray[np.float64]:
    return np.array(_REGNETX_400MF.split(), dtype=np.float64)


@pytest.fixture
def regnetx_depths() -> NDArray[np.float64]:
    """Their depths, in the same order."""
    return np.array(_DEPTHS.split(), dtype=np.float64)
