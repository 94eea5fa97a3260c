import multiprocessing

import numpy as np
import pytest
import torch

from netwright.data.preprocess import Preprocessing
from netwright.loader import EvalLoader, open_splits

CPU = torch.device("cpu")


@pytest.fixture(params=["in memory", "read each time"])
def loader_of(request, training, monkeypatch):
    if request.param != "in memory":
        monkeypatch.setattr("netwright.loader.eval_loader.fits_in_memory", lambda *_: False)

    def make(**options):
        made = training()
        plain = {"batch_size": 4, "workers": 0, "device": CPU}
        return EvalLoader(open_splits(made)[1], Preprocessing.from_training(made), **(plain | options))

    return make


def everything(loader):
    x, target, position = zip(*loader, strict=True)
    return torch.cat(x), torch.cat(target), np.concatenate(position)


def test_every_image_comes_once_as_it_is_preprocessed(loader_of, training):
    loader = loader_of()
    x, target, position = everything(loader)
    made = training()
    split, preprocessing = open_splits(made)[1], Preprocessing.from_training(made)
    assert position.tolist() == list(range(15))
    assert target.tolist() == split.labels.tolist()
    pixels = np.stack([preprocessing.pixels(split.source.read(int(i)).data) for i in split.index])
    assert torch.equal(x, preprocessing.normalize(pixels))
    assert torch.equal(everything(loader)[0], x)


def test_workers_change_nothing(loader_of):
    expected = everything(loader_of())
    loader = loader_of(workers=2)
    for _ in range(2):
        found = everything(loader)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    loader.close()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("world", [2, 3, 20])
def test_ranks_part_the_images(loader_of, world):
    parts = [[p for _, _, part in loader_of(rank=r, world=world) for p in part.tolist()] for r in range(world)]
    assert [part[:1] for part in parts[:2]] == [[0], [1]]
    assert sorted(position for part in parts for position in part) == list(range(15))


def test_bad_images_are_left_out_and_named_once(loader_of, data_dir):
    for name in ("ant/001.jpg", *(f"cow/00{i}.jpg" for i in range(5))):
        (data_dir / "val" / name).write_bytes(b"nothing")
    loader = loader_of(workers=1)
    for _ in range(2):
        _, target, position = everything(loader)
        assert position.tolist() == [0, *range(2, 10)]
        assert target.tolist() == [0] * 4 + [1] * 5
        assert [bad.name for bad in loader.skipped] == ["val/ant/001.jpg", *(f"val/cow/00{i}.jpg" for i in range(5))]
    loader.close()


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_layout_is_as_asked_for(loader_of, channels_last):
    x, _, _ = next(iter(loader_of(channels_last=channels_last)))
    assert x.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
