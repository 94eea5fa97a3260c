"""An export as a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netwright.errors import OutputError
from netwright.exports.charts import charts_of
from netwright.exports.check import Agreement
from netwright.exports.exported import Accuracy, Check, Exported, Speed
from netwright.exports.report import write_export_report
from netwright.runtime.info import info_of
from netwright.stats.paired import Paired
from netwright.system.run_folder import MARKER
from netwright.weights import LoadedModel

HOSTILE = "<img src=x onerror=alert(1)></script>"
CHECKS = (Check(Agreement(40, 0.02, 0.1, 1.0), "40 seen"), Check(Agreement(64, 0.04, 0.3, 0.98), f"64 of {HOSTILE}"))
ACCURACY = Accuracy(Paired(1690, 28, 6, 276), "2,000 images of a test")
SPEED = (Speed(1, (5.0, 1.0, 3.0), (9.0, 10.0, 80.0)), Speed(32, (20.0,), (40.0,), 1.5))


@pytest.fixture(scope="module")
def full(color: LoadedModel) -> Exported:
    info = replace(info_of(color, name=HOSTILE, precision="int8"), versions={"openvino": "2026.4.0"})
    path = Path("models/a.xml")
    return Exported(path, (path.with_suffix(".bin"), path), info, CHECKS, 250_000, 1_000_000, ACCURACY, SPEED)


@pytest.fixture(scope="module")
def folder(full: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    assert (
        write_export_report(full, place / "new" / "it is.html", command=f"netwright export {HOSTILE}").name
        == "it is.html"
    )
    return place / "new"


def texts(source: str) -> str:
    """What a reader sees, tags left out."""
    body = source[source.index("<main") : source.index("</main>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


@pytest.mark.slow
def test_before_and_after_are_told(folder: Path) -> None:
    said = texts((folder / "it is.html").read_text(encoding="utf-8"))
    for each in (
        "25% of the size",
        "−1.10 points of top-1",
        "3.33× as fast at batch 1",
        "2.00× as fast at batch 32, beside other programs",
        "Other programs used 1.5 processors while batch 32 was measured",
        "98.0% same class first",
        "its accuracy differs from the network&#39;s: −1.10 points of top-1, with a 95% interval from −1.75 to −0.56.",
        "Top-1 of the network is 85.90% and of the export 84.80%",
        "chance splits them so unevenly with p &lt; 0.001",
        "the network is right 1,690 28 1,718 the network is wrong 6 276 282 together 1,696 304 2,000",
        "images at once torch fp32, images/s int8, images/s ratio turns of torch fp32 of int8",
        "1 3.0 10.0 3.33 1.0 to 5.0 9.0 to 80.0 32 20.0 40.0 2.00",
        "40 seen 40 0.02 (at most 0.5) 0.1 100.0% (at least 80%)",
        "The last images are ones that calibration did not see.",
        "models/a.xml",
        "models/a.bin",
        "openvino 2026.4.0",
        "(N, 3, 16, 16) float32, normalized",
    ):
        assert each in said, each


def test_the_page_loads_nothing_and_hostile_names_stay_texts(folder: Path) -> None:
    source = (folder / "it is.html").read_text(encoding="utf-8")
    assert "<img" not in source[source.index("<main") : source.index("</main>")]
    assert HOSTILE not in source
    assert source.count("</script") == 3
    assert not re.search(r"<(script|link|iframe)[^>]*(src|href)=(?!\"data:)", source)
    assert re.findall(r'<section id="([^"]*)"', source) == ["summary", "size", "accuracy", "speed", "checks", "facts"]


def test_pictures_lie_beside_it(folder: Path) -> None:
    names = {f"it-is-{name}.{kind}" for name in ("size", "accuracy", "speed") for kind in ("png", "svg")} | {MARKER}
    assert {path.name for path in (folder / "figures").iterdir()} == names
    assert (folder / "figures" / "it-is-speed.png").read_bytes().startswith(b"\x89PNG")


def test_charts_show_what_was_measured(full: Exported) -> None:
    charts = charts_of(full)
    size = charts["size"]["datasets"]["rows"]
    assert [(row["which"], row["MB"]) for row in size] == [("torch fp32", 1.0), ("OpenVINO int8", 0.25)]
    speed = charts["speed"]["datasets"]
    assert [(row["batch"], row["which"], row["rate"]) for row in speed["rows"]] == [
        ("batch 1", "torch fp32", 3.0),
        ("batch 1", "OpenVINO int8", 10.0),
        ("batch 32", "torch fp32", 20.0),
        ("batch 32", "OpenVINO int8", 40.0),
    ]
    assert speed["rows"][1]["text"] == "10  (3.33×)"
    assert [turn["rate"] for turn in speed["turns"]] == [5.0, 1.0, 3.0, 9.0, 10.0, 80.0, 20.0, 40.0]
    (row,) = charts["accuracy"]["datasets"]["rows"]
    assert (row["low"], row["points"], row["high"]) == pytest.approx((-1.747, -1.1, -0.564), abs=2e-3)
    assert row["text"] == "−1.10"
    json.dumps(charts, allow_nan=False)


def test_what_was_not_measured_has_no_section_and_what_may_be_chance_is_said_so(full: Exported, tmp_path: Path) -> None:
    even = Accuracy(Paired(90, 2, 2, 6), "100 images")
    some = replace(full, path=Path("a.onnx"), files=(Path("a.onnx"),), checks=CHECKS[:1], accuracy=even, speed=())
    some = replace(some, info=replace(full.info, precision="fp16", opset=17))
    source = write_export_report(some, tmp_path / "some.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="([^"]*)"', source) == ["summary", "size", "accuracy", "checks", "facts"]
    said = texts(source)
    assert "opset 17" in said
    assert "(at most 0.02)" in said
    assert "calibration" not in said
    assert "is not shown to differ from the network&#39;s: +0.00 points" in said
    pictures = {f"some-{name}.{kind}" for name in ("size", "accuracy") for kind in ("png", "svg")} | {MARKER}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == pictures
    assert list(charts_of(replace(some, accuracy=None))) == ["size"]


def test_a_file_in_the_way_is_told(full: Exported, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        write_export_report(full, tmp_path / "taken" / "a.html")


@pytest.mark.slow
def test_a_browser_draws_the_page_without_a_network(folder: Path, drawn: Callable[[Path], str]) -> None:
    shown = drawn(folder / "it is.html")
    assert len(re.findall(r'<svg[^>]*class="marks"', shown)) == 3
    assert 'data-drawn="yes"' in shown
