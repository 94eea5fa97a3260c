"""Which formats a server reads, and what it says of the others."""

import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.writers import png, tiff
from PIL import Image

from netwright.errors import ServeError
from netwright.serving import ServeSettings
from netwright.serving.formats import FORMATS, bytes_per_pixel, format_of, occurrences
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Serving = Callable[..., AbstractContextManager[Server]]

_PILLOW = {"jpeg2000": "JPEG2000"}


def encoded(name: str, **options: Any) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, _PILLOW.get(name, name.upper()), **options)
    return file.getvalue()


def test_each_format_is_recognized_by_its_first_bytes() -> None:
    assert {name: format_of(encoded(name)) for name in FORMATS} == {name: name for name in FORMATS}
    assert format_of(b"%!PS-Adobe-3.0") is format_of(b"") is None


def test_a_progressive_jpeg_takes_more_memory_than_another() -> None:
    assert bytes_per_pixel("jpeg", encoded("jpeg")) < bytes_per_pixel("jpeg", encoded("jpeg", progressive=True))


@pytest.mark.parametrize("before", [0, (1 << 20) - 2, (1 << 20) - 1, 1 << 20, 5 << 19])
def test_two_bytes_are_found_across_parts(before: int) -> None:
    data = bytes(before) + b"\xff\xda" + bytes(1 << 20) + b"\xff\xda"
    assert occurrences(data, b"\xff\xda", 100) == 2
    assert occurrences(data, b"\xff\xda", 0) >= 1
    assert occurrences(data, b"\xff\xdb", 100) == 0


@pytest.mark.slow
def test_jpeg_png_and_webp_are_read_unless_others_are_named(ask: Ask, serving: Serving, weights: Path) -> None:
    with serving(weights) as server:
        answers = {name: ask(server, "POST", "/predict", encoded(name)) for name in FORMATS}
    assert [name for name, answer in answers.items() if answer[0] == 200] == ["jpeg", "png", "webp"]
    assert {answer[0] for answer in answers.values()} == {200, 422}
    said = json.loads(answers["tiff"][1])["error"]
    assert said.endswith("this server reads JPEG, PNG, WebP (its --formats), and this is a TIFF.")
    with serving(weights, formats=("bmp", "tiff")) as server:
        statuses = {name: ask(server, "POST", "/predict", encoded(name))[0] for name in FORMATS}
        said = json.loads(ask(server, "POST", "/predict", b"no image")[1])["error"]
    assert [name for name, status in statuses.items() if status == 200] == ["bmp", "tiff"]
    assert said.endswith("this server reads BMP, TIFF (its --formats), and this is none of them.")


@pytest.mark.parametrize("given", [["PNG", "Tiff"], "png,tiff", ("png", "tiff"), ["png,tiff"]])
def test_formats_are_given_as_words_or_a_list(given: Any) -> None:
    settings = ServeSettings.from_options("x", formats=given)
    assert settings.formats == ("png", "tiff")
    assert ServeSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_formats_that_are_none() -> None:
    with pytest.raises(ServeError, match=r"formats is a list of any of avif, .*webp, not \['png', 'pdf'\]"):
        ServeSettings.from_options("x", formats="png,pdf")
    with pytest.raises(ServeError, match="Give formats"):
        ServeSettings("x", formats=())


def test_images_of_sixteen_bits_or_many_bands_take_more_memory_than_others() -> None:
    deep = io.BytesIO()
    Image.fromarray(np.zeros((20, 20), np.uint16)).save(deep, "TIFF")
    assert bytes_per_pixel("png", encoded("png")) == FORMATS["png"].bytes_per_pixel
    assert bytes_per_pixel("tiff", encoded("tiff")) == FORMATS["tiff"].bytes_per_pixel
    assert bytes_per_pixel("tiff", deep.getvalue()) == FORMATS["tiff"].bytes_per_pixel
    assert bytes_per_pixel("png", png(np.zeros((4, 4, 4), np.uint16))) == 26  # measured: 24
    assert bytes_per_pixel("png", png(np.zeros((4, 4, 1), np.uint16))) == FORMATS["png"].bytes_per_pixel
    assert bytes_per_pixel("tiff", tiff(np.zeros((4, 4, 5), np.uint16))) == 40  # measured: 30
