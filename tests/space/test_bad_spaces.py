"""Files that are no spaces (tests/space/bad): refused with the file, the line, the constraint and the cure, at once.

bad/messages.tsv has what is expected of each: the file that the message names, where it is another one (a base), the
line, and the words of the constraint and of the cure.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netwright.errors import SpaceError
from netwright.space import load_space

BAD = Path(__file__).parent / "bad"
LINES = (BAD / "messages.tsv").read_text(encoding="utf-8").splitlines()
ROWS = list(csv.DictReader(LINES, delimiter="\t", quoting=csv.QUOTE_NONE))
GOOD = {"base_of_limits.yaml"}  # of which a bad one is narrowed


def test_every_file_has_its_words() -> None:
    assert len(ROWS) >= 40
    assert {row["file"] for row in ROWS} | GOOD == {path.name for path in BAD.glob("*.yaml")}
    assert load_space(BAD / "base_of_limits.yaml").limits["flops"] == (360e6, 400e6)


@pytest.mark.parametrize("row", ROWS, ids=[row["file"].removesuffix(".yaml") for row in ROWS])
def test_a_bad_space_is_refused(row: dict[str, str]) -> None:
    with pytest.raises(SpaceError) as caught:
        load_space(BAD / row["file"])
    message = str(caught.value)
    assert message.startswith(f"{BAD / (row['in'] or row['file'])}, line {row['line']}")
    for words in (row["constraint"], row["cure"]):
        assert words in message.replace(f"{BAD}{os.sep}", "")
    assert len(message) < 1200
    assert "\n" not in message


LOAD_ALL = """
import resource, sys
from pathlib import Path
from netwright.errors import SpaceError
from netwright.space import load_space
from netwright.space.sampling import sample
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 10, int(used) + 10))
for path in sorted(Path(sys.argv[1]).glob("*.yaml")):
    try:
        load_space(path)
    except SpaceError:
        print(path.name)
print("MiB", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")
def test_they_take_little_time_and_memory() -> None:
    """All of them, in a process that ends after 10 seconds of computing."""
    done = subprocess.run([sys.executable, "-c", LOAD_ALL, str(BAD)], capture_output=True, text=True, check=True)
    *refused, memory = done.stdout.splitlines()
    assert refused == sorted(row["file"] for row in ROWS)
    assert int(memory.removeprefix("MiB ")) < 64


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text("# " + "x" * 1_000_000 + "\nbase: regnetx\n")
    with pytest.raises(SpaceError, match=r"cannot be read: it has more than 1,000,000 bytes"):
        load_space(tmp_path / "large.yaml")
    if Path("/dev/zero").exists():
        (tmp_path / "endless.yaml").symlink_to("/dev/zero")
        with pytest.raises(SpaceError, match="more than 1,000,000 bytes"):
            load_space(tmp_path / "endless.yaml")


def test_numbers_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    """360:400 is no number of base 60, as it is in YAML 1.1, but a window."""
    (tmp_path / "a.yaml").write_text(
        "base: regnetx\nlimits: {acts: 400:500, flops: 0.5G:1_000M}\nparameters: {wm: [2.0, 2.5e0]}\n"
    )
    space = load_space(tmp_path / "a.yaml")
    assert space.limits["acts"] == (400, 500)
    assert space.limits["flops"] == (5e8, 1e9)


def test_a_few_aliases_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: anynetx_a\nparameters:\n  width_1: &w [8, 64]\n  width_2: *w\n")
    assert load_space(tmp_path / "a.yaml").distributions["width_2"].bounds == (8, 64)


def test_stages_that_do_not_halve_are_many(tmp_path: Path) -> None:
    text = (BAD / "twenty_stages_at_224_pixels.yaml").read_text()
    (tmp_path / "a.yaml").write_text(f"{text}setting: {{strides: {[1] * 16 + [2] * 4}}}\n")
    assert load_space(tmp_path / "a.yaml").stages == 20
