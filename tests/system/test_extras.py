"""Packages that are not there."""

import sys

import pytest

from netwright.errors import ExportError, NetwrightError, RecipeError, ServeError
from netwright.system.extras import optional


@pytest.mark.parametrize(
    ("module", "extra", "kind", "purpose"),
    [
        ("onnxruntime", "export", ExportError, "an exported network"),
        ("uvicorn", "serve", ServeError, "serving"),
        ("ray.serve", "ray", ServeError, "scaling out"),
        ("tensorboard", "tensorboard", RecipeError, "the tracker tensorboard"),
        ("wandb", "wandb", RecipeError, "the tracker wandb"),
    ],
)
def test_a_missing_package_has_a_cure(
    monkeypatch: pytest.MonkeyPatch, module: str, extra: str, kind: type[NetwrightError], purpose: str
) -> None:
    package = module.split(".")[0]
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(kind, match=rf'^{purpose} needs the package {package}, .*pip install "netwright\[{extra}\]"$'):
        optional(module, extra)


def test_a_package_that_is_there_comes_as_it_is() -> None:
    assert optional("json", "export").dumps(1) == "1"
