"""The page in a real browser: by mouse, by keyboard, on a phone, while a sweep runs, and for a screen reader."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from fixtures.populations import made_population
from studio.browser import chromium, go, page_of, until

from netwright.population import Population
from netwright.space import load_space

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
NETWORKS = "[aria-label='Networks, best first']"
Start = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def drag(page: Any, canvas: Any, start: float, end: float) -> None:
    """Across a picture, from and to shares of its width."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    y = box["y"] + box["height"] * 0.45
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=4)
    page.mouse.up()


def status(page: Any) -> str:
    return str(page.locator(".toolbar [role=status]").inner_text())


def test_a_brush_narrows_everything_and_stays_in_the_address(browser: Any, shown: Any) -> None:
    with page_of(browser, f"{shown.url}/#/look?p=a") as page:
        assert status(page) == "80 networks"
        drag(page, page.locator("canvas[aria-label^='Error against width_1.']"), 0.5, 0.9)
        until(page, "document.querySelector('.toolbar [role=status]').textContent.includes(' of 80 ')")
        narrowed = status(page)
        until(page, "location.hash.includes('width_1')")
        assert page.locator(NETWORKS).locator("tbody tr").count() == int(narrowed.split()[0])
        label = page.locator("canvas[aria-label^='Error distribution']").get_attribute("aria-label")
        assert f"[{narrowed.split()[0]} |" in label
        address = page.url
        page.locator("#filter").fill("error < 60 and flops >= 1M")
        until(page, "location.hash.includes('error')")
        assert int(status(page).split()[0]) <= int(narrowed.split()[0])
        page.locator("#filter").fill("error <")
        until(page, "document.querySelector('.toolbar .problem')")
        page.locator("#filter").fill("constructor > 1")
        until(page, "document.querySelector('.toolbar .problem').textContent.includes('no column')")
    with page_of(browser, address) as page:
        assert status(page) == narrowed


def test_a_network_is_drawn_and_pinned_by_keys(browser: Any, shown: Any) -> None:
    with page_of(browser, f"{shown.url}/#/look?p=a") as page:
        page.locator(NETWORKS).locator("tbody button").first.focus()
        page.wait_for_selector(".hovered svg")
        page.keyboard.press("Enter")
        page.wait_for_selector(".pins svg")
        assert "pin=a%40" in page.url
        canvas = page.locator("canvas[aria-label^='Error against depth_1.']")
        canvas.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowLeft")
        until(page, "document.querySelector('.range')")
        assert "networks" in page.locator("#announcer").inner_text() or status(page)
        page.keyboard.press("Escape")
        until(page, "!document.querySelector('.range')")


@pytest.mark.parametrize("kind", ["PNG", "SVG", "CSV"])
def test_a_view_is_saved(browser: Any, shown: Any, kind: str, tmp_path: Path) -> None:
    with page_of(browser, f"{shown.url}/#/look?p=a&p=deep/c&r=flops:0:100000000") as page:
        name = "CSV" if kind == "CSV" else f"{kind} of the error distribution"
        with page.expect_download() as saved:
            page.get_by_role("button", name=name, exact=True).click()
        path = tmp_path / "saved"
        saved.value.save_as(path)
        content = path.read_bytes()
        if kind == "CSV":
            lines = content.decode().splitlines()
            assert lines[0].startswith("population,trial,error,failed,flops")
            assert len(lines) - 1 == int(status(page).split()[0])
        else:
            assert content.startswith({"PNG": b"\x89PNG", "SVG": b"<svg"}[kind])


@pytest.mark.parametrize("view", ["populations", "look?p=a&p=deep/c", "refine?p=a", "tree", "trainings", "pick?p=a"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_a_view_is_accessible_and_fits(browser: Any, shown: Any, view: str, width: int, scheme: str) -> None:
    package = pytest.importorskip("axe_playwright_python", reason="no axe here: pip install axe-playwright-python")
    axe = (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    with page_of(browser, f"{shown.url}/#/{view}", width=width, scheme=scheme) as page:
        page.wait_for_timeout(600)
        page.evaluate(axe)  # evaluated by the debugger, which the page's policy does not bind
        found = page.evaluate("axe.run().then((all) => all.violations)")
        short = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]
        assert short == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_with_markup_are_text(browser: Any, start: Start, tmp_path: Path) -> None:
    name = "<img src=x onerror=window.hacked=1>"
    made_population(tmp_path / "runs" / name, "anynetx_e", 24, name="<script>window.hacked=1</script>")
    with start(tmp_path / "runs") as studio, page_of(browser, f"{studio.url}/#/populations") as page:
        page.get_by_role("link", name=name).click()
        page.wait_for_selector("canvas")
        page.wait_for_timeout(300)
        assert page.locator("h1").inner_text() == name
        assert page.evaluate("window.hacked === undefined")


def test_a_growing_population_is_followed_and_survives_a_reload(browser: Any, start: Start, tmp_path: Path) -> None:
    folder = made_population(tmp_path / "runs" / "a", "anynetx_e", 24, done=0.5, failed=0.0)
    with start(tmp_path / "runs") as studio, page_of(browser, f"{studio.url}/#/look?p=a&r=error:0:99") as page:
        assert status(page) == "12 networks"
        with Population.open(folder) as population, population.lock():
            for trial in (12, 13, 14):
                population.begin(trial)
                population.finish(trial, error=20.0 + trial, seconds=1.0, curve=[])
            until(page, "document.querySelector('.toolbar [role=status]').textContent === '15 networks'")
            page.reload()
            page.wait_for_selector(".toolbar [role=status]")
            assert status(page) == "15 networks"
            go(page, f"{studio.url}/#/populations")
            until(page, "document.querySelector('.badge.running')")
            population.finish(15, error=12.0, seconds=1.0, curve=[])
            until(page, "document.body.textContent.includes('16 / 24')")


def wait_for_verdict(page: Any) -> str:
    until(page, "document.querySelector('.verdict-box .badge')", seconds=270)
    until(
        page,
        "/fresh sample|Not confirmed/.test(document.querySelector('.verdict-box .badge').textContent)",
        seconds=270,
    )
    return str(page.locator(".verdict-box .badge").inner_text())


@pytest.mark.parametrize("by", ["mouse", "keys"])
def test_from_a_population_to_a_confirmed_refinement(browser: Any, start: Start, tmp_path: Path, by: str) -> None:
    runs = tmp_path / "runs"
    command = f"netwright sweep anynetx_a --data_dir digits --trials 60 --epochs 1 --workers 1 --out {runs / 'a'}"
    space = load_space("anynetx_a").for_images(8, 10, 1).refine(flops=(2e5, 2e6))
    made_population(runs / "a", space, 60, command=command)
    with start(runs) as studio, page_of(browser, f"{studio.url}/#/populations") as page:
        if by == "mouse":
            page.get_by_role("link", name="a", exact=True).click()
            drag(page, page.locator("canvas[aria-label^='Error against width_1.']"), 0.3, 0.97)
            until(page, "location.hash.includes('width_1')")
            page.get_by_role("link", name="Refine the space from this").click()
            page.get_by_label("one for all stages").first.check()
        else:
            page.get_by_role("link", name="a", exact=True).focus()
            page.keyboard.press("Enter")
            page.wait_for_selector("canvas[aria-label^='Error against width_1.']")
            page.locator("canvas[aria-label^='Error against width_1.']").focus()
            for _ in range(3):
                page.keyboard.press("Alt+ArrowRight")
            until(page, "location.hash.includes('width_1')")
            page.get_by_role("link", name="Refine the space from this").focus()
            page.keyboard.press("Enter")
            page.wait_for_selector("#confirm-name")
            page.get_by_label("Order of width from stage to stage").focus()
            page.keyboard.press("ArrowDown")
        until(page, "document.querySelector('.refine .notice')?.textContent.includes('no confirmation')")
        page.locator("#size-by").select_option("number")
        page.locator("#size-wanted").fill("5")
        until(page, "document.querySelector('.refine').textContent.includes('--trials 5')")
        button = page.get_by_role("button", name="Confirm on a fresh sample")
        until(page, "!document.querySelector('button.main').disabled")
        if by == "mouse":
            button.click()
        else:
            button.focus()
            page.keyboard.press("Enter")
        until(page, "location.hash.startsWith('#/tree')")
        try:
            word = wait_for_verdict(page)
        except Exception:
            print(studio.studio.jobs.log("a-r1"))
            raise
        assert "fresh sample" in word or "Not confirmed" in word
        found = studio.get("verdict", p="a-r1")
        assert found["is_final"]
        assert found["networks"] == [60, 5]
        record = json.loads((runs / "a-r1" / "refinement.json").read_text(encoding="utf-8"))
        assert record["parent"] == "a"
        assert "netwright sweep" in studio.client.get("/api/tree.sh").text
        assert "refined_from: a" in studio.client.get("/api/tree.yaml").text
        deadline = time.monotonic() + 60
        while studio.studio.jobs.all()[0]["state"] != "ended" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert studio.studio.jobs.all()[0]["status"] == 0
