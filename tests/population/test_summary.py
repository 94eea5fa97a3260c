from pathlib import Path

from netwright.population import Population
from netwright.space import load_space, sample


def test_a_population_shows_its_states_its_best_and_its_distribution(tmp_path: Path) -> None:
    batch = sample(load_space("regnetx"), 8)
    with Population.create(tmp_path, networks=batch, seed=0, identity={}) as population:
        assert "8 trials (8 waiting, 0 running, 0 done, 0 failed)" in population._repr_html_()
        assert "<table" not in population._repr_html_()
        for index in range(7):
            population.finish(index, error=10.0 + (index - 3) ** 2, seconds=1.0, curve=[])
        population.fail(7, "diverged <fast>")
        html = population._repr_html_()
    assert "8 trials (0 waiting, 0 running, 7 done, 1 failed)" in html
    assert "<td>3</td><td>10.00</td>" in html
    assert html.count("<tr>") == 6
    # (10 + 11 + 11 + 14 + 14 + 19 + 19 + 100) / 8: the failed network is the worst
    assert "[8 | 10.0 | 24.8]" in html
    assert "1 of 8 networks failed and count as an error of 100%, behind all others." in html


def test_trials_that_the_machine_failed_are_left_out_and_said(tmp_path: Path) -> None:
    batch = sample(load_space("regnetx"), 4)
    with Population.create(tmp_path, networks=batch, seed=0, identity={}) as population:
        population.fail(0, "out of memory")
        html = population._repr_html_()
        assert "1 trial, which the machine failed, is left out: nothing is known of it." in html
        assert "<svg" not in html
        for index in (1, 2):
            population.finish(index, error=10.0, seconds=1.0, curve=[])
        assert "[2 | 10.0 | 10.0]" in population._repr_html_()
