import json
from pathlib import Path
from typing import Any

import pytest

from netwright.arch import NETWORKS, complexity, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.weights import save_model
from netwright.weights.summary import summarize_model


def test_a_published_networks_card_has_its_costs_and_all_weights():
    card = summarize_model("regnetx_008")
    assert (card.arch.name, card.flops, card.params, card.acts) == ("regnet_x_800mf", 799_700_712, 7_259_656, 5_148_744)
    assert card.rows[0].ref == "mindcv/regnet_x_800mf/in1k"
    text = "\n".join(card.lines())
    for said in (
        "also called  regnetx_008, regnetx_800mf, RegNetX-800MF",
        "mindcv/regnet_x_800mf/in1k (default)\n      76.04 by MindCV's table",
        "bilinear, without antialiasing\n      200 epochs, MindCV recipe; license apache-2.0\n",
        "https://download.mindspore.cn/toolkits/mindcv/regnet/regnet_x_800mf-617227f4.ckpt (sha256 617227f4...)",
        "https://huggingface.co/timm/regnetx_008.pycls_in1k",
    ):
        assert said in text
    assert text.count("(default)") == 1


def test_a_row_comes_first_where_it_is_asked_for():
    card = summarize_model("timm/regnetx_008.pycls_in1k")
    assert card.rows[0].tag == "pycls_in1k"
    assert {row.ref for row in card.rows} == {row.ref for row in summarize_model("regnet_x_800mf").rows}
    assert summarize_model("timm/regnety_160.sw_in12k").arch.num_classes == 11_821


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_card(name: str):
    card = summarize_model(name)
    assert card.params == complexity(published(name)).params[0]
    assert json.loads(json.dumps(card.to_dict()))["name"] == name
    assert card.lines()[0] == name


def test_weights_of_ours_say_their_training_and_their_classes(tmp_path: Path, randomized: Any):
    facts = {"epoch": 3, "epochs": 5, "dataset": "digits", "validation": {"top1": 91.25}}
    names = tuple("abcde")
    path = tmp_path / "small_best.safetensors"
    seen = Preprocessing(16, crop_pct=0.5, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
    save_model(path, randomized(), preprocessing=seen, class_names=names, facts=facts)
    card = summarize_model(tmp_path)
    text = "\n".join(card.lines())
    for said in (
        f"weights      {path}, the best by validation",
        "training     epoch 3 of 5 on digits",
        "validation   top-1 91.25",
        "classes      a, b, c, d, e",
        "shorter side to 32 (bilinear), center 16, minus 1 2 3, by 4 5 6 (pixels 0-255)",
        "3 x 16 x 16 pixels",
    ):
        assert said in text
    assert card.rows == ()
    assert card.to_dict()["facts"] == facts


def test_a_card_of_nothing_is_refused():
    with pytest.raises(WeightsError, match="did you mean 'regnet_x_800mf'"):
        summarize_model("regnet_x_800m")
