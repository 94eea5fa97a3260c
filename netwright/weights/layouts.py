"""Tables of tensor names, one per library, and detection of the one that a file follows."""

from __future__ import annotations

from collections.abc import Collection

from netwright.errors import WeightsError
from netwright.weights.names import Naming

__all__ = [
    "CLASSY",
    "FORMATS",
    "MINDCV",
    "MINDCV_RESNET",
    "NETWRIGHT",
    "RESNET",
    "TIMM_REGNET",
    "TORCHVISION_REGNET",
    "detect_naming",
]

_PARTS = ("proj", "bn", "f.a", "f.a_bn", "f.b", "f.b_bn", "f.c", "f.c_bn", "a", "a_bn", "b", "b_bn")
_STEM_AND_HEAD = ("stem.conv", "stem.bn", "head.conv", "head.bn", "head.fc")
_SE = ("f.se.f_ex.0", "f.se.f_ex.2")


def _same(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


# the names of pycls, which published DDS
NETWRIGHT = Naming(
    label="netwright",
    mark=r"s\d+\.b\d+\.(f\.)?a\.weight",
    rest=_same(_STEM_AND_HEAD),
    blocks=(("s{stage}.b{block}", "s{stage}.b{block}"),),
    parts=_same((*_PARTS, *_SE)),
)

TIMM_REGNET = Naming(
    label="timm's regnet",
    mark=r"s\d+\.b\d+\.conv1\.conv\.weight",
    rest=(
        ("stem.conv", "stem.conv"),
        ("stem.bn", "stem.bn"),
        ("final_conv.conv", "head.conv"),
        ("final_conv.bn", "head.bn"),
        ("head.fc", "head.fc"),
    ),
    blocks=(("s{stage}.b{block}", "s{stage}.b{block}"),),
    parts=(
        ("downsample.conv", "proj"),
        ("downsample.bn", "bn"),
        ("conv1.conv", "f.a"),
        ("conv1.bn", "f.a_bn"),
        ("conv2.conv", "f.b"),
        ("conv2.bn", "f.b_bn"),
        ("se.fc1", "f.se.f_ex.0"),
        ("se.fc2", "f.se.f_ex.2"),
        ("conv3.conv", "f.c"),
        ("conv3.bn", "f.c_bn"),
    ),
)

TORCHVISION_REGNET = Naming(
    label="torchvision's regnet",
    mark=r"trunk_output\.block\d+\.block\d+-\d+\.f\.c\.0\.weight",
    rest=(("stem.0", "stem.conv"), ("stem.1", "stem.bn"), ("fc", "head.fc")),
    blocks=(("trunk_output.block{stage}.block{stage}-{block0}", "s{stage}.b{block}"),),
    parts=(
        ("proj.0", "proj"),
        ("proj.1", "bn"),
        ("f.a.0", "f.a"),
        ("f.a.1", "f.a_bn"),
        ("f.b.0", "f.b"),
        ("f.b.1", "f.b_bn"),
        ("f.se.fc1", "f.se.f_ex.0"),
        ("f.se.fc2", "f.se.f_ex.2"),
        ("f.c.0", "f.c"),
        ("f.c.1", "f.c_bn"),
    ),
)

_RESNET_PARTS = (
    ("conv1", "f.a"),
    ("bn1", "f.a_bn"),
    ("conv2", "f.b"),
    ("bn2", "f.b_bn"),
    ("conv3", "f.c"),
    ("bn3", "f.c_bn"),
)
# ResNets, ResNeXts and wide ResNets have the same names in timm and in torchvision
RESNET = Naming(
    label="timm's and torchvision's resnet",
    mark=r"layer\d+\.\d+\.bn1\.weight",
    rest=(("conv1", "stem.conv"), ("bn1", "stem.bn"), ("fc", "head.fc")),
    blocks=(("layer{stage}.{block0}", "s{stage}.b{block}"),),
    parts=(("downsample.0", "proj"), ("downsample.1", "bn"), *_RESNET_PARTS),
)

# classy-vision's RegNet, also as in vissl, which published SEER; its blocks without a bottleneck are not supported
CLASSY = Naming(
    label="classy-vision's regnet",
    mark=r".*block\d+-\d+\.f\.(c\.weight|final_bn\.weight)",
    rest=(
        ("stem.stem.0", "stem.conv"),
        ("stem.stem.1", "stem.bn"),
        ("_feature_blocks.conv1.stem.0", "stem.conv"),
        ("_feature_blocks.conv1.stem.1", "stem.bn"),
        ("head.fc", "head.fc"),
    ),
    blocks=(
        ("trunk_output.block{stage}.block{stage}-{block0}", "s{stage}.b{block}"),
        ("_feature_blocks.res{stage2}.block{stage}-{block0}", "s{stage}.b{block}"),
    ),
    parts=(
        ("proj", "proj"),
        ("bn", "bn"),
        ("f.a.0", "f.a"),
        ("f.a.1", "f.a_bn"),
        ("f.b.0", "f.b"),
        ("f.b.1", "f.b_bn"),
        ("f.se.excitation.0", "f.se.f_ex.0"),
        ("f.se.excitation.2", "f.se.f_ex.2"),
        ("f.c", "f.c"),
        ("f.final_bn", "f.c_bn"),
    ),
)

# MindSpore's names of the tensors of batch norm
_MINDSPORE_NORMS = (
    ("gamma", "weight"),
    ("beta", "bias"),
    ("moving_mean", "running_mean"),
    ("moving_variance", "running_var"),
)
_MINDSPORE_SLOTS = (
    *("moments.", "moment.", "moment1.", "moment2.", "momentum.", "vhat.", "accum.", "stat.", "mean_square."),
    *("mean_grad.", "exp_avg.", "exp_avg_sq.", "exp_avg_diff.", "pre_grad.", "lamb_m.", "lamb_v.", "accum_grad."),
    *("adam_m.", "adam_v.", "lion_m.", "nadam_m.", "nadam_v.", "moment3.", "prev_gradient."),  # MindCV's own
)
# the AnyNet of MindCV's regnet
MINDCV = Naming(
    label="MindCV's regnet",
    mark=r"(0\.blocks|stages)\..+\.a_bn\.gamma",
    rest=_same(_STEM_AND_HEAD),
    blocks=(
        ("stages.{stage0}.blocks.{block0}", "s{stage}.b{block}"),
        ("0.blocks.{stage0}.blocks.{block0}", "s{stage}.b{block}"),
        ("0.blocks.{block0}", "s1.b{block}"),
    ),
    parts=(*_same(_PARTS), ("f.se.conv_reduce", _SE[0]), ("f.se.conv_expand", _SE[1])),
    norms=_MINDSPORE_NORMS,
    average="ema.",
    slots=_MINDSPORE_SLOTS,
)
# read only: its max pool is shifted by a pixel to the right and down
MINDCV_RESNET = Naming(
    label="MindCV's resnet",
    mark=r"layer\d+\.\d+\.bn1\.gamma",
    rest=(("conv1", "stem.conv"), ("bn1", "stem.bn"), ("classifier", "head.fc")),
    blocks=(("layer{stage}.{block0}", "s{stage}.b{block}"),),
    parts=(("down_sample.0", "proj"), ("down_sample.1", "bn"), *_RESNET_PARTS),
    norms=_MINDSPORE_NORMS,
    average="ema.",
    slots=_MINDSPORE_SLOTS,
)

# format, as a user names it -> the tables of its files; where two formats share a table, the first is the default
FORMATS = {
    "netwright": (NETWRIGHT,),
    "torchvision": (TORCHVISION_REGNET, RESNET),
    "timm": (TIMM_REGNET, RESNET),
    "pycls": (NETWRIGHT,),
    "classy": (CLASSY,),
    "mindcv": (MINDCV, MINDCV_RESNET),
}


def detect_naming(names: Collection[str], source: str, *, format: str = "", likely: str = "") -> tuple[str, Naming]:
    """Detect the library whose names tensors have.

    Args:
        names: Of the tensors.
        source: Where they are from, for messages.
        format: The format that the user gave, "" for none.
        likely: The format that the kind of file suggests, "" for none.

    Returns:
        (format, table). Names that fit no table get the first one of `format` or `likely`, else netwright's.

    Raises:
        WeightsError: The format does not exist, or the names are those of another one.
    """
    if format and format not in FORMATS:
        raise WeightsError(
            f"a format of weights is one of {', '.join(FORMATS)}, not {format!r}. Choose one, or leave it out."
        )
    order = [each for each in (format, likely) if each] + list(FORMATS)
    for name in order:
        for naming in FORMATS[name]:
            if not naming.is_marked(names):
                continue
            if format and naming not in FORMATS[format]:
                raise WeightsError(
                    f"the names in {source} are those of {naming.label}, not of the format {format!r}. Leave format "
                    f"out, or give {name!r}."
                )
            return name, naming
    unknown = format or likely
    return unknown, FORMATS[unknown or "netwright"][0]
