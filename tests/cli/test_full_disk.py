"""What each command says where the disk is full: what it was writing, where, and the cure.

The system's limit of a file's size stands for the disk: it fails the same writes, in the same places.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures.web import CONTENT, serving
from PIL import Image

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.nn import build
from netwright.system.run_folder import MARKER
from netwright.weights import save_model

pytestmark = pytest.mark.slow
DIGITS = Arch((Stage(1, 8, 1, 1.0, 8), Stage(1, 16, 2, 1.0, 8)), "x", Stem("cifar", 8), 0.0, 8, 10, 1, "digits_net")
TRAIN = ("train", "--model", "net.yaml", "--dataset", "digits", "--image_size", "8", "--in_channels", "1")

# name -> (bytes that a file may have, words, what, where, cure)
CASES: dict[str, tuple[int, tuple[str, ...], str, str, str]] = {
    "predict": (
        *(100, ("predict", "w.safetensors", "a.png", "--out", "p/answer.txt", "--format", "json")),
        *("the predictions", "p/answer.txt", "or choose another --out."),
    ),
    "validate": (
        *(100, ("validate", "w.safetensors", "--dataset", "digits", "--out", "v")),
        *("the validation report", "v/metrics.json", "or choose another --out."),
    ),
    "validate, the page": (
        *(400_000, ("validate", "w.safetensors", "--dataset", "digits", "--out", "v2")),
        *("the validation report", "v2/report.html", "or choose another --out."),
    ),
    "export": (
        *(1000, ("export", "w.safetensors", "--out", "m.onnx")),
        *("the exported network", "m.onnx", "or choose another --out."),
    ),
    "export, openvino": (
        *(4000, ("export", "w.safetensors", "--to", "openvino", "--out", "m.xml")),
        *("the exported network", "m.xml", "or choose another --out."),
    ),
    "export, the temporary folder": (
        *(4000, ("export", "w.safetensors", "--layout", "triton", "--out", "rep")),
        *("the exported network", os.environ.get("TMPDIR", "/tmp"), "or choose another folder with TMPDIR."),
    ),
    "export, quantized": (
        *(4000, ("export", "w.safetensors", "--precision", "int8", "--dataset", "digits", "--out", "q.onnx")),
        *("the network that is quantized", os.environ.get("TMPDIR", "/tmp"), "or choose another folder with TMPDIR."),
    ),
    "export, as json": (
        *(400_000, ("export", "w.safetensors", "--out", "m2.onnx", "--report", "e/r.html")),
        *("the export's report", "e/r.html", "or choose another --report."),
    ),
    "download": (
        *(5000, ("validate", "w.safetensors", "--dataset", "mnist", "--data_dir", "d", "--download", "True")),
        *("the data set's file", "d/data.bin", "or choose another --data_dir."),
    ),
    "sample": (
        *(100, ("sample", "regnetx", "--out", "s.csv")),
        *("the sampled networks", "s.csv", "or choose another --out."),
    ),
    "sweep": (
        *(90_000, ("sweep", "regnetx", "--flops=0.3M:0.6M", "--epochs=2", "--workers=1", "--trials=2", "--out=c")),
        *("the image cache", "c/cache/images-", "lower --resolution or --train_images, or choose another --out."),
    ),
    "train": (
        *(
            22_000,
            (
                *TRAIN,
                "--out",
                "t",
                "--epochs",
                "1",
                "--workers",
                "0",
                "--num_samples",
                "64",
                "--mean",
                "127.5",
                "--std",
                "127.5",
            ),
        ),
        *("the training state", "t/state/", "or choose another --out."),
    ),
}

_PROGRAM = """
import contextlib, io, json, resource, sys
from netwright.cli.main import main
from netwright.data import dataset
from netwright.data.download import Remote

cases, (url, size, md5) = json.loads(sys.stdin.read())
dataset._PUBLISHED["mnist"] = (dataset._PUBLISHED["mnist"][0], (Remote((url,), "data.bin", size, md5),))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
answers = {}
for name, (limit, words) in cases.items():
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
        try:
            status = main(words)
        except SystemExit as stop:
            status = stop.code
    answers[name] = [status, err.getvalue()]
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    module = build(DIGITS, seed=0)
    preprocessing = Preprocessing(image_size=8, channels=1, crop_pct=1.0, mean=(60.0,), std=(80.0,))
    names = tuple(map(str, range(10)))
    save_model(folder / "w.safetensors", module.eval(), preprocessing=preprocessing, class_names=names, facts={})
    (folder / "net.yaml").write_text(DIGITS.to_yaml())
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "a.png")
    return folder


@pytest.fixture(scope="module")
def answers(place: Path) -> dict[str, tuple[int, str]]:
    """What each command answers, one after another in a process of their own."""
    with serving() as server:
        content = hashlib.md5(CONTENT).hexdigest()
        cases = {name: case[:2] for name, case in CASES.items()}
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps([cases, [server.url, len(CONTENT), content]]),
            cwd=place,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_full_disk_is_told_in_the_words_of_the_command(answers: dict[str, tuple[int, str]], name: str) -> None:
    _, words, what, where, cure = CASES[name]
    status, err = answers[name]
    assert status == 1
    says = (
        rf"^netwright {words[0]}: {what} cannot be written to {where}\S*: File too large \(.*bytes are free there\)\. "
    )
    assert re.match(says, err.splitlines()[-1]), err
    assert err.endswith(f"Free some space, {cure}\n")


def test_nothing_half_made_is_left(answers: dict[str, tuple[int, str]], place: Path) -> None:
    files = {str(each.relative_to(place)) for each in place.rglob("*") if each.is_file() and each.name[0] != "."}
    assert files >= {"w.safetensors", "a.png", "m2.onnx", "v2/metrics.json"}
    assert not {"p/answer.txt", "v/metrics.json", "v2/report.html", "m.onnx", "e/r.html", "d/data.bin", "s.csv"} & files
    left = {str(each.relative_to(place)) for each in place.rglob(".*") if each.name != MARKER}
    assert left <= {"d/.data.bin.partial", "t/.lock", "c/.lock"}, "but for what a download continues, and locks"
