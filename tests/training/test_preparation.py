"""How a training decodes its images: found before it begins, kept when it goes on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from netwright.recipe import TrainConfig
from netwright.training.monitor import NullMonitor
from netwright.training.run import train
from netwright.weights import load_model


@pytest.fixture
def recipe(tiny, tmp_path):
    (tmp_path / "tiny.yaml").write_text(replace(tiny, name="tiny").to_yaml())
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for label, name in enumerate(("ant", "bee")):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(8):
                values = rng.integers(0, 3900, (12, 12), dtype=np.uint16) // (1 + 2 * label)
                Image.fromarray(values).save(tmp_path / "data" / split / name / f"{number}.png")
    return TrainConfig().with_(
        data_dir=str(tmp_path / "data"),
        out=str(tmp_path / "run"),
        model=str(tmp_path / "tiny.yaml"),
        in_channels=1,
        image_size=8,
        batch_size=8,
        epochs=1,
        warmup_epochs=0.0,
        color_jitter=None,
        workers=0,
        validate=True,
        device="cpu",
        threads=1,
    )


@pytest.mark.slow
def test_the_scale_is_found_written_and_the_same_when_it_goes_on(recipe, tmp_path, caplog):
    caplog.set_level("INFO")
    train(recipe, monitor=NullMonitor())
    assert "4,095, the end of 12 bits, counts as white" in caplog.text
    ours = load_model(tmp_path / "run").preprocessing
    assert (ours.full_scale, ours.background, ours.resize) == (4095.0, "white", "crop")
    train(recipe, monitor=NullMonitor())  # finished: the identity is the same
    # a state of a version that did not say how it decoded
    state = next((tmp_path / "run" / "state").iterdir()) / "state.json"
    content = json.loads(state.read_text())
    for key in ("background", "full_scale", "resize"):
        del content["identity"][key]
    state.write_text(json.dumps(content))
    caplog.clear()
    train(recipe, monitor=NullMonitor())
    assert "holds this training, finished" in caplog.text
    assert "nearly black" in caplog.text
