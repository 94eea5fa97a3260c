"""Small studies."""

from collections.abc import Callable
from pathlib import Path

import pytest

TEXT = """\
name: small
sweep: {data_dir: digits, epochs: 1, train_images: 200, flops: 0.3M:0.6M, workers: 1, device: cpu}
spaces:
  C: anynetx_c
  D: {space: anynetx_d, parent: C, text: widths that never fall}
  X: {space: regnetx, parent: D}
comparisons:
  - {of: D - C, question: "do widths that never fall help?", margin: 3.0}
  - X - D
trials: 10
looks: 2
margin: 2.0
"""


@pytest.fixture(scope="session")
def text() -> str:
    return TEXT


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """The study, with some of its text in other words."""

    def made(*changes: tuple[str, str]) -> Path:
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "small.yaml"
        path.write_text(text)
        return path

    return made
