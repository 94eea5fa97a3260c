"use strict";

// ---- charts
const specs = JSON.parse(document.getElementById("specs").textContent);
const font = getComputedStyle(document.body).fontFamily;

function themed(spec) {
  return { ...spec, config: { ...spec.config, background: null, padding: 2, font } };
}

const designed = 850; // what charts/theme.py's WIDTH and its axis take up

// fewer columns and narrower plots where the page is narrow; fills the width where it is wide
function fit(view, width) {
  const children = view.vconcat ?? view.concat ?? [];
  if (view.columns) {
    const across = view.columns;
    const least = across > 3 ? 180 : 240;
    view.columns = Math.max(1, Math.min(across, Math.floor(width / least)));
    const each = Math.floor((width - 16 * (view.columns - 1)) / view.columns) - 44 - Math.round(24 / view.columns);
    for (const child of children) child.width = Math.max(100, Math.min(each, 320));
  } else if (view.width) {
    view.width = Math.max(180, Math.min(view.width, width - (designed - view.width)));
  }
  if (!view.columns) for (const child of children) fit(child, width);
}

async function draw(element) {
  const name = element.dataset.chart;
  const spec = themed(structuredClone(specs[name]));
  element.drawnWidth = element.clientWidth;
  fit(spec, element.drawnWidth - 10);
  const actions = { export: { svg: true, png: true }, source: false, compiled: false, editor: false };
  const options = { mode: "vega-lite", renderer: "svg", actions, downloadFileName: name, scaleFactor: 2 };
  element.result?.finalize();
  element.result = await vegaEmbed(element, spec, options);
}

async function drawAll() {
  for (const element of document.querySelectorAll("[data-chart]")) {
    try {
      await draw(element);
    } catch (error) {
      element.textContent = "This chart could not be drawn: " + error.message;
    }
  }
  document.body.dataset.drawn = "yes";
}

let pending;
window.addEventListener("resize", () => {
  clearTimeout(pending);
  pending = setTimeout(() => {
    const charts = [...document.querySelectorAll("[data-chart]")];
    if (charts.some((chart) => Math.abs(chart.clientWidth - chart.drawnWidth) > 8)) drawAll();
  }, 250);
});

// ---- tables: a click sorts, a second one turns the order; empty cells stay last
function key(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.key ?? cell.textContent;
  const value = Number(text);
  return text === "" ? null : Number.isNaN(value) ? text : value;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

for (const button of document.querySelectorAll(".sortable th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentNode.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const rows = [...body.rows].map((row) => [key(row, head.cellIndex), row]);
    rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b)));
    body.append(...rows.map(([, row]) => row));
  });
}

// ---- copy a command
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const text = button.parentNode.querySelector("code");
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text); // no permission: the reader can press the keys
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// ---- contents: mark the section that is being read
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const section of document.querySelectorAll("section")) seen.observe(section);

drawAll();
