import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from netwright.data.decode import decode_full
from netwright.data.file_kinds import IMAGE, UNREADABLE, file_kind
from netwright.data.heif import can_read_heif, heif_cure
from netwright.errors import DataError

HEAD = b"\0\0\0\x18ftypheic\0\0\0\0"


def test_without_the_package_the_error_has_the_pip_line(tmp_path):
    """In an environment that has it, too: a program that cannot find it."""
    code = f"""
import importlib.util, sys
sys.modules["pillow_heif"] = None
from netwright.data.decode import decode_full
decode_full({HEAD!r}, 3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "a HEIC image needs the package pillow_heif" in done.stderr
    assert 'pip install "netwright[heif]"' in done.stderr


def test_files_are_images_where_they_can_be_read(tmp_path):
    (tmp_path / "photo").write_bytes(HEAD)
    kind = IMAGE if can_read_heif() else UNREADABLE
    assert [file_kind(each) for each in ("a.HEIC", "a.hif", tmp_path / "photo")] == [kind] * 3
    assert "netwright[heif]" in heif_cure(["a.jpg", "b.HEIC"])
    assert heif_cure(["a.svg"]) == ""


def test_pixels_are_those_of_the_photo():
    heif = pytest.importorskip("pillow_heif")
    rows, columns = np.indices((48, 64))
    pixels = np.stack([rows * 5, columns * 4, 128 + 0 * rows], axis=2).astype(np.uint8)
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(pixels)).save(file, quality=95)
    assert np.abs(decode_full(file.getvalue(), 3).astype(int) - pixels).mean() < 3
    with pytest.raises(DataError):
        decode_full(file.getvalue()[:200], 3)
