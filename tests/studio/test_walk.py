"""The whole walk in a real browser, by keys alone and with a real sweep: from a population to a pick that is tested."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from fixtures.populations import made_population
from studio.browser import chromium, go, page_of, until

from netwright.arch import Arch
from netwright.space import load_space
from netwright.studio.lineage import REFINEMENT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
Start = Callable[..., AbstractContextManager[Any]]
_MOST_TABS = 150


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def tab_to(page: Any, name: str, key: str = "Tab") -> None:
    """Press Tab until the element of that name has the focus; nothing else moves it."""
    for _ in range(_MOST_TABS):
        page.keyboard.press(key)
        found = page.evaluate(
            "(() => { const e = document.activeElement;"
            " return e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent; })()"
        )
        if str(found).strip().startswith(name):
            return
    raise AssertionError(f"no Tab leads to {name!r}")


def by_key(page: Any, name: str, key: str = "Enter") -> None:
    tab_to(page, name)
    page.keyboard.press(key)


def small_population(folder: Path) -> Path:
    """Of networks that are trained in a moment."""
    command = f"netwright sweep anynetx_a --data_dir digits --trials 40 --epochs 1 --workers 1 --out {folder}"
    space = load_space("anynetx_a").for_images(8, 10, 1).refine(flops=(1e5, 1e6))
    return made_population(folder, space, 40, failed=0.0, command=command)


def test_the_walk_by_keys_alone(browser: Any, start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    small_population(runs / "a")
    with start(runs) as studio, page_of(browser, f"{studio.url}/#/populations") as page:
        by_key(page, "a")
        page.wait_for_selector("canvas[aria-label^='Error against width_1.']")
        tab_to(page, "Error against width_1.")
        for _ in range(3):
            page.keyboard.press("Alt+ArrowRight")
        until(page, "location.hash.includes('width_1')")
        tab_to(page, "Refine the space from this", "Shift+Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#confirm-name")
        tab_to(page, "Order of width from stage to stage")
        page.keyboard.press("ArrowDown")
        until(page, "document.querySelector('.refine .notice')?.textContent.includes('no confirmation')")
        tab_to(page, "As many as need")
        page.keyboard.press("End")
        tab_to(page, "Half-width of the band, power, or number")
        page.keyboard.press("Control+a")
        page.keyboard.type("4")
        until(page, "document.querySelector('.refine').textContent.includes('--trials 4')")
        by_key(page, "Confirm on a fresh sample")
        until(page, "location.hash.startsWith('#/tree')")
        until(
            page, "/fresh sample|Not confirmed/.test(document.querySelector('.verdict-box .badge')?.textContent)", 300
        )
        assert studio.get("verdict", p="a-r1")["networks"] == [40, 4]
        assert json.loads((runs / "a-r1" / REFINEMENT).read_text(encoding="utf-8"))["parent"] == "a"


def test_a_pick_is_trained_tested_once_and_handed_over(browser: Any, start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    small_population(runs / "a")
    with start(runs) as studio, page_of(browser, f"{studio.url}/#/look?p=a") as page:
        page.get_by_role("link", name="Pick networks").click()
        page.get_by_role("button", name="Best by bootstrap").click()
        until(page, "document.body.textContent.includes('of the chance to be the best')")
        page.get_by_role("button", name="None").click()
        page.get_by_role("button", name="The best 5").click()
        for _ in range(4):
            page.get_by_role("button", name="Leave out trial").last.click()
        page.get_by_label("Epochs").fill("2")
        page.get_by_label("Name of the run of trial").fill("best")
        button = page.get_by_role("button", name="Train them longer")
        until(page, "[...document.querySelectorAll('button.main')].some((each) => !each.disabled)")
        button.click()
        card = page.get_by_role("article", name="best")
        card.get_by_text("trained", exact=True).wait_for(timeout=250_000)
        assert "2 epochs, validation error" in card.inner_text()
        measure = card.get_by_role("button", name="Measure on the test split, once")
        measure.click()
        card.get_by_text("On the test split, seen once:").wait_for(timeout=200_000)
        assert studio.client.post("/api/test", json={"name": "best", "dry": False}).status_code == 409
        measured = json.loads((runs / "best-test" / "metrics.json").read_text(encoding="utf-8"))
        assert measured["images"] == 359  # a fifth of the digits, which nothing was trained on or chosen by
        text = card.inner_text()
        assert f"netwright export {runs / 'best'}" in text
        assert f"netwright serve {runs / 'best'}" in text
        with page.expect_download() as saved:
            card.get_by_role("link", name="best.yaml").click()
        saved.value.save_as(tmp_path / "best.yaml")
        chosen = json.loads((runs / "picks" / "best.json").read_text(encoding="utf-8"))["trial"]
        arch = json.loads(studio.studio.populations.open("a").view.trials.iloc[chosen]["arch"])
        assert Arch.from_yaml((tmp_path / "best.yaml").read_text(encoding="utf-8")).to_dict() == arch
        with page.expect_download() as saved:
            card.get_by_role("link", name="_best.safetensors").click()
        saved.value.save_as(tmp_path / "weights.safetensors")
        assert (tmp_path / "weights.safetensors").stat().st_size > 1000
        go(page, f"{studio.url}/#/trainings?p=best")
        until(page, "document.querySelector('canvas').getAttribute('aria-label').includes('best, last')")
        assert "best-test" in page.get_by_role("region", name="All validations").inner_text()


def test_a_sweep_of_a_terminal_is_followed_paused_and_stopped(browser: Any, start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    words = ["sweep", "anynetx_e", "--data_dir", "digits", "--trials", "200", "--epochs", "1", "--workers", "1"]
    words += ["--flops", "0.1M:0.3M", "--device", "cpu", "--out", str(runs / "s")]
    process = subprocess.Popen([sys.executable, "-m", "netwright", *words], stderr=subprocess.DEVNULL, env=os.environ)

    def done(page: Any) -> int:
        return int(page.evaluate("document.querySelector('progress')?.value ?? 0"))

    try:
        with start(runs) as studio, page_of(browser, f"{studio.url}/#/populations") as page:
            until(page, "document.querySelector('progress')?.value > 0", 200)
            assert page.locator(".badge").inner_text() == "running"
            before = done(page)
            until(page, f"document.querySelector('progress').value > {before}", 60)  # live: nobody asked
            page.reload()  # in mid-sweep
            until(page, f"document.querySelector('progress')?.value > {before}", 60)
            page.get_by_role("button", name="Pause s").click()
            until(page, "document.querySelector('.badge')?.textContent === 'paused'", 60)
            assert "netwright sweep --pause" in page.locator("main").inner_text()
            assert f"process {process.pid}" in page.locator("table").inner_text()
            paused = done(page)
            page.wait_for_timeout(1500)
            assert done(page) == paused
            page.get_by_role("button", name="Resume s").click()
            until(page, f"document.querySelector('progress').value > {paused}", 60)
            page.get_by_role("button", name="Stop s").click()
            until(page, "document.querySelector('.badge')?.textContent === 'interrupted'", 60)
            assert process.wait(60) != 0
            page.get_by_role("button", name="Continue s").wait_for()
    finally:
        process.kill()
        process.wait()


def test_two_studios_start_one_run_once(start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    form = {"name": "s", "space": "anynetx_e", "options": {"trials": 2, "data_dir": "nowhere"}, "dry": False}
    with start(runs) as one, start(runs) as other:
        answers = [each.client.post("/api/sweep", json=form).status_code for each in (one, other)]
        assert answers == [200, 409]
        deadline = time.monotonic() + 100
        while one.studio.jobs.is_running("s") and time.monotonic() < deadline:
            time.sleep(0.05)
        # the other one sees how it ended
        (job,) = other.get("overview")["populations"]
        assert (job["kind"], job["job"]["state"]) == ("job", "ended")
        assert "nowhere" in other.get("log", p="s")["log"]
