"""`netwright serve` and `netwright client` as people type them."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.nn import build
from netwright.weights import save_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arch = Arch((Stage(1, 16, 2, group_width=8),), stem=Stem("cifar", 8), resolution=16, num_classes=3, name="tiny")
    path = tmp_path_factory.mktemp("w") / "tiny.safetensors"
    module = build(arch, seed=1).eval()
    save_model(path, module, preprocessing=Preprocessing(image_size=16), class_names=("a", "b", "c"), facts={})
    return path


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("p") / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    return path


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "netwright.cli.main", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(*words: str) -> tuple[int, str, str]:
    program = start(*words)
    answer, errors = program.communicate(timeout=60)
    return program.returncode, answer, errors


@pytest.fixture(scope="module")
def address(weights: Path) -> Iterator[str]:
    program = start("serve", str(weights), "--port", "0")
    assert program.stdout is not None
    line = program.stdout.readline()
    assert line.startswith("serving on http://127.0.0.1:"), program.communicate()[1]
    yield line.split()[2].rstrip(";")
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors
    assert "stopped" in errors


@pytest.mark.slow
def test_client_asks_for_images_and_models(address: str, photo: Path, tmp_path: Path) -> None:
    status, answer, errors = run("client", address, str(photo), "--format", "json", "--top_k", "2")
    assert (status, errors) == (0, "")
    said = json.loads(answer)["predictions"]
    assert [each["path"] for each in said] == [str(photo)]
    assert len(said[0]["classes"]) == 2
    bad = tmp_path / "bad.png"
    bad.write_text("words")
    status, answer, errors = run("client", address, str(bad), str(photo))
    assert status == 1
    assert "bad.png: the server answers 422" in errors
    assert answer.splitlines()[0] == str(photo)
    assert run("client", address) == (0, "tiny  version 1  ready\n", "")


def test_curl_takes_the_line_of_the_page(address: str, photo: Path) -> None:
    done = subprocess.run(
        ["curl", "-sS", "--data-binary", f"@{photo}", f"{address}/predict"], capture_output=True, text=True, timeout=60
    )
    assert {each["name"] for each in json.loads(done.stdout)["classes"]} == {"a", "b", "c"}


@pytest.mark.slow
def test_mistakes_are_reported_before_anything_listens(tmp_path: Path) -> None:
    for words, constraint in (
        (("serve", str(tmp_path / "nothing")), "nothing"),
        (("serve", "x", "--max_batch", "0"), "max_batch is a whole number of at least 1, not 0"),
        (("serve", "x", "--max_queue", "2"), "Raise max_queue"),
        (("serve", "x", "--tls_cert", "c.pem"), "Give both"),
        (("serve", "x", "--port", "70000"), "port is a whole number within 0 to 65,535, not 70000"),
        (("client", "127.0.0.1:1", "x.png"), "x.png cannot be read"),
        (("client", "ftp://x"), "http://127.0.0.1:8000"),
        (("client", "127.0.0.1:1"), "does not answer"),
        (("client", "127.0.0.1:1", "--timeout", "nan"), "a timeout is above 0"),
    ):
        status, _, errors = run(*words)
        assert status == 1
        assert constraint in errors
        assert "Traceback" not in errors


def test_a_port_that_is_taken(address: str, weights: Path) -> None:
    status, _, errors = run("serve", str(weights), "--port", address.rsplit(":", 1)[1])
    assert status == 1
    assert "Give another --port" in errors


@pytest.mark.slow
def test_a_warning_is_shown_before_the_server_starts(tmp_path: Path) -> None:
    status, _, errors = run("serve", str(tmp_path / "nothing"), "--host", "0.0.0.0", "--port", "0")
    assert status == 1
    first, *_, last = errors.splitlines()
    assert first.startswith("netwright serve: everyone who reaches 0.0.0.0 ")
    assert "give --token" in first
    assert "nothing" in last


def test_listening_for_others_without_a_token_has_a_warning() -> None:
    from netwright.serving import ServeSettings

    assert "give --token" in ServeSettings("x", host="0.0.0.0").warning
    assert "unencrypted" in ServeSettings("x", host="::", token="t").warning
    assert ServeSettings("x", host="::1").warning == ServeSettings("x").warning == ""
    assert ServeSettings("x", host="h", token="t", tls_cert="c", tls_key="k").warning == ""


@pytest.mark.slow
def test_client_takes_folders_and_patterns(address: str, photo: Path, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/b/2.PNG", "3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo.read_bytes())
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "nothing").mkdir()
    words = [str(tmp_path / each) for each in ("a", "*.png", "nothing", "*.jpg")]
    status, answer, errors = run("client", address, *words, "--format", "json")
    said = json.loads(answer)
    assert [Path(each["path"]).name for each in said["predictions"]] == ["1.png", "2.PNG", "3.png"]
    assert [each["path"] for each in said["errors"]] == words[2:]
    assert status == 1
    assert errors.count("no image is there") == 2
