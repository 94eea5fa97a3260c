from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from fixtures.populations import CURVE_EPOCHS, made_population

from netwright.analysis.analyzing import analyze
from netwright.analysis.reading import read
from netwright.arch import Arch
from netwright.population import Population
from netwright.report.comparison import pairs_of

Start = Callable[..., AbstractContextManager[Any]]


def by_id(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in lines}


def test_the_list_has_every_population_with_its_state_and_figures(shown: Any, runs: Path) -> None:
    lines = by_id(shown.get("overview")["populations"])
    assert set(lines) == {"a", "deep/c", "half"}
    view = read(runs / "a")
    assert lines["a"]["counts"]["done"] == len(view.done)
    assert lines["a"]["best"] == pytest.approx(view.errors[0])
    assert lines["a"]["mean"] == pytest.approx(view.errors.mean())
    assert lines["half"]["counts"]["waiting"] == 10
    assert lines["a"]["process"] is None
    assert lines["a"]["seconds"] == pytest.approx(2.5 * 80)


def test_a_population_comes_as_columns_best_first_and_failures_last(shown: Any, runs: Path) -> None:
    found = shown.get("population", p="a")
    view = read(runs / "a")
    assert found["error"] == pytest.approx(view.errors)
    assert found["n_failed"] == view.n_failed > 0
    assert found["trial"] == list(view.counted["trial"])
    names = [column["name"] for column in found["columns"]]
    assert names[:3] == ["flops", "params", "acts"]
    assert "width_4" in names
    assert found["values"]["depth_2"] == list(view.counted["depth_2"])
    failed = view.failures.iloc[0]
    assert found["failures"][0] == {
        "trial": failed["trial"],
        "reason": "diverged: the loss is NaN",
        "failure": "network",
        "attempts": 1,
    }


def test_what_did_not_change_is_not_sent_again(shown: Any) -> None:
    first = shown.client.get("/api/population", params={"p": "a"})
    again = shown.client.get("/api/population", params={"p": "a"}, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_network_is_drawn_with_its_curve_and_its_line(shown: Any, runs: Path) -> None:
    best = int(read(runs / "a").done.iloc[0]["trial"])
    found = shown.get("network", p="a", trial=best)
    with Population.open(runs / "a") as population:
        row = population.frame().iloc[best]
    assert found["svg"].startswith("<svg")
    assert found["costs"]["flops"] == row["flops"]
    own = Arch.from_json(row["arch"])
    assert [stage["width"] for stage in found["stages"]] == [stage.width for stage in own.stages]
    assert len(found["widths"]) == len(found["line"]) == sum(stage["depth"] for stage in found["stages"])
    assert found["e_fit"] == pytest.approx(row["e_fit"])
    assert [record["epoch"] for record in found["curve"]] == list(range(1, CURVE_EPOCHS + 1))
    text = shown.client.get("/api/network.yaml", params={"p": "a", "trial": best}).text
    assert Arch.from_yaml(text) == own


def test_tests_and_good_ranges_are_those_of_the_commands(shown: Any, runs: Path) -> None:
    found = shown.get("tests", p=["a", "deep/c"])
    pair = pairs_of([read(runs / "a"), read(runs / "deep" / "c")])[0]
    assert found["pairs"][0]["p"] == pair.mean.p_value
    assert found["pairs"][0]["ks"] == pair.ks.statistic
    assert found["command"].startswith("netwright compare ")
    relevance = shown.get("relevance", p="a")["parameters"]
    expected = analyze(read(runs / "a"))
    assert [each["name"] for each in relevance] == list(expected.relevance)
    assert relevance[0]["p_holm"] == next(iter(expected.relevance.values())).p_holm


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["svg", "png", "csv"])
def test_the_charts_of_the_report_are_pictures(shown: Any, kind: str) -> None:
    answer = shown.client.get(f"/api/chart/edf.{kind}", params={"p": "a"})
    assert answer.status_code == 200
    assert answer.content.startswith({"svg": b"<svg", "png": b"\x89PNG", "csv": b"data,"}[kind])
    if kind == "csv":
        assert len(answer.text.splitlines()) > 76  # a line for each network
    assert "attachment" in answer.headers["content-disposition"]


def test_charts_that_cannot_be_are_refused_with_the_reason(shown: Any) -> None:
    for path in ("chart/explorer.svg", "chart/nothing.svg", "chart/edf.exe"):
        answer = shown.client.get(f"/api/{path}", params={"p": "a"})
        assert answer.status_code == 404
        assert "chart" in answer.json()["error"]


def test_a_file_that_is_dropped_opens(start: Start, runs: Path, tmp_path: Path) -> None:
    with Population.open(runs / "a") as population:
        copy = population.copy_to(tmp_path / "copied.sqlite")
        table = population.copy_to(tmp_path / "table.csv")
    with start(runs) as studio:
        for path in (copy, table):
            answer = studio.client.post("/api/files", params={"name": path.name}, content=path.read_bytes())
            assert answer.json() == {"id": f"dropped/{path.name}"}
            assert studio.get("population", p=f"dropped/{path.name}")["n"] == 80
        for name, content in (
            ("photo.png", b"x"),
            ("../../x.csv", b"a,b\n1,2\n"),
            ("broken.sqlite", b"SQLite format 3\0!"),
        ):
            answer = studio.client.post("/api/files", params={"name": name}, content=content)
            assert answer.status_code in (415, 422), answer.text
        assert {path.name for path in studio.studio.temporary.iterdir()} == {"copied.sqlite", "table.csv"}


def test_a_growing_population_is_followed_and_never_written(start: Start, tmp_path: Path) -> None:
    folder = made_population(tmp_path / "runs" / "a", "anynetx_e", 12, done=0.5, failed=0.0)
    before = sorted(path.name for path in folder.iterdir())
    with start(tmp_path / "runs") as studio:
        assert by_id(studio.get("overview")["populations"])["a"]["counts"]["done"] == 6
        assert sorted(path.name for path in folder.iterdir()) == before
        with Population.open(folder) as population, population.lock():
            population.begin(6)
            population.finish(6, error=12.5, seconds=1.0, curve=[])
            line = by_id(studio.get("overview")["populations"])["a"]
            assert line["counts"]["done"] == 7
            assert line["process"]
            population.finish(7, error=13.5, seconds=1.0, curve=[])  # nothing holds it up
        assert by_id(studio.get("overview")["populations"])["a"]["counts"]["done"] == 8


def test_tests_of_a_selection_are_those_of_the_command(shown: Any, runs: Path) -> None:
    from netwright.analysis.where import where

    chosen = "width_1 >= 64 and error < 90"
    found = shown.get("tests", p=["a", "deep/c"], where=chosen)
    pair = pairs_of([where(read(runs / name), chosen) for name in ("a", "deep/c")])[0]
    assert found["pairs"][0]["p"] == pair.mean.p_value
    assert found["command"].endswith(f"--where '{chosen}'")
    assert shown.get("command", p=["a"], where=chosen)["command"].startswith("netwright analyze ")
    for wrong in ("nothing > 1", "error <", "error < 0"):
        answer = shown.client.get("/api/tests", params={"p": "a", "where": wrong})
        assert answer.status_code == 422
        assert answer.json()["error"]
