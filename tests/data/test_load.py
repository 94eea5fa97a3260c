import contextlib
import json
import resource
import shutil

import numpy as np
import pytest
from PIL import Image

from netwright.data import ImageSet, cut_splits, load_images, open_source
from netwright.data import blocks as blocks_module
from netwright.data import load as load_module
from netwright.errors import DataError, OutputError


def test_every_layout_loads(any_data):
    images = load_images(any_data)
    n = len(images.images)
    assert images.images.shape == (n, images.resolution, images.resolution, images.channels)
    assert images.images.dtype == np.uint8
    assert images.labels.dtype == np.int64
    assert len(images.labels) == n
    rows = np.concatenate([images.train, images.validation, images.test])
    assert np.array_equal(np.sort(rows), np.arange(n))
    assert set(images.labels[images.train].tolist()) == set(range(images.num_classes))
    assert images.skipped == ()
    assert images.path is None


def test_mean_and_std_are_those_of_the_training_images(any_data):
    images = load_images(any_data)
    values = images.images[images.train].astype(np.float64) / 255
    assert np.allclose(images.mean, values.mean(axis=(0, 1, 2)))
    assert np.allclose(images.std, values.std(axis=(0, 1, 2)))


def test_a_constant_channel_can_still_be_divided_by(tmp_path):
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.new("RGB", (8, 8), (number * 50, 0, 0)).save(tmp_path / name / f"{number}.png")
    assert min(load_images(tmp_path).std) == pytest.approx(1 / 255)


def test_rows_are_the_sources_items(split):
    source, splits = open_source(split), cut_splits(open_source(split), 5)
    images = load_images(split, seed=5)
    assert images.provenance == splits.provenance
    assert np.array_equal(images.train, splits.train)
    assert np.array_equal(images.labels, source.labels)


def test_the_result_does_not_depend_on_the_threads(flat):
    one, many = load_images(flat, threads=1), load_images(flat, threads=7)
    assert np.array_equal(one.images, many.images)
    assert (one.mean, one.std, one.fingerprint) == (many.mean, many.std, many.fingerprint)


def test_only_what_is_used_is_decoded(split):
    images = load_images(split, train_images=14)
    assert len(images.train) + len(images.validation) == 14
    assert len(images.test) == 15
    assert len(images.images) == 29


@pytest.mark.parametrize("change", [{"seed": 1}, {"resolution": 24}, {"validation_fraction": 0.5}, {"train_images": 9}])
def test_the_fingerprint_knows_every_choice(flat, change):
    assert load_images(flat).fingerprint != load_images(flat, **change).fingerprint


def test_progress_ends_with_all(flat, monkeypatch):
    monkeypatch.setattr(blocks_module, "_BLOCK", 7)
    calls = []
    load_images(flat, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(7, 30), (14, 30), (21, 30), (28, 30), (30, 30)]


def test_bad_images_are_skipped_counted_and_named(flat, make):
    good = (flat / "ant" / "000.png").read_bytes()
    jpeg = make.encode(make.picture((200, 40, 40), 0), "JPEG")
    (flat / "ant" / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (flat / "bee" / "empty.png").write_bytes(b"")
    (flat / "cow" / "half.png").write_bytes(good[: len(good) // 2])
    images = load_images(flat)
    assert [bad.name for bad in images.skipped] == ["ant/cut.jpg", "bee/empty.png", "cow/half.png"]
    assert all(bad.reason and "0x" not in bad.reason for bad in images.skipped)
    assert len(images.images) == len(images.labels) == 30
    rows = np.concatenate([images.train, images.validation, images.test])
    assert np.array_equal(np.sort(rows), np.arange(30))
    strongest = images.images.astype(int).mean(axis=(1, 2)).argmax(axis=1)
    assert np.array_equal(strongest, images.labels)


def test_every_kind_of_image_in_one_folder(tmp_path, make):
    make.fill(tmp_path, {"ant": 6, "bee": 6})
    Image.new("L", (20, 20), 9).save(tmp_path / "ant" / "gray.jpg")
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "ant" / "cmyk.jpg")
    Image.new("RGBA", (20, 20), (9, 9, 9, 9)).save(tmp_path / "bee" / "clear.png")
    Image.new("P", (20, 20)).save(tmp_path / "bee" / "palette.png")
    Image.fromarray(np.full((20, 20), 40_000, dtype=np.uint16)).save(tmp_path / "bee" / "deep.png")
    images = load_images(tmp_path, resolution=16)
    assert images.skipped == ()
    assert images.images.shape == (17, 16, 16, 3)


def test_damaged_exif_costs_no_image(tmp_path, make):
    make.fill(tmp_path, {"ant": 6, "bee": 6})
    for kind in ("JPEG", "PNG", "WEBP"):
        data = make.encode(Image.new("RGB", (16, 16)), kind, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")
        (tmp_path / "ant" / f"odd.{kind.lower()}").write_bytes(data)
    assert load_images(tmp_path).skipped == ()


def test_a_majority_of_bad_images_is_refused(flat):
    for path in sorted(flat.glob("*/*.png"))[::2] + sorted(flat.glob("*/001.png")):
        path.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"at least half of the images must be readable, and 18 of 30 .*ant/000\.png"):
        load_images(flat)


def test_a_class_without_a_readable_training_image_is_refused(flat):
    for path in (flat / "bee").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"has none of 'bee': bee/000\.png \(UnidentifiedImageError"):
        load_images(flat)


def test_a_file_that_vanishes_while_loading_is_skipped(flat, monkeypatch):
    real = load_module.open_source

    def open_and_lose(data_dir):
        source = real(data_dir)
        (flat / "cow" / "004.png").unlink()
        return source

    monkeypatch.setattr(load_module, "open_source", open_and_lose)
    (bad,) = load_images(flat).skipped
    assert (bad.name, bad.reason) == ("cow/004.png", "No such file or directory")


def test_the_cache_is_mapped_and_used_again(flat, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = load_images(flat, cache=cache)
    assert isinstance(first.images, np.memmap)
    assert first.path == cache / f"images-{first.fingerprint[:16]}.json"
    assert np.array_equal(ImageSet.open(first.path).images, load_images(flat).images)
    monkeypatch.setattr(load_module, "_decode_all", lambda *_: pytest.fail("decoded again"))
    again = load_images(flat, cache=cache)
    assert np.array_equal(again.images, first.images)
    assert again.mean == first.mean


def test_skipped_images_shorten_the_cached_file(flat, tmp_path):
    (flat / "ant" / "000.png").write_bytes(b"broken")
    first, again = load_images(flat, cache=tmp_path / "c"), load_images(flat, cache=tmp_path / "c")
    assert len(first.images) == len(again.images) == 29
    assert first.skipped == again.skipped


def test_changed_images_are_decoded_anew(flat, tmp_path, make):
    first = load_images(flat, cache=tmp_path / "c")
    (flat / "ant" / "000.png").write_bytes(make.encode(Image.new("RGB", (16, 16))))
    second = load_images(flat, cache=tmp_path / "c")
    assert first.fingerprint != second.fingerprint
    assert len(list((tmp_path / "c").glob("*.json"))) == 2


def test_other_labels_in_files_of_the_same_size_are_noticed(tmp_path, make):
    images, labels = make.rows({"ant": 8, "bee": 8})
    sizes, prints = set(), set()
    for swap in (0, 1):
        path = make.write_parquet(tmp_path / "all.parquet", {"image": images, "label": [n ^ swap for n in labels]})
        sizes.add(path.stat().st_size)
        prints.add(load_images(tmp_path).fingerprint)
    assert (len(sizes), len(prints)) == (1, 2)


@pytest.mark.parametrize(
    "damage",
    [
        lambda manifest: manifest.unlink(),
        lambda manifest: manifest.write_text("{"),
        lambda manifest: manifest.write_text(manifest.read_text().replace('"fingerprint": "', '"fingerprint": "0')),
        lambda manifest: manifest.with_suffix(".npy").unlink(),
        lambda manifest: manifest.with_suffix(".npy").write_bytes(b"half"),
        lambda manifest: manifest.with_suffix(".npy").rename(manifest.with_name(".images.npy.1.partial")),
    ],
    ids=["no manifest", "bad manifest", "other manifest", "no pixels", "cut pixels", "killed while writing"],
)
def test_a_damaged_cache_is_made_again(flat, tmp_path, damage):
    first = load_images(flat, cache=tmp_path / "c")
    expected = np.array(first.images)
    damage(first.path)
    second = load_images(flat, cache=tmp_path / "c")
    assert np.array_equal(second.images, expected)
    assert np.array_equal(ImageSet.open(second.path).images, expected)


def test_an_interruption_leaves_no_partial_file(flat, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_images(flat, cache=tmp_path / "c", progress=stop)
    assert list((tmp_path / "c").iterdir()) == []


@contextlib.contextmanager
def small_files():
    """No file of this process may grow beyond 15 kB: the system's own error, as on a full disk.

    As short as can be: the report of the tests may go to a file, too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_cannot_grow_is_told_and_removed(flat, tmp_path):
    said = (
        r"^the image cache cannot be written to .*\.npy: File too large \(about 23,040 bytes are needed and [\d,]+ "
        r"bytes are free there\)\. Free some space, lower --resolution or --train_images, or choose another --out\.$"
    )
    with pytest.raises(OutputError, match=said), small_files():
        load_images(flat, cache=tmp_path / "c")
    assert list((tmp_path / "c").iterdir()) == []


def test_a_manifest_that_cannot_be_written_leaves_no_pixels(flat, tmp_path, monkeypatch):
    from netwright.data import images as images_module

    def full(path, text, **words):
        raise OutputError("no space left")

    monkeypatch.setattr(images_module, "write_text", full)
    with pytest.raises(OutputError):
        load_images(flat, cache=tmp_path / "c")
    assert list((tmp_path / "c").iterdir()) == []


def test_a_full_disk_is_seen_before_decoding(flat, tmp_path, monkeypatch):
    usage = type(shutil.disk_usage(tmp_path))(10, 10, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="and 0 bytes are free there"):
        load_images(flat, cache=tmp_path / "c", progress=lambda *_: pytest.fail("decoded"))


def icons(root):
    """Dark drawings on nothing, twice as wide as high."""
    for label, name in enumerate(("bar", "dot")):
        (root / name).mkdir(parents=True)
        for number in range(6):
            image = Image.new("RGBA", (32, 16), (0, 0, 0, 0))
            image.paste((20, 20, 20, 255), (number, 4, number + 4 + 8 * label, 8))
            image.save(root / name / f"{number}.png")
    return root


def test_drawings_on_nothing_are_seen_and_on_black_they_are_missed(tmp_path):
    root = icons(tmp_path / "icons")
    seen = load_images(root, resolution=16, resize="squash")
    assert (seen.background, seen.resize, seen.full_scale, seen.notices) == ("white", "squash", "file", ())
    assert all(len(np.unique(image)) > 1 for image in seen.images)
    black = load_images(root, resolution=16, resize="letterbox", background="black")
    assert black.images.max() <= 20
    assert seen.fingerprint != black.fingerprint
    empty = tmp_path / "empty"
    for name in ("bar", "dot"):
        (empty / name).mkdir(parents=True)
        for number in range(4):
            Image.new("RGBA", (16, 16), (255, 255, number, 0)).save(empty / name / f"{number}.png")
    notices = load_images(empty, resolution=16).notices
    assert notices[0].startswith("all 8 images are of one color as the network sees them")
    assert notices[1] == "of 8 images only 1 differ as the network sees them: are they copies?"


def test_the_full_scale_of_a_data_set_is_found_kept_and_said(tmp_path):
    rng = np.random.default_rng(0)
    root = tmp_path / "scans"
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(rng.integers(0, 3900, (8, 8), dtype=np.uint16)).save(root / name / f"{number}.png")
    images = load_images(root, cache=tmp_path / "cache")
    assert images.full_scale == 4095
    assert images.images.max() > 200
    assert "4,095, the end of 12 bits, counts as white" in images.notices[0]
    again = ImageSet.open(images.path)
    assert (again.full_scale, again.notices, again.background) == (4095, images.notices, "white")
    assert load_images(root, full_scale=65535).images.max() < 16


def test_a_cache_of_version_0_1_goes_on_as_it_was(tmp_path):
    root, cache = icons(tmp_path / "icons"), tmp_path / "cache"
    before = load_images(root, cache=cache, background="black", full_scale="high_byte")
    content = json.loads(before.path.read_text())
    for key in ("background", "resize", "full_scale", "notices"):
        del content[key]
    before.path.write_text(json.dumps(content))
    again = load_images(root, cache=cache)
    assert (again.fingerprint, again.background, again.full_scale) == (before.fingerprint, "black", "high_byte")
    asked = load_images(root, cache=cache, background="white")
    assert (asked.background, asked.fingerprint == before.fingerprint) == ("white", False)


def test_pixels_of_a_source_have_the_fingerprint_that_they_had():
    """As version 0.1 computed it: populations of the digits go on."""
    source = open_source("digits")
    splits = cut_splits(source, 0, 0.2)
    shape = load_module.choose_shape(source, splits.train, None)
    assert load_images("digits").fingerprint == load_module._fingerprint(source, splits, shape, 0)
    assert load_images("digits").background == "white"


def test_channels_that_are_asked_for(tmp_path, make):
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for number in range(4):
            values = rng.integers(0, 256, (8, 8, 4), dtype=np.uint8)
            (tmp_path / name / f"{number}.png").write_bytes(make.encode(Image.fromarray(values)))
    images = load_images(tmp_path, in_channels=4)
    assert images.images.shape[1:] == (8, 8, 4)
    assert len(images.mean) == len(images.std) == 4
    with pytest.raises(DataError, match="has only 4 channels"):
        load_images(tmp_path, in_channels=5)
