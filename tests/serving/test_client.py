"""The client against a server."""

from pathlib import Path

import numpy as np
import pytest

from netwright.errors import ServeError
from netwright.runtime import open_runtime
from netwright.serving import Client
from netwright.serving.supervisor.process import Server


def test_the_client_in_five_lines(server: Server, weights: Path, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with Client(f"127.0.0.1:{server.port}") as client, open_runtime(weights, threads=1) as runtime:
        assert client.is_ready()
        assert client.predict(tmp_path / "photo.jpg") == client.predict(photo, model="tiny", version="1")
        expected = runtime.logits(runtime.normalize(pixels))
        np.testing.assert_allclose(client.logits(pixels, model="tiny"), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            client.logits(runtime.normalize(pixels), model="tiny", version="1"), expected, rtol=1e-4, atol=1e-5
        )
        assert client.models() == [{"name": "tiny", "version": "1", "state": "READY", "reason": ""}]
        with pytest.raises(ServeError, match="no model 'bird'"):
            client.predict(photo, model="bird")


def test_the_old_name_of_request_warns(server: Server) -> None:
    with Client(f"127.0.0.1:{server.port}") as client:
        with pytest.warns(DeprecationWarning, match=r"Client\.ask is now Client\.request; the old name goes"):
            body, headers = client.ask("GET", "/v2/health/live")
        assert (body, headers["content-type"]) == (b'{"live":true}', "application/json")
