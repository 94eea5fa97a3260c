import pytest

from netwright.data import decode
from netwright.data.file_kinds import IMAGE, NO_IMAGE, TABLE, UNREADABLE, file_kind


@pytest.mark.parametrize("kind", ["AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", ["IMG_0001", "photo.jpg_large"])
def test_an_image_is_known_by_its_content_and_can_be_decoded(tmp_path, make, kind, name):
    path = tmp_path / name
    path.write_bytes(make.encode(make.picture((200, 40, 40), 0), kind))
    assert file_kind(path) == IMAGE
    assert decode(path.read_bytes(), 16, 3).shape == (16, 16, 3)


@pytest.mark.parametrize("suffix", [".JFIF", ".Gif", ".avif", ".jpe", ".PNG"])
def test_endings_count_in_any_case_and_unopened(suffix):
    assert file_kind(f"nowhere{suffix}") == IMAGE


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.jxl", b"", UNREADABLE),
        ("a.dng", b"II*\0", UNREADABLE),  # raw: Pillow would read its thumbnail
        ("a.parquet", b"", TABLE),
        ("a.txt", b"\xff\xd8\xff", NO_IMAGE),
        ("README", b"BM is a company", NO_IMAGE),
        ("empty", b"", NO_IMAGE),
        ("a.mp4x", b"\0\0\0\x18ftypisom", NO_IMAGE),
    ],
)
def test_other_files(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert file_kind(tmp_path / name) == kind
