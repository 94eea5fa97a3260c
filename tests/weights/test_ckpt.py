from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netwright.errors import WeightsError
from netwright.weights.ckpt import ckpt_description, looks_like_ckpt, open_ckpt, save_entries


def read(path: Path, content: bytes) -> dict[str, torch.Tensor]:
    path.write_bytes(content)
    return {name: each.read() for name, each in open_ckpt(path).items()}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (300,), (2, 3, 1, 1), (1, 2, 3, 4)])
def test_tensors_are_read_as_they_were_written(
    tmp_path: Path, ckpt: Any, shape: tuple[int, ...], dtype: str, packed: bool
):
    array = np.asarray(np.random.default_rng(0).normal(0, 9, shape)).astype(dtype)
    found = read(tmp_path / "a.ckpt", ckpt.entry("a.b", array, packed=packed))["a.b"]
    assert (found.shape, str(found.dtype)) == (shape, f"torch.{dtype}")
    assert np.array_equal(found.numpy(), array)


def test_bfloat16_is_read(tmp_path: Path, ckpt: Any):
    values = torch.tensor([1.5, -2.0, 3e38], dtype=torch.bfloat16)
    content = ckpt.value("a.b", (3,), "BFloat16", values.view(torch.int16).numpy().tobytes())
    assert torch.equal(read(tmp_path / "a.ckpt", content)["a.b"], values)


def test_parts_of_one_tag_are_joined(tmp_path: Path, ckpt: Any):
    array = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    raw, other = array.tobytes(), ckpt.entry("c.d", np.ones(2, np.float32))
    cut = 4 * 7  # within a row, as the writer of the format cuts
    whole = [ckpt.value("a.b", (4, 3, 2), "Float32", part) for part in (raw[:cut], raw[cut:])]
    rows = [ckpt.entry("a.b", part) for part in (array[:1], array[1:])]
    for parts in (whole, rows):
        found = read(tmp_path / "a.ckpt", parts[0] + other + parts[1])
        assert np.array_equal(found["a.b"].numpy(), array)
        assert list(found) == ["a.b", "c.d"]


def test_fields_of_later_versions_are_passed_over(tmp_path: Path, ckpt: Any):
    v, f = ckpt.varint, ckpt.field
    new = v(8 * 9) + v(2**40) + v(8 * 10 + 1) + b"8 bytes." + v(8 * 11 + 5) + b"four" + f(12, b"anything")
    tensor = new + b"\x08\x02" + f(2, b"Float32") + new + f(3, np.float32([1, 2]).tobytes())
    content = f(1, f(2, tensor) + new + f(1, b"a.b"))  # the order of fields is free too
    assert read(tmp_path / "a.ckpt", content)["a.b"].tolist() == [1, 2]


def test_a_checksum_is_checked_where_there_is_one(tmp_path: Path, ckpt: Any):
    content = ckpt.checksum(ckpt.entry("a.b", np.arange(3, dtype=np.float32)))
    assert read(tmp_path / "a.ckpt", content)["a.b"].tolist() == [0, 1, 2]
    damaged = bytearray(content)
    damaged[-20] ^= 1
    with pytest.raises(WeightsError, match=r"its checksum is \d+, and it should be \d+"):
        read(tmp_path / "a.ckpt", bytes(damaged))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda c: c.entry("a.b", np.ones(9, np.float32))[:-1], "are announced at byte"),
        (lambda c: b"\x0a" + c.varint(10**10) + c.entry("a.b", np.ones(9, np.float32)), "10,000,000,000 bytes are"),
        (lambda c: b"\x0a\xff", "ends within a number"),
        (lambda c: b"\x0a" + b"\xff" * 11, "more than 10 bytes"),
        (lambda c: c.value("a.b", (4,), "Float32", bytes(12)), "has the dims [4] and 3 values of Float32"),
        (lambda c: c.value("a.b", (3,), "Float32", bytes(13)), "has the dims [3] and 3 values of Float32"),
        (lambda c: c.value("a.b", (2**39, 2**39), "Float32", bytes(4)), "and 1 values"),
        (lambda c: c.value("a.b", (2**64 - 1,), "Float32", b""), "has impossible dims"),
        (lambda c: c.value("a.b", (1,) * 9, "Float32", bytes(4)), "has impossible dims"),
        (lambda c: c.value("a.b", (1,) * 90, "Float32", bytes(4)), "more than 64 fields"),
        (lambda c: c.value("a.b", (1,) * 9, "Float32", bytes(4), packed=True), "has impossible dims"),
        (lambda c: c.value("a.b", (1,), "Complex64", bytes(8)), "is of the type 'Complex64', and these are known"),
        (lambda c: c.value("", (1,), "Float32", bytes(4)), "no name or no tensor"),
        (lambda c: c.value("a" * 2000, (1,), "Float32", bytes(4)), "no name or no tensor"),
        (lambda c: c.field(1, c.field(1, b"a.b")), "no name or no tensor"),
        (lambda c: c.field(2, b"abc"), "is no tensor"),
        (lambda c: b"\x0b\x0c", "no field begins at byte 0"),
        (lambda c: 2 * c.entry("a.b", np.ones(2, np.float32)) + c.entry("a.b", np.ones(2, np.int32)), "comes as"),
        (lambda c: 3 * c.value("a.b", (2,), "Float32", bytes(5)), "has the dims [2] and 3 values"),
        (lambda c: 2000 * c.value("a.b", (0,), "Float32", b""), "in more than 1,000 parts"),
    ],
)
def test_what_is_no_checkpoint_is_said(tmp_path: Path, ckpt: Any, make: Callable[[Any], bytes], said: str):
    with pytest.raises(WeightsError) as caught:
        read(tmp_path / "a.ckpt", make(ckpt))
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'a.ckpt'} is truncated, damaged, or no checkpoint")


@pytest.mark.slow
def test_the_number_of_entries_is_bounded(tmp_path: Path, ckpt: Any):
    content = b"".join(ckpt.value(f"a.{i}", (0,), "Int8", b"") for i in range(100_001))
    with pytest.raises(WeightsError, match="more than 100,000 entries"):
        read(tmp_path / "a.ckpt", content)


def test_every_cut_and_every_changed_byte_is_an_error_or_a_tensor(tmp_path: Path, ckpt: Any):
    whole = ckpt.entry("a.b", np.arange(4, dtype=np.float32)) + ckpt.entry("a.c", np.ones((2, 1), np.float32))
    changed = [whole[:i] for i in range(1, len(whole))]
    rng = np.random.default_rng(0)
    for _ in range(500):
        content = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 5)):
            content[at] = rng.integers(256)
        changed.append(bytes(content))
    errors = 0
    for content in changed:
        try:
            read(tmp_path / "a.ckpt", content)
        except WeightsError:
            errors += 1
    assert 100 < errors < len(changed)


def test_a_large_file_is_mapped_and_not_read(tmp_path: Path, ckpt: Any):
    resource = pytest.importorskip("resource")
    path, size = tmp_path / "a.ckpt", 2 << 30
    unread = ckpt.field(2, b"\x08" + ckpt.varint(size) + ckpt.field(2, b"Int8") + b"\x1a" + ckpt.varint(size))
    inner = ckpt.field(1, b"moments.a") + b"\x12" + ckpt.varint(len(unread) - 2 + size) + unread[2:]
    with open(path, "wb") as file:  # a hole: it takes no room
        file.write(b"\x0a" + ckpt.varint(len(inner) + size) + inner)
        file.truncate(file.tell() + size)
        file.seek(0, 2)
        file.write(ckpt.entry("a.b", np.arange(3, dtype=np.float32)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    entries = open_ckpt(path)
    assert entries["a.b"].read().tolist() == [0, 1, 2]
    assert entries["moments.a"].shape == (size,)
    # in units of 1 KB, on some systems of 1 byte
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < (size >> 10) / 4


def test_it_is_told_by_its_beginning(ckpt: Any):
    assert looks_like_ckpt(ckpt.entry("stem.conv.weight", np.ones((8, 3, 3, 3), np.float32)))
    assert looks_like_ckpt(ckpt.entry("a.b", np.ones(1, np.float32)))
    for other in (
        b"",
        b"\x0a",
        b"\x0a\x05",
        b"\x0a\x05\x0a\x00",
        b"\x0a\x05\x0a\x02\x01\x02",
        b"PK\x03\x04",
        b"\x0b" * 20,
    ):
        assert not looks_like_ckpt(other)


def test_large_tensors_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netwright.weights.ckpt._SPLIT_BYTES", 16)
    tensors = {"a.b": torch.arange(9.0).reshape(3, 3), "a.c": torch.zeros(0, 2), "e.f": torch.tensor(2.0)}
    save_entries(tmp_path / "a.ckpt", tensors)
    content = (tmp_path / "a.ckpt").read_bytes()
    assert content.count(b"a.b") == 3
    found = open_ckpt(tmp_path / "a.ckpt")
    assert list(found) == list(tensors)
    assert all(torch.equal(found[name].read(), value) for name, value in tensors.items())


def test_a_description_is_a_field_that_other_readers_pass_over(tmp_path: Path):
    tensors = {"a.b": torch.arange(3.0)}
    save_entries(tmp_path / "a.ckpt", tensors, "all of it: é")
    assert ckpt_description(tmp_path / "a.ckpt") == "all of it: é"
    assert open_ckpt(tmp_path / "a.ckpt")["a.b"].read().tolist() == [0, 1, 2]
    found = message_classes()["Checkpoint"]()  # by protobuf itself, as MindSpore reads
    found.ParseFromString((tmp_path / "a.ckpt").read_bytes()[:-17])
    (value,) = found.value
    assert (value.tag, list(value.tensor.dims), value.tensor.tensor_type) == ("a.b", [3], "Float32")
    save_entries(tmp_path / "a.ckpt", tensors)
    assert ckpt_description(tmp_path / "a.ckpt") == ""


def message_classes() -> dict[str, Any]:
    """MindSpore's messages, declared here once more."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="checkpoint.proto", package="mindspore_like")
    for name, fields in (
        ("TensorProto", (("dims", 1, 3, 3, ""), ("tensor_type", 2, 9, 1, ""), ("tensor_content", 3, 12, 1, ""))),
        ("Value", (("tag", 1, 9, 1, ""), ("tensor", 2, 11, 1, "TensorProto"))),
        ("Checkpoint", (("value", 1, 11, 3, "Value"),)),
    ):
        message = file.message_type.add(name=name)
        for field, number, kind, label, of in fields:
            type_name = f".mindspore_like.{of}" if of else None
            message.field.add(name=field, number=number, type=kind, label=label, type_name=type_name)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = [message.name for message in file.message_type]
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"mindspore_like.{name}")) for name in names
    }
