import logging

import numpy as np
import pytest
import torch

from netwright.data import load_images
from netwright.data.direct_set import is_too_large
from netwright.data.images import ImageSet
from netwright.data.shape import ImageShape
from netwright.errors import DataError
from netwright.recipe import Recipe
from netwright.sweeps.trial_batches import Batches


@pytest.fixture
def photos(tmp_path, make):
    make.fill(tmp_path / "photos", {"ant": 20, "bee": 20})
    return tmp_path / "photos"


def both(photos, tmp_path, **options):
    return tuple(
        load_images(photos, cache=tmp_path / str(direct), resolution=24, direct=direct, **options)
        for direct in (False, True)
    )


def test_pixels_labels_and_splits_are_those_of_the_decoded_set(photos, tmp_path):
    decoded, direct = both(photos, tmp_path)
    assert decoded.direct is None
    assert direct.images.shape == decoded.images.shape
    assert direct.images.nbytes == decoded.images.nbytes
    rows = np.array([3, 39, 0, 3])
    for chosen in (rows, slice(5, 9), 7, slice(None), np.arange(40)[::-1]):
        assert np.array_equal(direct.images[chosen], decoded.images[chosen])
    for key in ("labels", "train", "validation", "test"):
        assert np.array_equal(getattr(direct, key), getattr(decoded, key))
    np.testing.assert_allclose(direct.mean, decoded.mean, atol=0.01)
    assert direct.fingerprint != decoded.fingerprint
    assert not list((tmp_path / "True").glob("*.npy"))
    assert "GB: more than memory or the disk holds" in direct.notices[-1]


def test_the_manifest_opens_it_again(photos, tmp_path):
    direct = both(photos, tmp_path)[1]
    again = ImageSet.open(direct.path)
    assert np.array_equal(again.images[:], direct.images[:])
    assert (again.fingerprint, again.mean, again.cut) == (direct.fingerprint, direct.mean, direct.cut)
    assert load_images(photos, cache=tmp_path / "True", resolution=24).fingerprint == direct.fingerprint
    copy = direct.save(tmp_path / "copy")
    assert np.array_equal(ImageSet.open(copy).images[5], direct.images[5])


def test_images_that_changed_are_refused(photos, tmp_path):
    direct = both(photos, tmp_path)[1]
    (photos / "ant" / sorted(path.name for path in (photos / "ant").iterdir())[0]).unlink()
    with pytest.raises(DataError, match=r"those of .* have changed. Put them back"):
        ImageSet.open(direct.path)


def test_a_bad_image_is_replaced_by_one_of_its_class_and_named(photos, tmp_path, caplog):
    bad = sorted((photos / "ant").iterdir())[4]
    bad.write_bytes(bad.read_bytes()[:60])
    direct = load_images(photos, cache=tmp_path / "direct", resolution=24, direct=True)
    with caplog.at_level(logging.WARNING):
        first, second = direct.images[4], direct.images[4]
    assert np.array_equal(first, second)
    assert any(np.array_equal(first, direct.images[row]) for row in range(20) if row != 4)
    assert len([text for text in caplog.messages if bad.name in text]) <= 1


def test_only_what_neither_memory_nor_disk_holds_is_read_directly(tmp_path):
    shape = ImageShape(224, 3, flip_suits=True)
    assert not is_too_large(1000, shape, tmp_path / "not" / "there")
    assert is_too_large(10**9, shape, tmp_path)


def test_batches_of_trials_are_those_of_decoded_images(photos, tmp_path):
    decoded, direct = both(photos, tmp_path)
    norm = (decoded.mean, decoded.std, torch.device("cpu"))
    of_decoded, of_direct = (
        Batches(each.images, each.labels, each.train, *norm).train(Recipe(batch_size=8, crop_padding=2), 1, 2)
        for each in (decoded, direct)
    )
    for (x, target), (other, label) in zip(of_decoded, of_direct, strict=True):
        assert torch.equal(x, other)
        assert torch.equal(target, label)
