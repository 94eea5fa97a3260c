import numpy as np
import pytest

from netwright.timing.rounds import Turn, alternate, median_interval


class Machine:
    """One whose speed changes while two networks take turns on it."""

    def __init__(self, slower: float = 0.0, noise: float = 0.0, seed: int = 0) -> None:
        self.turns: list[str] = []
        self._slower, self._noise, self._rng = slower, noise, np.random.default_rng(seed)

    def clock(self, name: str, seconds: float):
        def answer(calls: int) -> Turn:
            self.turns.append(name)
            speed = 1 + self._slower * len(self.turns)
            typical = seconds * speed * float(np.exp(self._noise * self._rng.standard_normal()))
            return Turn(typical, 2 * typical)

        return answer


def test_the_ratio_stays_where_the_machine_slows_down():
    machine = Machine(slower=0.05)
    found = alternate(machine.clock("network", 0.03), machine.clock("reference", 0.01))
    middle, low, high = median_interval(found.ratios)
    assert low <= 3 <= high
    assert middle == pytest.approx(3, rel=0.02)
    assert found.network[-1] > 1.5 * found.network[0]
    assert found.clocked == tuple(2 * each for each in found.network)


def test_both_are_first_in_turn():
    machine = Machine()
    found = alternate(machine.clock("a", 0.03), machine.clock("b", 0.03))
    rounds = machine.turns[-2 * len(found.network) :]
    assert [rounds[at] for at in range(0, 8, 2)] == ["b", "a", "b", "a"]


def test_a_steady_machine_takes_few_rounds_and_a_restless_one_the_most():
    steady, restless = Machine(noise=0.001), Machine(noise=0.5)
    assert len(alternate(steady.clock("a", 0.03), steady.clock("b", 0.02)).ratios) == 15
    assert len(alternate(restless.clock("a", 0.03), restless.clock("b", 0.02)).ratios) == 45
    assert len(alternate(restless.clock("a", 0.03), restless.clock("b", 0.02), most=5).ratios) == 5


@pytest.mark.parametrize("n", [6, 15, 25, 45])
def test_the_interval_of_the_median_covers_it(n):
    rng = np.random.default_rng(n)
    samples = rng.exponential(size=(2000, n))
    inside = [low <= np.log(2) <= high for _, low, high in map(median_interval, samples.tolist())]
    assert 0.94 <= np.mean(inside) <= 0.99


def test_of_few_values_the_interval_is_all_of_them():
    assert median_interval([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
