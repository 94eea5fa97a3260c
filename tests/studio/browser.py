"""A headless Chromium, where playwright and Chromium are."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped where there is none, with the reason."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: playwright drives the one of the system")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def page_of(
    browser: Any, address: str, *, width: int = 1280, height: int = 900, scheme: str = "light"
) -> Iterator[Any]:
    """A page at an address, shown. It fails where anything was logged as an error, or asked of another server."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    wrong: list[str] = []
    home = address.split("/#")[0]
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith((home, "data:", "blob:")) else wrong.append(request.url),
    )
    go(page, address)
    yield page
    context.close()
    assert wrong == [], wrong


def go(page: Any, address: str) -> None:
    """Open an address and wait until its view is there."""
    page.goto(address)
    page.wait_for_selector("body[data-shown]", timeout=60_000)


def until(page: Any, expression: str, seconds: float = 30.0) -> None:
    """Wait until an expression is true; evaluated by the debugger, for the page's own policy forbids eval."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(f"Boolean({expression})"):
        assert time.monotonic() < deadline, f"never true: {expression}"
        page.wait_for_timeout(40)
