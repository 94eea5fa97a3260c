import numpy as np
import pytest
from scipy.special import gammaln

from netwright.errors import StatsError
from netwright.stats import (
    howard_ramdas_half_width,
    price_of_looking,
    sequential_band,
    sequential_half_width,
)
from netwright.stats.bounds import dkw_half_width
from netwright.stats.time_uniform import EQUAL_SIZES, MASSART, chance_of_crossing, epoch_of, level_of, share_of


def running_distances(u: np.ndarray, start: int) -> np.ndarray:
    """sup |F_n - F| of uniform sequences at every n from start on. u: (r, n) -> (r, n - start + 1)."""
    found = []
    for n in range(start, u.shape[1] + 1):
        ordered, place = np.sort(u[:, :n], axis=1), np.arange(n) / n
        found.append(np.maximum(ordered - place, place + 1 / n - ordered).max(axis=1))
    return np.stack(found, axis=1)


def test_the_widths_that_the_docs_state():
    widths = [sequential_half_width(n) for n in (16, 100, 500)]
    np.testing.assert_allclose(widths, [0.425, 0.234, 0.099], atol=0.001)
    assert sequential_half_width(100, most=100) == pytest.approx(0.206, abs=0.001)
    assert price_of_looking(16) == pytest.approx(1.25, abs=0.01)
    prices = [price_of_looking(n) for n in range(17, 1001)]
    assert np.mean(prices) == pytest.approx(1.7, abs=0.02)
    assert max(prices) < 1.85


def test_howard_and_ramdas():
    # 0.85 sqrt((log log(100 e) + 0.8 log(1612 / 0.05)) / 100), Bernoulli 2022
    assert howard_ramdas_half_width(100) == pytest.approx(0.26918, abs=1e-5)
    assert howard_ramdas_half_width(1) == 1.0
    assert all(sequential_half_width(n) < howard_ramdas_half_width(n, start=16) for n in range(16, 5000, 7))


def test_before_the_first_look_nothing_is_bounded():
    assert sequential_half_width(15) == 1.0
    assert sequential_half_width(15, start=10) < 0.6
    band = sequential_band(np.arange(15.0))
    assert (band.lower.max(), band.upper.min()) == (0.0, 1.0)


def test_more_networks_and_a_known_end_make_it_narrower():
    widths = [sequential_half_width(n) for n in range(16, 400)]
    assert (np.diff(widths) <= 0).all()
    assert all(sequential_half_width(n, most=400) <= width for n, width in enumerate(widths[20:], start=36))


def test_the_shares_of_alpha_sum_to_one():
    assert 0.97 < sum(share_of(k, 16, None) for k in range(10_000)) < 1
    last, _ = epoch_of(500, 16)
    assert sum(share_of(k, 16, 500) for k in range(last + 1)) == pytest.approx(1)


def test_all_looks_of_an_epoch_cost_about_e_times_one():
    for z in (2.0, 3.0, 4.0):
        assert 1 < chance_of_crossing(z, MASSART) / (MASSART * np.exp(-(z**2))) < np.e
    assert chance_of_crossing(level_of(0.01, EQUAL_SIZES), EQUAL_SIZES) == pytest.approx(0.01)
    assert chance_of_crossing(0.0, MASSART) == 1.0


def test_the_band_is_as_wide_as_it_says():
    errors = np.random.default_rng(0).normal(40, 3, 200)
    band = sequential_band(errors)
    assert band.half_width == pytest.approx(sequential_half_width(200))
    lower, upper = band.at(np.median(errors))
    assert upper - lower == pytest.approx(2 * sequential_half_width(200))
    assert band.method == "sequential"


@pytest.mark.slow
def test_one_band_in_twenty_at_most_ever_misses_and_those_of_one_look_do():
    distances = running_distances(np.random.default_rng(14).random((400, 250)), 16)
    sizes = range(16, 251)
    misses = {
        name: float((distances > np.array([width(n) for n in sizes])).any(axis=1).mean())
        for name, width in {
            "all looks": sequential_half_width,
            "up to 250": lambda n: sequential_half_width(n, most=250),
            "one look": lambda n: dkw_half_width(n, 0.95),
        }.items()
    }
    assert max(misses["all looks"], misses["up to 250"]) <= 0.05
    assert misses["one look"] > 0.15  # what a user of fixed bands does who looks after every trial


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": 0}, "must be 1 or more"),
        ({"n": 20, "start": 0}, "must be 1 or more"),
        ({"n": 20, "most": 10}, "most must be at least start"),
        ({"n": 200, "most": 100}, "for at most 100 networks, not 200"),
        ({"n": 20, "confidence": 95}, "confidence must lie between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(given, message):
    with pytest.raises(StatsError, match=message):
        sequential_half_width(**given)


@pytest.mark.slow
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("start", [1, 16])
def test_howard_and_ramdas_hold_at_all_looks_by_a_proof_of_our_own(confidence: float, start: int) -> None:
    """The chance that their bound is ever crossed, summed over epochs by Doob's and Massart's inequalities."""
    ratio, epochs = 1.1, 3000
    end = 1000.0
    width = 0.85 * np.sqrt((np.log(np.log(np.e * end / start)) + 0.8 * np.log(1612 / (1 - confidence))) / end)
    assert width == pytest.approx(howard_ramdas_half_width(1000, confidence, start))
    total = 0.0
    for epoch in range(epochs):
        begin, end = start * ratio**epoch, start * ratio ** (epoch + 1)
        grown = np.log(np.log(np.e * end / start))  # their width falls with n: at the end of an epoch it is least
        width = 0.85 * np.sqrt((grown + 0.8 * np.log(1612 / (1 - confidence))) / end)
        term = chance_of_crossing(width * np.sqrt(2 * begin), MASSART) if width < 1 else 0.0
        total += term
    # terms fall as epoch ** -1.3: what is left out is less than this
    assert total + 10 * epochs * term < 1 - confidence


@pytest.mark.slow
def test_wei_and_dudleys_constant_bounds_the_exact_distribution() -> None:
    """P(D >= k / n) of two samples of n is 2 sum (-1)^(j-1) C(2n, n - j k) / C(2n, n): Gnedenko and Korolyuk (1951)."""

    def worst(n: int) -> float:
        k = np.arange(1, n + 1)
        k = k[k**2 < 300 * n]  # beyond these chances are below 1e-130
        exact = np.zeros(len(k))
        for j in range(1, n + 1):
            below = n - j * k
            if (below < 0).all():
                break
            logs = 2 * gammaln(n + 1) - gammaln(np.maximum(below, 0) + 1) - gammaln(n + j * k + 1)
            exact += np.where(below >= 0, 2 * (-1) ** (j - 1) * np.exp(logs), 0.0)
        return float((np.minimum(exact, 1) / np.exp(-(k**2) / n)).max())

    found = {n: worst(n) for n in (*range(1, 301), 400, 600, 800, 1000)}
    assert max(value for n, value in found.items() if n >= 4) <= EQUAL_SIZES
    assert max(value for n, value in found.items() if n >= 4) == pytest.approx(EQUAL_SIZES, abs=1e-5)
    assert found[3] > EQUAL_SIZES
    assert found[1000] == pytest.approx(2, abs=0.01)
