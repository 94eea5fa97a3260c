from pathlib import Path

import pytest

from netwright.data import open_source, summarize
from netwright.data.data_path import as_text, data_path, require_images_of_run
from netwright.data.dataset import open_dataset
from netwright.errors import DataError


def test_a_tilde_is_the_home_folder_in_every_reading(flat, monkeypatch):
    monkeypatch.setenv("HOME", str(flat.parent))
    assert data_path("~/flat", "") == flat
    assert len(open_source("~/flat").labels) == 30
    assert len(open_dataset("", "~/flat", ["train"]).source.labels) == 30
    with pytest.raises(DataError, match="home folder of an unknown user"):
        data_path("~no-such-user/photos", "")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://example.org/photos.zip", r"photos\.zip is not in .* and \$NETWRIGHT_OFFLINE forbids to fetch it"),
        ("s3://bucket/photos", r"photos is none\. Download and unpack it, then give the folder"),
        ("hf://datasets/a/b", "the data set 'a/b' cannot be had from the hub"),
        ("hf://a", "a data set of the hub is hf://OWNER/NAME"),
    ],
)
def test_addresses_are_named(address, says, monkeypatch, tmp_path):
    monkeypatch.setenv("NETWRIGHT_OFFLINE", "1")
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    for read in (open_source, lambda each: open_dataset("", each, ["train"])):
        with pytest.raises(DataError, match=says):
            read(address)


def test_archives_are_named_with_what_unpacks_them(tmp_path):
    ways = {
        "photos.tar.gz": r"`mkdir -p .*photos && tar -xf .*photos\.tar\.gz -C .*photos`",
        "photos.7z": "by an archive program, into .*photos",
    }
    for name, tool in ways.items():
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(DataError, match=rf"is an archive\. Unpack it \({tool}\), then give --data_dir .*photos\."):
            open_source(tmp_path / name)


def test_a_slip_of_the_hand_is_shown(flat):
    with pytest.raises(DataError, match=r"does not exist: did you mean '.*/flat'\? Correct"):
        data_path(flat.parent / "flatt", "Correct it.")
    with pytest.raises(DataError, match=r"does not exist\. Correct"):
        data_path(flat.parent / "photos", "Correct it.")


def test_images_of_a_run_that_are_gone(flat, tmp_path):
    run = Path("runs/a")
    require_images_of_run(flat, run)
    require_images_of_run("digits", run)
    with pytest.raises(DataError, match=r"those of runs/a are gone: there is no .*photos any more\. Put them back"):
        require_images_of_run(tmp_path / "photos", run)
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=r"are gone: .*empty is empty"):
        require_images_of_run(tmp_path / "empty", run)


@pytest.mark.slow
def test_the_word_digits_means_the_bundled_ones_in_every_reading(flat, monkeypatch):
    monkeypatch.chdir(flat.parent)
    flat.rename("digits")
    for read in (open_source, lambda each: open_dataset("", each, ["train"]).source):
        bundled, folder = read("digits"), read("./digits")
        assert (len(bundled.labels), len(folder.labels)) == (1797, 30)
        assert summarize(bundled).notes == (
            "the bundled digits; the folder of that name is read as --data_dir ./digits",
        )
        assert summarize(folder).notes == ()
        assert len(read(Path("digits")).labels) == 30  # a Path drops "./"
    assert [as_text(each) for each in ("digits", Path("digits"), Path("other"))] == ["digits", "./digits", "other"]
    Path("digits").rename("other")
    assert as_text(Path("digits")) == "digits"
    assert summarize(open_source("digits")).notes == ()
