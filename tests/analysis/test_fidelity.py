import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

import netwright
from netwright.analysis.fidelity import fidelity, fidelity_text, usual_epochs
from netwright.analysis.matching import match_networks
from netwright.analysis.reading import read, table_view
from netwright.arch import Arch, Stage, Stem
from netwright.errors import StatsError
from netwright.population import Population
from netwright.report import PopulationView

N = 40


def networks(n=N, **changes):
    return [Arch((Stage(1 + i % 3, 8 * (1 + i)),), stem=Stem("cifar", 8), **changes) for i in range(n)]


def trained(folder: Path, *, seed: int = 0, repeats: int = 0, archs=None, epochs: int = 10) -> Path:
    """A population whose errors have a standard deviation of 3 points over networks and 1 over seeds."""
    archs = archs or networks(resolution=8, num_classes=10, in_channels=1)
    own = np.random.default_rng(1).normal(30, 3, len(archs))
    rng = np.random.default_rng([seed, 2])

    def curve(trial: int) -> list[dict[str, float]]:
        end = own[trial] + rng.normal()
        early = end + rng.normal(0, 4 / np.arange(1, epochs + 1)) * (np.arange(1, epochs + 1) < epochs)
        return [{"epoch": k, "error": e} for k, e in enumerate(early.tolist(), start=1)]

    with Population.create(folder, networks=archs, seed=seed, identity={"recipe": {}}) as population:
        targets = [(population, trial) for trial in range(len(archs))]
        if repeats:
            again = population.repeat(3, repeats)
            targets += [(again, trial) for trial in range(2 * repeats)]
        for of, trial in targets:
            record = curve(trial % (repeats or len(archs)) if of is not population else trial)
            of.finish(trial if of is population else trial + 1, error=record[-1]["error"], seconds=1.0, curve=record)
    return folder


def test_epochs_of_a_population_beside_the_ceiling_that_seeds_put(tmp_path: Path) -> None:
    found = netwright.fidelity(trained(tmp_path, repeats=12), epochs=(1, 9))
    assert (found.target, list(found.ranks)) == ("epoch 10", ["epoch 1", "epoch 9"])
    assert found.ranks["epoch 9"].tau > found.ranks["epoch 1"].tau
    assert found.noise is not None
    assert (found.noise.networks, found.noise.repeated, found.noise.trainings) == (N, 12, N + 24)
    assert found.noise.interval[0] < 0.1 < found.noise.interval[1]
    text = fidelity_text(found)
    assert "two other seeds" in text
    assert "12 networks of 40 with several seeds" in text
    assert json.loads(json.dumps(found.to_dict()))["ranks"]["epoch 1"]["n"] == N


def test_the_epoch_to_compare_with(tmp_path: Path) -> None:
    folder = trained(tmp_path)
    curves = np.array([[record["error"] for record in curve] for curve in read(folder).done["curve"]])
    found = fidelity(folder, epochs=(2,), to=5)
    assert found.ranks["epoch 2"].tau == pytest.approx(kendalltau(curves[:, 1], curves[:, 4]).statistic)
    assert found.noise is None
    assert "no ceiling" in fidelity_text(found)
    with pytest.raises(StatsError, match="no epoch 11: they have 1 to 10"):
        fidelity(folder, epochs=(11,))


def test_usual_epochs() -> None:
    assert usual_epochs(range(1, 91), 90) == (1, 3, 9, 27, 45, 72)
    assert usual_epochs(range(1, 11), 10) == (1, 3, 5, 8)
    assert usual_epochs((5, 10), 10) == (5,)


def test_two_populations_of_the_same_networks_in_another_order_and_on_other_images(tmp_path: Path) -> None:
    """Networks are matched by what they are, not by their place or their resolution."""
    archs = networks(resolution=8, num_classes=10, in_channels=1)
    short = trained(tmp_path / "short", archs=archs)
    order = np.random.default_rng(3).permutation(N)[:30]
    other = [replace(archs[i], resolution=16, num_classes=5) for i in order]
    own = dict(zip(order.tolist(), np.random.default_rng(4).normal(30, 3, 30), strict=True))
    with Population.create(tmp_path / "long", networks=other, seed=0, identity={}) as population:
        for place, i in enumerate(order.tolist()):
            population.finish(place, error=own[i], seconds=1.0, curve=[])
    found = fidelity(short, tmp_path / "long", epochs=(3,))
    errors = read(short).trials.set_index("trial")["error"]
    expected = kendalltau([errors[i] for i in own], list(own.values())).statistic
    assert found.ranks["end of short"].tau == pytest.approx(expected)
    assert list(found.ranks) == ["end of short", "epoch 3 of short"]
    assert (found.target, found.ranks["end of short"].n) == ("long", 30)
    assert "10 of 40 networks of short are in this only" in found.notices


def test_tables_are_matched_by_the_parameters_that_both_have() -> None:
    rng = np.random.default_rng(0)
    depth = np.arange(20)
    kind = rng.choice(["a", "b"], 20)
    first = pd.DataFrame({"depth": depth, "kind": kind, "error": rng.normal(30, 3, 20)})
    second = first.assign(error=first["error"] + 1).sample(frac=1, random_state=0)
    views = [table_view(name, frame, parameters=("depth", "kind")) for name, frame in (("a", first), ("b", second))]
    a, b, how = match_networks(*views)
    assert how == "depth, kind"
    np.testing.assert_allclose(b["error"].to_numpy() - a["error"].to_numpy(), 1.0)
    assert fidelity(*views).ranks["end of a"].tau == pytest.approx(1.0)


def test_a_network_that_is_there_twice_is_left_out() -> None:
    frame = pd.DataFrame({"depth": [1, 2, 2, 3, 4, 5, 6, 7], "error": np.arange(8.0)})
    views = [table_view(name, frame, parameters=("depth",)) for name in "ab"]
    assert match_networks(*views)[0]["depth"].tolist() == [1, 3, 4, 5, 6, 7]


def test_what_cannot_be_compared_is_explained(tmp_path: Path) -> None:
    plain = table_view("plain", pd.DataFrame({"depth": np.arange(9), "error": np.arange(9.0)}), parameters=("depth",))
    other = table_view("other", pd.DataFrame({"width": np.arange(9), "error": np.arange(9.0)}), parameters=("width",))
    far = replace(plain, name="far", frame=plain.frame.assign(depth=plain.frame["depth"] + 6))
    for views, options, says in (
        ((plain,), {}, "plain has no learning curves"),
        ((plain, other), {}, "neither an architecture nor a parameter is in both"),
        ((plain, far), {}, "3 networks in common, matched by depth"),
        ((plain, plain), {"epochs": (1,)}, "has no curves, so no epochs can be chosen"),
        ((plain, plain), {"to": 3}, "an epoch of one population"),
    ):
        with pytest.raises(StatsError, match=says):
            fidelity(*views, **options)


def test_one_network_by_two_drawn_recipes_is_two() -> None:
    frame = pd.DataFrame({"arch": ['{"depth": 1}', '{"depth": 1}', '{"depth": 2}'], "lr": [0.1, 0.2, 0.1]})
    view = PopulationView("a", frame.assign(error=[3.0, 2.0, 1.0]), parameters=("lr",), space={"recipe": {"lr": 1}})
    a, b, how = match_networks(view, view)
    assert (len(a), how) == (3, "architecture and lr")
    assert a["lr"].tolist() == b["lr"].tolist()
    assert len(match_networks(replace(view, space={}), view)[0]) == 1
