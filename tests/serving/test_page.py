"""The page at /, in a real browser that is driven over its debugging port."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from netwright.serving import Client
from netwright.serving.supervisor.process import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# drops an image made in the page itself, waits for the answer, and leaves what it saw in the document
_SCRIPT = """
<script>
(async () => {
  const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
  const until = async (test) => { for (let i = 0; i < 400 && !test(); i++) await pause(0.02); };
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 40;
  canvas.getContext("2d").fillRect(5, 5, 20, 20);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const drop = (content, name) => {
    const data = new DataTransfer();
    data.items.add(new File([content], name, { type: "image/png" }));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  };
  const seen = {};
  await until(() => document.querySelector("#model").value);
  seen.model = document.querySelector("#model").selectedOptions[0].textContent;
  drop(blob, "it's.png");
  await until(() => document.querySelector("#status").textContent.includes(" ms"));
  seen.names = [...document.querySelectorAll("#answer tr td:first-child")].map((cell) => cell.textContent);
  seen.shares = [...document.querySelectorAll("#answer td.share")].map((cell) => parseFloat(cell.textContent));
  seen.curl = document.querySelector("#curl").textContent;
  seen.token = document.querySelector("#token").offsetParent !== null;
  const [inside, box] = ["#drop span", "#drop"].map((name) => document.querySelector(name).getBoundingClientRect());
  seen.framed = inside.left > box.left && inside.top > box.top && inside.bottom < box.bottom;
  seen.width = document.documentElement.scrollWidth <= innerWidth;
  document.querySelector("#copy").click();
  await until(() => document.querySelector("#copy").textContent !== "Copy the command");
  seen.copied = document.querySelector("#copy").textContent;
  drop(new Blob(["words"]), "words.png");
  await until(() => document.querySelector("#status").className === "bad");
  seen.bad = document.querySelector("#status").textContent;
  seen.left = document.querySelectorAll("#answer tr").length;
  const pre = document.createElement("pre");
  pre.id = "seen";
  pre.textContent = JSON.stringify(seen);
  document.body.append(pre);
})();
</script>
"""


@contextmanager
def with_script(monkeypatch: pytest.MonkeyPatch, script: str, place: str = "</body>") -> Iterator[None]:
    """The very page, with a script of the test's at its end, or at its beginning."""
    from netwright.serving.http import handlers

    whole = handlers._page
    with monkeypatch.context() as patch:
        patch.setattr(
            handlers, "_page", lambda: whole().replace(place, f"{script}{place}" if "/" in place else place + script)
        )
        yield


def browse(address: str, profile: Path) -> dict[str, Any]:
    """What the page's script left in the document."""
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--window-size=420,900",
            "--virtual-time-budget=20000",
            "--dump-dom",
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(html.unescape(found[1]))
    return seen


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_an_image_is_dropped_and_answered(
    serving: object, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_script(monkeypatch, _SCRIPT), serving(weights) as server:  # type: ignore[operator]
        seen = browse(f"http://127.0.0.1:{server.port}/", tmp_path)
        assert seen["model"] == "tiny, version 1"
        assert sorted(seen["names"]) == sorted(("tabby, cat", 'the "dog"', "elk"))
        assert sum(seen["shares"]) == pytest.approx(100, abs=0.3)
        assert "it'\\''s.png" in seen["curl"]
        assert f"http://127.0.0.1:{server.port}/predict" in seen["curl"]
        assert seen["copied"] != "Copy the command"
        assert "no image" in seen["bad"]
        assert (seen["left"], seen["width"], seen["framed"], seen["token"]) == (0, True, True, False)


def test_the_page_loads_nothing_from_elsewhere(server: Server) -> None:
    with Client(f"http://127.0.0.1:{server.port}") as client:
        body, headers = client.request("GET", "/")
    text = resources.files("netwright.serving").joinpath("assets/page.html").read_text(encoding="utf-8")
    assert body.decode() == text
    assert "://" not in text
    assert not re.search(r"(src|href)\s*=\s*[\"']", text)
    assert "default-src 'none'" in headers["content-security-policy"]


# the page's first list of models has one of two; later ones are the server's
_LATER = """
<script>
const real = window.fetch;
let looks = 0;
window.fetch = async (...words) => {
  const answer = await real(...words);
  if (!String(words[0]).endsWith("/index") || looks++) return answer;
  return new Response(JSON.stringify((await answer.json()).slice(0, 1)), { status: 200 });
};
(async () => {
  const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
  const until = async (test) => { for (let i = 0; i < 600 && !test(); i++) await pause(0.02); };
  const models = () => [...document.querySelectorAll("#model option")].map((each) => each.textContent);
  const seen = {};
  await until(() => document.querySelector("#model") && document.querySelector("#model").value);
  seen.before = models();
  await until(() => models().length > 1);
  seen.after = models();
  seen.kept = document.querySelector("#model").selectedOptions[0].textContent;
  document.querySelector("#model").selectedIndex = 1;
  document.querySelector("#model").dispatchEvent(new Event("change"));
  seen.curl = document.querySelector("#curl").textContent;
  const pre = document.createElement("pre");
  pre.id = "seen";
  pre.textContent = JSON.stringify(seen);
  document.body.append(pre);
})();
</script>
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_new_model_is_listed_without_a_reload_and_can_be_chosen(
    serving: object, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / "models" / name / "1").mkdir(parents=True)
        shutil.copy(weights, tmp_path / "models" / name / "1" / "w.safetensors")
    with with_script(monkeypatch, _LATER, "<body>"), serving(tmp_path / "models") as server:  # type: ignore[operator]
        seen = browse(f"http://127.0.0.1:{server.port}/", tmp_path / "browser")
    assert (seen["before"], seen["after"]) == (["cats, version 1"], ["cats, version 1", "dogs, version 1"])
    assert seen["kept"] == "cats, version 1"
    assert "model=dogs" in seen["curl"]
