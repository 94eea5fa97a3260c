// Parts of the view of populations that are opened on demand: columns against each other, failed trials, charts of the
// report.

import { address, get } from "./api.js";
import { command, h, problem, svgOf } from "./dom.js";
import { exportButtons } from "./pictures.js";
import { Shifted } from "./plot.js";
import { ScatterPlot } from "./scatter.js";

const MOST_FAILURES = 200;
const ACROSS = 4; // pictures beside each other in a file
const EACH = 260; // pixels of one of them

// one picture for a file, or several in a grid
export function savedPlots(owner, name, label, listed, csv) {
  const layout = () => {
    const plots = listed();
    const [columns, each] = plots.length > 1 ? [ACROSS, EACH] : [1, 820];
    return { plots, columns, each, width: columns * each + 20, height: Math.ceil(plots.length / columns) * ((plots[0]?.height ?? 0) + 10) + 20 };
  };
  const draw = (surface, colors) => {
    const { plots, columns, each } = layout();
    plots.forEach((plot, i) => {
      plot.laid = "";
      plot.axes = null;
      plot.draw(new Shifted(surface, 10 + (i % columns) * each, 10 + Math.floor(i / columns) * (plot.height + 10)), each - 10, colors, true);
      plot.laid = "";
      plot.axes = null;
    });
    owner.later();
  };
  return exportButtons({ name, label, size: layout, draw, csv });
}

// any column against any other, on demand: all of them would be hundreds of pictures
export function matrix(owner, chosen) {
  const names = owner.networks.columns;
  const box = h("div", { class: "grid" });
  const saved = savedPlots(owner, "columns", "columns against each other", () => owner.pairs, () => owner.networks.csv());
  const redraw = () => {
    const picked = names.filter((each) => chosen.has(each.name));
    owner.pairs = picked.flatMap((y, i) => picked.filter((_, j) => j !== i).map((x) => new ScatterPlot(owner, x, y)));
    saved.hidden = !owner.pairs.length;
    box.replaceChildren(...owner.pairs.map((each) => each.element));
  };
  const boxes = names.map((each) => h("label", { class: "check" }, h("input", { type: "checkbox", checked: chosen.has(each.name), onchange: (event) => { chosen[event.target.checked ? "add" : "delete"](each.name); redraw(); owner.keep(); owner.later(); } }), each.name));
  redraw();
  return h("details", { class: "card", open: chosen.size > 0 }, h("summary", {}, "Columns against each other"), h("div", { class: "row checks" }, boxes), saved, box);
}

export function failures(owner, isOpen) {
  const rows = owner.networks.populations.flatMap((each) => each.failures.map((failure) => ({ id: each.id, ...failure })));
  if (!rows.length) return null;
  const reasons = new Map();
  for (const each of rows) reasons.set(each.reason, (reasons.get(each.reason) ?? 0) + 1);
  const commonest = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([reason, n]) => `${n} × ${reason || "no reason is known"}`);
  return h("details", { class: "card", open: isOpen, ontoggle: (event) => { owner.values.set("open", event.target.open ? "failures" : ""); owner.keep(); } }, h("summary", {}, `${rows.length.toLocaleString("en")} failed trials`),
    h("p", { class: "muted" }, `${commonest.join("; ")}. A trial's number opens its network, its curve until then, and where it ran.`),
    h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Failed trials" }, h("table", {},
      h("thead", {}, h("tr", {}, ["population", "trial", "whose fault", "attempts", "reason"].map((each) => h("th", { scope: "col" }, each)))),
      h("tbody", {}, rows.slice(0, MOST_FAILURES).map((each) => h("tr", {}, h("td", {}, each.id), h("td", {}, h("button", { type: "button", class: "link", "aria-label": `Pin trial ${each.trial} of ${each.id}`, onclick: () => owner.pinTrial(each.id, each.trial) }, String(each.trial))), h("td", {}, each.failure), h("td", {}, String(each.attempts ?? "")), h("td", { class: "reason" }, each.reason)))))),
    h("div", { class: "row" }, owner.networks.populations.map((each) => h("button", { type: "button", class: "quiet", onclick: (event) => log(event, each.id) }, `The log of ${each.id}`))));
}

async function log(event, id) {
  const place = h("div", {});
  event.target.replaceWith(place);
  try {
    const found = await get("log", { p: id });
    place.append(found.log ? h("pre", { class: "log", tabindex: "0", "aria-label": `Log of ${id}` }, found.log) : h("p", { class: "muted" }, `${id} was not started by this studio, so what it printed is in its terminal. The reasons above are all that it keeps.`));
  } catch (error) {
    place.append(problem(error.message));
  }
}

export function reportCharts(owner, chosen) {
  const box = h("div", { class: "report-chart", tabindex: "0", role: "region", "aria-label": "The chart" });
  const choice = h("select", { id: "chart" }, h("option", { value: "" }, "choose one"), owner.overview.charts.map((name) => h("option", { value: name, selected: name === chosen }, name)));
  const show = async () => {
    if (!choice.value) return box.replaceChildren();
    box.replaceChildren(h("p", { class: "muted" }, "It is drawn …"));
    try {
      const found = await get(`chart/${choice.value}.json`, { p: owner.ids });
      box.replaceChildren(svgOf(found.svg), ...found.sentences.map((text) => h("p", {}, text)),
        h("p", {}, ["png", "svg", "csv"].map((kind) => h("a", { class: "button", href: address(`chart/${choice.value}.${kind}`, { p: owner.ids }) }, kind.toUpperCase()))), command(found.command));
    } catch (error) {
      box.replaceChildren(problem(error.message));
    }
  };
  choice.addEventListener("change", () => { owner.values.set("chart", choice.value); owner.keep(); show(); });
  if (chosen) show();
  return h("section", { class: "card", "aria-label": "Charts of the report" }, h("h2", {}, "Charts of the report"), h("p", {}, h("label", { for: "chart" }, "Chart "), choice), box);
}
