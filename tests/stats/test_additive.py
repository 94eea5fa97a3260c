import numpy as np

from netwright.stats.additive import additive_fit


def test_a_sum_of_broken_lines_and_words_is_found():
    rng = np.random.default_rng(0)
    x, words = rng.uniform(0, 1, 200), rng.integers(0, 3, 200).astype(float)
    y = np.abs(x - np.median(x)) + np.array([0.0, 5.0, 1.0])[words.astype(int)]
    fitted, left = additive_fit([x, words], [False, True], y)
    assert np.abs(fitted - y).max() < 0.02
    assert np.abs(left).max() < 0.02


def test_what_two_do_together_is_left():
    rng = np.random.default_rng(0)
    x, z = rng.uniform(-1, 1, (2, 400))
    _, left = additive_fit([x, z], [False, False], x + x * z)
    assert np.corrcoef(left, x * z)[0, 1] > 0.95


def test_what_is_left_of_noise_is_as_large_as_the_noise():
    rng = np.random.default_rng(0)
    spreads = []
    for _ in range(50):
        _, left = additive_fit(list(rng.uniform(0, 1, (6, 60))), [False] * 6, rng.normal(0, 2, 60))
        spreads.append(left.std())
    assert 1.9 < np.mean(spreads) < 2.1


def test_few_networks_get_straight_lines():
    rng = np.random.default_rng(0)
    fitted, _ = additive_fit(list(rng.uniform(0, 1, (10, 32))), [False] * 10, rng.normal(0, 1, 32))
    assert fitted.std() < 0.9  # 31 columns would fit anything
