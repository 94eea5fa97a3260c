import numpy as np
import pandas as pd
import pytest

from netwright.analysis.columns import sort_columns
from netwright.errors import StatsError

N = 40
RNG = np.random.default_rng(0)
ERRORS = RNG.uniform(30, 50, N)
KERNEL = RNG.integers(3, 8, N)


def sort(columns, **options):
    return sort_columns(pd.DataFrame(columns), ERRORS, **options)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("accuracy", 100 - ERRORS),
        ("MaxAccuracy", (100 - ERRORS) / 100 + RNG.normal(0, 0.01, N)),
        ("top5_error", RNG.uniform(10, 20, N)),
        ("e17LossMean", RNG.uniform(0, 1, N)),
        ("quality", 100 - ERRORS),
        ("other_run", ERRORS + RNG.normal(0, 1, N)),
        ("rank", np.argsort(np.argsort(ERRORS))),
    ],
)
def test_the_response_in_other_words_is_no_parameter(name, values):
    found = sort({"kernel": KERNEL, name: values})
    assert found.parameters == ("kernel",)
    assert ("response" in found.left_out[name]) or name == "rank"


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("ModelId", RNG.permutation(N), "a name"),
        ("Unnamed: 0", np.arange(N), "a name"),
        ("network", [f"net{i}" for i in range(N)], "neither numbers nor words"),
        ("number", np.arange(N), "a name"),
        ("which", np.arange(N), "counts the rows"),
        ("IsTest", RNG.integers(0, 2, N), "split"),
        ("seed_of_run", RNG.integers(0, 99, N), "seed"),
        ("group", np.full(N, 8), "constant"),
        ("twice", KERNEL * 2 + 1, "the same as kernel"),
        ("NumMACs", RNG.uniform(1e6, 2e6, N), "a cost"),
        ("throughput_a100", RNG.uniform(1, 2, N), "a cost"),
        ("train_time", RNG.uniform(1, 2, N), "a cost"),
        ("date", pd.date_range("2024-01-01", periods=N), "neither numbers nor words"),
        ("shapes", [[1, i] for i in range(N)], "neither numbers nor words"),
    ],
)
def test_what_is_no_parameter_is_left_out_with_the_reason(name, values, why):
    found = sort({"kernel": KERNEL, name: values})
    assert found.parameters == ("kernel",)
    assert why in found.left_out[name]
    assert any(name in notice for notice in found.notices)


def test_what_is_asked_for_is_a_parameter_whatever_it_is_called():
    found = sort({"a": KERNEL, "train_time": ERRORS, "b": RNG.integers(0, 3, N)}, parameters=("a", "train_time"))
    assert found.parameters == ("a", "train_time")
    assert found.left_out == {}
    assert sort({"a": KERNEL, "b": RNG.integers(0, 3, N)}, ignore=("a",)).parameters == ("b",)


def test_a_parameter_of_the_papers_may_follow_the_error():
    assert sort({"depth": np.argsort(np.argsort(-ERRORS))}).parameters == ("depth",)


def test_booleans_and_words_are_categories():
    words = RNG.choice(["sgd", "adam", "lion"], N)
    flags = RNG.integers(0, 2, N).astype(bool)
    found = sort({"opt": words, "se": flags, "mixed": [None, *flags[1:].astype(object)]})
    assert found.categories["opt"] == ("adam", "lion", "sgd")
    assert [found.categories["opt"][int(code)] for code in found.codes["opt"]] == words.tolist()
    assert found.categories["se"] == ("False", "True")
    np.testing.assert_array_equal(found.codes["se"], flags)
    assert found.left_out == {"mixed": "the same as se under another name"} or "mixed" in found.parameters


def test_one_empty_cell_does_not_remove_a_parameter():
    column = KERNEL.astype(float)
    column[3] = np.nan
    found = sort({"kernel": column})
    assert found.parameters == ("kernel",)
    assert found.notices == ("kernel: 1 of 40 cells empty, judged by the other networks.",)


def test_marked_parameters_are_the_only_ones():
    found = sort({"params_lr": RNG.uniform(0, 1, N), "params_depth": KERNEL, "user_attrs_x": RNG.uniform(0, 1, N)})
    assert found.parameters == ("params_lr", "params_depth")
    assert "prefix" in found.left_out["user_attrs_x"]


def test_long_lists_are_cut():
    found = sort({f"e{i}Accuracy": RNG.uniform(0, 1, N) for i in range(50)})
    assert found.notices == (
        "not parameters: e0Accuracy, e1Accuracy, e2Accuracy, e3Accuracy, e4Accuracy, e5Accuracy and 44 more "
        "(an error, accuracy or loss: the response in other words).",
    )


def test_random_numbers_are_parameters():
    """200 columns of noise, some of them in the range of the errors: none is taken for something else."""
    rng = np.random.default_rng(1)
    columns = {f"x{i}": rng.uniform(30, 50, N) for i in range(100)}
    columns |= {f"y{i}": rng.integers(30, 50, N) for i in range(100)}
    assert len(sort(columns).parameters) == 200


def test_names_are_checked():
    from netwright.analysis.columns import check_names

    with pytest.raises(StatsError, match="no column 'kernal': did you mean 'kernel'"):
        check_names(pd.DataFrame({"kernel": [1]}), ["kernal"], "parameters")
