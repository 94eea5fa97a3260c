"""The page in a real browser: by mouse, by keyboard, on a phone, while a sweep runs, and for a screen reader."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fixtures.populations import made_population
from studio.browser import chromium, go, page_of, until

from netwright.analysis.where import matches
from netwright.errors import StatsError
from netwright.population import Population
from netwright.space import load_space

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
COMPILED = """async ([columns, expressions]) => {
    const { compile } = await import("/static/expression.js");
    return expressions.map((text) => {
        try {
            const test = compile(text, columns);
            return columns.error.map((_, i) => Boolean(test(i)));
        } catch (error) {
            return error.message;
        }
    });
}"""
NETWORKS = "[aria-label='Networks, best first']"
Start = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Another page on this machine; its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


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
        until(page, "location.hash.includes('width_1')")
        # the table follows once the brush rests
        rows = "document.querySelectorAll('.sortable tbody tr').length"
        until(page, f"parseInt(document.querySelector('.toolbar [role=status]').textContent) === {rows}")
        narrowed = status(page)
        assert page.locator(NETWORKS).locator("tbody tr").count() == int(narrowed.split()[0])
        assert "sort" not in page.url  # it is in no other order than that of errors
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


def test_every_picture_of_every_view_is_saved(browser: Any, full: Any, tmp_path: Path) -> None:
    begins = {"PNG": b"\x89PNG", "SVG": b"<svg"}
    for view, pictures in (
        ("populations", 1),
        ("look?p=a&p=a-r1&r=flops:0:100000000&v=columns:flops,width_1&pin=a@43", 6),
        ("refine?p=a&r=width_1:60:900", 1),
        ("tree", 1),
        ("pick?p=a", 3),
        ("trainings?p=a-t1&p=a-t2", 2),
    ):
        with page_of(browser, f"{full.url}/#/{view}") as page:
            page.wait_for_function("document.querySelectorAll('.exports').length > 0")
            if "pin" in view:
                page.wait_for_selector(".pins .exports")
            buttons = page.locator(".exports button:visible")
            assert page.locator(".exports:visible").count() == pictures, view
            for button in buttons.all():
                with page.expect_download() as saved:
                    button.click()
                saved.value.save_as(tmp_path / "saved")
                content = (tmp_path / "saved").read_bytes()
                kind = button.inner_text()
                assert content.startswith(begins.get(kind, b"")), (view, button.get_attribute("aria-label"))
                if kind == "CSV":
                    lines = content.decode().splitlines()
                    assert len(lines) > 1
                    assert {line.count(",") for line in lines} == {lines[0].count(",")}
            if view.startswith("look"):
                with page.expect_download() as saved:
                    page.get_by_role("button", name="CSV", exact=True).click()
                saved.value.save_as(tmp_path / "saved")
                lines = (tmp_path / "saved").read_text(encoding="utf-8").splitlines()
                assert lines[0].startswith("population,trial,error,failed,flops")
                assert len(lines) - 1 == int(status(page).split()[0])


def test_an_address_holds_all_that_a_view_shows(browser: Any, full: Any) -> None:
    address = f"{full.url}/#/look?p=a&r=width_1:60:900&f=flops<%3D4G&pin=a%4043&v=sort:flops:-1&v=columns:flops,width_1"
    with page_of(browser, address) as page:
        page.wait_for_selector(".pins article")
        until(page, "document.querySelectorAll('details[open] canvas').length === 2")
        assert page.locator("th[aria-sort=descending]").inner_text() == "flops"
        until(page, "document.querySelector('.command code')?.textContent.includes('--where')")
        shown = page.locator(".command code").first.inner_text()
        assert shown.endswith("--where 'flops<=4G and width_1 >= 60 and width_1 <= 900'")
        page.locator("[data-key='sort error']").click()
        until(page, "!location.hash.includes('sort')")
        page.get_by_role("link", name="Refine the space from this").click()
        page.wait_for_selector("#confirm-name")
        assert page.get_by_label("highest flops").input_value() == "4000000000"  # the filter is a range
        page.get_by_label("Seed").fill("7")
        page.get_by_label("Name").fill("mine")
        until(page, "location.hash.includes('confirm-name')")
        address = page.evaluate("location.href")
    with page_of(browser, address) as page:
        assert page.get_by_label("Seed").input_value() == "7"
        until(page, "document.querySelector('.refine').textContent.includes('runs/mine --trials 82 --seed 7')")
        go(page, f"{full.url}/#/populations?p=a&p=a-r1")
        until(page, "document.querySelector('.command code')?.textContent.startsWith('netwright compare ')")


def test_a_filter_means_the_same_here_and_in_commands(browser: Any, full: Any) -> None:
    opened = full.studio.populations.open("a")
    rows = opened.view.counted
    names = ["error", "flops", "width_1", "depth_2"]
    columns = {name: rows[name].to_numpy(float) for name in names}
    expressions = [
        "error < 50",
        "not error < 50 and width_1 >= 64",
        "1 < depth_2 < 8 or flops > 1G",
        "-width_1 + 2 * width_1 == width_1",
        "(error > 50 or depth_2 = 3) && flops / width_1 <= 10M",
        "!(error < 60)",
        "width_1 - depth_2 > .5k",
        "error",
    ]
    wrong = [
        "error <",
        "nothing > 1",
        "(error > 1",
        "error > 1)",
        "error $ 1",
        "* error",
        "(" * 60 + "error" + ")" * 60,
    ]
    with page_of(browser, f"{full.url}/#/populations") as page:
        found = page.evaluate(
            COMPILED,
            [{name: values.tolist() for name, values in columns.items()}, expressions + wrong],
        )
    for expression, own in zip(expressions, found, strict=False):
        assert own == matches(expression, columns).tolist(), expression
    for expression, own in zip(wrong, found[len(expressions) :], strict=True):
        assert isinstance(own, str), expression
        with pytest.raises(StatsError):
            matches(expression, columns)


def violations(page: Any, axe: str) -> list[Any]:
    page.evaluate(axe)  # evaluated by the debugger, which the page's policy does not bind
    found = page.evaluate("axe.run().then((all) => all.violations)")
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]


@pytest.fixture(scope="module")
def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="no axe here: pip install axe-playwright-python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "view",
    [
        "populations?p=a",
        "look?p=a&p=a-r1&v=columns:flops,width_1&v=open:failures&pin=a@43",
        "refine?p=a&r=width_1:60:900",
        "tree",
        "trainings?p=a-t1&p=a-t2",
        "pick?p=a&pin=a@43",
    ],
)
def test_a_view_is_accessible_and_fits_in_light_and_dark_and_on_a_phone(
    browser: Any, full: Any, axe: str, view: str
) -> None:
    with page_of(browser, f"{full.url}/#/{view}") as page:
        page.wait_for_timeout(600)
        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light")):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            if (width, scheme) != (390, "dark"):  # colors and elements that were looked at
                assert violations(page, axe) == [], (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, scheme)


def test_a_range_can_be_cleared_on_a_phone(browser: Any, full: Any) -> None:
    with page_of(browser, f"{full.url}/#/look?p=a") as page:
        page.get_by_role("button", name="Add", exact=True).wait_for()
        page.set_viewport_size({"width": 390, "height": 900})
        page.get_by_label("Range of").first.select_option("bottleneck_4")
        page.get_by_role("button", name="Add", exact=True).click()
        box = page.get_by_role("button", name="Clear the range of bottleneck_4").bounding_box()
        assert box["x"] + box["width"] <= 390


def test_dialogs_are_accessible_and_show_their_command(browser: Any, full: Any, axe: str) -> None:
    with page_of(browser, f"{full.url}/#/populations") as page:
        for name, command in (
            ("Start a sweep", "netwright sweep anynetx_a --out "),
            ("Extend a", "--trials 160"),
            ("Continue a-r2", "--trials 40"),
        ):
            page.get_by_role("button", name=name, exact=True).click()
            page.get_by_role("dialog").get_by_text(command).wait_for()
            assert violations(page, axe) == [], name
            page.keyboard.press("Escape")
            assert page.get_by_role("dialog").count() == 0


def test_names_with_markup_are_text(browser: Any, start: Start, tmp_path: Path) -> None:
    name = "<img src=x onerror=window.hacked=1>"
    made_population(tmp_path / "runs" / name, "anynetx_e", 24, name="<script>window.hacked=1</script>")
    with start(tmp_path / "runs") as studio, page_of(browser, f"{studio.url}/#/populations") as page:
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_selector("canvas")
        page.wait_for_timeout(300)
        assert page.locator("h1").inner_text() == name
        assert page.evaluate("window.hacked === undefined")


def test_a_foreign_page_changes_and_reads_nothing(browser: Any, start: Start, tmp_path: Path) -> None:
    made_population(tmp_path / "runs" / "a", "anynetx_e", 12, done=0.5)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "index.html").write_text("<title>foreign</title>", encoding="utf-8")
    with start(tmp_path / "runs") as studio, serving(foreign) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        found = page.evaluate(
            """async (studio) => {
                const said = [];
                const wanted = { "files?name=evil.csv": "error", job: '{"id": "a", "wish": "stop"}' };
                for (const [path, body] of Object.entries(wanted)) {
                    // sent, whatever becomes of its answer
                    await fetch(`${studio}/api/${path}`, { method: "POST", mode: "no-cors", body }).catch(() => null);
                    try {
                        const headers = { "x-netwright-studio": "1", "content-type": "application/json" };
                        await fetch(`${studio}/api/${path}`, { method: "POST", headers, body });
                        said.push("allowed");
                    } catch { said.push("refused"); }
                }
                try { said.push(await (await fetch(`${studio}/api/overview`)).text()); } catch { said.push("unread"); }
                return said;
            }""",
            studio.url,
        )
        context.close()
        assert found == ["refused", "refused", "unread"]
        assert [line["id"] for line in studio.get("overview")["populations"]] == ["a"]
        assert not (tmp_path / "runs" / "a" / "sweep-control.json").exists()


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


def test_from_a_population_to_a_confirmed_refinement(browser: Any, start: Start, tmp_path: Path) -> None:
    """By mouse; by keys alone it is in test_walk.py."""
    runs = tmp_path / "runs"
    command = f"netwright sweep anynetx_a --data_dir digits --trials 60 --epochs 1 --workers 1 --out {runs / 'a'}"
    space = load_space("anynetx_a").for_images(8, 10, 1).refine(flops=(2e5, 2e6))
    made_population(runs / "a", space, 60, command=command)
    with start(runs) as studio, page_of(browser, f"{studio.url}/#/populations") as page:
        page.get_by_role("link", name="a", exact=True).click()
        drag(page, page.locator("canvas[aria-label^='Error against width_1.']"), 0.3, 0.97)
        until(page, "location.hash.includes('width_1')")
        page.get_by_role("link", name="Refine the space from this").click()
        page.get_by_label("one for all stages").first.check()
        until(page, "document.querySelector('.refine .notice')?.textContent.includes('no confirmation')")
        page.locator("#size-by").select_option("number")
        page.locator("#size-wanted").fill("5")
        until(page, "document.querySelector('.refine').textContent.includes('--trials 5')")
        button = page.get_by_role("button", name="Confirm on a fresh sample")
        until(page, "!document.querySelector('button.main').disabled")
        button.click()
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
