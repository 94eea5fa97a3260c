from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netwright as package

Run = Callable[..., Any]


def table(folder: Path, n: int = 40) -> list[object]:
    """A table and its space, as words of the command."""
    rows = [f"{1 + i % 6},{8 * (1 + i % 4)},{50 - 2 * (i % 6) + i % 5 / 10}" for i in range(n)]
    (folder / "mine.csv").write_text("\n".join(["depth,width,error", *rows]) + "\n")
    parameters = "{depth: [1, 2, 3, 4, 5, 6], width: [8, 16, 24, 32], bottleneck: 1, group_width: 8}"
    (folder / "space.yaml").write_text(f"name: one\nfamily: anynet\nstages: 1\nparameters: {parameters}\n")
    return [folder / "mine.csv", "--space", folder / "space.yaml"]


def test_the_proposal_and_its_file(netwright: Run, tmp_path: Path) -> None:
    out = tmp_path / "narrow.yaml"
    done = netwright("refine", *table(tmp_path), "--out", out)
    assert (done.status, done.err) == (0, "")
    assert "narrowed to" in done.out
    assert done.out.endswith(f"one_refined: {out}\nnetwright sweep {out} --out RUN\n")
    assert package.load_space(out).distributions["depth"].bounds[0] > 1
    assert netwright("sample", out, "--n", 2).status == 0


@pytest.mark.parametrize("policy", ["holm", "all", "relevant+order"])
def test_a_policy_is_chosen(netwright: Run, tmp_path: Path, policy: str) -> None:
    done = netwright("refine", *table(tmp_path), f"--policy={policy}")
    assert done.out.startswith(f"policy {policy}: ")


def test_failed_networks_count_unless_survivors_are_asked_for(netwright: Run, tmp_path: Path) -> None:
    words = table(tmp_path)
    with (tmp_path / "mine.csv").open("a") as file:
        file.write("6,32,\n")
    assert "1 network that failed counts as the worst, with an error of 100%" in netwright("refine", *words).out
    assert "1 network that failed was left out" in netwright("refine", *words, "--survivors").out
    assert "counts as the worst" in netwright("refine", *words, "--survivors=no").out


def test_few_networks_say_how_many_are_missing(netwright: Run, tmp_path: Path) -> None:
    words = table(tmp_path, 20)
    assert "12 more are needed" in netwright("refine", *words).out
    assert "are needed" not in netwright("refine", *words, "--refine_from=20").out


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ([], 1, "does not name the one of its networks. Give it: --space"),
        (["--space=regnetq"], 1, "no design space is called 'regnetq'"),
        (["--policy=most"], 2, "invalid choice: 'most'"),
        (["--refine_from=9"], 1, "not 9"),
    ],
)
def test_mistakes_are_explained(netwright: Run, tmp_path: Path, words: list[str], status: int, says: str) -> None:
    path, *space = table(tmp_path)
    is_about_space = not words or words[0].startswith("--space")
    done = netwright("refine", path, *([] if is_about_space else space), *words)
    assert (done.status, done.out) == (status, "")
    assert says in done.err
