import json
import math
import re
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.populations import made_population

from netwright.analysis.reading import read
from netwright.arch import complexity
from netwright.report.comparison import Comparison
from netwright.space import DesignSpace, draw, load_space
from netwright.stats import permutation_test
from netwright.studio.jobs import HIDDEN

Start = Callable[..., AbstractContextManager[Any]]


def test_a_candidate_is_judged_by_the_trials_inside(shown: Any, runs: Path) -> None:
    view = read(runs / "a")
    space = DesignSpace.from_dict(view.space)
    body = {"p": "a", "ranges": {"width_1": [64, 1024], "flops": [0, 2e9]}, "order": {"depth": "non_decreasing"}}
    found = shown.post("candidate", body)
    rows = view.counted
    inside = (rows["width_1"] >= 64) & (rows["flops"] <= 2e9)
    for a, b in ((1, 2), (2, 3), (3, 4)):
        inside &= rows[f"depth_{a}"] <= rows[f"depth_{b}"]
    assert found["inside"]["errors"] == pytest.approx(rows["error"][inside])
    assert len(found["inside"]["errors"]) + len(found["rest"]["errors"]) == len(rows)
    after = space.refine(order={"depth": "non_decreasing"}, width_1=(64, 1024), flops=(0, 2e9))
    assert found["size"] == pytest.approx([math.log10(space.size()), math.log10(after.size())])
    assert "no confirmation" in found["warning"]


def test_the_test_of_a_candidate_is_that_of_means(shown: Any, runs: Path) -> None:
    rows = read(runs / "a").counted
    inside = (rows["width_2"] >= 100).to_numpy()
    found = shown.post("candidate", {"p": "a", "ranges": {"width_2": [100, 2000]}})["test"]
    errors = rows["error"].to_numpy()
    expected = permutation_test(errors[inside], errors[~inside])
    assert (found["difference"], found["p"]) == (expected.difference, expected.p_value)


@pytest.mark.parametrize("name", ["bottleneck", "group_width"])
def test_a_tie_keeps_the_networks_whose_stages_agree(shown: Any, runs: Path, name: str) -> None:
    rows = read(runs / "a").counted
    columns = rows[[f"{name}_{stage}" for stage in (1, 2, 3, 4)]].to_numpy()
    same = int((columns == columns[:, :1]).all(axis=1).sum())
    assert len(shown.post("candidate", {"p": "a", "tie": [name]})["inside"]["errors"]) == same


def test_the_cheapest_network_is_cheaper_than_any_that_is_drawn(shown: Any, runs: Path) -> None:
    body = {"p": "a", "order": {"width": "non_decreasing"}}
    found = shown.post("candidate", body | {"ranges": {"depth_3": [4, 16], "width_1": [64, 1024]}})["lowest"]
    space = DesignSpace.from_dict(read(runs / "a").space)
    narrow = space.refine(order={"width": "non_decreasing"}, depth_3=(4, 16), width_1=(64, 1024))
    for lowest, each in zip(found, (space, narrow), strict=True):
        cost = complexity(draw(each, 400, 5).batch)
        assert lowest["flops"] <= cost.flops.min()
        assert lowest["params"] <= cost.params.min()
    assert found[1]["flops"] > found[0]["flops"]


def test_a_candidate_of_which_nothing_is_left_says_why(shown: Any) -> None:
    for body, part in (
        ({"ranges": {"width_1": [4000, 5000]}}, "width_1"),
        ({"ranges": {"witdh_1": [1, 2]}}, "width_1"),
        ({"tie": ["depth"], "order": {"depth": "non_decreasing"}}, "depth"),
    ):
        answer = shown.client.post("/api/candidate", json={"p": "a", **body})
        assert answer.status_code == 422
        assert part in answer.json()["error"]
    found = shown.post("confirm", {"p": "a", "ranges": {"flops": [1, 2]}, "name": "none", "trials": 9})
    assert "no network" in found["problem"]


@pytest.mark.slow
def test_the_step_to_regnet_is_a_candidate(shown: Any, runs: Path) -> None:
    found = shown.post("candidate", {"p": "a", "linear": True})
    assert "family: regnet" in found["yaml"]
    near = (read(runs / "a").trials["e_fit"] <= 0.1).sum()
    assert len(found["inside"]["errors"]) <= near
    assert shown.client.post("/api/candidate", json={"p": "half", "linear": True}).status_code == 200


def test_good_ranges_are_those_of_refine(shown: Any, runs: Path) -> None:
    from netwright.analysis.proposal import refine

    found = shown.client.get("/api/proposal", params={"p": "a", "policy": "all"}).json()
    advice = refine(runs / "a", policy="all")
    assert found["decisions"] == list(advice.decisions)
    narrowed = {each.parameter: list(each.proposed) for each in advice.findings if each.proposed is not None}
    assert found["ranges"] == {name: pytest.approx(ends) for name, ends in narrowed.items()}


def test_a_confirmation_takes_over_how_the_population_was_trained(start: Start, runs: Path) -> None:
    body = {"p": "a", "ranges": {"width_1": [64, 1024]}, "name": "a-r1", "trials": 82, "seed": 7}
    with start(runs) as studio:
        command = studio.post("confirm", body)["command"].split()
        assert command[:2] == ["netwright", "sweep"]
        assert command[2].endswith("a-r1/space.yaml")
        flags = dict(zip(command[3::2], command[4::2], strict=True))
        assert flags["--data_dir"] == "digits"
        assert flags["--epochs"] == "3"
        assert (flags["--trials"], flags["--seed"]) == ("82", "7")
        assert flags["--out"].endswith("runs/a-r1")
        assert not (runs / "a-r1").exists()  # dry
        for name in ("a", "../x", "-x", "", "x/y"):
            answer = studio.client.post("/api/confirm", json=body | {"name": name})
            assert answer.status_code in (409, 422), name
        answer = studio.client.post("/api/confirm", json=body | {"options": {"out": "/etc"}})
        assert (answer.status_code, "no option" in answer.text) == (422, True)


def test_a_studio_that_only_shows_starts_nothing(shown: Any, runs: Path) -> None:
    body = {"p": "a", "name": "a-r9", "trials": 5, "dry": False}
    sweep = {"name": "x9", "space": "anynetx_a", "dry": False}
    pick = {"chosen": [{"p": "a", "trial": 1, "name": "x8"}], "epochs": 1, "dry": False}
    forms = [("confirm", body), ("sweep", sweep), ("pick", pick), ("job", {"id": "a", "wish": "stop"})]
    forms += [("extend", {"p": "a", "trials": 90, "dry": False}), ("join", {"p": "a", "dry": False})]
    for path, form in forms:
        answer = shown.client.post(f"/api/{path}", json=form)
        assert (answer.status_code, "only shows" in answer.text) == (403, True), path
    assert {path.name for path in runs.iterdir()} == {"a", "deep", "half"}


def confirmed(runs: Path) -> Path:
    """A refinement of `a` whose fresh sample is there: the widths that rise."""
    made_population(runs / "a", "anynetx_a", 80, failed=0.0)
    space = load_space("anynetx_a").for_images(32, 10, 3).refine(order={"width": "non_decreasing"}, name="a-r1")
    made_population(runs / "a-r1", space, 40, seed=9, failed=0.0)
    evidence = {"changes": ["width non-decreasing"], "size": [1, 1], "lowest": [{}, {}], "inside": 4, "rest": 76}
    record = {"format": 1, "parent": "a", "trials": 40, "evidence": evidence}
    (runs / "a-r1" / "refinement.json").write_text(json.dumps(record), encoding="utf-8")
    return runs


def test_the_verdict_is_that_of_the_fresh_sample_against_its_parent(start: Start, tmp_path: Path) -> None:
    runs = confirmed(tmp_path / "runs")
    with start(runs) as studio:
        found = studio.get("verdict", p="a-r1")
        expected = Comparison.of(read(runs / "a"), read(runs / "a-r1"))
        assert expected is not None
        assert (found["p"], found["difference"]) == (expected.mean.p_value, expected.mean.difference)
        word = "better" if expected.is_better else "worse" if expected.is_worse else "undecided"
        assert (found["is_final"], found["missing"], found["verdict"]) == (True, 0, word)
        nodes = {node["id"]: node for node in studio.get("tree")["nodes"]}
        assert nodes["a-r1"]["parent"] == "a"
        assert nodes["a-r1"]["order"] == {"width": "non_decreasing"}
        assert nodes["a"]["size"] > nodes["a-r1"]["size"]
        assert "refined_from: a" in studio.client.get("/api/tree.yaml").text
        assert studio.client.get("/api/tree.csv").text.count("\n") == 3
        assert "netwright compare" in studio.client.get("/api/tree.sh").text
        assert studio.client.get("/api/verdict", params={"p": "a"}).status_code == 404
        record = json.loads((runs / "a-r1" / "refinement.json").read_text(encoding="utf-8"))
        (runs / "a-r1" / "refinement.json").write_text(json.dumps(record | {"trials": 50}), encoding="utf-8")
        found = studio.get("verdict", p="a-r1")
        assert (found["is_final"], found["missing"]) == (False, 10)


def wait_for(studio: Any, id: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The line of a population, once it is so."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        line = next((each for each in studio.get("overview")["populations"] if each["id"] == id), None)
        if line is not None and reached(line):
            return dict(line)
        time.sleep(0.05)
    raise AssertionError(f"{id} was never so: {studio.studio.jobs.log(id)}")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sweep_is_started_paused_resumed_and_stopped(start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    options = {"trials": 40, "epochs": 1, "flops": "0.3M:0.6M", "workers": 1}
    form = {"name": "s", "space": "anynetx_e", "options": options}
    with start(runs) as studio:
        assert studio.post("sweep", form)["command"].startswith("netwright sweep anynetx_e --out ")
        assert not studio.studio.jobs.all()
        studio.post("sweep", form | {"dry": False})
        assert studio.get("overview")["populations"][0]["job"]["state"] == "running"
        again = studio.client.post("/api/extend", json={"p": "s", "dry": False})
        assert again.status_code in (404, 409)
        wait_for(studio, "s", lambda line: line["counts"]["done"] > 0)
        assert studio.post("job", {"id": "s", "wish": "pause"})["command"].startswith("netwright sweep --pause ")
        paused = wait_for(studio, "s", lambda line: line["told"] == "paused" and not line["counts"]["running"])
        assert paused["job"]["state"] == "running"
        studio.post("job", {"id": "s", "wish": "run"})
        wait_for(studio, "s", lambda line: line["counts"]["done"] > paused["counts"]["done"])
        studio.post("job", {"id": "s", "wish": "stop"})
        job = wait_for(studio, "s", lambda line: line["job"]["state"] == "ended")["job"]
        assert job["status"] not in (None, 0)
        assert job["wish"] == "stop"
        assert "netwright sweep" in studio.get("log", p="s")["log"]
        assert studio.client.post("/api/job", json={"id": "s", "wish": "run"}).status_code == 409
        # another studio of the folder knows it, and so does one that is started later
        with start(runs) as other:
            assert other.studio.jobs.all()[0]["state"] == "ended"
    assert (runs / HIDDEN).is_dir()


def test_a_population_is_extended_where_it_is_now(start: Start, runs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    shutil.copytree(runs / "a", folder / "moved")
    with start(folder) as studio:
        command = studio.post("extend", {"p": "moved", "trials": 200})["command"]
        assert command.endswith(f"--out {folder / 'moved'} --trials 200")
        assert command.count("--out") == command.count("--trials") == 1
        assert studio.client.post("/api/extend", json={"p": "moved", "trials": 10}).status_code == 422
    with start(runs) as studio:
        answer = studio.client.post("/api/extend", json={"p": "deep/c", "trials": 200})
        assert (answer.status_code, "does not record" in answer.text) == (409, True)


@pytest.mark.slow
def test_picks_are_planned_with_the_images_of_the_sweep(start: Start, runs: Path) -> None:
    best = int(read(runs / "a").done.iloc[0]["trial"])
    form = {"chosen": [{"p": "a", "trial": best, "name": "best"}], "epochs": 30, "val_fraction": 0.2}
    with start(runs) as studio:
        (command,) = studio.post("pick", form)["commands"]
        # the digits have no splits of their own: as the sweep cut them, so that a test split is held out
        assert re.search(r"picks/images-a-[0-9a-f]{8}\.npz --epochs 30 --validate --val_fraction 0\.2", command)
        assert command.endswith("best")
        del form["val_fraction"]
        (command,) = studio.post("pick", form)["commands"]
        assert "val_fraction" not in command
        assert not (runs / "picks").exists()  # nothing was started
        twice = form | {"chosen": form["chosen"] * 2}
        assert studio.client.post("/api/pick", json=twice).status_code == 422
        assert studio.get("picks") == {"picks": []}


def test_the_test_split_is_measured_once(start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (runs / "picks").mkdir(parents=True)
    record = {"format": 1, "population": "a", "trial": 3, "data_dir": "digits"}
    (runs / "picks" / "best.json").write_text(json.dumps(record), encoding="utf-8")
    (runs / "picks" / "broken.json").write_text("[", encoding="utf-8")
    with start(runs) as studio:
        assert studio.post("test", {"name": "best"})["command"].endswith("best-test")
        (pick,) = studio.get("picks")["picks"]
        assert (pick["name"], pick["test"], pick["epochs"]) == ("best", None, 0)
        (runs / "best-test").mkdir()
        (runs / "best-test" / "metrics.json").write_text('{"top1": 91.5}', encoding="utf-8")
        assert studio.get("picks")["picks"][0]["test"] == {"top1": 91.5}
        answer = studio.client.post("/api/test", json={"name": "best", "dry": False})
        assert (answer.status_code, "already" in answer.text) == (409, True)


def test_how_many_networks_a_power_takes(shown: Any) -> None:
    from netwright.stats import trials_for

    assert shown.get("trials_for", difference=-2.0, spread=4.0, power=0.9) == {"trials": trials_for(2.0, 4.0, 0.9)}
    assert np.isfinite(trials_for(2.0, 4.0, 0.9))


def test_the_tree_is_a_report_and_a_script_that_needs_nothing_else(full: Any) -> None:
    script = full.client.get("/api/tree.sh").text
    assert script.index("--out") < script.index("cat > ") < script.index("netwright compare")
    assert script.count("END_OF_FILE") == 8  # a space and its origin, of two refinements
    first = next(node for node in full.get("tree")["nodes"] if node["id"] == "a")
    assert set(first["lowest"]) == {"flops", "params", "acts"}


@pytest.mark.slow
def test_the_report_of_the_tree_has_every_step_with_its_evidence(full: Any) -> None:
    answer = full.client.get("/api/tree.html")
    assert "attachment" in answer.headers["content-disposition"]
    page = answer.text
    for part in (
        "a-r1, refined from a",
        "a-r2, refined from a-r1",
        "2.4 orders of magnitude fewer",
        "confirmed: better",
        "20 of 40 trials are missing",
        "The cheapest network: 2,200,000 flops",
        "9 of 78 lay inside",
        "netwright compare",
    ):
        assert part in page, part
    assert "<script src" not in page
    assert '"edf"' in page


def test_a_value_that_cannot_be_is_named(shown: Any) -> None:
    chosen = [{"p": "a", "trial": 1, "name": "x"}]
    for path, body, part in (
        ("pick", {"chosen": chosen, "epochs": 0}, "epochs cannot be '0'"),
        ("pick", {"chosen": [], "epochs": 1}, "chosen"),
        ("candidate", {"p": "a", "order": {"width": "up"}}, "order.width cannot be 'up'"),
        ("job", {"id": "a", "wish": "x" * 500}, "wish"),
    ):
        answer = shown.client.post(f"/api/{path}", json=body)
        assert answer.status_code == 422
        assert part in answer.json()["error"]
        assert len(answer.json()["error"]) < 400
