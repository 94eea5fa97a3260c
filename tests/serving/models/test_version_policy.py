"""The version_policy of Triton's config.pbtxt."""

from pathlib import Path

import pytest

from netwright.serving.models.discovery import find_models
from netwright.serving.models.version_policy import wanted_versions


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {1, 3, 10}),
        ('name: "m"\nmax_batch_size: 8', {1, 3, 10}),
        ("version_policy { all { } }", {1, 3, 10}),
        ("version_policy: { latest { num_versions: 2 } }", {3, 10}),
        ("version_policy { latest: {} }", {10}),
        ("version_policy {\n  specific { versions: [ 1, 10, 7 ] }\n}", {1, 10}),
        ("version_policy { specific { versions: 1 versions: 3 } }", {1, 3}),
        ("# version_policy { latest { } }\nversion_policy { all { } }", {1, 3, 10}),
        ("version_policy { newest { } }", {1, 3, 10}),
    ],
)
def test_versions_that_it_wants(tmp_path: Path, text: str, wanted: set[int]) -> None:
    (tmp_path / "config.pbtxt").write_text(text)
    assert wanted_versions(tmp_path, [1, 3, 10]) == wanted


def test_only_those_are_found(tmp_path: Path) -> None:
    for number in ("1", "2", "3"):
        (tmp_path / "m" / number).mkdir(parents=True)
        (tmp_path / "m" / number / "model.onnx").write_bytes(b"x")
    assert [each.version for each in find_models(tmp_path)] == [1, 2, 3]
    (tmp_path / "m" / "config.pbtxt").write_text("version_policy { latest { num_versions: 2 } }")
    assert [each.version for each in find_models(tmp_path)] == [2, 3]
