import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.errors import WeightsError
from netwright.weights import create_model, load_model, save_ckpt, zoo
from netwright.weights.refs import is_ref, published_row, resolve_ref, split_tag


class NullProgress(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The address of a folder, and the folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(NullProgress, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", folder
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("regnetx_008.pycls_in1k", ("regnetx_008", "pycls_in1k")),
        ("regnet_x_800mf", ("regnet_x_800mf", "")),
        ("RegNetX-1.6GF", ("RegNetX-1.6GF", "")),
        ("RegNetX-1.6GF.dds", ("RegNetX-1.6GF", "dds")),
        ("runs/a.safetensors", ("runs/a", "safetensors")),
    ],
)
def test_a_tag_is_told_from_a_dot(name: str, expected: tuple[str, str]):
    assert split_tag(name) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("regnet_y_400mf", "mindcv/regnet_y_400mf/in1k"),
        ("torchvision/regnet_y_400mf", "torchvision/regnet_y_400mf/IMAGENET1K_V2"),
        ("torchvision/regnet_y_400mf/IMAGENET1K_V1", "torchvision/regnet_y_400mf/IMAGENET1K_V1"),
        ("torchvision/resnet50", "torchvision/resnet50/IMAGENET1K_V2"),
        ("timm/regnety_004", "timm/regnety_004.tv2_in1k"),
        ("timm/regnety_004.pycls_in1k", "timm/regnety_004.pycls_in1k"),
        ("timm/regnet_y_400mf", "timm/regnety_004.tv2_in1k"),
        ("pycls/RegNetY-1.6GF", "pycls/RegNetY-1.6GF/dds"),
        ("pycls/regnet_y_1_6gf", "pycls/RegNetY-1.6GF/dds"),
        ("RegNetY-1.6GF.dds", "pycls/RegNetY-1.6GF/dds"),
        ("mindcv/regnet_x_800mf", "mindcv/regnet_x_800mf/in1k"),
        ("timm/regnety_004.new_in1k", None),
        ("runs/a.safetensors", None),
        ("some_best.ckpt", None),
    ],
)
def test_a_word_means_a_row(word: str, expected: str | None):
    row = published_row(word)
    assert (row and row.ref) == expected


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("torchvision/regnet_y_400m", "no weights of 'regnet_y_400m' .* Did you mean torchvision/regnet_y_400mf"),
        ("torchvision/regnet_y_400mf/V9", "has IMAGENET1K_V2, IMAGENET1K_V1 for regnet_y_400mf, not 'V9'"),
        ("timm/vit_base_patch16_224", "timm has no weights of 'vit_base_patch16_224' for a network here"),
        ("mindcv/resnet26", "MindCV has no weights of 'resnet26'"),
        ("regnet_y_400mf.zzz", "none is 'zzz'"),
        ("resnet56_cifar", "no published weights for 'resnet56_cifar'"),
        ("regnet_y_400m", "no network, file or folder is called 'regnet_y_400m': did you mean"),
    ],
)
def test_what_means_nothing_is_said_with_what_is_near(ref: str, said: str):
    with pytest.raises(WeightsError, match=said):
        resolve_ref(ref)


def test_what_names_its_place_is_told():
    assert all(map(is_ref, ("hf-hub:a/b", "local-dir:x", "https://a/b.pth", "timm/resnet50", "pycls/RegNetX-200MF")))
    assert not any(map(is_ref, ("regnet_x_200mf", "runs/timm/a.safetensors", "a.ckpt", "C:/a.pth", "")))


def test_what_is_here_goes_before_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, randomized: Any, small: Any):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "regnet_x_200mf"
    folder.mkdir()
    save_ckpt(folder / "small_best.ckpt", randomized())
    found = resolve_ref("regnet_x_200mf")
    assert (found.located.path, found.row) == (Path("regnet_x_200mf/small_best.ckpt"), None)


def test_an_address_is_loaded_once_and_held_against_the_hash_in_its_name(
    served: tuple[str, Path], randomized: Any, logits: Any, network_yaml: str, tmp_path: Path
):
    url, folder = served
    save_ckpt(folder / "a.ckpt", randomized())
    content = (folder / "a.ckpt").read_bytes()
    good = f"a-{hashlib.sha256(content).hexdigest()[:10]}.ckpt"
    for name in (good, "a-0123456789.ckpt"):
        (folder / name).write_bytes(content)
    found = load_model(f"{url}/{good}", model=network_yaml)
    assert torch.equal(logits(found.module), logits(randomized()))
    (folder / good).unlink()
    assert load_model(f"{url}/{good}", model=network_yaml).source == found.source
    with pytest.raises(WeightsError, match=r"and it should be 0123456789\.\.\."):
        resolve_ref(f"{url}/a-0123456789.ckpt")
    with pytest.raises(WeightsError, match="HTTP status 404"):
        resolve_ref(f"{url}/none.ckpt")


@pytest.mark.slow
def test_torchvisions_weights_are_loaded_from_their_address(
    served: tuple[str, Path], peers: Any, monkeypatch: pytest.MonkeyPatch
):
    url, folder = served
    theirs = peers.of_torchvision("resnet18").float()
    torch.save(theirs.state_dict(), folder / "w.pth")
    name = f"resnet18-{hashlib.sha256((folder / 'w.pth').read_bytes()).hexdigest()[:8]}.pth"
    (folder / "w.pth").rename(folder / name)
    table = dict(zoo._table())
    (first, *rest) = table["resnet18"]
    table["resnet18"] = (replace(first, where=f"{url}/{name}"), *rest)
    monkeypatch.setattr(zoo, "_table", lambda: table)
    for ref in ("torchvision/resnet18", "torchvision/resnet18/IMAGENET1K_V1", "resnet18", f"{url}/{name}"):
        found = load_model(ref)
        assert peers.difference(found.module, theirs) < 1e-4
        assert found.row is not None
        assert (found.row.top1, found.preprocessing.resize_size) == (69.758, 256)
        (folder / name).unlink(missing_ok=True)  # from here on it is in the cache
    module = create_model("resnet18", num_classes=0, pretrained="torchvision").eval()
    theirs.fc = torch.nn.Identity()
    assert peers.difference(module, theirs) < 1e-4


def test_files_of_one_name_at_two_addresses_are_two(served: tuple[str, Path]):
    url, folder = served
    for part in ("one", "two"):
        (folder / part).mkdir()
        (folder / part / "w.ckpt").write_text(part)
    first, second = (resolve_ref(f"{url}/{part}/w.ckpt").located.path for part in ("one", "two"))
    assert (first.read_text(), second.read_text()) == ("one", "two")
