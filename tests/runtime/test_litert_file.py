"""What a LiteRT file may hold, and how others are refused before LiteRT sees them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.extras import needs

from netwright.errors import ExportError
from netwright.runtime import find_export, open_runtime
from netwright.runtime.litert_file import litert_bytes, read_litert
from netwright.weights import LoadedModel

pytestmark = [needs("litert"), pytest.mark.slow]


def _changed(path: Path, change: Callable[[Any], object], tmp_path: Path) -> Path:
    """As someone would who knows how the digest is made."""
    from ai_edge_litert import schema_py_generated as schema

    content, info = read_litert(path)
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    change(model)
    out = tmp_path / "changed.tflite"
    out.write_bytes(litert_bytes(model, info))
    return out


def test_what_could_do_harm_never_reaches_the_library(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]
) -> None:
    path = exported(color, "litert")

    def custom(model: Any) -> None:
        model.operatorCodes[0].customCode = "Evil"

    def unknown(model: Any) -> None:
        model.operatorCodes[0].builtinCode = 82  # Fill, which makes large tensors of small ones

    def two(model: Any) -> None:
        model.subgraphs.append(model.subgraphs[0])

    def other_output(model: Any) -> None:
        model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].shapeSignature = [-1, 6]

    def other_name(model: Any) -> None:
        model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].name = "image"

    for change, reason in (
        (custom, "operations that no export writes"),
        (unknown, "operations that no export writes"),
        (two, "2 graphs"),
        (other_output, "another network than it holds"),
        (other_name, "another network than it holds"),
    ):
        with pytest.raises(ExportError, match=reason):
            open_runtime(_changed(path, change, tmp_path))
    with open_runtime(_changed(path, lambda model: None, tmp_path)) as same:
        assert same.info.name == "small"


def test_a_damaged_file_is_refused(tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]) -> None:
    content = exported(color, "litert").read_bytes()
    rng, path = random.Random(0), tmp_path / "a.tflite"
    cases = [content[: rng.randrange(len(content))] for _ in range(20)]
    for _ in range(100):
        at = rng.randrange(len(content))
        cases.append(content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :])
    for case in [*cases, b"", b"abcdTFL3", bytes(1000), content + b"more"]:
        path.write_bytes(case)
        with pytest.raises(ExportError, match=r"Export it again|Copy or export|by `netwright export`"):
            read_litert(path)


def test_a_file_that_another_program_wrote_is_said_to_be_one(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]
) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(exported(color, "litert").read_bytes().replace(b"netwright\x00", b"otherwise\x00"))
    with pytest.raises(ExportError, match="something else wrote it"):
        read_litert(path)


def test_others_find_the_input_and_the_output_by_name(color: LoadedModel, exported: Callable[..., Path]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    path = exported(color, "litert")
    assert find_export(path.parent) == path
    x = np.random.default_rng(0).standard_normal((1, 3, 16, 16), dtype=np.float32)
    found = Interpreter(model_path=str(path)).get_signature_runner()(input=x)["logits"]
    with open_runtime(path) as runtime:
        assert np.allclose(found, runtime.logits(x), atol=1e-6)
        assert runtime.info.versions["ai-edge-litert"]


def test_the_digest_is_of_the_whole_file(color: LoadedModel, exported: Callable[..., Path]) -> None:
    content = exported(color, "litert").read_bytes()
    later = hashlib.sha256(b"netwright").hexdigest().encode()
    assert later not in content
    assert content[4:8] == b"TFL3"


def test_what_litert_cannot_do_is_said(color: LoadedModel, exported: Callable[..., Path]) -> None:
    path = exported(color, "litert")
    with pytest.raises(ExportError, match=r"is fp32, not fp16\. Export it with --precision fp16"):
        open_runtime(path, precision="fp16")
    with pytest.raises(ExportError, match=r"is for litert, not onnx\. Export the network with --to onnx"):
        open_runtime(path, runtime="onnx")
