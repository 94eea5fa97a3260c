"""The Hugging Face hub, from a small one on this machine, and the published files of others."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.arch import published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.weights import create_model, load_model, save_timm, zoo
from netwright.weights.hub import hub_weights, mindcv_preprocessing, pretrained_file, row_of_file

TIMM = "timm/regnetx_002.pycls_in1k"


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch, hub: Any, tmp_path: Path, randomized: Callable[..., Any], ckpt: Any) -> Any:
    """MindCV's weights of regnet_x_200mf in the cache, as if they had been published and loaded."""
    module = randomized(published("regnet_x_200mf"))
    content = ckpt.of(module)
    name = f"regnet_x_200mf-{hashlib.sha256(content).hexdigest()[:8]}.ckpt"
    table = dict(zoo._table())
    first, *rest = table["regnet_x_200mf"]
    table["regnet_x_200mf"] = (replace(first, where=f"{hub.url}/{name}"), *rest)
    monkeypatch.setattr(zoo, "_table", lambda: table)
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    (tmp_path / "cache" / "weights" / name).write_bytes(content)
    return module


@pytest.fixture
def of_timm(hub: Any, tmp_path: Path, randomized: Callable[..., Any]) -> Any:
    """timm's weights of the same network, on the hub."""
    module = randomized(published("regnet_x_200mf"), seed=5)
    save_timm(tmp_path / "t", module, preprocessing=Preprocessing(crop_pct=0.5))
    for path in (tmp_path / "t").iterdir():
        hub.files[TIMM, path.name] = path.read_bytes()
    return module


def test_published_weights_are_found_in_the_cache_and_used(cached: torch.nn.Module, logits: Any):
    module = create_model("regnet_x_200mf", pretrained=True).eval()
    assert torch.equal(logits(module, side=32), logits(cached, side=32))
    found = load_model("regnet_x_200mf")
    assert torch.equal(logits(found.module, side=32), logits(cached, side=32))
    assert (found.preprocessing.interpolation, found.preprocessing.antialias) == ("bicubic", False)
    assert found.source == str(pretrained_file("regnet_x_200mf"))
    assert found.row is not None
    assert found.row.source == "mindcv"
    # the path alone says the same
    again = load_model(pretrained_file("regnet_x_200mf"))
    assert (again.preprocessing, again.row) == (found.preprocessing, found.row)


def test_published_weights_are_adapted(cached: torch.nn.Module):
    with pytest.warns(UserWarning, match="the weights") as said:
        module = create_model("regnet_x_200mf", num_classes=7, in_channels=1, pretrained=True)
    assert [str(each.message).split(":")[0] for each in said] == [
        "the weights take 3 channels and this network 1",
        "the weights know 1,000 classes and this network 7",
    ]
    assert torch.equal(module.s4.b1.proj.weight, cached.s4.b1.proj.weight)


@pytest.mark.parametrize("ref", ["timm/regnetx_002", "timm/regnetx_002.pycls_in1k", "regnetx_002.pycls_in1k"])
def test_timms_weights_come_from_the_hub_once(hub: Any, of_timm: torch.nn.Module, logits: Any, ref: str):
    found = load_model(ref)
    assert torch.equal(logits(found.module, side=32), logits(of_timm, side=32))
    assert (found.row and found.row.where) == TIMM
    # of the table: what the published accuracy was measured with
    assert (found.preprocessing.crop_pct, found.preprocessing.interpolation) == (0.875, "bicubic")
    assert len(hub.loads) == 2
    module = create_model("regnet_x_200mf", pretrained="timm").eval()
    assert torch.equal(logits(module, side=32), logits(of_timm, side=32))
    assert len(hub.loads) == 2
    assert row_of_file(pretrained_file("regnet_x_200mf", "pycls_in1k")) == found.row


def test_a_repository_is_opened_as_it_says(hub: Any, of_timm: torch.nn.Module, logits: Any, tmp_path: Path):
    hub.files["me/a.net", "model.safetensors"] = hub.files[TIMM, "model.safetensors"]
    for ref in ("hf-hub:me/a.net", "hf_hub:me/a.net@main"):
        found = load_model(ref)
        assert torch.equal(logits(found.module, side=32), logits(of_timm, side=32))
        assert (found.row, found.preprocessing.crop_pct) == (None, 0.5)
    local = load_model(f"local-dir:{tmp_path / 't'}")
    assert torch.equal(logits(local.module, side=32), logits(of_timm, side=32))
    module = create_model("hf-hub:me/a.net", num_classes=0, pretrained=True).eval()
    with torch.inference_mode():
        assert module(torch.zeros(1, 3, 32, 32)).shape == (1, 368)


def test_what_timm_uploads_is_opened(hub: Any, tmp_path: Path, peers: Any):
    from timm.models._hub import save_for_hf

    names = list("abcdefg")
    theirs = peers.of_timm("regnety_002", num_classes=7, in_chans=1).float()
    config = {"label_names": names, "crop_pct": 0.5, "input_size": (1, 64, 64), "mean": (0.5,), "std": (0.25,)}
    theirs.pretrained_cfg = {**theirs.pretrained_cfg, "num_classes": 7, **config}
    save_for_hf(theirs, str(tmp_path / "up"), model_args={"in_chans": 1}, safe_serialization=True)
    for path in (tmp_path / "up").iterdir():
        hub.files["me/theirs", path.name] = path.read_bytes()
    found = load_model("hf-hub:me/theirs")
    assert peers.difference(found.module, theirs, channels=1) < 1e-4
    assert found.arch == published("regnet_y_200mf", num_classes=7, in_channels=1)
    assert found.class_names == tuple(names)
    assert found.preprocessing == Preprocessing(64, 1, 0.5, "bicubic", True, (127.5,), (63.75,))


def test_weights_that_are_not_for_every_use_say_so(monkeypatch: pytest.MonkeyPatch, hub: Any, of_timm: torch.nn.Module):
    assert not any("license" in notice for notice in load_model("timm/regnetx_002").notices)
    table = {name: tuple(replace(row, licence="cc-by-nc-4.0") for row in rows) for name, rows in zoo._table().items()}
    monkeypatch.setattr(zoo, "_table", lambda: table)
    assert "these weights have the license cc-by-nc-4.0" in load_model("timm/regnetx_002").notices[-1]


def test_both_files_are_of_one_commit(hub: Any, of_timm: torch.nn.Module):
    hub_weights(TIMM)
    config, weights = hub.loads
    assert config.endswith("/resolve/main/config.json")
    assert weights.endswith(f"/resolve/{'c' * 40}/model.safetensors")


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "NETWRIGHT_OFFLINE"])
def test_offline_only_the_cache_is_used(
    monkeypatch: pytest.MonkeyPatch, hub: Any, of_timm: torch.nn.Module, variable: str
):
    path = hub_weights(TIMM)
    hub.calls.clear()
    monkeypatch.setenv(variable, "1")
    assert hub_weights(TIMM) == path
    with pytest.raises(WeightsError, match=r"the weights in me/other are not in the cache.*downloads are turned off"):
        load_model("hf-hub:me/other")
    assert hub.calls == []


def test_without_a_network_the_cache_is_used_or_the_cure_is_said(
    monkeypatch: pytest.MonkeyPatch, hub: Any, of_timm: torch.nn.Module
):
    path = hub_weights(TIMM)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert hub_weights(TIMM) == path
    with pytest.raises(WeightsError, match=r"not in the cache, and the hub cannot be reached.*local-dir:FOLDER"):
        load_model("hf-hub:me/other")


def test_what_the_hub_refuses_is_said_with_its_cure(hub: Any, of_timm: torch.nn.Module):
    hub.statuses = {"me/gated": (403, "GatedRepo"), "me/broken": (500, "")}
    hub.files["me/text", "README.md"] = b"no network"
    for ref, said in (
        ("hf-hub:me/none", "the hub has no repository me/none, or it is private.*HF_TOKEN"),
        (f"hf-hub:{TIMM}@v9", "has no revision 'v9'"),
        ("hf-hub:me/gated", "me/gated requires an agreement. Accept it on its page"),
        ("hf-hub:me/text", "me/text has neither model.safetensors nor pytorch_model.bin"),
        ("hf-hub:me", "is OWNER/NAME, not 'me'"),
        ("hf-hub:../../etc/passwd", "is OWNER/NAME, not"),
        ("hf-hub:me/..", "cannot be reached: Repo id must"),
        ("hf-hub:me/broken", "the hub cannot be reached"),
    ):
        with pytest.raises(WeightsError, match=said):
            load_model(ref)


@pytest.mark.slow
def test_a_damaged_download_is_refused_and_not_kept(hub: Any, of_timm: torch.nn.Module):
    hub.lies = {"model.safetensors"}
    with pytest.raises(
        WeightsError, match=r"the sha256 of model.safetensors of timm/\S+ is \w{16}..., and it should be"
    ):
        hub_weights(TIMM)
    hub.lies = set()
    assert hub_weights(TIMM).is_file()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("regnet_y_16gf-c30a856f.ckpt", ("bicubic", 0.9)),
        ("regnet_x_800mf-617227f4.ckpt", ("bilinear", 0.875)),
        ("regnet_y_16gf_best.ckpt", ("bilinear", 0.875)),
    ],
)
def test_published_weights_are_evaluated_as_their_recipe_says(name: str, expected: tuple[str, float]):
    seen, notices = mindcv_preprocessing(Path(name), image_size=224, channels=3)
    assert (seen.interpolation, seen.crop_pct) == expected
    assert seen.antialias is False
    assert expected[0] in notices[0]
