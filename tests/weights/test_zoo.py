"""The table of published weights, against the installed torchvision and timm, which say the same."""

import re
from typing import Any

import pytest

from netwright.arch import NETWORKS, complexity, published
from netwright.errors import WeightsError
from netwright.weights.zoo import (
    WEIGHTS_SOURCES,
    PublishedWeights,
    canonical_network,
    choose_weights,
    find_row,
    list_models,
    published_weights,
)

ROWS = published_weights()


def rows_of(source: str) -> list[PublishedWeights]:
    return [row for row in ROWS if row.source == source]


def test_every_row_is_whole_and_of_a_network_here():
    assert len({row.ref for row in ROWS}) == len(ROWS) > 200
    for row in ROWS:
        assert row.network in NETWORKS
        assert row.source in WEIGHTS_SOURCES
        assert all((row.name, row.tag, row.where, row.recipe, row.licence)), row.ref
        assert row.top1 is None or 60 < row.top1 < 90, row.ref
        assert row.interpolation in ("bilinear", "bicubic")
        assert re.fullmatch(r"https://\S+\.(pth|pyth|ckpt)|timm/[\w.]+", row.where), row.ref


def test_torchvisions_rows_are_what_torchvision_says():
    from torchvision import models

    rows = {(row.name, row.tag): row for row in rows_of("torchvision")}
    said: dict[tuple[str, str], Any] = {
        (name, weights.name): weights
        for name in models.list_models(module=models)
        if name.startswith(("regnet", "resnet", "resnext", "wide_resnet"))
        for weights in models.get_model_weights(name)
    }
    assert set(rows) == set(said)
    for key, row in rows.items():
        weights = said[key]
        seen = weights.transforms()
        assert row.where == weights.url
        assert row.sha256 == weights.url.rsplit("-", 1)[1].removesuffix(".pth")
        assert row.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        assert (row.image_size, int(row.image_size / row.crop_pct)) == (seen.crop_size[0], seen.resize_size[0])
        assert row.interpolation == seen.interpolation.value
        # torchvision rounds some widths otherwise: the row is of the network that has as many parameters
        assert complexity(published(row.network)).params[0] == weights.meta["num_params"]
        defaults = [each for each in rows_of("torchvision") if each.name == row.name]
        assert defaults[0].tag == models.get_model_weights(row.name).DEFAULT.name


def test_timms_rows_are_what_timm_says():
    import timm
    from timm.models import get_pretrained_cfg

    from netwright.arch import canonical_name

    rows = {f"{row.name}.{row.tag}": row for row in rows_of("timm")}
    # timm can know more than the table; what the table has must be there
    for name, row in rows.items():
        said = get_pretrained_cfg(name)
        assert row.where == (said.hf_hub_id if "." in said.hf_hub_id else f"{said.hf_hub_id}{name}"), name
        assert (row.network, row.classes, row.licence) == (canonical_name(row.name), said.num_classes, said.license)
        assert row.interpolation == said.interpolation
    known = {name for name in timm.list_pretrained() if canonical_name(name.split(".")[0]) in NETWORKS}
    lacking = {name for name in known - set(rows) if get_pretrained_cfg(name).num_classes}
    assert not lacking, "add a row for each"


def test_published_figures_are_the_sources():
    # mindcv.md's and the DDS zoo's tables, and timm's results-imagenet.csv
    for ref, top1, evaluation in (
        ("mindcv/regnet_x_800mf/in1k", 76.04, "224 pixels, crop 0.875, bilinear, without antialiasing"),
        ("mindcv/regnet_y_16gf/in1k", 82.92, "224 pixels, crop 0.9, bicubic, without antialiasing"),
        ("pycls/RegNetY-32GF/dds", 80.9, "224 pixels, crop 0.875, bilinear, without antialiasing"),
        ("timm/regnety_160.sw_in12k_ft_in1k", 85.986, "288 pixels, crop 1, bicubic"),
        ("torchvision/regnet_y_128gf/IMAGENET1K_SWAG_E2E_V1", 88.228, "384 pixels, crop 1, bicubic"),
    ):
        (row,) = [row for row in ROWS if row.ref == ref]
        assert (row.top1, row.evaluation) == (top1, evaluation)
    assert {row.sha256 for row in rows_of("mindcv")} >= {"617227f4", "c30a856f"}
    assert len(rows_of("mindcv")) == 20
    assert len([row for row in rows_of("pycls") if row.name.startswith("RegNet")]) == 24


def test_weights_are_chosen_by_source_and_tag():
    assert choose_weights("regnet_x_800mf").ref == "mindcv/regnet_x_800mf/in1k"
    assert choose_weights("regnet_x_800mf", "timm").ref == "timm/regnetx_008.tv2_in1k"
    # by a source's own name for it: that source's
    assert choose_weights("regnetx_008").ref == "timm/regnetx_008.tv2_in1k"
    assert choose_weights("RegNetX-800MF").ref == "pycls/RegNetX-800MF/dds"
    assert choose_weights("regnet_y_8gf").ref == "torchvision/regnet_y_8gf/IMAGENET1K_V2"
    assert choose_weights("RegNetX-800MF", "pycls_in1k").ref == "timm/regnetx_008.pycls_in1k"
    assert choose_weights("regnet_x_800mf", "torchvision/IMAGENET1K_V1").tag == "IMAGENET1K_V1"
    assert choose_weights("resnet50").ref == "torchvision/resnet50/IMAGENET1K_V2"
    with pytest.raises(WeightsError, match=r"are mindcv/in1k, .* none is 'tim'. Did you mean 'timm'\?"):
        choose_weights("regnet_x_800mf", "tim")
    with pytest.raises(WeightsError, match="no published weights for 'resnet56_cifar'"):
        choose_weights("resnet56_cifar")


def test_a_default_may_be_used_by_everyone_where_there_is_a_choice():
    for name in NETWORKS:
        rows = published_weights(name)
        if any(row.is_free and row.classes == 1000 for row in rows):
            assert rows[0].is_free
            assert rows[0].classes == 1000
    assert {row.licence for row in ROWS if not row.is_free} == {"cc-by-nc-4.0", "seer-license"}


def test_a_sources_names_are_its_own():
    # torchvision's regnet_y_8gf is not DDS's RegNetY-8.0GF
    assert (canonical_network("regnet_y_8gf"), canonical_network("RegNetY-8.0GF")) == (
        "regnet_y_8_0gf_tv",
        "regnet_y_8_0gf",
    )
    assert canonical_network("regnet_y_9gf") == ""
    row = find_row("torchvision", "regnet_y_8gf")
    assert row is not None
    assert row.network == "regnet_y_8_0gf_tv"
    assert find_row("torchvision", "regnet_y_8gf", "IMAGENET1K_V1") is not None
    assert find_row("torchvision", "regnet_y_8gf", "V9") is None
    ours = find_row("timm", "regnet_y_8_0gf")
    assert ours is not None
    assert ours.ref == "timm/regnety_080.ra3_in1k"


def test_networks_are_listed_by_any_of_their_names():
    assert list_models() == list(NETWORKS)
    assert list_models("regnet_x_?00mf") == [
        *(f"regnet_x_{size}mf" for size in (200, 400, 600, 800)),
        "regnet_x_400mf_tv",  # which torchvision calls regnet_x_400mf
    ]
    assert list_models("regnetx_00*")[:4] == [f"regnet_x_{size}mf" for size in (200, 400, 600, 800)]
    assert list_models("RegNetY-8.0GF") == ["regnet_y_8_0gf"]
    assert list_models(["resnet18", "*_cifar"]) == ["resnet18", "resnet56_cifar", "resnet110_cifar", "v56_cifar"]
    assert list_models("zzz*") == []
    with_weights = list_models(pretrained=True)
    assert set(NETWORKS) - set(with_weights) == {"regnet_z_500mf", "resnet56_cifar", "resnet110_cifar", "v56_cifar"}
    assert with_weights == [name for name in NETWORKS if name in with_weights]


def test_what_mindcv_publishes_now_is_there():
    current = find_row("mindcv", "regnet_x_800mf", "in1k_910v2")
    assert current is not None
    assert (current.top1, current.sha256) == (76.11, "68fe1cca")
    assert current.file_name == "regnet_x_800mf-68fe1cca-910v2.ckpt"
    first = find_row("mindcv", "regnet_x_800mf")
    assert first is not None
    assert first.tag == "in1k"
    resnets = {row.name for row in rows_of("mindcv") if not row.name.startswith("regnet")}
    assert resnets == {
        *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
        *("resnext50_32x4d", "resnext101_32x4d", "resnext101_64x4d"),
    }
    # their max pool is shifted, so that others are the default
    assert all(published_weights(name)[0].source != "mindcv" for name in resnets)
    assert all(len(row.sha256) == 8 for row in rows_of("mindcv"))


def test_names_can_be_left_out():
    every = list_models("regnet_y_*")
    assert list_models("regnet_y_*", exclude_filters="*_tv") == [name for name in every if not name.endswith("_tv")]
    assert list_models("resnet*", exclude_filters=["*18", "*_cifar"]) == [
        name for name in list_models("resnet*") if name != "resnet18" and not name.endswith("_cifar")
    ]
