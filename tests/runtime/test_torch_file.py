"""A .pt2 file is read as an archive of arrays: nothing in it runs, and nothing in it grows."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.errors import ExportError
from netwright.runtime import open_runtime
from netwright.weights import LoadedModel


def _rewritten(source: Path, change: Callable[[str, bytes], bytes], tmp_path: Path) -> Path:
    """A .pt2 file with other parts. change: name, content -> content."""
    out = tmp_path / "changed.pt2"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out


def test_pt2_is_never_unpickled(tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]) -> None:
    """A file that torch.export.load would run code from."""
    mark = tmp_path / "ran"
    evil = f"cposix\nsystem\n(S'touch {mark}'\ntR.".encode()

    def change(name: str, content: bytes) -> bytes:
        if name.endswith("model_weights_config.json"):
            config = json.loads(content)
            for entry in config["config"].values():
                entry["use_pickle"] = True
            return json.dumps(config).encode()
        return evil if "/weight_" in name or name.endswith(".pt") else content

    out = _rewritten(exported(color, "torch"), change, tmp_path)
    with pytest.raises(ExportError, match="bytes"):
        open_runtime(out)
    assert not mark.exists()


def test_a_claim_of_a_huge_network_builds_nothing(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]
) -> None:
    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("extra/netwright.json"):
            return content
        plain = json.loads(content)
        plain["arch"]["stages"][0]["depth"] = 10**9
        return json.dumps(plain).encode()

    out = _rewritten(exported(color, "torch"), change, tmp_path)
    with pytest.raises(ExportError, match="1,000,000,001 blocks"):
        open_runtime(out)


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        ("extra/netwright.json", lambda content: content + b" " * 100_000, "and at most 64,000 are expected"),
        ("weights_config.json", lambda content: content + b" " * 100_000, "and at most 64,000 are expected"),
        ("weights/weight_0", lambda content: content + bytes(1), r"864 are expected|\d+ are expected"),
        ("weights/weight_0", lambda content: content[:-4], "and the network has"),
    ],
)
def test_parts_of_pt2_have_the_size_that_they_should(
    part: str,
    change: Callable[[bytes], bytes],
    reason: str,
    tmp_path: Path,
    color: LoadedModel,
    exported: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an archive says of a part's size comes before the part is read, so that a few bytes do not become many."""
    monkeypatch.setattr("netwright.runtime.torch_file._LONGEST", 64_000)
    changed = []

    def change_one(name: str, content: bytes) -> bytes:
        if not name.endswith(part):
            return content
        changed.append(name)
        return change(content)

    out = _rewritten(exported(color, "torch"), change_one, tmp_path)
    assert len(changed) == 1
    with pytest.raises(ExportError, match=reason):
        open_runtime(out)
