import pytest

from netwright.weights.layouts import MINDCV
from netwright.weights.names import Naming

# as the format's description has them
PAIRS = [
    ("stem.conv.weight", "stem.conv.weight"),
    ("stem.bn.gamma", "stem.bn.weight"),
    ("0.blocks.0.proj.weight", "s1.b1.proj.weight"),
    ("0.blocks.12.bn.beta", "s1.b13.bn.bias"),
    ("0.blocks.1.blocks.0.bn.moving_mean", "s2.b1.bn.running_mean"),
    ("0.blocks.3.blocks.16.f.a_bn.moving_variance", "s4.b17.f.a_bn.running_var"),
    ("0.blocks.2.blocks.3.f.se.conv_reduce.bias", "s3.b4.f.se.f_ex.0.bias"),
    ("0.blocks.1.f.se.conv_expand.weight", "s1.b2.f.se.f_ex.2.weight"),
    ("0.blocks.1.blocks.1.f.c.weight", "s2.b2.f.c.weight"),
    ("head.fc.bias", "head.fc.bias"),
]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_mindcvs_names(theirs: str, ours: str):
    assert MINDCV.to_netwright(theirs) == ours
    assert MINDCV.from_netwright(ours) == theirs


@pytest.mark.parametrize("stage", range(4))
def test_every_stage_may_be_named_as_stages(stage: int):
    assert MINDCV.to_netwright(f"stages.{stage}.blocks.2.f.b.weight") == f"s{stage + 1}.b3.f.b.weight"


def test_a_name_that_the_table_lacks_stays():
    assert MINDCV.to_netwright("backbone.0.blocks.1.weight") == "backbone.0.blocks.1.weight"


def test_a_table_is_read_in_both_directions():
    naming = Naming(
        label="an example",
        mark=r"blocks\.\d+\.norm\.scale",
        rest=(("old_head", "head.fc"), ("head", "head.fc")),
        blocks=(("blocks.{stage2}.{block0}", "s{stage}.b{block}"),),
        parts=(("norm", "f.a_bn"), ("conv", "f.a")),
        norms=(("scale", "weight"),),
    )
    assert [naming.to_netwright(name) for name in ("old_head.weight", "head.weight")] == ["head.fc.weight"] * 2
    assert naming.from_netwright("head.fc.weight") == "head.weight"  # the last that fits
    assert naming.to_netwright("blocks.4.0.norm.scale") == "s3.b1.f.a_bn.weight"
    assert naming.from_netwright("s3.b1.f.a.weight") == "blocks.4.0.conv.weight"
    assert naming.from_netwright("s3.b1.f.a_bn.bias") == ""  # that norm has none
    assert naming.is_marked(["a", "blocks.7.norm.scale"])
    assert not naming.is_marked(["a", "blocks.7.norm.scale.b"])
