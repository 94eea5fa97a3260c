"""Files that are damaged or made to harm end in a clear error or in weights: nothing runs, and memory stays bounded."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from netwright.arch import Arch, Stage, Stem
from netwright.errors import WeightsError
from netwright.weights import read_state
from netwright.weights.arch_inference import infer_arch
from netwright.weights.convert import convert
from netwright.weights.layouts import FORMATS, TIMM_REGNET
from netwright.weights.names import rename_from_netwright

TINY = Arch((Stage(1, 8, 2, 1.0, 4),), "y", Stem("simple", 8), 0.25, 32, 2)
HEADS = (b"", b"PK\x03\x04", b"\x80\x02", b"\x0a\x20\x0a\x10stem.conv.weight", b"\x80\0\0\0\0\0\0\0{", b"\x80\x02}q\0.")
FREELY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def opened(path: Path) -> bool:
    """Whether the file can be used all the way; WeightsError is the only other end."""
    said = ""
    try:
        stored = read_state(path)
        infer_arch(stored.state)
        convert(path, path.with_name("out"), to="netwright")
    except WeightsError as error:
        said = str(error)
    assert len(said) < 2000
    return not said


@pytest.fixture(scope="module")
def files(randomized: Callable[..., Any], ckpt: Any) -> dict[str, bytes]:
    module = randomized(TINY)
    state = module.state_dict()

    def packed(content: Any, **how: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save(content, buffer, **how)
        return buffer.getvalue()

    return {
        "safetensors": save(state),
        "timm": save(rename_from_netwright(state, TIMM_REGNET), {"format": "pt"}),
        "torch": packed(state),
        "legacy": packed(state, _use_new_zipfile_serialization=False),
        "pycls": packed({"epoch": 1, "test_err": 3.0, "ema_err": 2.0, "model_state": state, "ema_state": state}),
        "mindcv": ckpt.checksum(ckpt.of(module)),
        "unchecked": ckpt.of(module),
    }


@pytest.mark.parametrize("kind", ["safetensors", "timm", "torch", "legacy", "pycls", "mindcv", "unchecked"])
def test_any_changed_byte_is_an_error_or_weights(tmp_path: Path, files: dict[str, bytes], kind: str):
    whole, rng = files[kind], np.random.default_rng(0)
    path = tmp_path / "a"
    path.write_bytes(whole)
    assert opened(path)
    errors = 0
    for i in range(60):
        content = bytearray(whole)
        # names and sizes stand at the beginning or at the end
        reach = len(whole) if i % 3 == 0 else min(len(whole), 4000)
        for at in rng.integers(0, reach, rng.integers(1, 20)):
            content[-at if i % 3 == 1 else at] = rng.integers(256)
        if i % 7 == 0:
            content = content[: rng.integers(len(whole))]
        path.write_bytes(content)
        errors += not opened(path)
    assert errors > 10


@FREELY
@given(head=st.sampled_from(HEADS), rest=st.binary(max_size=300))
def test_any_bytes_are_an_error(tmp_path: Path, head: bytes, rest: bytes):
    (tmp_path / "a").write_bytes(head + rest)
    assert not opened(tmp_path / "a")


NAMES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [name for namings in FORMATS.values() for naming in namings for name, _ in naming.rest + naming.parts]
    ),
    st.builds("s{}.b{}.f.{}.weight".format, st.integers(0, 3), st.integers(0, 3), st.sampled_from("abc")),
)
SHAPES = st.lists(st.sampled_from([0, 1, 2, 4, 8, 3, 2**20, 2**40]), max_size=5)


@FREELY
@given(entries=st.dictionaries(NAMES, SHAPES, max_size=12), stem=st.booleans())
def test_any_shapes_are_an_error(tmp_path: Path, entries: dict[str, list[int]], stem: bool):
    header: dict[str, Any] = {}
    at = 0
    for name, shape in (entries | ({"stem.conv.weight": [8, 3, 3, 3]} if stem else {})).items():
        count = int(np.prod([float(dim) for dim in shape])) * 2
        size = count if count < 4000 else 0  # a lie, where it is large
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    try:
        text = json.dumps(header).encode()
    except UnicodeEncodeError:
        return
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    assert not opened(tmp_path / "a")


def test_memory_is_bounded_whatever_a_file_claims(tmp_path: Path, ckpt: Any):
    resource = pytest.importorskip("resource")
    opened(tmp_path / "none")  # what is imported by need is imported
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    huge = 1 << 40
    empty = {"dtype": "F32", "shape": [0, 2**30, 2**30], "data_offsets": [0, 0]}
    named = {f"s1.b{i}.f.a.weight": empty for i in range(1, 3000)}
    text = json.dumps(named | {"stem.conv.weight": empty}).encode()
    for content in (
        struct.pack("<Q", 10 << 30) + b'{"a.b": {}}',
        struct.pack("<Q", len(text)) + text,
        b"\x0a" + ckpt.varint(huge) + ckpt.field(1, b"stem.conv.weight"),
        ckpt.value("stem.conv.weight", (2**20, 2**20, 3, 3), "Float32", b""),
        ckpt.value("stem.conv.weight", (0, 2**39), "Float32", b"") * 1000,
        b"".join(ckpt.value(f"s1.b{i}.f.a.weight", (0, 2**39), "Float32", b"") for i in range(5000)),
    ):
        (tmp_path / "a").write_bytes(content)
        assert not opened(tmp_path / "a")
    # in units of 1 KB, on some systems of 1 byte
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < (300 << 10)
