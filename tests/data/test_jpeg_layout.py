import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from netwright.data.jpeg_layout import cut_jpeg, read_layout


def photo(height=70, width=110):
    coarse = np.random.default_rng(0).integers(0, 256, (7, 11, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **({"quality": 85} | options))
    return file.getvalue()


RESTARTS = [{}, {"restart_marker_blocks": 1}, {"restart_marker_blocks": 2}, {"restart_marker_blocks": 5}]
RESTARTS += [{"restart_marker_rows": 1}, {"restart_marker_rows": 2}, {"restart_marker_blocks": 10_000}]


@pytest.mark.parametrize("restarts", RESTARTS)
@pytest.mark.parametrize("mode", ["444", "422", "420", "gray"])
def test_the_pixels_of_a_cut_are_those_of_the_whole(restarts, mode):
    image, more = photo(), {"subsampling": ["444", "422", "420", "gray"].index(mode) % 3}
    data = jpeg(image.convert("L") if mode == "gray" else image, **restarts, **more)
    layout = read_layout(data)
    whole = simplejpeg.decode_jpeg(data)
    assert (layout.height, layout.width) == whole.shape[:2]
    rng = np.random.default_rng(1)
    for _ in range(20):
        height, width = int(rng.integers(1, 71)), int(rng.integers(1, 111))
        top, left = int(rng.integers(0, 71 - height)), int(rng.integers(0, 111 - width))
        cut = cut_jpeg(data, layout, top, left, height, width)
        pixels = simplejpeg.decode_jpeg(cut.data, strict=False)
        assert pixels.shape[:2] == (cut.height, cut.width)
        rows, columns = top - cut.top, left - cut.left
        part = pixels[rows : rows + height, columns : columns + width]
        assert np.array_equal(part, whole[top : top + height, left : left + width])


def test_a_small_cut_leaves_most_pixels_out():
    image = photo(320, 320)
    for restarts, share in (({}, 0.4), ({"restart_marker_rows": 1}, 0.2), ({"restart_marker_blocks": 2}, 0.03)):
        data = jpeg(image, **restarts, subsampling=2)
        cut = cut_jpeg(data, read_layout(data), 70, 70, 20, 20)
        assert cut.height * cut.width < share * 320 * 320
        simplejpeg.decode_jpeg(cut.data, strict=restarts != {})


def test_a_cut_of_all_is_the_file_itself():
    data = jpeg(photo())
    assert cut_jpeg(data, read_layout(data), 0, 0, 70, 110).data is data


def test_what_is_not_coded_from_the_top_has_no_layout():
    image = photo()
    whole = jpeg(image)
    others = [
        jpeg(image, progressive=True),
        jpeg(image.convert("CMYK")),
        whole[: len(whole) // 2],
        whole[:-2],
        whole[:100],
        b"",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xc0\x00\x11",
        whole.replace(b"\xff\xda", b"\xff\xdd"),
    ]
    assert [read_layout(each) for each in others] == [None] * len(others)


def test_a_file_whose_restart_markers_are_lost_is_cut_below_only():
    data = jpeg(photo(), restart_marker_rows=1)
    lost = data.replace(b"\xff\xd1", b"", 1)
    cut = cut_jpeg(lost, read_layout(lost), 30, 30, 20, 20)
    assert (cut.top, cut.left, cut.width) == (0, 0, 110)
    assert cut.height < 70
