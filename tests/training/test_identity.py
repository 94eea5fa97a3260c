from pathlib import Path

import pytest

from netwright.errors import RecipeError
from netwright.recipe import TrainConfig
from netwright.training.identity import check_identity

NOW = {**TrainConfig().to_flat(), "background": "black", "random parts by": "torch"}


def test_a_training_whose_parts_pillow_resized_goes_on_and_is_told():
    before = {key: value for key, value in NOW.items() if key != "random parts by"}
    (notice,) = check_identity(before, NOW, Path("run")).notices
    assert notice.startswith("random parts by was 'pillow' and is 'torch': the training continues")
    with pytest.raises(RecipeError, match="holds another training: random parts by was 'pillow'"):
        check_identity(before, NOW, Path("run"), strict=True)
    assert check_identity(NOW, NOW, Path("run"), strict=True).notices == ()
