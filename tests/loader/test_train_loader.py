import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest
import torch

from netwright.errors import DataError, RecipeError
from netwright.loader import TrainLoader, open_splits

CPU = torch.device("cpu")
CHEAP = {"random_crop": "padded", "color_jitter": None, "vflip": 0.2, "re_prob": 0.5, "lighting": 0.1}
RICH = {"auto_augment": "randaug-m9-mstd0.5-inc1", "re_prob": 0.5, "re_value": "random", "mixup": 0.8, "cutmix": 1.0}
RECIPES = {
    "default": {},
    "rich": RICH,
    "augmix": {"auto_augment": "augmix-m3-w3", "aug_splits": 3, "re_prob": 0.5},
    "repeated": {"aug_repeats": 3, "lighting": 0.1},
    "in memory": CHEAP,
    "in memory, repeated": CHEAP | {"aug_repeats": 2},
}
ids = {"argvalues": list(RECIPES.values()), "ids": list(RECIPES)}


def loader_of(training, **where):
    return TrainLoader(open_splits(training)[0], training, device=CPU, **where)


def same(first, second):
    return len(first) == len(second) and all(
        torch.equal(a, b) for pair in zip(first, second, strict=True) for a, b in zip(*pair, strict=True)
    )


@pytest.mark.parametrize("recipe", **ids)
def test_an_epoch_is_the_same_twice_and_from_any_batch_on(training, recipe):
    loader = loader_of(training(**recipe))
    first, second = list(loader.epoch(1)), list(loader.epoch(2))
    assert len(first) == loader.steps == 8
    assert same(list(loader.epoch(1)), first)
    again = loader_of(training(**recipe))
    assert same(list(again.epoch(2, start=5)), second[5:])
    assert list(again.epoch(2, start=8)) == []
    assert not same(first, second)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("recipe", [{}, RICH], ids=["default", "rich"])
def test_the_number_of_workers_changes_nothing(training, recipe, monkeypatch):
    monkeypatch.setattr("netwright.loader.train_loader.usable_workers", lambda asked, world: asked)
    expected = [list(loader_of(training(**recipe)).epoch(epoch)) for epoch in (1, 2)]
    for workers in (1, 3, 8):
        loader = loader_of(training(**recipe, workers=workers))
        try:
            assert same(list(loader.epoch(1)), expected[0])
            next(loader.epoch(1))  # and what was left undone does not matter
            assert same(list(loader.epoch(2, start=3)), expected[1][3:])
        finally:
            loader.close()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("recipe", **ids)
def test_another_seed_is_another_epoch(training, recipe):
    one, other = (next(loader_of(training(**recipe, seed=seed)).epoch(1)) for seed in (3, 4))
    assert not torch.equal(one[0], other[0])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [{}, RICH, CHEAP], ids=["default", "rich", "in memory"])
@pytest.mark.parametrize("workers", [0, 1])
def test_the_training_own_generators_are_left_alone(training, recipe, workers):
    def states():
        return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()

    loader = loader_of(training(**recipe, workers=workers))
    before = states()
    list(loader.epoch(1))
    list(loader.epoch(2))
    loader.close()
    assert states() == before


@pytest.mark.parametrize("recipe", [{}, CHEAP], ids=["default", "in memory"])
def test_two_ranks_of_half_the_batch_see_what_one_sees(training, recipe, joined):
    whole = list(loader_of(training(**recipe, batch_size=8)).epoch(1))
    parts = [loader_of(training(**recipe, batch_size=4), rank=rank, world=2) for rank in (0, 1)]
    assert [part.steps for part in parts] == [len(whole)] * 2
    for batch, *halves in zip(whole, *(part.epoch(1) for part in parts), strict=True):
        x = torch.stack([half[0] for half in halves], dim=1).flatten(0, 1)
        target = torch.stack([half[1] for half in halves], dim=1).flatten()
        assert torch.equal(x, batch[0])
        assert torch.equal(target, batch[1])


def test_without_drop_last_every_image_comes(training):
    loader = loader_of(training(drop_last=False))
    sizes = [len(target) for _, target in loader.epoch(1)]
    assert sizes == [4] * 8 + [1]
    assert loader.steps == 9


def test_fewer_images_than_a_batch_make_one_batch(training):
    loader = loader_of(training(batch_size=100))
    assert [len(target) for _, target in loader.epoch(1)] == [33]


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("recipe", [{}, CHEAP], ids=["default", "in memory"])
def test_batches_are_normalized_float_in_the_layout_asked_for(training, recipe, channels_last):
    loader = loader_of(training(**recipe, channels_last=channels_last))
    x, target = next(loader.epoch(1))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert (x.shape, x.dtype) == ((4, 3, 16, 16), torch.float32)
    assert x.is_contiguous(memory_format=layout)
    assert (target.shape, target.dtype) == ((4,), torch.int64)
    assert x.abs().max() < 3


@pytest.mark.parametrize("recipe", [{"hflip": 0.0, "color_jitter": None, "random_crop": "none"}, {"color_jitter": 0.1}])
def test_labels_belong_to_their_images(training, recipe):
    loader = loader_of(training(**recipe))
    seen = []
    for x, target in loader.epoch(1):
        assert torch.equal(x.mean((2, 3)).argmax(1), target)
        seen += target.tolist()
    assert len(set(seen)) == 3


def test_gray_networks_get_gray_images(training):
    for recipe in ({}, RICH, CHEAP):
        x, _ = next(loader_of(training(**recipe, in_channels=1)).epoch(1))
        assert x.shape == (4, 1, 16, 16)


def test_mixed_batches_have_soft_targets(training):
    loader = loader_of(training(mixup=0.5, batch_size=5))
    for _, target in loader.epoch(1):
        assert (target.shape, target.dtype) == ((5, 3), torch.float32)
        torch.testing.assert_close(target.sum(1), torch.ones(5))


def test_splits_are_clean_first(training):
    recipe = {"aug_splits": 3, "auto_augment": "augmix-m3-w3", "hflip": 0.0, "random_crop": "none"}
    loader = loader_of(training(**recipe))
    plain = loader_of(training(hflip=0.0, random_crop="none", color_jitter=None))
    for (x, target), (clean, labels) in zip(loader.epoch(1), plain.epoch(1), strict=True):
        assert x.shape == (12, 3, 16, 16)
        assert torch.equal(target, labels)
        assert torch.equal(x[:4], clean)
        assert not torch.equal(x[4:8], clean)
        assert not torch.equal(x[4:8], x[8:])


def test_repeated_images_are_other_versions_of_the_same(training):
    # without a shuffle the order is plain, and one rank sees the first third of the images thrice
    loader = loader_of(training(aug_repeats=3, shuffle=False, batch_size=33))
    x, target = next(loader.epoch(1))
    assert target.tolist() == [0] * 33
    assert len({image.numpy().tobytes() for image in x}) == 33


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [{}, CHEAP], ids=["default", "in memory"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_image_is_named_and_replaced(training, data_dir, recipe, workers):
    bad = data_dir / "train" / "bee" / "004.jpg"
    bad.write_bytes(bad.read_bytes()[:300])
    loader = loader_of(training(**recipe, drop_last=False, workers=workers, hflip=0.0))
    try:
        first = list(loader.epoch(1))
        assert sum(len(target) for _, target in first) == 33
        assert same(list(loader.epoch(1)), first)
        assert [each.name for each in loader.skipped] == ["train/bee/004.jpg"]
        assert loader.skipped[0].reason
    finally:
        loader.close()


@pytest.mark.parametrize("recipe", [{}, CHEAP], ids=["default", "in memory"])
def test_images_of_which_none_is_good_are_an_error(training, data_dir, recipe):
    for path in (data_dir / "train").rglob("*.jpg"):
        path.write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(DataError, match=r"a training needs readable images.*first: .*Repair or remove"):
        list(loader_of(training(**recipe)).epoch(1))


def test_a_killed_worker_is_an_error_that_says_so(training):
    loader = loader_of(training(workers=1, batch_size=1))
    batches = loader.epoch(1)
    next(batches)
    worker = multiprocessing.active_children()[0]
    started = time.monotonic()
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(DataError, match=r"was killed.*Lower --workers"):
        list(batches)
    assert time.monotonic() - started < 30
    loader.close()
    assert multiprocessing.active_children() == []


def test_closing_ends_the_processes(training):
    loader = loader_of(training(workers=2))
    batches = loader.epoch(1)
    next(batches)
    assert multiprocessing.active_children()
    loader.close()
    loader.close()
    assert multiprocessing.active_children() == []


def test_an_augmentation_that_is_none_is_refused_at_once(training):
    with pytest.raises(RecipeError, match=r"auto_augment 'autoaug-q3' has options that timm does not know"):
        loader_of(training(auto_augment="autoaug-q3"))


def test_more_ranks_than_images_are_refused(training):
    with pytest.raises(DataError, match=r"each of 40 processes needs an image"):
        loader_of(training(), rank=0, world=40)
