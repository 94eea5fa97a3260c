import numpy as np
import pytest
from fixtures.latency import RATES

from netwright.errors import StatsError
from netwright.space import load_space, sample
from netwright.timing.features import work_of
from netwright.timing.predictor import fit_predictor

SPACE = load_space("regnetx").for_images(32, 10, 3).refine(flops=(0, 8e6))


def measured(n: int, noise: float, seed: int = 0):
    batch = sample(SPACE, n, seed)
    luck = np.random.default_rng(seed).standard_normal(n)
    return batch, (0.02 + work_of(batch) @ RATES) * np.exp(noise * luck)


@pytest.mark.slow
def test_what_follows_from_the_stages_is_predicted_better_than_by_flops():
    predictor = fit_predictor(*measured(40, 0.03))
    assert predictor.held_out.networks == 40
    assert predictor.held_out.mean < 0.06
    assert predictor.held_out.p90 < 0.15
    assert predictor.held_out.flops_alone > 2 * predictor.held_out.mean
    fresh, ms = measured(200, 0.0, seed=5)
    assert np.abs(predictor.predict(fresh) / ms - 1).mean() < 0.05


def test_the_held_out_error_is_that_of_networks_that_were_never_seen():
    predictor = fit_predictor(*measured(40, 0.1))
    fresh, ms = measured(400, 0.1, seed=9)
    assert np.abs(predictor.predict(fresh) / ms - 1).mean() == pytest.approx(predictor.held_out.mean, rel=0.4)


def test_a_correction_is_learned_where_a_sum_is_not_all():
    batch, ms = measured(60, 0.01)
    bent = ms ** np.where(ms > np.median(ms), 1.3, 1.0)
    assert fit_predictor(batch, bent).held_out.mean < 0.12


def test_the_same_measurements_give_the_same_predictor():
    batch, ms = measured(30, 0.05)
    first, second = (fit_predictor(batch, ms).predict(batch) for _ in range(2))
    assert (first == second).all()


def test_a_bad_predictor_is_refused_with_the_cure():
    batch, _ = measured(30, 0.0)
    noise = np.exp(np.random.default_rng(1).standard_normal(30))
    with pytest.raises(StatsError, match=r"right within 25% on average.*on a quiet machine.*\(--latency_networks 80\)"):
        fit_predictor(batch, noise, cure="--latency_networks 80")
    with pytest.raises(StatsError, match="15 measured networks or more, not 6"):
        fit_predictor(batch[:6], noise[:6])


def test_the_error_is_a_sentence():
    text = fit_predictor(*measured(30, 0.03)).held_out.in_words()
    assert "of networks that the predictor has not seen (5-fold cross-validation on 30 measured networks" in text
