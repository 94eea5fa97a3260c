"""Large images, decoded in a process of its own."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netwright.data.preprocess import Preprocessing
from netwright.errors import DataError
from netwright.serving.errors import RequestError
from netwright.serving.models.decode_process import LargeDecoder
from netwright.serving.supervisor.process import Server

Serving = Callable[..., AbstractContextManager[Server]]
Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
_HOW = Preprocessing(image_size=16)


@pytest.fixture
def decoder() -> Iterator[LargeDecoder]:
    made = LargeDecoder(1, 256 << 20)
    yield made
    made.close()


def encoded(kind: str, size: int = 64) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


@pytest.mark.slow
def test_it_gives_the_same_pixels_and_the_same_refusals(decoder: LargeDecoder) -> None:
    for kind in ("PNG", "WEBP", "JPEG"):
        np.testing.assert_array_equal(decoder.decode(encoded(kind), _HOW), _HOW.pixels(encoded(kind)))
    with pytest.raises(DataError) as expected:
        _HOW.pixels(encoded("PNG")[:200])
    with pytest.raises(DataError) as found:
        decoder.decode(encoded("PNG")[:200], _HOW)
    assert str(found.value) == str(expected.value)


@pytest.mark.slow
def test_one_that_has_died_is_replaced_and_none_starts_after_the_end(decoder: LargeDecoder) -> None:
    decoder.decode(encoded("PNG"), _HOW)
    [child] = decoder._children
    child.kill()
    with pytest.raises(MemoryError):
        decoder.decode(encoded("PNG"), _HOW)
    assert decoder.decode(encoded("PNG"), _HOW).shape == (16, 16, 3)
    process = child.process
    assert process is not None
    decoder.close()
    assert process.poll() is not None
    decoder._idle.put(child)
    with pytest.raises(RequestError, match="stopping"):
        decoder.decode(encoded("PNG"), _HOW)


@pytest.mark.slow
def test_it_has_no_more_memory_than_it_is_given() -> None:
    decoder = LargeDecoder(1, 1 << 20)
    try:
        with pytest.raises(MemoryError):
            decoder.decode(_black(8_000), _HOW)
        assert decoder.decode(encoded("PNG"), _HOW).shape == (16, 16, 3)
    finally:
        decoder.close()


@pytest.mark.slow
def test_a_server_decodes_large_png_and_webp_there_and_small_ones_and_jpeg_itself(
    serving: Serving, weights: Path, ask: Ask
) -> None:
    with serving(weights) as server:
        decoder = server._state.service._large
        for image in (encoded("PNG", 500), encoded("JPEG", 1_100)):
            assert ask(server, "POST", "/predict", image)[0] == 200
        assert all(each.process is None for each in decoder._children)
        for kind in ("PNG", "WEBP"):
            assert ask(server, "POST", "/predict", encoded(kind, 1_100))[0] == 200
        processes = [each.process for each in decoder._children]
        assert len(processes) == 1
        assert processes[0] is not None
    assert processes[0].poll() is not None


def _black(size: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (size, size)).save(file, "PNG")
    return file.getvalue()
