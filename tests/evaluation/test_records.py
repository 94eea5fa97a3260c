from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from torch import Tensor

from netwright.evaluation import ImageRecords
from netwright.evaluation.measure import records_of

Answers = Callable[..., tuple[Tensor, Tensor]]


def same(a: ImageRecords, b: ImageRecords) -> bool:
    return all(np.array_equal(getattr(a, item.name), getattr(b, item.name)) for item in fields(ImageRecords))


@pytest.fixture
def records(answers: Answers) -> ImageRecords:
    return records_of(*answers(50, 7), np.arange(50) * 2)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_sum_over_ranks_is_what_one_rank_finds_to_the_last_bit(
    records: ImageRecords, world: int, answers: Answers
) -> None:
    logits, target = answers(50, 7)
    dense = [
        records_of(logits[rank::world], target[rank::world], 2 * np.arange(50)[rank::world]).to_dense(100)
        for rank in range(world)
    ]
    assert same(ImageRecords.from_dense(np.sum(dense, axis=0)), records)


def test_rows_are_sorted_whatever_the_batches_were(records: ImageRecords, answers: Answers) -> None:
    logits, target = answers(50, 7)
    order = np.random.default_rng(0).permutation(50)
    parts = [records_of(logits[rows], target[rows], 2 * rows) for rows in np.array_split(order, 6)]
    assert same(ImageRecords.join(parts), records)


def test_an_image_that_is_counted_twice_is_found(records: ImageRecords) -> None:
    with pytest.raises(AssertionError, match="counted twice"):
        ImageRecords.join([records, records])
    with pytest.raises(AssertionError, match="counted twice"):
        ImageRecords.from_dense(2 * records.to_dense(100))


def test_a_rank_without_images_adds_nothing(records: ImageRecords) -> None:
    empty = ImageRecords.join([])
    assert len(empty) == 0
    assert same(ImageRecords.from_dense(records.to_dense(100) + empty.to_dense(100)), records)
