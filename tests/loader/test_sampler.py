import numpy as np
import pytest
from timm.data.distributed_sampler import RepeatAugSampler

from netwright.errors import DataError
from netwright.loader.sampler import BatchSampler


def positions(sampler, epoch=1, start=0):
    return np.concatenate([batch_index.positions for batch_index in sampler.batches(epoch, start)]).tolist()


@pytest.mark.parametrize(("images", "batch", "world"), [(100, 8, 1), (101, 8, 3), (7, 8, 1), (64, 8, 4)])
@pytest.mark.parametrize("drop_last", [True, False])
def test_ranks_part_the_images(images, batch, world, drop_last):
    samplers = [BatchSampler(images, batch, 5, drop_last=drop_last, rank=rank, world=world) for rank in range(world)]
    parts = [positions(sampler) for sampler in samplers]
    assert len({len(part) for part in parts}) == 1
    assert {len(sampler.batches(1)) for sampler in samplers} == {samplers[0].steps}
    together = [position for part in parts for position in part]
    if drop_last:
        assert len(set(together)) == len(together)
        assert samplers[0].steps == max(1, images // world // batch)
    else:
        assert set(together) == set(range(images))
        assert len(together) - images < world


def test_batches_of_all_ranks_are_the_batches_of_one():
    whole = BatchSampler(96, 12, 5).batches(2)
    parts = [BatchSampler(96, 4, 5, rank=rank, world=3).batches(2) for rank in range(3)]
    for batch_index, *batch_indices in zip(whole, *parts, strict=True):
        assert (
            np.stack([each.positions for each in batch_indices], axis=1).ravel().tolist()
            == batch_index.positions.tolist()
        )


def test_epochs_and_seeds_are_shuffled_otherwise():
    orders = {tuple(positions(BatchSampler(50, 5, seed), epoch)) for seed in (1, 2) for epoch in (1, 2)}
    assert len(orders) == 4
    assert positions(BatchSampler(50, 5, 1, shuffle=False)) == list(range(50))


@pytest.mark.parametrize("world", [1, 2, 3, 5])
@pytest.mark.parametrize("repeats", [2, 3])
def test_repeated_augmentation_is_timms_sampler(world, repeats):
    for rank in range(world):
        oracle = RepeatAugSampler(range(103), world, rank, shuffle=False, num_repeats=repeats, selected_round=0)
        sampler = BatchSampler(103, 8, 0, shuffle=False, drop_last=False, repeats=repeats, rank=rank, world=world)
        assert positions(sampler) == [int(each) for each in oracle]
        assert len(positions(sampler)) == -(-103 // world)


def test_the_versions_of_an_image_are_told_apart():
    batch_indices = [
        batch_index
        for rank in range(3)
        for batch_index in BatchSampler(30, 5, 0, repeats=3, rank=rank, world=3).batches(1)
    ]
    pairs = {
        pair
        for batch_index in batch_indices
        for pair in zip(batch_index.positions.tolist(), batch_index.repeats.tolist(), strict=True)
    }
    assert len(pairs) == sum(len(batch_index.positions) for batch_index in batch_indices)
    assert {repeat for _, repeat in pairs} == {0, 1, 2}


def test_a_rank_without_images_is_refused():
    with pytest.raises(DataError, match="each of 4 processes needs an image to train on, and there are 3"):
        BatchSampler(3, 1, 0, world=4)


@pytest.mark.parametrize(("images", "steps", "last"), [(17, 2, 9), (16, 2, 8), (18, 3, 2), (1, 1, 1), (9, 1, 9)])
def test_a_last_image_alone_joins_the_batch_before(images, steps, last):
    sampler = BatchSampler(images, 8, 0, drop_last=False, joins_single=True)
    batches = sampler.batches(1)
    assert len(batches) == sampler.steps == steps
    assert len(batches[-1].positions) == last
    assert sorted(positions(sampler)) == list(range(images))
    assert sampler.smallest == min(len(each.positions) for each in batches)
    assert [each.positions.tolist() for each in sampler.batches(1, 1)] == [
        each.positions.tolist() for each in batches[1:]
    ]


def test_the_smallest_batch_is_known_before_the_first():
    assert BatchSampler(17, 8, 0, drop_last=False).smallest == 1
    assert BatchSampler(17, 8, 0).smallest == 8
    assert BatchSampler(1, 8, 0).smallest == 1
    assert BatchSampler(17, 8, 0, drop_last=False, world=2).smallest == 1


def test_a_balanced_epoch_has_each_class_equally_often_and_all_of_the_rare_ones():
    labels = np.array([0] * 200 + [1] * 5 + [2] * 41)
    sampler = BatchSampler(len(labels), 41, 0, drop_last=False, labels=labels)
    first, second = (np.array(positions(sampler, epoch)) for epoch in (1, 2))
    for order in (first, second):
        assert len(order) == len(labels)
        assert np.bincount(labels[order]).tolist() == [82, 82, 82]
        assert set(order[labels[order] == 1]) == set(range(200, 205))
        assert np.ptp(np.bincount(order, minlength=246)[200:205]) == 1
    assert set(first[labels[first] == 0]) != set(second[labels[second] == 0])
    assert first.tolist() == positions(sampler, 1)
