"""Real workers end the trials that a pruner tells them to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.data import ImageSet
from netwright.errors import RecipeError
from netwright.population import Population
from netwright.sweeps import Executor, run


class StopsOdd:
    """Ends trials of odd numbers after their second epoch. told: what it heard."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def should_stop(self, index: int, epoch: int, error: float) -> bool:
        self.told.append((index, epoch))
        return index % 2 == 1 and epoch == 2

    def finished(self, index: int, state: str, error: float | None) -> None:
        self.told.append((index, state, error))


@pytest.fixture
def create(tmp_path: Path) -> Callable[..., Population]:
    return lambda networks: Population.create(tmp_path / "run", networks=networks, seed=3, identity={})


@pytest.mark.slow
def test_workers_end_trials_where_they_are_told_to(
    create: Callable[..., Population], crew: Executor, images: ImageSet, program: Any
) -> None:
    pruner = StopsOdd()
    with create(program.small_networks(4)) as population:
        run(population, images, program.short(3), executor=crew, pruner=pruner)
        frame = population.frame()
        assert population.counts() == {"waiting": 0, "running": 0, "done": 2, "failed": 0, "pruned": 2}
    assert frame["state"].tolist() == ["done", "pruned", "done", "pruned"]
    assert frame["curve"].map(len).tolist() == [3, 2, 3, 2]
    assert frame["error"].isna().tolist() == [False, True, False, True]
    assert frame["reason"][1] == f"pruned after epoch 2 of 3: {frame['curve'][1][-1]['error']:.2f}%"
    assert (frame["seconds"] > 0).all()
    # every epoch but the last is asked about, and each end is heard once
    assert [each for each in pruner.told if each[0] == 0] == [(0, 1), (0, 2), (0, "done", frame["error"][0])]
    assert [each for each in pruner.told if each[0] == 1] == [(1, 1), (1, 2), (1, "pruned", None)]


def test_an_executor_that_cannot_prune_refuses_to_answer() -> None:
    class Plain(Executor):
        run = retry = close = None  # type: ignore[assignment]

    with pytest.raises(RecipeError, match="Plain cannot prune trials"):
        Plain().answer(0, stop=True)
