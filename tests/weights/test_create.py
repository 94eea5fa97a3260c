from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.arch import NETWORKS, Arch, Stem, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import ArchError, WeightsError
from netwright.nn import FeatureExtractor, build
from netwright.weights import create_model, load_weights, save_ckpt, save_model
from netwright.weights.layouts import TIMM_REGNET
from netwright.weights.names import rename_from_netwright


@pytest.fixture
def saved(tmp_path: Path, randomized: Callable[..., Any]) -> Path:
    save_model(tmp_path / "a.safetensors", randomized(), preprocessing=Preprocessing(image_size=16))
    return tmp_path / "a.safetensors"


def test_a_model_is_created_as_asked(network_yaml: str):
    module = create_model(network_yaml, 7, 1, stem="cifar", drop_rate=0.1, drop_path_rate=0.2, seed=3)
    assert (module.arch.num_classes, module.arch.in_channels, module.arch.stem.kind) == (7, 1, "cifar")
    assert (module.head.drop_rate, module.s2.b1.drop_path_rate) == (0.1, 0.2)
    assert torch.equal(module.head.fc.weight, build(module.arch, seed=3).head.fc.weight)
    assert create_model("regnet_x_200mf").arch == published("regnet_x_200mf")


def test_weights_are_put_in_exactly(saved: Path, randomized: Callable[..., Any], network_yaml: str):
    expected = randomized().state_dict()
    module = create_model(network_yaml, checkpoint_path=saved)
    assert all(torch.equal(value, expected[name]) for name, value in module.state_dict().items())
    other = build(module.arch, seed=8)
    assert load_weights(other, saved) == []
    assert all(torch.equal(value, expected[name]) for name, value in other.state_dict().items())


def test_another_number_of_classes_leaves_the_classifier_as_it_was(saved: Path, randomized: Any, network_yaml: str):
    with pytest.warns(UserWarning, match="know 5 classes and this network 9: its classifier starts untrained"):
        module = create_model(network_yaml, num_classes=9, checkpoint_path=saved, seed=1)
    fresh, trained = build(module.arch, seed=1), randomized()
    assert torch.equal(module.head.fc.weight, fresh.head.fc.weight)
    assert torch.equal(module.head.fc.bias, fresh.head.fc.bias)
    assert torch.equal(module.s2.b1.f.c.weight, trained.s2.b1.f.c.weight)


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_another_number_of_channels_changes_the_first_convolution_as_timm_does(
    saved: Path, randomized: Any, network_yaml: str, channels: int
):
    from timm.models import adapt_input_conv

    with pytest.warns(UserWarning, match=f"take 3 channels and this network {channels}: the first convolution"):
        module = create_model(network_yaml, in_channels=channels, checkpoint_path=saved)
    expected = adapt_input_conv(channels, randomized().stem.conv.weight.detach())
    assert torch.allclose(module.stem.conv.weight, expected, rtol=0, atol=1e-7)


def test_gray_weights_go_to_color(tmp_path: Path, randomized: Callable[..., Any], small: Arch, logits: Any):
    gray = randomized(replace(small, in_channels=1))
    save_model(tmp_path / "g.safetensors", gray, preprocessing=Preprocessing(16, 1, mean=(120.0,), std=(60.0,)))
    module = build(small, seed=4).eval()
    (notice,) = load_weights(module, tmp_path / "g.safetensors", adapt=True)
    assert "take 1 channels and this network 3" in notice
    x = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():  # an image without color gives what it gave
        assert torch.allclose(module(x.expand(2, 3, 16, 16)), gray(x), rtol=1e-4, atol=1e-5)


def test_nothing_is_adapted_unless_asked(saved: Path, small: Arch):
    for changed, said in (
        ({"num_classes": 9}, r"2 of another shape \(head.fc.weight \[5, 16\], \[9, 16\] here, head.fc.bias"),
        ({"in_channels": 1}, r"of another shape \(stem.conv.weight"),
        ({"stem": Stem("cifar", 8)}, "differs in stem simple there and cifar here"),
    ):
        module = build(replace(small, **changed), seed=2)
        with pytest.raises(WeightsError, match=said):
            load_weights(module, saved)
        before = build(module.arch, seed=2).state_dict()
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_another_stem_or_stride_is_said_where_it_is_adapted(saved: Path, small: Arch):
    slow = replace(small, stem=Stem("cifar", 8), stages=(small.stages[0], replace(small.stages[1], stride=1)))
    (notice,) = load_weights(build(slow), saved, adapt=True)
    assert "stem simple there and cifar here, strides [1, 2] there and [1, 1] here" in notice


def test_weights_of_another_network_are_refused_even_to_adapt(saved: Path, small: Arch):
    wider = replace(small, stages=(small.stages[0], replace(small.stages[1], width=32)))
    with pytest.raises(WeightsError, match=r"are not those of small; of their \d+ tensors: \d+ of another shape"):
        load_weights(build(wider), saved, adapt=True)


def test_a_folder_says_which_weights_are_taken(tmp_path: Path, randomized: Callable[..., Any], small: Arch):
    save_ckpt(tmp_path / "small-3_10.ckpt", randomized())
    module = build(small)
    assert load_weights(module, tmp_path) == [f"weights from {tmp_path / 'small-3_10.ckpt'}, of the newest epoch, 3"]
    assert torch.equal(module.head.fc.bias, randomized().head.fc.bias)


def test_mistakes_are_said(saved: Path, network_yaml: str):
    with pytest.raises(WeightsError, match="Give pretrained or checkpoint_path"):
        create_model("regnet_x_200mf", pretrained=True, checkpoint_path=saved)
    with pytest.raises(WeightsError, match=r"there is no .*b\.safetensors: that folder has a\.safetensors"):
        create_model(network_yaml, checkpoint_path=saved.with_name("b.safetensors"))
    with pytest.raises(WeightsError, match="not into Linear"):
        load_weights(torch.nn.Linear(1, 1), saved)


# a small network of every block, stem and head
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["regnetx_002", "RegNetY-200MF", "regnet_z_500mf", "resnet18", "resnet26", "resnet56_cifar", "v56_cifar"]
)
def test_everything_can_be_asked_of_every_network_at_once(name: str):
    module = create_model(name, num_classes=7, in_channels=1, drop_rate=0.1, drop_path_rate=0.1, seed=0).eval()
    x = torch.zeros(1, 1, 32, 32)
    with torch.inference_mode():
        assert module(x).shape == (1, 7)
        headless = create_model(name, num_classes=0, in_channels=1, seed=0).eval()
        assert headless(x).shape == (1, module.num_features)
        features = create_model(name, num_classes=7, in_channels=1, features_only=True, out_indices=(1, -1), seed=0)
        maps = features.eval()(x)
    assert isinstance(features, FeatureExtractor)
    assert [each.shape[1] for each in maps] == list(features.channels)
    assert list(features.channels) == [module.arch.stages[0].width, module.arch.stages[-1].width]
    own = module.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in features.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_created(name: str):
    with torch.device("meta"):
        features = create_model(name, num_classes=7, in_channels=1, features_only=True)
        assert len(features(torch.zeros(1, 1, 64, 64))) == len(features.arch.stages) + 1
        assert create_model(name, 3, 4)(torch.zeros(1, 4, 64, 64)).shape == (1, 3)


def test_features_have_the_weights_and_nothing_is_said_of_a_classifier(
    saved: Path, randomized: Callable[..., Any], network_yaml: str, logits: Any
):
    whole = randomized()
    features = create_model(network_yaml, num_classes=9, checkpoint_path=saved, features_only=True).eval()
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(features(x)[-1], whole.s2(whole.s1(whole.stem(x))))
    headless = create_model(network_yaml, num_classes=0, checkpoint_path=saved).eval()
    with torch.inference_mode():
        assert torch.equal(headless(x), whole.forward_head(whole.forward_features(x), pre_logits=True))


def test_a_network_and_a_checkpoint_may_be_named_as_to_load_model(saved: Path, randomized: Any, small: Arch):
    saved = saved.rename(saved.with_name("model.safetensors"))
    ref, expected = f"local-dir:{saved.parent}", randomized().head.fc.weight
    assert torch.equal(create_model(ref, pretrained=True).head.fc.weight, expected)
    assert torch.equal(create_model(ref, checkpoint_path=ref).head.fc.weight, expected)
    # without pretrained the network alone is taken
    fresh = create_model(ref, num_classes=3, seed=0)
    assert fresh.arch == replace(small, num_classes=3)
    assert torch.equal(fresh.stem.conv.weight, build(fresh.arch, seed=0).stem.conv.weight)


def test_what_contradicts_itself_is_said(saved: Path):
    with pytest.raises(ArchError, match="out_indices choose among the maps of features_only"):
        create_model("regnet_x_200mf", out_indices=(1,))
    with pytest.raises(WeightsError, match="names its weights itself"):
        create_model("timm/regnetx_002", pretrained="torchvision")
    with pytest.raises(WeightsError, match="none is 'pycls_in22k'"):
        create_model("regnetx_002.pycls_in22k")
    assert create_model("regnetx_002.pycls_in1k").arch == published("regnet_x_200mf")


def with_names(tmp_path: Path, module: torch.nn.Module, names: tuple[str, ...]) -> Path:
    path = tmp_path / "named.safetensors"
    save_model(path, module, preprocessing=Preprocessing(image_size=16), class_names=names)
    return path


@pytest.mark.parametrize(
    ("now", "rows", "said"),
    [
        ("abcde", [0, 1, 2, 3, 4], ""),
        ("edcba", [4, 3, 2, 1, 0], "in another order: the classifier's rows are matched by name"),
        (
            "axcyz",
            [0, None, 2, None, None],
            "2 classes are matched by name (a, c); 3 start untrained (x, y, z)",
        ),
        ("vwxyz", [None] * 5, "know other classes (a, b, c, d and 1 more) than these images (v, w, x, y and 1 more)"),
        ("ca", [2, 0], "matched by name (c, a); 3 of the weights are left out (b, d, e)"),
        ("cxabcdef"[2:], [0, 1, 2, 3, 4, None], "1 start untrained (f)"),
    ],
)
def test_the_classifier_is_matched_by_name(
    tmp_path: Path, randomized: Callable[..., Any], small: Arch, now: str, rows: list[int | None], said: str
):
    trained = randomized()
    path = with_names(tmp_path, trained, tuple("abcde"))
    module = build(replace(small, num_classes=len(now)), seed=7)
    fresh = build(module.arch, seed=7)
    notices = load_weights(module, path, adapt=True, class_names=tuple(now))
    assert (said in "\n".join(notices)) if said else notices == []
    for row, before in enumerate(rows):
        source = (fresh, row) if before is None else (trained, before)
        assert torch.equal(module.head.fc.weight[row], source[0].head.fc.weight[source[1]])
        assert torch.equal(module.head.fc.bias[row], source[0].head.fc.bias[source[1]])
    assert torch.equal(module.s2.b1.f.c.weight, trained.s2.b1.f.c.weight)


def test_without_names_the_order_of_the_library_is_taken(tmp_path: Path, randomized: Callable[..., Any], small: Arch):
    trained, module = randomized(), build(small, seed=7)
    torch.save(rename_from_netwright(dict(trained.state_dict()), TIMM_REGNET), tmp_path / "a.pth")
    notices = load_weights(module, tmp_path / "a.pth", adapt=True, class_names=("1", "10", "11", "2", "3"))
    assert "natural order ('1', '2', '3', '10' and 1 more)" in "\n".join(notices)
    assert torch.equal(module.head.fc.weight, trained.head.fc.weight[[0, 3, 4, 1, 2]])
    save_model(tmp_path / "b.safetensors", trained, preprocessing=Preprocessing(image_size=16))
    notices = load_weights(module, tmp_path / "b.safetensors", adapt=True, class_names=("1", "10", "11", "2", "3"))
    (notice,) = notices
    assert notice.endswith("no class names: the classifier's rows are taken to be in the order of these classes")
    assert torch.equal(module.head.fc.weight, trained.head.fc.weight)


def test_the_preparation_of_weights_is_told_as_timm_tells_it(tmp_path: Path, randomized: Callable[..., Any]):
    seen = Preprocessing(
        image_size=64, crop_pct=0.8, interpolation="bicubic", mean=(51.0, 51.0, 51.0), std=(255.0,) * 3
    )
    save_model(tmp_path / "model.safetensors", randomized(), preprocessing=seen, class_names=tuple("abcde"))
    module = create_model(f"local-dir:{tmp_path}", pretrained=True)
    cfg = module.pretrained_cfg
    assert (cfg["input_size"], cfg["crop_pct"], cfg["interpolation"]) == ((3, 64, 64), 0.8, "bicubic")
    assert (cfg["mean"], cfg["std"], cfg["label_names"]) == ((0.2, 0.2, 0.2), (1.0, 1.0, 1.0), list("abcde"))
    with pytest.warns(UserWarning, match="take 3 channels"):
        gray = create_model(f"local-dir:{tmp_path}", pretrained=True, in_chans=1)
    assert gray.pretrained_cfg["input_size"] == (1, 64, 64)
    assert len(gray.pretrained_cfg["mean"]) == 1


def test_in_chans_is_in_channels(network_yaml: str):
    assert create_model(network_yaml, in_chans=2).arch.in_channels == 2
    with pytest.raises(ArchError, match="another name of in_channels"):
        create_model(network_yaml, in_channels=1, in_chans=2)


@pytest.mark.parametrize(
    ("ref", "name", "classes"),
    [
        ("timm/regnetx_002", "regnet_x_200mf", 1000),
        ("timm/regnetx_002.pycls_in1k", "regnet_x_200mf", 1000),
        ("torchvision/regnet_y_400mf", "regnet_y_400mf", 1000),
        ("mindcv/regnet_x_200mf", "regnet_x_200mf", 1000),
        ("pycls/RegNetX-200MF", "regnet_x_200mf", 1000),
    ],
)
def test_a_name_alone_downloads_nothing(monkeypatch: pytest.MonkeyPatch, ref: str, name: str, classes: int):
    from netwright.weights import refs

    def unreachable(*given: Any) -> Any:
        raise AssertionError(f"{given} was to be downloaded")

    monkeypatch.setattr(refs, "download_row", unreachable)
    monkeypatch.setattr(refs, "hub_weights", unreachable)
    module = create_model(ref)
    assert (module.arch.name, module.arch.num_classes) == (name, classes)
    assert create_model(ref, num_classes=3, features_only=True).arch.name == name
    with pytest.raises(AssertionError, match="to be downloaded"):
        create_model(ref, pretrained=True)
