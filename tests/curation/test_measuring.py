from pathlib import Path

import pytest

from netwright.curation.measuring import bench_data
from netwright.recipe import TrainConfig


@pytest.mark.slow
def test_every_stage_is_measured(sound_data: Path) -> None:
    training = TrainConfig().with_(image_size=32, batch_size=4, workers=0)
    speed = bench_data(sound_data, training, images=8)
    assert speed.images == 8
    assert all(stage.seconds >= 0 for stage in speed.stages)
    assert speed.bottleneck in {stage.name for stage in speed.stages}
    assert list(speed.loader) == [0]
    assert speed.loader[0] > 0
    # 96 pixels for an input of 32
    assert any("data prepare" in sentence for sentence in speed.advice)
    told = speed.to_dict()
    assert told["stages"]["read"]["images_per_second"] == pytest.approx(1 / speed.stages[0].seconds, rel=1e-6)
