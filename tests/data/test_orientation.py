import numpy as np
import pytest

from netwright.data.orientation import stored_box, upright, upright_box, upright_shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_the_same_pixels_stored_and_upright(orientation):
    stored = np.arange(5 * 8).reshape(5, 8, 1).astype(np.uint8)
    image = upright(stored, orientation)
    assert image.shape[:2] == upright_shape(5, 8, orientation)
    for top in range(image.shape[0] - 2):
        box = (top, 1, 3, 2)
        top_, left, height, width = map(int, stored_box(box, 5, 8, orientation))
        part = upright(stored[top_ : top_ + height, left : left + width], orientation)
        assert np.array_equal(part, image[top : top + 3, 1:3])
        assert upright_box((top_, left, height, width), 5, 8, orientation) == box
