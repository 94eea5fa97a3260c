"""How fast the studio answers with ten thousand trials: the first view, and a brush, in headless Chromium.

Errors are computed, not trained (tests/fixtures/populations.py, seed 0), for a page does not care. Needs playwright and
a Chromium; prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fixtures.populations import made_population
from studio.browser import chromium, page_of
from studio.conftest import running

_STEPS = 40


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--runs", type=Path, help="a folder with a population called big, made before")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        runs = options.runs or Path(temporary) / "runs"
        if options.runs is None:
            made_population(runs / "big", "anynetx_a", options.trials)
        with running(runs, temporary=Path(temporary) / "dropped", look_only=True) as studio, chromium() as browser:
            studio.get("overview")  # as the studio itself does when it starts
            views, brushes = [], []
            for _ in range(3):
                with page_of(browser, f"{studio.url}/#/look?p=big") as page:
                    views.append(float(page.evaluate("document.body.dataset.shownMs")))
                    canvas = page.locator("canvas[aria-label^='Error against width_1.']")
                    canvas.scroll_into_view_if_needed()
                    box = canvas.bounding_box()
                    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
                    page.mouse.down()
                    for step in range(_STEPS):
                        page.mouse.move(box["x"] + box["width"] * (0.32 + 0.6 * step / _STEPS), box["y"] + 60)
                        page.wait_for_timeout(20)
                        brushes.append(float(page.evaluate("document.body.dataset.brushMs ?? 'NaN'")))
                    page.mouse.up()
    known = sorted(each for each in brushes if each == each)
    print(
        json.dumps(
            {
                "trials": options.trials,
                "first_view_ms": views,
                "brush_ms_median": statistics.median(known),
                "brush_ms_95": known[int(0.95 * len(known))],
                "brush_ms_worst": known[-1],
            }
        )
    )


if __name__ == "__main__":
    main()
