"""A study is read from YAML; every mistake is found before any work."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.errors import RecipeError
from netwright.space import load_space
from netwright.studies import read_study
from netwright.studies.planning import planned_looks, planned_text

Write = Callable[..., Path]
STUDIES = Path(__file__).parents[2] / "studies"


def test_a_study_is_read(write: Write) -> None:
    study = read_study(write())
    assert [each.name for each in study.spaces] == ["C", "D", "X"]
    assert [each.name for each in study.comparisons] == ["D - C", "X - D"]
    assert (study.comparisons[0].margin, study.comparisons[1].margin) == (3.0, 2.0)
    config = study.config(Path("out"), "D")
    assert (config.space, config.flops, config.epochs, config.trials) == ("anynetx_d", (3e5, 6e5), 1, 10)
    seeds = {study.seed_of(name) for name in "CDX"}
    assert len(seeds) == 3
    assert read_study(write(("name: small", "name: other"))).seed_of("C") in seeds


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("trials: 10", "trails: 10"), "unknown key 'trails' of a study: did you mean 'trials'"),
        (("epochs: 1", "epoch: 1"), "unknown option 'epoch' in 'sweep': did you mean 'epochs'"),
        (("epochs: 1", "epochs: 0"), "epochs"),
        (("0.3M:0.6M", "lots"), "flops"),
        (("workers: 1", "trials: 1"), "a study decides 'trials' itself"),
        (("X - D", "X - E"), "unknown space 'E' in 'X - E'"),
        (("X - D", "X vs D"), "a comparison is a difference of two spaces"),
        (("X - D", "X - X"), "is not compared with itself"),
        (("X - D", "C - D"), "is planned twice"),
        (("parent: C", "parent: Q"), "the parent of 'D' is a space of the study"),
        (("trials: 10", "trials: 4"), "'trials' is at least 10"),
        (("looks: 2", "looks: 1"), "'looks' is a number above 1"),
        (("margin: 2.0", "margin: -1"), "'margin' is a number above 0"),
        (("  C: anynetx_c", "  C/c: anynetx_c"), "it names a folder"),
        (("looks: 2", "test: t"), "'test' is one of obrien_fleming, pocock, betting"),
        (("looks: 2", "confidence: 1.5"), "'confidence' is a number"),
        (("name: small", "name: [small"), "is not YAML that can be read"),
    ],
)
def test_a_mistake_is_named_with_its_cure(write: Write, change: tuple[str, str], says: str) -> None:
    path = write(change)
    with pytest.raises(RecipeError) as caught:
        read_study(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_study_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_study(tmp_path / "none.yaml")


@pytest.mark.parametrize(("name", "spaces", "most"), [("paper_cifar", 10, 960), ("paper_imagenet", 10, 5000)])
def test_the_papers_walk_is_planned(name: str, spaces: int, most: int) -> None:
    study = read_study(STUDIES / f"{name}.yaml")
    assert len(study.spaces) == spaces
    assert sum(study.most(each.name) for each in study.spaces) == most
    for each in study.spaces:
        space = load_space(each.ref)
        if each.parent:
            assert space.size() < load_space(study.space(each.parent).ref).size()
        study.config(Path("out"), each.name)
    compared = {name for pair in study.comparisons for name in (pair.a, pair.b)}
    assert compared == {each.name for each in study.spaces}
    for planned in planned_looks(study):
        assert planned.detectable is not None
        assert planned.sizes[-1] == planned.planned.trials
        assert planned.detectable < 2.5
    text = planned_text(study)
    assert f"at most {most:,} trainings" in text
    assert text.count("\n") == len(study.comparisons)
