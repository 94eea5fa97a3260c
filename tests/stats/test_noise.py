import numpy as np
import pytest
from scipy.stats import kendalltau

from netwright.errors import StatsError
from netwright.stats import seed_noise
from netwright.stats.fidelity import best_of


def trained(n, repeated, seeds, share, seed=0, spread=3.0):
    """Errors of all trainings, and their networks."""
    rng = np.random.default_rng(seed)
    own = rng.normal(30, spread * np.sqrt(1 - share), n)
    networks = np.concatenate([np.arange(n), *[np.arange(repeated)] * (seeds - 1)])
    return own[networks] + rng.normal(0, spread * np.sqrt(share), networks.size), networks


def test_balanced_components_are_those_of_the_textbook():
    """One random effect, 3 networks of 2 seeds, by hand: MS between = 32, MS within = 2."""
    found = seed_noise([10, 12, 14, 16, 18, 20], [0, 0, 1, 1, 2, 2])
    assert (found.networks, found.repeated, found.trainings) == (3, 3, 6)
    assert found.deviation == pytest.approx(np.sqrt(2))
    assert found.between == pytest.approx(np.sqrt((32 - 2) / 2))
    assert found.share == pytest.approx(2 / 17)


def test_components_do_not_depend_on_the_order_or_the_names():
    errors, networks = trained(20, 8, 3, 0.3)
    first = seed_noise(errors, networks, repeats=1)
    order = np.random.default_rng(1).permutation(errors.size)
    again = seed_noise(errors[order], 100 - 2 * networks[order], repeats=1)
    assert again.share == pytest.approx(first.share)
    assert again.interval == pytest.approx(first.interval)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "repeated", "seeds"), [(48, 16, 3), (30, 30, 2)])
def test_the_share_is_right_in_the_mean_and_its_interval_covers_it(n, repeated, seeds):
    found = [seed_noise(*trained(n, repeated, seeds, 0.2, seed), repeats=1) for seed in range(100)]
    assert np.mean([each.share for each in found]) == pytest.approx(0.2, abs=0.03)  # of a ratio, so a little high
    assert sum(each.interval[0] <= 0.2 <= each.interval[1] for each in found) >= 90


@pytest.mark.slow
def test_the_interval_covers_the_share_of_skewed_errors_too():
    """F's alone covers it in 79%."""
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        own = np.exp(0.6 * rng.standard_normal(48))
        own /= np.sqrt((np.exp(0.36) - 1) * np.exp(0.36))
        networks = np.concatenate([np.arange(48), np.arange(16), np.arange(16)])
        low, high = seed_noise(own[networks] + 0.5 * rng.standard_normal(networks.size), networks, repeats=1).interval
        covered += low <= 0.2 <= high
    assert covered >= 88


def test_the_ceiling_is_the_tau_of_two_repetitions():
    """Simulated from 24 repeated networks of 300; and by another seed for all of them."""
    errors, networks = trained(300, 24, 3, 0.25)
    found = seed_noise(errors, networks, repeats=60).ceiling
    taus, bests = [], []
    for seed in range(40):
        rng = np.random.default_rng([seed, 5])
        own = rng.normal(30, 3 * np.sqrt(0.75), 300)
        x, y = own + rng.normal(0, 1.5, (2, 300))
        best = best_of(y, 0.25)
        taus.append(kendalltau(x, y).statistic)
        bests.append(kendalltau(x[best], y[best]).statistic)
    assert found.method == "simulation"
    assert found.interval[0] < np.mean(taus) < found.interval[1]
    assert found.best_interval[0] < np.mean(bests) < found.best_interval[1]
    assert found.tau == pytest.approx(np.mean(taus), abs=0.1)
    assert found.best == pytest.approx(np.mean(bests), abs=0.15)


def test_repeats_of_every_network_are_compared_themselves():
    errors, networks = trained(40, 40, 3, 0.2)
    table = errors.reshape(3, 40)
    found = seed_noise(errors, networks).ceiling
    pairs = [kendalltau(table[i], table[j]).statistic for i, j in ((0, 1), (0, 2), (1, 2))]
    assert (found.method, found.interval, found.best_interval) == ("repeats", None, None)
    assert found.tau == pytest.approx(np.mean(pairs)) == found.seen
    bests = []
    for i, j in ((0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)):
        best = best_of(table[j], 0.25)
        bests.append(kendalltau(table[i][best], table[j][best]).statistic)
    assert found.best == pytest.approx(np.mean(bests))


def test_noise_that_grows_with_the_error_leaves_the_best_networks_apart():
    """Bad networks are often noisier. Pooled noise gives the best quarter a tau of about 0.35."""
    own = np.random.default_rng(0).uniform(20, 40, 200)
    deviation = 0.2 * (own - 20)
    networks = np.concatenate([np.arange(200), *[np.arange(48)] * 2])
    noise = deviation[networks] * np.random.default_rng(1).standard_normal(networks.size)
    found = seed_noise(own[networks] + noise, networks, repeats=40).ceiling
    bests = []
    for seed in range(40):
        x, y = own + deviation * np.random.default_rng([seed, 2]).standard_normal((2, 200))
        best = best_of(y, 0.25)
        bests.append(kendalltau(x[best], y[best]).statistic)
    assert found.best == pytest.approx(np.mean(bests), abs=0.1)
    assert np.mean(bests) > 0.5


def test_no_noise_is_none_and_only_noise_is_all():
    networks = np.repeat(np.arange(10), 2)
    still = seed_noise(np.repeat(np.arange(10.0), 2), networks)
    assert (still.share, still.interval) == (0.0, (0.0, 0.0))
    assert still.ceiling.tau == pytest.approx(1.0)
    same = seed_noise(np.tile([1.0, 2.0], 10), networks)
    assert (same.share, same.between) == (1.0, 0.0)
    assert same.interval[1] == 1.0


@pytest.mark.parametrize(
    ("errors", "networks", "says"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], "at least 3 networks with several seeds, and there are 2"),
        ([1, 2, 3, 4], [0, 0, 1], "must pair"),
        ([1, 2, np.nan, 4], [0, 0, 1, 1], "must be finite"),
    ],
)
def test_what_tells_no_noise_is_explained(errors, networks, says):
    with pytest.raises(StatsError, match=says):
        seed_noise(errors, networks)
