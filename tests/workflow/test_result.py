"""What a finished design leaves behind; a real one, which was killed once on its way."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import load_file

import netwright
from netwright.population import Population
from netwright.stats import permutation_test


@pytest.fixture(scope="module")
def answer(designed: Any) -> dict[str, Any]:
    return json.loads((designed.folder / "result.json").read_text())


def test_a_kill_lost_no_finished_trial_and_none_was_trained_again(designed: Any) -> None:
    assert designed.kept
    with Population.open(designed.folder) as population:
        assert population.counts() == {"waiting": 0, "running": 0, "done": 12, "failed": 0}
        frame = population.frame().set_index("trial")
    for trial, error, attempts in designed.kept:
        assert (frame.loc[trial, "error"], frame.loc[trial, "attempts"]) == (error, attempts)
    assert f"{len(designed.kept)} of 12 trials were finished before" in designed.errors


def test_nothing_unfinished_is_left(designed: Any) -> None:
    left = [path.name for path in designed.folder.rglob("*") if re.search(r"\.new$|\.partial$|-wal$|-shm$", path.name)]
    assert left == []


def test_the_files_that_it_promises_are_there(designed: Any) -> None:
    names = ("report.html", "network.yaml", "weights.safetensors", "result.json", "space.yaml", "refined_space.yaml")
    for name in (*names, "population.sqlite", "refined/population.sqlite", "final/population.sqlite"):
        assert (designed.folder / name).stat().st_size > 0, name
    assert list((designed.folder / "figures").glob("*.svg"))


def test_the_network_is_built_and_takes_the_weights(designed: Any, answer: dict[str, Any]) -> None:
    arch = netwright.Arch.from_yaml((designed.folder / "network.yaml").read_text())
    assert re.fullmatch(r"regnetx(_refined)? \d+", arch.name)
    assert answer["pick"]["name"] == arch.name
    assert answer["pick"]["arch"] == arch.to_dict()
    module = netwright.build(arch)
    module.load_state_dict(load_file(designed.folder / "weights.safetensors"))
    assert sum(p.numel() for p in module.parameters()) == answer["pick"]["params"]


def test_the_weights_explain_themselves(designed: Any, answer: dict[str, Any]) -> None:
    with safe_open(designed.folder / "weights.safetensors", "numpy") as file:
        assert sorted(file.metadata()) == ["config", "format", "version"]  # as weights of `netwright train` have it
    model = netwright.load_model(designed.folder)
    assert model.arch == netwright.Arch.from_yaml((designed.folder / "network.yaml").read_text())
    assert model.class_names == tuple("0123456789")
    assert model.notices == ()
    seen = model.preprocessing
    assert (seen.image_size, seen.channels, seen.crop_pct, seen.crop_first) == (8, 1, 1.0, True)
    assert 0 < seen.mean[0] < 255
    assert 0 < seen.std[0] < 255
    facts = model.facts
    assert (facts["seed"], facts["epochs"], facts["dataset"]) == (answer["pick"]["seeds"][0], 2, "digits")
    assert facts["recipe"]["epochs"] == 2
    assert 100 - facts["test"]["top1"] == pytest.approx(answer["pick"]["test_errors"][0])
    assert facts["netwright"] == netwright.__version__


def test_the_refined_space_is_a_space_and_narrower(designed: Any) -> None:
    given = netwright.load_space(str(designed.folder / "space.yaml"))
    refined = netwright.load_space(str(designed.folder / "refined_space.yaml"))
    assert refined.name == "regnetx_refined"
    assert refined.size() < given.size()
    assert refined.limits == given.limits
    for name, distribution in refined.distributions.items():
        low, high = given.distributions[name].bounds
        assert low <= distribution.bounds[0] <= distribution.bounds[1] <= high
    assert len(netwright.sample(refined, 3)) == 3


def test_the_answer_agrees_with_the_populations(designed: Any, answer: dict[str, Any]) -> None:
    errors = []
    for folder in (designed.folder, designed.folder / "refined"):
        with Population.open(folder) as population:
            errors.append(population.frame()["error"].sort_values())
    test = permutation_test(errors[1], errors[0])
    assert answer["refined_against_given"]["difference"] == pytest.approx(test.difference)
    assert answer["refined_against_given"]["p_value"] == pytest.approx(test.p_value)
    assert answer["confirmed"] == (test.difference < 0 and test.p_value <= 0.05)
    assert ("not confirmed" in answer["refinement"]) == (test.p_value > 0.05)
    with Population.open(designed.folder / "final") as population:
        finals = population.frame().set_index("label")
    for role in ("pick", "baseline"):
        assert answer[role]["test_errors"] == list(finals.loc[role, "error"])
        assert answer[role]["seeds"] == list(finals.loc[role, "seed"])
    assert answer["pick"]["seeds"] == answer["baseline"]["seeds"]


def test_the_baseline_is_of_the_same_flops(answer: dict[str, Any]) -> None:
    assert answer["baseline"]["name"].startswith("regnet_x_")
    assert answer["baseline"]["flops"] == pytest.approx(answer["pick"]["flops"], rel=0.1)


def test_the_report_says_the_same_as_the_command(designed: Any, answer: dict[str, Any]) -> None:
    page = (designed.folder / "report.html").read_text()
    assert answer["pick"]["name"] in page
    assert "--confirm_trials=6" in page
    for words in (answer["verdict"], answer["refinement"], answer["pick"]["name"], answer["baseline"]["name"]):
        assert words in designed.answer


def test_what_the_pick_confuses_is_of_the_validation_images_and_is_its_error_on_the_last_rung(
    designed: Any, answer: dict[str, Any]
) -> None:
    found, selection = answer["validation"], answer["selection"]
    name, trial = answer["pick"]["name"].rsplit(" ", 1)
    is_refined = netwright.load_space(str(designed.folder / "refined_space.yaml")).name == name
    with Population.open(designed.folder / "refined" if is_refined else designed.folder) as population:
        frame = population.frame()
    seed = int(frame.loc[frame["trial"] == int(trial), "seed"].iloc[0])
    epochs = selection["rungs"].split(",")[-1].split("x")[1]
    with Population.open(designed.folder / "rungs" / epochs) as population:
        frame = population.frame()
    # of several seeds it is the one that went on from the pick's trial
    mine = frame[frame["label"] == answer["pick"]["name"]]
    error = float(mine.loc[mine["seed"] == seed, "error"].iloc[0])
    assert float(mine["error"].mean()) == pytest.approx(selection["validation_error"])
    assert 100 * (1 - found["top1"]) == pytest.approx(error)
    assert sum(row["images"] for row in found["classes"]) == found["images"]
    page = (designed.folder / "report.html").read_text(encoding="utf-8")
    for section in ("use", "accuracy", "confusion", "wrong"):
        assert f'<section id="{section}"' in page
    assert "No test image is shown" in page


def test_the_lines_of_the_report_predict_as_predict_does(designed: Any, tmp_path: Path, capsys: Any) -> None:
    import html

    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    import netwright

    picture = tmp_path / "digit.png"
    Image.fromarray((load_digits().images[7] * 15.9).astype(np.uint8)).save(picture)
    page = html.unescape((designed.folder / "report.html").read_text(encoding="utf-8"))
    lines = page[page.index("from netwright import open_runtime") :].split("</pre>")[0]
    run = lines.split('open_runtime("')[1].split('"')[0]
    exec(lines.replace(run, str(designed.folder)).replace("PHOTO.jpg", str(picture)), {})
    said = capsys.readouterr().out.splitlines()
    (answer,) = netwright.predict(designed.folder, picture, top_k=3)
    assert isinstance(answer, netwright.evaluation.ImagePrediction)
    assert said == [f"{each.name}: {each.probability:.1%}" for each in answer.candidates]
