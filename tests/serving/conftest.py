"""A tiny network, and servers of it in threads of the test's own process."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.nn import build
from netwright.serving import ServeSettings
from netwright.serving.process import Server, listen
from netwright.weights import save_model

NAMES = ("tabby, cat", 'the "dog"', "elk")


def save_tiny(path: Path, seed: int = 1) -> Path:
    arch = Arch((Stage(1, 16, 2, group_width=8),), stem=Stem("cifar", 8), resolution=16, num_classes=3, name="tiny")
    module = build(arch, seed=seed).train()
    with torch.no_grad():
        module(torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, module, preprocessing=Preprocessing(image_size=16), class_names=NAMES, facts={})
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("serving") / "tiny.safetensors")


@pytest.fixture(scope="session")
def save() -> Callable[..., Path]:
    return save_tiny


@pytest.fixture(scope="session")
def photo() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


@contextlib.contextmanager
def running(ref: Path, **settings: Any) -> Iterator[Server]:
    values: dict[str, Any] = {"port": 0, "threads": 1, "max_delay_ms": 0.0, "grace": 5.0, "poll": 0.0}
    chosen = ServeSettings(str(ref), **(values | settings))
    with listen(chosen.host, chosen.port) as sock:
        server = Server(chosen, sock)
        is_ready = threading.Event()
        thread = threading.Thread(target=lambda: server.run(lambda _: is_ready.set(), signals=False))
        thread.start()
        try:
            assert is_ready.wait(30)
            yield server
        finally:
            server.stop()
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[Server]]:
    return running


@pytest.fixture(scope="session")
def server(weights: Path) -> Iterator[Server]:
    """One for the tests that only ask."""
    with running(weights, grpc_port=0, max_body=1 << 20, max_pixels=1_000_000, body_timeout=1.0) as found:
        yield found
