import dataclasses
import json
import multiprocessing
import pickle

import numpy as np
import pytest

from netwright.data import ImageSet, load_images
from netwright.errors import DataError


@pytest.fixture
def loaded(flat):
    return load_images(flat)


def assert_same(first, second):
    for field in dataclasses.fields(ImageSet):
        if field.name not in ("path", "summary"):  # neither is saved
            ours, theirs = getattr(first, field.name), getattr(second, field.name)
            assert np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else ours == theirs, field.name


def test_what_is_saved_opens_again(loaded, tmp_path):
    manifest = loaded.save(tmp_path / "out" / "deeper")
    for path in (manifest, manifest.parent, str(manifest)):
        again = ImageSet.open(path)
        assert_same(loaded, again)
        assert again.path == manifest
        assert isinstance(again.images, np.memmap)
        assert not again.images.flags.writeable
    assert sorted(path.name for path in manifest.parent.iterdir()) == [
        f"images-{loaded.fingerprint[:16]}.json",
        f"images-{loaded.fingerprint[:16]}.npy",
    ]


def test_saving_over_an_open_set_is_harmless(loaded, tmp_path):
    first = ImageSet.open(loaded.save(tmp_path / "out"))
    first.save(tmp_path / "out")
    assert_same(first, loaded)


def _sums(path):
    images = ImageSet.open(path)
    return int(images.images.astype(np.int64).sum()), images.labels.tolist(), type(images.images).__name__


def test_another_process_opens_it_by_its_path(loaded, tmp_path):
    manifest = pickle.loads(pickle.dumps(loaded.save(tmp_path / "out")))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_sums, (manifest,)) == (
            int(loaded.images.astype(np.int64).sum()),
            loaded.labels.tolist(),
            "memmap",
        )


def test_num_classes_counts_the_names(loaded):
    assert loaded.num_classes == 3


def test_a_folder_with_none_or_several_sets_needs_a_manifest(loaded, tmp_path):
    with pytest.raises(DataError, match="has none"):
        ImageSet.open(tmp_path)
    loaded.save(tmp_path / "out")
    dataclasses.replace(loaded, fingerprint="f" * 64).save(tmp_path / "out")
    with pytest.raises(DataError, match=r"has 'images-.*', 'images-.*'. Give the path of one"):
        ImageSet.open(tmp_path / "out")


def _cut_pixels(manifest):
    pixels = manifest.with_suffix(".npy")
    pixels.write_bytes(pixels.read_bytes()[:-100])


def _empty_pixels(manifest):
    manifest.with_suffix(".npy").write_bytes(b"")


def _other_shape(manifest):
    np.save(manifest.with_suffix(".npy"), np.zeros((3, 4, 4, 3), dtype=np.uint8))


def _drop_label(manifest):
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "labels": content["labels"][1:]}))


DAMAGE = {
    "pixels gone": lambda manifest: manifest.with_suffix(".npy").unlink(),
    "pixels cut": _cut_pixels,
    "pixels empty": _empty_pixels,
    "pixels of another set": _other_shape,
    "manifest gone": lambda manifest: manifest.unlink(),
    "manifest cut": lambda manifest: manifest.write_text(manifest.read_text()[:200]),
    "manifest of another kind": lambda manifest: manifest.write_text("[]"),
    "manifest without a key": lambda manifest: manifest.write_text('{"format": 1}'),
    "label missing": _drop_label,
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_damage_is_an_error_with_the_cure(loaded, tmp_path, damage):
    manifest = loaded.save(tmp_path / "out")
    DAMAGE[damage](manifest)
    with pytest.raises(DataError, match=r"images-.*\.json are damaged: .*Load the images again"):
        ImageSet.open(manifest)


def test_another_format_is_named(loaded, tmp_path):
    manifest = loaded.save(tmp_path / "out")
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(DataError, match="format 99, and this version reads 1"):
        ImageSet.open(manifest)
