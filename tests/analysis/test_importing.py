"""Tables of others as populations: each kind of file, what is understood, networks, curves, and where it is from."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.tables import regnet_rows

from netwright import import_population
from netwright.analysis.analyzing import analyze
from netwright.analysis.proposal import refine
from netwright.analysis.reading import read
from netwright.arch import Arch, complexity, regnet
from netwright.errors import PopulationError, StatsError
from netwright.population import Population
from netwright.space import load_space, sample
from netwright.stats import bootstrap

N = 24


def curve_rows(n: int = N) -> pd.DataFrame:
    """In the layout of NAAP-440: structure, costs, the best accuracy, and loss and accuracy after each epoch."""
    rng = np.random.default_rng(1)
    layers = rng.integers(3, 6, n)
    columns: dict[str, Any] = {"ModelId": np.arange(1, n + 1), "NumParams": layers * 1000, "NumLayers": layers}
    curves = np.sort(0.3 + 0.05 * layers[:, None] + rng.uniform(0, 0.2, (n, 6)), axis=1)
    columns["MaxAccuracy"] = curves.max(axis=1)
    for epoch in range(6):
        columns |= {f"e{epoch + 1}LossMean": 2 - curves[:, epoch], f"e{epoch + 1}Accuracy": curves[:, epoch]}
    return pd.DataFrame(columns)


def note(population: Population) -> dict[str, Any]:
    return dict(population.notes["import"])


def test_a_csv_file_with_its_networks(tmp_path: Path) -> None:
    table = regnet_rows()
    table.to_csv(tmp_path / "theirs.csv", index=False)
    with import_population(tmp_path / "theirs.csv", tmp_path / "run", command="as typed") as population:
        frame, about = population.frame(), note(population)
        assert population.notes["command"] == "as typed"
    assert about["sha256"] == hashlib.sha256((tmp_path / "theirs.csv").read_bytes()).hexdigest()
    assert (about["source"], about["column"], about["rows"]) == (str(tmp_path / "theirs.csv"), "top1_error", N)
    assert about["parameters"] == ["depth", "w0", "wa", "wm", "group_width"]
    assert frame["error"].tolist() == table["top1_error"].tolist()
    assert set(frame["state"]) == {"done"}
    for row in range(N):
        plain = {name: float(table[name][row]) for name in ("w0", "wa", "wm", "bottleneck")}
        arch = regnet(int(table["depth"][row]), group_width=int(table["group_width"][row]), **plain)
        assert Arch.from_json(frame["arch"][row]) == arch
        assert frame["flops"][row] == complexity(arch).flops[0]


def test_what_is_found_in_an_import_is_what_is_found_in_the_table(tmp_path: Path) -> None:
    regnet_rows().to_csv(tmp_path / "theirs.csv", index=False)
    import_population(tmp_path / "theirs.csv", tmp_path / "run").close()
    imported, direct = (analyze(read(tmp_path / name), repeats=99) for name in ("run", "theirs.csv"))
    assert imported.ranges == direct.ranges
    assert imported.relevance == direct.relevance
    assert imported.view.provenance is not None
    assert imported.view.provenance.facts["error column"] == "top1_error"
    table = regnet_rows()
    for name in ("depth", "wm"):
        assert imported.ranges[name] == bootstrap(table[name], table["top1_error"], method="exact")


def test_it_is_refined_with_its_space(tmp_path: Path) -> None:
    table = regnet_rows(60).assign(w0=24)
    table["group_width"] = 16
    table = table.drop(columns=["wa", "wm"]).assign(wa=24, wm=2.0)
    space = tmp_path / "mine.yaml"
    space.write_text(
        "family: regnet\nparameters:\n  depth: {uniform: [1, 64], quantum: 1}\n  w0: 24\n  wa: 24\n  wm: 2\n"
        "  bottleneck: 1\n  group_width: 16\n"
    )
    with import_population(table, tmp_path / "run", space=space) as population:
        assert population.identity["space"]["name"] == load_space(space).name
    found = refine(tmp_path / "run", refine_from=20)
    low, high = found.space.distributions["depth"].bounds
    assert 10 <= low <= 16 <= high <= 23
    with pytest.raises(StatsError, match="no parameter of 'anynetv_a' is a column"):
        import_population(table.drop(columns=["depth"]), tmp_path / "other", space="anynetv_a")


def test_wide_curves_are_kept_in_percent(tmp_path: Path) -> None:
    table = curve_rows()
    with import_population(table, tmp_path / "run") as population:
        frame, about = population.frame(), note(population)
    assert (about["column"], about["curves"], about["parameters"]) == ("MaxAccuracy", N, ["NumLayers"])
    np.testing.assert_allclose(frame["error"], 100 - 100 * table["MaxAccuracy"])
    first = frame["curve"][0]
    assert [record["epoch"] for record in first] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(
        [r["error"] for r in first], 100 - 100 * table.loc[0, [f"e{i}Accuracy" for i in range(1, 7)]].astype(float)
    )
    assert first[2]["LossMean"] == table["e3LossMean"][0]
    assert frame["label"].tolist() == [str(i) for i in range(1, N + 1)]
    assert frame["params"].tolist() == table["NumParams"].tolist()
    assert not [name for name in frame.columns if name.startswith("e1")]


def test_a_column_of_an_epoch_may_be_the_response(tmp_path: Path) -> None:
    table = curve_rows()
    with import_population(table, tmp_path / "run", accuracy="e3Accuracy") as population:
        np.testing.assert_allclose(population.frame()["error"], 100 - 100 * table["e3Accuracy"])


def write_lines(rows: list[dict[str, Any]], file: Path) -> Path:
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def test_lines_with_nested_curves(tmp_path: Path) -> None:
    rows = [
        {"params": {"depth": 4 + i % 5}, "history": [{"epoch": e, "val_acc": 0.1 * e + 0.01 * i} for e in (1, 2, 3)]}
        for i in range(N)
    ]
    with import_population(write_lines(rows, tmp_path / "a.jsonl"), tmp_path / "run") as population:
        frame = population.frame()
    np.testing.assert_allclose(frame["error"], [70 - i for i in range(N)])
    assert [round(record["error"]) for record in frame["curve"][1]] == [89, 79, 69]
    lists = [{"depth": i % 5, "val_error": [60.0, 50.0, 40.0 + i], "train_loss": [3, 2, 1]} for i in range(N)]
    with import_population(write_lines(lists, tmp_path / "b.jsonl"), tmp_path / "lists") as population:
        assert population.frame()["curve"][2] == [
            {"epoch": 1, "val_error": 60.0, "train_loss": 3, "error": 60.0},
            {"epoch": 2, "val_error": 50.0, "train_loss": 2, "error": 50.0},
            {"epoch": 3, "val_error": 42.0, "train_loss": 1, "error": 42.0},
        ]


def test_a_mapping_keyed_by_architecture(tmp_path: Path) -> None:
    words = ("nor_conv_3x3", "skip_connect", "none")
    content = {
        f"|{words[i % 3]}~0|+|{words[i // 3 % 3]}~0|{words[i // 9 % 3]}~1|": {
            "cifar10": {"test_acc": 70.0 + i, "flops": 1e6 * (i + 1)},
            "cifar100": {"test_acc": 50.0 + i},
        }
        for i in range(27)
    }
    (tmp_path / "bench.json").write_text(json.dumps(content))
    with import_population(tmp_path / "bench.json", tmp_path / "run", accuracy="cifar10.test_acc") as population:
        frame, about = population.frame(), note(population)
    assert frame["error"].tolist() == [30.0 - i for i in range(27)]
    assert about["parameters"] == ["op_1", "op_2", "op_3"]
    assert frame["op_1"][:4].tolist() == [*words, words[0]]
    assert frame["label"].tolist() == list(content)
    assert frame["flops"].tolist() == [1000000 * (i + 1) for i in range(27)]
    view = read(tmp_path / "run")
    assert view.categories["op_3"] == tuple(sorted(words))


def test_numbers_keyed_by_architecture(tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(json.dumps({f"({i % 4}, {i // 4}, 1)": 0.5 + i / 100 for i in range(16)}))
    with import_population(tmp_path / "bench.json", tmp_path / "run", accuracy="value") as population:
        frame = population.frame()
    assert frame["error"][3] == pytest.approx(47.0)
    assert frame["op_2"].tolist() == [i // 4 for i in range(16)]


def test_a_sweep_of_pycls(tmp_path: Path) -> None:
    batch = sample(load_space("regnetx").refine(depth=(12, 20)), 12, seed=0)
    jobs = []
    for i, arch in enumerate(batch):
        drawn = {name: values[i].item() for name, values in batch.parameters.items()}
        cost = complexity(arch)
        jobs.append(
            {
                "cfg": {
                    "MODEL": {"TYPE": "regnet"},
                    "REGNET": {"DEPTH": drawn["depth"], "W0": drawn["w0"], "WA": drawn["wa"], "WM": drawn["wm"]}
                    | {"GROUP_W": drawn["group_width"], "BOT_MUL": 1 / drawn["bottleneck"], "SE_ON": False},
                },
                "complexity": {name: int(getattr(cost, name)[0]) for name in ("flops", "params", "acts")},
                "test_epoch": {"epoch_ind": [1, 2], "epoch_max": [2, 2], "top1_err": [80.0, 40.0 + i]},
                "log_file": f"/log/{i}",
                "err": "",
            }
        )
    (tmp_path / "sweep.json").write_text(json.dumps(jobs))
    with import_population(tmp_path / "sweep.json", tmp_path / "run") as population:
        frame = population.frame()
    assert frame["error"].tolist() == [40.0 + i for i in range(12)]
    assert frame["curve"][3] == [{"epoch": 1, "error": 80.0}, {"epoch": 2, "error": 43.0}]
    assert [Arch.from_json(text).block_widths for text in frame["arch"]] == [arch.block_widths for arch in batch]
    assert [Arch.from_json(text).stages for text in frame["arch"]] == [arch.stages for arch in batch]


@pytest.mark.slow
def test_a_study_of_optuna_with_curves_and_pruned_trials(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{tmp_path / 'study.db'}"

    def objective(trial: Any) -> float:
        value = 0.0
        depth, word = trial.suggest_int("depth", 1, 9), trial.suggest_categorical("opt", ["sgd", "adam"])
        trial.set_user_attr("seconds", 1.5)
        for epoch in range(3):
            value = 0.5 + depth / 50 + epoch / 100 + (word == "sgd") / 200
            trial.report(value, epoch)
            if trial.number == 4:
                raise optuna.TrialPruned
        return value

    study = optuna.create_study(
        storage=url, study_name="acc", direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(objective, n_trials=10)
    study.enqueue_trial({"depth": 1})
    study._storage.remove_session()
    with import_population(f"{url}#acc", tmp_path / "run") as population:
        frame, about, counts = population.frame(), note(population), population.counts()
    assert counts == {"waiting": 1, "running": 0, "done": 9, "failed": 1}
    assert about["parameters"] == ["depth", "opt"]
    assert about["sha256"]
    expected = [trial.value for trial in study.trials[:4]]
    np.testing.assert_allclose(frame["error"][:4], [100 - 100 * value for value in expected])
    assert [record["epoch"] for record in frame["curve"][0]] == [0, 1, 2]
    assert frame["curve"][0][-1]["error"] == pytest.approx(frame["error"][0])
    assert (frame["reason"][4], frame["seconds"][0]) == ("PRUNED", 1.5)


def test_rows_that_are_no_trials_are_dropped_and_counted(tmp_path: Path) -> None:
    text = "depth,val_err\n1,30.5\n2,31.5\n,\ndepth,val_err\n3,32.5\n4,\n4,40.5\n4,40.5\n"
    (tmp_path / "joined.csv").write_text(text)
    with import_population(tmp_path / "joined.csv", tmp_path / "run") as population:
        frame, about = population.frame(), note(population)
    assert about["dropped"] == {"empty": 1, "the head of the table again": 1}
    assert frame["depth"].tolist() == [1, 2, 3, 4, 4, 4]
    assert frame["state"].tolist() == ["done", "done", "done", "failed", "done", "done"]
    assert frame["reason"][3] == "no val_err"
    assert any(notice.startswith("1 row without val_err: networks that failed") for notice in about["notices"])
    assert any("same as another in every column" in notice for notice in about["notices"])


def test_columns_that_have_names_of_ours_and_another_meaning(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "depth": [1, 2, 3],
            "acc": [0.5, 0.6, 0.7],
            "error": ["", "oom", ""],
            "seed": [7, 8, 9],
            "label": ["007", "b", "c"],
        }
    )
    with import_population(table, tmp_path / "run") as population:
        frame = population.frame()
    assert frame["seed"].tolist() == [7, 8, 9]
    assert frame["label"].tolist() == ["007", "b", "c"]
    np.testing.assert_allclose(frame["error"], [50, 40, 30])


def test_what_cannot_be_imported_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    table = regnet_rows(6)
    with pytest.raises(StatsError, match="not both 'a' and 'b'"):
        import_population(table, tmp_path / "run", error="a", accuracy="b")
    with pytest.raises(StatsError, match="no column 'top2_error'"):
        import_population(table, tmp_path / "run", error="top2_error")
    with pytest.raises(StatsError, match="no column 'deep'"):
        import_population(table, tmp_path / "run", parameters=["deep"])
    with pytest.raises(StatsError, match="is a folder without a population"):
        import_population(tmp_path, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    import_population(table, tmp_path / "run").close()
    with pytest.raises(PopulationError, match="holds a population already"):
        import_population(table, tmp_path / "run")
    with pytest.raises(PopulationError, match="is a population already, which every command takes"):
        import_population(tmp_path / "run", tmp_path / "other")


def test_it_is_no_sweep_to_go_on_with(tmp_path: Path) -> None:
    from netwright.space import draw

    import_population(regnet_rows(6), tmp_path / "run").close()
    space = load_space("regnetx")
    with pytest.raises(PopulationError, match="was made differently"):
        Population.open_or_create(
            tmp_path / "run", networks=draw(space, 2).batch, seed=0, identity={"space": space.to_dict()}
        )


@pytest.mark.slow
def test_every_command_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from netwright.cli.main import main

    curve_rows(12).to_csv(tmp_path / "x.csv", index=False)
    a = str(tmp_path / "a")
    assert main(["import", str(tmp_path / "x.csv"), "--out", a, "--accuracy", "MaxAccuracy"]) == 0
    assert "12 done; errors from MaxAccuracy, parameters NumLayers, 12 curves" in capsys.readouterr().out
    assert main(["compare", a, a]) == 0
    assert main(["analyze", a, "--out", str(tmp_path / "report")]) == 0
    assert "imported from" in (tmp_path / "report" / "report.html").read_text()
    assert main(["copy", a, str(tmp_path / "c.sqlite")]) == 0
    assert main(["copy", a, str(tmp_path / "c.csv")]) == 0
    assert main(["refine", a]) == 1
    assert "Give it: --space" in capsys.readouterr().err
    assert "trials" in Population.open(a)._repr_html_()
