import numpy as np

from netwright.data import open_source


def test_digits_are_gray_and_use_the_whole_range():
    source = open_source("digits")
    images = np.stack([source.read(index).data for index in range(1797)])
    assert images.shape == (1797, 8, 8, 1)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)
    assert source.class_names == tuple("0123456789")
    assert (source.item_name(7), source.item_name(1796)) == ("digit-0007", "digit-1796")
