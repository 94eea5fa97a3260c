import csv
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.exports import export
from netwright.nn import build
from netwright.weights import save_model

Run = Callable[..., Any]
ROOT = Path(__file__).parents[2]
NAMES = ("tabby, cat", 'the "dog"', "elk")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arch = Arch((Stage(1, 16, 2, group_width=8),), stem=Stem("cifar", 8), resolution=16, num_classes=3, name="tiny")
    module = build(arch, seed=1).train()
    with torch.no_grad():
        module(torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    path = tmp_path_factory.mktemp("w") / "tiny.safetensors"
    save_model(path, module, preprocessing=Preprocessing(image_size=16), class_names=NAMES, facts={})
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for name in ("a, b.png", "c.png"):
        Image.fromarray(generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(root / name)
    return root


@pytest.fixture
def web(folder: Path) -> Iterator[str]:
    class NullProgress(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(NullProgress, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.slow
def test_a_table_of_files_folders_and_addresses(netwright: Run, weights: Path, folder: Path, web: str) -> None:
    done = netwright("predict", weights, folder, f"{web}/c.png", "--top_k", 2)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    heads = [str(folder / "a, b.png"), str(folder / "c.png"), f"{web}/c.png"]
    assert [line for line in lines if not line.startswith(" ")] == heads
    assert len(lines) == 9
    assert lines[4:6] == lines[7:9]  # the same image from the disk and from the web


def test_paths_may_stand_before_and_behind_flags(netwright: Run, weights: Path, folder: Path) -> None:
    paths = (folder / "a, b.png", folder / "c.png")
    expected = netwright("predict", weights, *paths, "--top_k", 1).out
    assert netwright("predict", weights, paths[0], "--top_k", 1, paths[1]).out == expected
    assert netwright("predict", "--top_k", 1, weights, *paths).out == expected
    assert netwright("predict", weights, paths[0], "--image_path", paths[1], "--top_k", 1).out == expected


def test_answers_are_in_the_order_of_the_command(netwright: Run, weights: Path, folder: Path) -> None:
    first, second = folder / "c.png", folder / "a, b.png"
    words = ("predict", weights, "--image_path", first, "--top_k", 1, second)
    heads = [line for line in netwright(*words).out.splitlines() if not line.startswith(" ")]
    assert heads == [str(first), str(second)]


def test_the_name_of_a_file_says_its_format(netwright: Run, weights: Path, folder: Path, tmp_path: Path) -> None:
    for name, start in (("a.csv", "path,rank,"), ("a.json", "{"), ("a.txt", str(folder))):
        assert netwright("predict", weights, folder, "--out", tmp_path / name).status == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert netwright("predict", weights, folder, "--out", tmp_path / "b.csv", "--format", "table").status == 0
    assert (tmp_path / "b.csv").read_text(encoding="utf-8").startswith(str(folder))


@pytest.mark.parametrize("by", ["probability", "energy"])
def test_what_is_not_sure_enough_is_rejected(netwright: Run, weights: Path, folder: Path, by: str) -> None:
    words = ("predict", weights, folder, "--reject_by", by, "--format", "json")
    plain = json.loads(netwright(*words).out)["predictions"]
    assert "rejected" not in plain[0]
    scores = [each["score"] for each in json.loads(netwright(*words, "--threshold", 0).out)["predictions"]]
    if by == "probability":
        assert scores == pytest.approx([each["classes"][0]["probability"] for each in plain])
    between = sum(scores) / 2
    done = netwright(*words, "--threshold", between)
    found = json.loads(done.out)["predictions"]
    assert [each["rejected"] for each in found] == [score < between for score in scores]
    assert [each["classes"] for each in found] == [each["classes"] for each in plain]
    assert "1 of 2 images are rejected: " in done.err
    table = netwright("predict", weights, folder, "--reject_by", by, "--threshold", between).out
    assert table.count("rejected: not sure enough") == 1
    rows = list(csv.DictReader(io.StringIO(netwright(*words[:-1], "csv", "--threshold", between).out)))
    assert {(row["path"], row["rejected"]) for row in rows} == {
        (each["path"], str(each["rejected"]).lower()) for each in found
    }


@pytest.mark.parametrize("threshold", ["1.5", "nan"])
def test_a_threshold_that_no_probability_has_is_refused(
    netwright: Run, weights: Path, folder: Path, threshold: str
) -> None:
    done = netwright("predict", weights, folder, "--threshold", threshold)
    assert (done.status, done.out) == (1, "")
    assert "the threshold of probability is 0 to 1" in done.err


def test_json_and_csv_say_the_same(netwright: Run, weights: Path, folder: Path, tmp_path: Path) -> None:
    found = json.loads(netwright("predict", weights, folder, "--format", "json").out)
    assert found["model"] == "tiny"
    assert [each["path"] for each in found["predictions"]] == [str(folder / "a, b.png"), str(folder / "c.png")]
    rows = [(each["path"], c["name"], c["probability"]) for each in found["predictions"] for c in each["classes"]]
    done = netwright("predict", weights, folder, "--format", "csv", "--out", tmp_path / "new" / "a.csv")
    assert (done.status, done.out) == (0, "")
    text = (tmp_path / "new" / "a.csv").read_text(encoding="utf-8")
    read = [(r["path"], r["name"], float(r["probability"])) for r in csv.DictReader(io.StringIO(text))]
    assert read == rows
    assert {name for _, name, _ in rows} == set(NAMES)


def test_batch_norm_is_folded_unless_that_is_refused(netwright: Run, weights: Path, folder: Path) -> None:
    words = ("predict", weights, folder, "--format", "json", "--top_k", 3)
    folded, plain = (json.loads(netwright(*words, *more).out)["predictions"] for more in ((), ("--fuse", "false")))
    assert folded != plain, "another way to the same"
    for one, other in zip(folded, plain, strict=True):
        for a, b in zip(one["classes"], other["classes"], strict=True):
            assert (a["name"], a["probability"]) == (b["name"], pytest.approx(b["probability"], abs=1e-5))


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.xml", "tiny.pt2"])
def test_an_exported_file_answers_as_its_weights(
    netwright: Run, weights: Path, folder: Path, tmp_path: Path, name: str
) -> None:
    to = {"tiny.onnx": "onnx", "tiny.xml": "openvino", "tiny.pt2": "torch"}[name]
    path = export(weights, tmp_path / name, to=to).path
    words = (folder, "--format", "json", "--top_k", 3)
    one, other, third = (json.loads(netwright("predict", ref, *words).out) for ref in (weights, path, tmp_path))
    assert (other["model"], other["weights"], other["errors"]) == (one["model"], str(path), [])
    assert other == third
    for a, b in zip(one["predictions"], other["predictions"], strict=True):
        assert a["path"] == b["path"]
        for c, d in zip(a["classes"], b["classes"], strict=True):
            assert (c["index"], c["name"], c["probability"]) == (
                *(d["index"], d["name"]),
                pytest.approx(d["probability"], abs=1e-5),
            )
    mindcv = netwright("predict", "--ckpt_path", path, "--image_path", folder, *words[1:])
    assert json.loads(mindcv.out) == other
    refused = netwright("predict", path, folder, "--num_classes", 3)
    assert (refused.status, refused.out) == (1, "")
    assert f"--num_classes is for weights, and {path} is an exported file" in refused.err


@pytest.mark.slow
def test_an_exported_file_needs_no_torch(weights: Path, folder: Path, tmp_path: Path) -> None:
    path = export(weights, tmp_path / "tiny.onnx").path
    program = (
        "import sys\n"
        "from netwright.cli.main import main\n"
        f"assert main(['predict', {str(path)!r}, {str(folder)!r}, '--out', {str(tmp_path / 'a')!r}]) == 0\n"
        "print(sorted({'torch', 'timm', 'torchvision', 'pandas'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_status_1_and_the_others_are_answered(
    netwright: Run, weights: Path, folder: Path, web: str, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("hello")
    words = [tmp_path / "gone.png", tmp_path / "text.png", folder / "c.png", f"{web}/gone.png"]
    done = netwright("predict", weights, *words, "--format", "json")
    assert done.status == 1
    found = json.loads(done.out)
    assert [each["path"] for each in found["predictions"]] == [str(folder / "c.png")]
    assert [each["path"] for each in found["errors"]] == [str(words[0]), str(words[1]), words[3]]
    assert "gone.png cannot be read: No such file or directory" in done.err
    assert "3 of 4 images could not be read" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["WEIGHTS"], "predict needs images"),
        ([], "predict needs images"),
        (["--image_path", "IMAGE"], "none are named"),
        (["--image_path", "IMAGE", "--ckpt_path", "gone.ckpt"], "gone.ckpt"),
        (["--model=regnet_x_200mf", "--image_path", "IMAGE", "--ckpt_path", "WEIGHTS"], "regnet_x_200mf"),
    ],
)
def test_a_mistake_is_told(netwright: Run, weights: Path, folder: Path, words: list[str], says: str) -> None:
    places = {"WEIGHTS": weights, "IMAGE": folder / "c.png"}
    done = netwright("predict", *(places.get(word, word) for word in words))
    assert (done.status, done.out) == (1, "")
    assert says in done.err


def test_a_networks_name_alone_means_the_published_weights(
    netwright: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from netwright.weights import create_model, save_ckpt

    save_ckpt(tmp_path / "x.ckpt", create_model("regnet_x_200mf", seed=0))
    asked = []
    monkeypatch.setattr("netwright.weights.pretrained_file", lambda name: asked.append(name) or tmp_path / "x.ckpt")
    words = ("--image_resize", 32, "--format", "json")
    done = netwright("predict", "--model=regnet_x_200mf", "--image_path", folder / "c.png", *words)
    assert done.status == 0, done.err
    assert asked == ["regnet_x_200mf"]
    best = json.loads(done.out)["predictions"][0]["classes"][0]
    assert best["name"].startswith("n")
    assert best["description"]


@pytest.mark.slow
def test_the_door_of_mindcv_opens(weights: Path, folder: Path) -> None:
    words = [f"--image_path={folder / 'c.png'}", f"--ckpt_path={weights}", "--top_k", "1"]
    done = subprocess.run(
        [sys.executable, "infer.py", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=200
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == str(folder / "c.png")
    assert len(done.stdout.splitlines()) == 2
