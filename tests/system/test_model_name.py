"""Names of models."""

from pathlib import Path

import pytest

from netwright.system.model_name import default_name, is_model_name, model_name


def test_a_name_is_one_part_of_an_address() -> None:
    assert all(map(is_model_name, ("digits", "a.b_c-d", "7", "größe", "x" * 100)))
    assert not any(map(is_model_name, ("", "a/b", "a b", "..", ".hidden", "-x", "a\n", "x" * 101, "a%b")))


def test_any_text_has_a_nearest_name() -> None:
    for text, name in (("RegNet Y 400MF", "RegNet-Y-400MF"), ("../a/b ", "a-b"), ("", "network"), ("//", "network")):
        assert model_name(text) == name
        assert is_model_name(model_name(text))


def test_a_folder_gives_its_name_and_a_version_that_of_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my run" / "3").mkdir(parents=True)
    assert default_name(tmp_path / "my run", "net") == default_name(tmp_path / "my run" / "3", "net") == "my-run"
    assert default_name("timm/any", "my net") == "my-net"
    monkeypatch.chdir(tmp_path / "my run")
    assert default_name(".", "net") == "my-run"
