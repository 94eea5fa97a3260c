import base64
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netwright.report import ReportData, write_report
from netwright.report.data import Extra
from netwright.report.parts import Lead, Section
from netwright.report.picture import picture_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """Tags with their attributes, the text outside scripts, and the ids."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._silent = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._silent = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += data

    @property
    def ids(self) -> set[str | None]:
        return {attrs["id"] for _, attrs in self.tags if "id" in attrs}


def written(data: ReportData, folder: Path) -> str:
    return write_report(data, folder, formats=()).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def source(guided: ReportData, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(guided, tmp_path_factory.mktemp("guided"))


@pytest.mark.slow
def test_a_page_loads_nothing(source: str) -> None:
    page = Page(source)
    for tag, attrs in page.tags:
        for name in ("src", "srcset", "data", "poster", "action", *(() if tag == "a" else ("href",))):
            assert (attrs.get(name) or "data:").startswith("data:"), (tag, attrs)
    style = re.search(r"<style>(.*?)</style>", source, re.S)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    policy = next(attrs for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in (policy["content"] or "")


def test_each_section_is_in_the_contents_and_each_picture_described(source: str) -> None:
    page = Page(source)
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a" and (attrs.get("href") or "").startswith("#")]
    assert [f"#{name}" for name in sections] == [link for link in links if link != "#main"]
    assert sections[0] == "answer"
    charts = [attrs for _, attrs in page.tags if "data-chart" in attrs]
    assert len(charts) == 13
    assert all(len(attrs["aria-label"] or "") > 40 for attrs in charts)
    assert "Refinement confirmed".lower() in page.text.lower()


def test_pictures_come_first_then_the_answer_then_what_else_there_is(guided: ReportData, tmp_path: Path) -> None:
    picture = picture_of(np.zeros((8, 8, 3), np.uint8), "ant")
    extra = Extra((Section("use", "Use it", (Lead(["So."]),)),))
    data = replace(guided, pictures=(picture,), pictures_text=("As seen.",), extra=extra)
    page = Page(written(data, tmp_path / "ordered"))
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections[:4] == ["pictures", "answer", "use", "edf"]


@pytest.mark.slow
def test_hostile_texts_stay_texts(hostile: ReportData, tmp_path: Path) -> None:
    source = written(hostile, tmp_path)
    page = Page(source)
    assert "img" not in {tag for tag, _ in page.tags}
    assert [attrs.get("type") for tag, attrs in page.tags if tag == "script"] == ["application/json", None, None]
    assert source.count("</script") == 3
    assert page.text.count("alert('x')") > 5
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_the_csv_is_the_table(source: str, guided: ReportData) -> None:
    link = next(attrs for _, attrs in Page(source).tags if attrs.get("download") == "trials.csv")
    frame = pd.read_csv(io.BytesIO(base64.b64decode((link["href"] or "").partition("base64,")[2])))
    assert len(frame) == sum(len(view.trials) for view in guided.populations)
    assert frame["population"].unique().tolist() == ["regnetx", "refined"]
    assert frame["error"].tolist() == pytest.approx(
        pd.concat([v.trials["error"] for v in guided.populations]).tolist(), nan_ok=True
    )


@pytest.mark.slow
def test_a_plain_table_makes_a_page_that_says_what_it_lacks(plain: ReportData, tmp_path: Path) -> None:
    page = Page(written(plain, tmp_path))
    assert {"answer", "edf", "parameters", "explorer", "efficiency", "trials"} <= page.ids
    assert not {"costs", "networks", "curves", "failures", "facts"} & page.ids
    assert "no column 'arch'" in page.text


@pytest.mark.slow
def test_sections_of_other_rooms_follow_the_answer(guided: ReportData, tmp_path: Path) -> None:
    use = Section("use", "Use it", (Lead(["These lines."]),))
    picture = picture_of(np.zeros((4, 4, 3), np.uint8), "zero")
    data = replace(guided, extra=Extra((use,)), pictures=(picture,), pictures_text=("As the networks see them.",))
    names = [attrs["id"] for tag, attrs in Page(written(data, tmp_path)).tags if tag == "section"]
    assert names[1:4] == ["answer", "use", "edf"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_draws_the_page_without_a_network(hostile: ReportData, tmp_path: Path) -> None:
    path = write_report(hostile, tmp_path / "report", formats=("svg",))
    assert CHROMIUM is not None
    quiet = ("background-networking", "component-update", "sync", "gpu", "quic", "extensions")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in quiet)]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--proxy-server=127.0.0.1:9", "--virtual-time-budget=8000"]
    shown = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    page = Page(shown.stdout)
    assert "could not be drawn" not in page.text
    charts = [attrs["data-chart"] for _, attrs in page.tags if "data-chart" in attrs]
    drawn = sum(1 for tag, attrs in page.tags if tag == "svg" and "marks" in (attrs.get("class") or ""))
    assert drawn == len(charts) > 5
    assert next(attrs for tag, attrs in page.tags if tag == "body").get("data-drawn") == "yes"
