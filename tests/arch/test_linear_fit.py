import numpy as np
import pytest

from netwright.arch import (
    PUBLISHED,
    Arch,
    ArchBatch,
    LinearFit,
    Stage,
    block_widths,
    e_fit_of,
    fit,
    fit_batch,
    fit_widths,
    published,
)
from netwright.space import load_space, sample


def own_error(name: str) -> float:
    """What rounding leaves between a published network's widths and its own parameters: the fit can only be nearer."""
    depth, w0, wa, wm, _ = PUBLISHED[name]
    s = np.rint(np.log((w0 + wa * np.arange(depth)) / w0) / np.log(wm))
    return float(np.abs(np.log(w0 * wm**s / np.array(published(name).block_widths))).mean())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_fit_of_a_regnet_is_as_near_as_its_own_parameters(name: str) -> None:
    found = fit(published(name))
    assert isinstance(found, LinearFit)
    assert found.e_fit <= own_error(name) + 1e-9
    observed = np.array(published(name).block_widths)
    assert np.abs(np.log(np.array(found.widths) / observed)).mean() == pytest.approx(found.e_fit, abs=1e-9)


def test_networks_far_from_linear_widths_fit_worse() -> None:
    rng = np.random.default_rng(0)
    for name in ("regnet_x_400mf", "regnet_y_3_2gf", "regnet_x_16gf"):
        arch = published(name)
        errors = []
        for _ in range(5):
            # the same stages in another order, not the one that rises
            order = rng.permutation(len(arch.stages))
            while (np.diff(order) > 0).all():
                order = rng.permutation(len(arch.stages))
            found = fit(Arch(tuple(arch.stages[i] for i in order)))
            assert isinstance(found, LinearFit)
            errors.append(found.e_fit)
        usual = fit(arch)
        assert isinstance(usual, LinearFit)
        assert min(errors) > 2 * usual.e_fit


def test_fits_of_a_batch_and_of_one_width() -> None:
    archs = [published("regnet_x_200mf"), Arch((Stage(3, 40),))]
    both = fit(ArchBatch.from_archs(archs))
    assert both == [fit(arch) for arch in archs]
    assert isinstance(both, list)
    assert both[1].e_fit == pytest.approx(0, abs=1e-12)
    assert both[1].w0 == pytest.approx(40)


def test_the_published_regnets_are_linear_up_to_the_rounding_of_widths() -> None:
    # equations 2 to 4 round widths to multiples of 8; what the network is built with fits its groups, too
    largest = max(fit_widths([block_widths(d, w0, wa, wm)[0]]).e_fit[0] for d, w0, wa, wm, _ in PUBLISHED.values())
    built = {name: float(fit_widths([published(name).block_widths]).e_fit[0]) for name in PUBLISHED}
    assert largest < 0.02
    assert max(built, key=built.__getitem__) == "regnet_y_4_0gf"
    assert max(built.values()) == pytest.approx(0.073, abs=5e-4)
    assert np.median(list(built.values())) < 0.015


def test_random_anynets_are_far_from_linear() -> None:
    e_fit = fit_batch(sample(load_space("anynetx_a").refine(depth=(1, 6)), 100, 0)).e_fit
    assert np.median(e_fit) > 0.4
    assert np.mean(e_fit < 0.073) < 0.05


def grid_search(widths: tuple[int, ...]) -> float:
    """e_fit as DDS has it: a grid over wa / w0 and wm; for each of its points w0 is a median."""
    slopes, steps = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e-3, 64, 300), np.linspace(1.5, 3.0, 151)))
    logs, log_wm = np.log(widths), np.log(steps)[:, None]
    rises = np.rint(np.log1p(slopes[:, None] * np.arange(len(widths))) / log_wm) * log_wm
    left = logs - rises
    return float(np.abs(left - np.median(left, axis=1, keepdims=True)).mean(axis=1).min())


@pytest.mark.slow
@pytest.mark.parametrize("space", ["anynetx_a", "anynetx_d", "anynetx_e", "regnetx"])
def test_a_grid_search_finds_nothing_nearer(space: str) -> None:
    batch = sample(load_space(space), 12, 5)
    assert all(fit_batch(batch).e_fit <= np.array([grid_search(arch.block_widths) for arch in batch]) + 1e-3)


@pytest.mark.parametrize("space", ["anynetx_a", "anynetx_e", "regnetx"])
def test_the_parameters_of_a_fit_give_its_e_fit(space: str) -> None:
    batch = sample(load_space(space), 12, 1)
    columns = fit_batch(batch)
    for i, (arch, found) in enumerate(zip(batch, fit(batch), strict=True)):  # type: ignore[arg-type]
        distance = np.abs(np.log(np.array(found.widths) / arch.block_widths)).mean()
        assert distance == pytest.approx(found.e_fit, abs=1e-9)
        assert (found.w0, found.wa, found.wm, found.e_fit) == tuple(
            float(column[i]) for column in (columns.w0, columns.wa, columns.wm, columns.e_fit)
        )
        assert 1.5 - 1e-6 <= found.wm <= 3 + 1e-6
        assert found.w0 > 0
        assert found.wa >= 0


def test_networks_of_any_depth_are_fitted() -> None:
    widths = [(40,), (16, 64), (8,) * 50 + (64,) * 50, published("resnet152").block_widths, (64, 32, 16, 8)]
    e_fit = fit_widths(widths).e_fit
    assert e_fit[:2] == pytest.approx(0, abs=1e-7)
    assert e_fit[3] < 0.2
    # falling widths are best met by a constant: its median is any width from 16 to 32
    assert e_fit[4] == pytest.approx(np.abs(np.log(np.array(widths[4]) / 24)).mean(), abs=1e-9)


def test_e_fit_of_a_column_of_a_table() -> None:
    text = published("regnet_x_200mf").to_json()
    found = e_fit_of([text, "k3-e6", "", None, float("nan"), text])
    assert np.isnan(found[1:5]).all()
    assert found[0] == found[5] == fit_widths([published("regnet_x_200mf").block_widths]).e_fit[0]
    assert e_fit_of([]).shape == (0,)
