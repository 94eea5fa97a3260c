import pytest

from netwright.loader import worker_pool
from netwright.loader.worker_pool import usable_workers


@pytest.mark.parametrize(
    ("asked", "world", "environment", "expected"),
    [
        (0, 1, {}, 0),
        (8, 1, {}, 6),
        (3, 1, {}, 3),
        (8, 4, {"LOCAL_WORLD_SIZE": "2"}, 3),
        (8, 2, {"OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, 3),
        (8, 64, {}, 1),
        (8, 1, {"LOCAL_WORLD_SIZE": "2"}, 6),
    ],
)
def test_workers_are_at_most_this_ranks_share_of_the_processors(asked, world, environment, expected, monkeypatch):
    monkeypatch.setattr(worker_pool, "processors", lambda: 6)
    assert usable_workers(asked, world, environment) == expected
