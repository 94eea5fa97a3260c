"""Small spaces that tests of this folder share."""

from collections.abc import Callable
from typing import Any

import pytest

from netwright.space import DesignSpace


@pytest.fixture
def tiny() -> Callable[..., DesignSpace]:
    """An AnyNet of two stages on 8 pixels; parameters, ties, orders and limits can be given."""

    def make(**changes: Any) -> DesignSpace:
        parameters = {"depth": [1, 2], "width": [8, 16], "bottleneck": 1, "group_width": 8}
        plain: dict[str, Any] = {
            "name": "tiny",
            "family": "anynet",
            "stages": 2,
            "setting": {"stem": "cifar", "stem_width": 8, "resolution": 8, "num_classes": 2},
            "parameters": parameters | changes.pop("parameters", {}),
        }
        return DesignSpace.from_dict(plain | changes)

    return make
