import csv
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from netwright.data.source import Pixels
from netwright.errors import DataError, OutputError
from netwright.evaluation import ValidationMetrics
from netwright.evaluation.write import write_validation_report
from netwright.system.run_folder import MARKER

Make = Callable[..., ValidationMetrics]
HOSTILE = "<img src=x onerror=alert(1)></script>"


class Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def pixels_of(index: int) -> Pixels:
    if index % 7 == 0:
        raise DataError("gone")
    side = 8 if index % 2 else 200
    return np.full((side, side, 1 if index % 3 else 3), index % 255, dtype=np.uint8)


def write(measured: ValidationMetrics, folder: Path) -> str:
    facts = {"model": {"name": HOSTILE}, "command": {"": "netwright validate a"}}
    return write_validation_report(
        measured, folder, title=HOSTILE, subtitle="300 images", facts=facts, pixels_of=pixels_of
    ).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(measured: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("validated") / "new" / "report"
    write(measured(names=(HOSTILE, 'a,"b"\n', "é", *"defghij")), place)
    return place


def test_the_folder_has_everything(folder: Path) -> None:
    names = {"report.html", "metrics.json", "per_class.csv", "confusion.csv", "figures", MARKER}
    assert {path.name for path in folder.iterdir()} == names
    pictures = {f"{name}.{kind}" for name in ("accuracy", "confusion", "calibration") for kind in ("png", "svg")} | {
        MARKER
    }
    assert {path.name for path in (folder / "figures").iterdir()} == pictures
    assert (folder / "figures" / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_loads_nothing_and_hostile_names_stay_texts(folder: Path, measured: Make) -> None:
    source = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(source)
    for tag, attrs in page.tags:
        for name in ("src", "srcset", "data", "poster", "action", *(() if tag == "a" else ("href",))):
            assert (attrs.get(name) or "data:").startswith("data:"), (tag, attrs)
        assert not any(name.startswith("on") for name in attrs)
    assert source.count("</script") == 3
    thumbnails = [attrs for tag, attrs in page.tags if tag == "img"]
    readable = [each for each in measured().wrong if each.index % 7]
    assert len(thumbnails) == len(readable) < len(measured().wrong)
    kinds = {(attrs["src"] or "").partition(";")[0]: attrs.get("class") for attrs in thumbnails}
    assert kinds == {"data:image/png": "small", "data:image/jpeg": None}
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == ["summary", "accuracy", "confusion", "calibration", "wrong", "skipped", "facts"]
    assert "bad-1.png" in page.text


def test_the_files_hold_the_numbers(folder: Path, measured: Make) -> None:
    found = measured()
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["format"] == 1
    assert metrics["top1_correct"] == found.correct()
    assert metrics["top1"] == found.top1
    assert [each["reason"] for each in metrics["skipped"]] == ["truncated", "no image"]
    assert sum(each["images"] for each in metrics["reliability"]) == 300
    with open(folder / "per_class.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows[:3]] == [HOSTILE, 'a,"b"\n', "é"]
    assert [int(row["correct"]) for row in rows] == [row.correct for row in found.classes]
    with open(folder / "confusion.csv", encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file))
    assert sum(int(pair["images"]) for pair in pairs) == 300
    right = sum(int(pair["images"]) for pair in pairs if pair["class"] == pair["predicted"])
    assert right == found.correct()


def test_a_network_without_mistakes_has_a_page(measured: Make, tmp_path: Path) -> None:
    found = measured()
    keep = found.records.rank == 0
    perfect = type(found.records)(
        *(
            getattr(found.records, name)[keep]
            for name in ("position", "target", "predicted", "probability", "loss", "rank")
        )
    )
    source = write(ValidationMetrics(perfect, found.class_names, len(perfect), 1.0), tmp_path)
    assert "No image was misclassified" in source
    assert "Nothing was confused" in source


def test_a_file_in_the_way_is_told(measured: Make, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        write(measured(), tmp_path / "taken")


@pytest.mark.slow
def test_a_browser_draws_the_page_without_a_network(folder: Path, drawn: Callable[[Path], str]) -> None:
    shown = drawn(folder / "report.html")
    assert len(re.findall(r'<svg[^>]*class="marks"', shown)) == 3
    assert 'data-drawn="yes"' in shown
