// Look at one population or several: distributions, scatter plots, parallel coordinates and a table, all linked.

import { address, get, getKept } from "./api.js";
import { card } from "./detail.js";
import { announce, command, h, number, percent, probability, problem, save, svgOf } from "./dom.js";
import { EdfPlot } from "./edf.js";
import { ParallelPlot } from "./parallel.js";
import { CanvasSurface, palette, Shifted, SvgSurface } from "./plot.js";
import * as routes from "./route.js";
import { ScatterPlot } from "./scatter.js";
import { Networks } from "./table.js";

const ROWS = 50;
const HOVER_MS = 140;
const TABLE_MS = 60;

export class LookView {
  constructor(route, overview) {
    this.overview = overview;
    this.ranges = new Map(route.ranges);
    this.filter = route.filter;
    this.pins = route.pins;
    this.route = route;
    this.bands = true;
    this.highlighted = -1;
    this.sort = { name: "error", sign: 1 };
    this.rows = ROWS;
    this.element = h("div", { class: "look" });
  }

  get ids() { return this.route.populations; }
  get isNarrowed() { return this.count < this.networks.n; }

  async open() {
    if (!this.ids.length) {
      this.element.append(h("h1", {}, "Look"), h("p", {}, "Choose populations in the ", h("a", { href: "#/populations" }, "list"), "."));
      return;
    }
    await this.load();
    if (!this.networks) return;
    this.build();
    this.judge();
    this.resized = new ResizeObserver(() => this.later());
    this.resized.observe(this.element);
  }

  close() { this.resized?.disconnect(); }

  async load() {
    const found = await Promise.allSettled(this.ids.map((id) => getKept("population", { p: id })));
    const good = found.filter((each) => each.status === "fulfilled").map((each) => each.value);
    this.problems = found.filter((each) => each.status === "rejected").map((each) => each.reason.message);
    if (!good.length) {
      this.element.replaceChildren(h("h1", {}, "Look"), ...this.problems.map(problem));
      return;
    }
    this.networks = new Networks(good);
    this.choose();
  }

  // something changed on disk: the same view of what is there now
  async changed(ids) {
    if (ids && !ids.some((id) => this.ids.includes(id))) return;
    const columns = this.networks?.columns.map((each) => each.name).join();
    await this.load();
    if (!this.networks) return;
    this.highlighted = -1;
    if (columns !== this.networks.columns.map((each) => each.name).join() || !this.edf) this.build();
    else {
      for (const plot of this.plots) if (plot.about) plot.about = this.networks.columns.find((each) => each.name === plot.column);
      this.renderAll();
    }
    clearTimeout(this.judging);
    this.judging = setTimeout(() => this.judge(), 2000);
  }

  choose() {
    this.wrong = "";
    try {
      this.count = this.networks.choose(this.ranges, this.filter);
    } catch (error) {
      this.wrong = error.message;
      this.count = this.networks.choose(this.ranges, "");
    }
  }

  setRange(name, ends) {
    if (ends) this.ranges.set(name, ends);
    else this.ranges.delete(name);
    this.changedSelection();
  }

  changedSelection() {
    if (this.framed) return;
    this.framed = requestAnimationFrame(() => {
      this.framed = 0;
      const began = performance.now();
      this.choose();
      this.renderPlots();
      clearTimeout(this.tabling);
      this.tabling = setTimeout(() => this.renderTable(), TABLE_MS); // after the last step of a brush
      this.brushMs = performance.now() - began;
      document.body.dataset.brushMs = this.brushMs.toFixed(1);
    });
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.keep(), 200);
  }

  keep() { routes.replace({ ...this.route, ranges: this.ranges, filter: this.filter, pins: this.pins }); }

  later() {
    if (this.resizing) return;
    this.resizing = requestAnimationFrame(() => { this.resizing = 0; this.renderAll(); });
  }

  // ---- the page
  build() {
    const { networks } = this;
    this.edf = new EdfPlot(this);
    this.scatters = networks.columns.map((column) => new ScatterPlot(this, column));
    this.parallel = new ParallelPlot(this);
    this.plots = [this.edf, ...this.scatters, this.parallel];
    this.status = h("p", { class: "lead", role: "status" });
    this.rangeList = h("div", { class: "ranges" });
    this.tests = h("div", {}, h("p", { class: "muted" }, "Tests are computed …"));
    this.tableBox = h("div", {});
    this.pinBox = h("div", { class: "pins" });
    this.hoverBox = h("div", { class: "hovered", "aria-live": "off" });
    const title = this.ids.length > 1 ? `${this.ids.length} populations` : this.ids[0];
    this.element.replaceChildren(
      h("h1", {}, title),
      ...this.problems.map(problem),
      ...networks.populations.map((each) => h("p", { class: "muted" }, this.ids.length > 1 ? `${each.id}: ` : "", `${each.space}. ${each.tally}.`)),
      ...networks.populations.flatMap((each) => each.notices.map((text) => h("p", { class: "notice" }, `${each.id}: ${text}.`))),
      this.toolbar(),
      h("section", { class: "card", "aria-label": "Error distribution" }, h("h2", {}, "Error distribution"), this.exports("edf", this.edf), this.edf.element, this.tests),
      h("section", { class: "card", "aria-label": "Error against each column" }, h("h2", {}, "Error against each column"), this.exports("scatter", this.scatters),
        h("p", { class: "muted hint" }, "Drag across a picture to keep a range; a double click or Escape clears it. Green: the good range. Click a point to pin its network."),
        h("div", { class: "grid" }, this.scatters.map((each) => each.element))),
      this.matrix(),
      h("section", { class: "card", "aria-label": "Parallel coordinates" }, h("h2", {}, "Parallel coordinates"), this.exports("parallel", this.parallel), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Parallel coordinates, to scroll" }, this.parallel.element)),
      h("section", { "aria-label": "Networks" }, h("h2", {}, "Networks"), this.pinBox, this.hoverBox, this.tableBox),
      this.failures(),
      this.reportCharts(),
    );
    this.renderAll();
    this.renderPins();
  }

  toolbar() {
    const filter = h("input", { id: "filter", type: "search", value: this.filter, placeholder: "error < 30 and flops <= 400M", autocomplete: "off", spellcheck: "false", oninput: () => { this.filter = filter.value; this.changedSelection(); } });
    const columns = ["error", ...this.networks.columns.map((each) => each.name)];
    const choice = h("select", { id: "add-range" }, columns.map((name) => h("option", { value: name }, name)));
    const add = () => {
      const ends = choice.value === "error" ? this.networks.ends : this.networks.columns.find((each) => each.name === choice.value).ends;
      this.setRange(choice.value, [...ends]);
    };
    const alone = this.ids.length === 1;
    return h("div", { class: "toolbar" },
      h("div", {}, h("label", { for: "filter" }, "Filter "), filter),
      h("div", {}, h("label", { for: "add-range" }, "Range of "), choice, h("button", { type: "button", onclick: add }, "Add")),
      this.rangeList, this.status,
      h("div", { class: "row" },
        h("button", { type: "button", onclick: () => { this.ranges.clear(); this.filter = filter.value = ""; this.changedSelection(); } }, "Clear all"),
        h("button", { type: "button", onclick: () => save("networks.csv", this.networks.csv(), "text/csv") }, "CSV"),
        alone && this.networks.populations[0].can_refine && h("a", { class: "button", href: "#", onclick: (event) => { event.preventDefault(); routes.go({ ...this.route, view: "refine", ranges: this.ranges }); } }, "Refine the space from this"),
        h("a", { class: "button", href: "#", onclick: (event) => { event.preventDefault(); routes.go({ view: "pick", populations: this.ids, pins: this.pins, ranges: this.ranges }); } }, "Pick networks")));
  }

  exports(name, plots) {
    const list = [plots].flat();
    const size = (scale) => {
      const columns = list.length > 1 ? 4 : 1;
      const each = list.length > 1 ? 260 : 820;
      const rows = Math.ceil(list.length / columns);
      return { columns, each, width: columns * each + 20, height: rows * (list[0].height + 10) + 20, scale };
    };
    const draw = (surface, { columns, each }, colors) => list.forEach((plot, i) => {
      plot.laid = "";
      plot.draw(new Shifted(surface, 10 + (i % columns) * each, 10 + Math.floor(i / columns) * (plot.height + 10)), each - 10, colors, true);
      plot.laid = "";
      if (plot === this.parallel) plot.layout(plot.element.clientWidth);
    });
    const svg = () => {
      const about = size(1);
      const colors = palette();
      const surface = new SvgSurface(about.width, about.height, colors.card);
      draw(surface, about, colors);
      this.later();
      save(`${name}.svg`, surface.toString(), "image/svg+xml");
    };
    const png = () => {
      const about = size(2);
      const canvas = h("canvas");
      const colors = palette();
      const surface = new CanvasSurface(canvas, about.width, about.height, 2);
      surface.rect(0, 0, about.width, about.height, colors.card);
      draw(surface, about, colors);
      this.later();
      canvas.toBlob((blob) => save(`${name}.png`, blob, "image/png"));
    };
    const label = { edf: "error distribution", scatter: "scatter plots", parallel: "parallel coordinates" }[name];
    return h("div", { class: "exports" }, ["PNG", "SVG"].map((kind) => h("button", { type: "button", class: "quiet", "aria-label": `${kind} of the ${label}`, onclick: kind === "PNG" ? png : svg }, kind)));
  }

  // any column against any other, on demand: all of them would be hundreds of pictures
  matrix() {
    const names = this.networks.columns;
    const box = h("div", { class: "grid" });
    const chosen = new Set();
    const redraw = () => {
      const picked = names.filter((each) => chosen.has(each.name));
      this.pairs = picked.flatMap((y, i) => picked.filter((_, j) => j !== i).map((x) => new ScatterPlot(this, x, y)));
      box.replaceChildren(...this.pairs.map((each) => each.element));
      this.renderAll();
    };
    this.pairs = [];
    const boxes = names.map((each) => h("label", { class: "check" }, h("input", { type: "checkbox", onchange: (event) => { chosen[event.target.checked ? "add" : "delete"](each.name); redraw(); } }), each.name));
    return h("details", { class: "card" }, h("summary", {}, "Columns against each other"), h("div", { class: "row checks" }, boxes), box);
  }

  failures() {
    const rows = this.networks.populations.flatMap((each) => each.failures.map((failure) => ({ id: each.id, ...failure })));
    if (!rows.length) return null;
    return h("details", { class: "card" }, h("summary", {}, `${rows.length.toLocaleString("en")} failed trials`),
      h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Failed trials" }, h("table", {},
        h("thead", {}, h("tr", {}, ["population", "trial", "whose fault", "reason"].map((each) => h("th", { scope: "col" }, each)))),
        h("tbody", {}, rows.slice(0, 200).map((each) => h("tr", {}, h("td", {}, each.id), h("td", {}, h("button", { type: "button", class: "link", onclick: () => this.pinTrial(each.id, each.trial) }, String(each.trial))), h("td", {}, each.failure), h("td", { class: "reason" }, each.reason)))))));
  }

  reportCharts() {
    const box = h("div", { class: "report-chart" });
    const choice = h("select", { id: "chart" }, h("option", { value: "" }, "choose one"), this.overview.charts.map((name) => h("option", { value: name }, name)));
    choice.addEventListener("change", async () => {
      if (!choice.value) return box.replaceChildren();
      box.replaceChildren(h("p", { class: "muted" }, "It is drawn …"));
      try {
        const found = await get(`chart/${choice.value}.json`, { p: this.ids });
        box.replaceChildren(svgOf(found.svg), ...found.sentences.map((text) => h("p", {}, text)),
          h("p", {}, ["png", "svg"].map((kind) => h("a", { class: "button", href: address(`chart/${choice.value}.${kind}`, { p: this.ids }) }, kind.toUpperCase()))));
      } catch (error) {
        box.replaceChildren(problem(error.message));
      }
    });
    return h("section", { class: "card", "aria-label": "Charts of the report" }, h("h2", {}, "Charts of the report"), h("p", {}, h("label", { for: "chart" }, "Chart "), choice), box);
  }

  // ---- what a selection changes
  renderAll() {
    if (!this.edf) return;
    this.renderPlots();
    this.renderTable();
  }

  renderPlots() {
    for (const plot of [...this.plots, ...this.pairs]) plot.render();
    this.renderStatus();
  }

  renderStatus() {
    const all = this.networks.n.toLocaleString("en");
    const text = this.wrong ? `The filter: ${this.wrong}` : this.isNarrowed ? `${this.count.toLocaleString("en")} of ${all} networks are left` : `${all} networks`;
    if (this.status.textContent !== text) this.status.textContent = text;
    this.status.classList.toggle("problem", Boolean(this.wrong));
    const names = [...this.ranges.keys()].join("|");
    if (this.listed !== names) {
      this.listed = names;
      this.rangeList.replaceChildren(...[...this.ranges.keys()].map((name) => this.rangeInputs(name)));
    }
    for (const [name, ends] of this.ranges) {
      ends.forEach((end, i) => {
        const input = this.rangeList.querySelector(`[data-range="${CSS.escape(name)}"][data-end="${i}"]`);
        if (input && document.activeElement !== input) input.value = Number(end.toPrecision(5));
      });
    }
  }

  rangeInputs(name) {
    const input = (i) => h("input", { type: "number", step: "any", "aria-label": `${i ? "highest" : "lowest"} ${name}`, "data-range": name, "data-end": String(i), onchange: (event) => {
      const ends = [...this.ranges.get(name)];
      if (event.target.value !== "") ends[i] = Number(event.target.value);
      this.setRange(name, [Math.min(...ends), Math.max(...ends)]);
    } });
    return h("span", { class: "range" }, h("b", {}, name), input(0), "to", input(1), h("button", { type: "button", class: "quiet close", "aria-label": `Clear the range of ${name}`, onclick: () => this.setRange(name, null) }, "×"));
  }

  renderTable() {
    const { networks } = this;
    const columns = [{ name: "trial" }, { name: "error" }, ...networks.columns];
    const order = [];
    for (let i = 0; i < networks.n; i++) if (networks.mask[i]) order.push(i);
    const values = networks.values[this.sort.name] ?? networks.values.error;
    const alone = networks.populations.length === 1;
    // one population is in the order of its errors already
    if (!(alone && this.sort.name === "error" && this.sort.sign > 0)) {
      order.sort((a, b) => networks.failed[a] - networks.failed[b] || this.sort.sign * (values[a] - values[b]) || a - b);
    }
    const shown = order.slice(0, this.rows);
    const heads = columns.map(({ name }) => h("th", { scope: "col", "aria-sort": this.sort.name === name ? (this.sort.sign > 0 ? "ascending" : "descending") : "none" },
      h("button", { type: "button", onclick: () => { this.sort = { name, sign: this.sort.name === name ? -this.sort.sign : 1 }; this.renderTable(); } }, name)));
    const body = shown.map((row) => h("tr", { onpointerenter: (event) => this.highlight(row, event, true), onpointerleave: () => this.highlight(-1) },
      !alone && h("td", {}, networks.id(row)),
      columns.map(({ name }) => h("td", {}, name === "trial"
        ? h("button", { type: "button", class: "link", "aria-label": `Pin trial ${networks.values.trial[row]}`, onfocus: () => this.highlight(row, null, true), onclick: () => this.pin(row) }, String(networks.values.trial[row]))
        : name === "error" ? (networks.failed[row] ? "failed" : percent(networks.values.error[row])) : number(networks.values[name][row])))));
    const focus = this.tableBox.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.tableBox.replaceChildren(
      h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Networks, best first" },
        h("table", { class: "numbers sortable" }, h("thead", {}, h("tr", {}, !alone && h("th", { scope: "col" }, "population"), heads)), h("tbody", {}, body))),
      order.length > shown.length && h("button", { type: "button", onclick: () => { this.rows += 200; this.renderTable(); } }, `Show more of ${order.length.toLocaleString("en")}`) || "");
    if (focus) [...this.tableBox.querySelectorAll("button")].find((each) => each.textContent === focus)?.focus();
  }

  // ---- one network
  highlight(row, event, isListed = false) {
    if (row === this.highlighted) return;
    this.highlighted = row;
    const tip = document.getElementById("tip");
    tip.hidden = row < 0 || !event || isListed;
    if (!tip.hidden) {
      const { networks } = this;
      tip.textContent = `${this.ids.length > 1 ? `${networks.id(row)}, ` : ""}trial ${networks.values.trial[row]}: ${networks.failed[row] ? "failed" : `${percent(networks.values.error[row])}%`}`;
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 190)}px`;
      tip.style.top = `${event.clientY + 14}px`;
    }
    if (!this.framed) requestAnimationFrame(() => { for (const plot of [...this.plots, ...this.pairs]) plot.render(); });
    clearTimeout(this.hovering);
    if (row < 0) {
      this.hovering = setTimeout(() => this.hoverBox.replaceChildren(), 2 * HOVER_MS);
      return;
    }
    this.hovering = setTimeout(async () => {
      const shown = await this.cardOf(this.networks.id(row), this.networks.values.trial[row], { brief: true });
      if (this.highlighted === row) this.hoverBox.replaceChildren(shown);
    }, HOVER_MS);
  }

  cardOf(id, trial, more) {
    const population = this.networks.populations.find((each) => each.id === id);
    return card(id, trial, population?.mark ?? "", more);
  }

  pinnedRows() {
    return this.pins.map(({ id, trial }) => this.networks.row(id, trial)).filter((row) => row >= 0);
  }

  pin(row) { this.pinTrial(this.networks.id(row), this.networks.values.trial[row]); }

  pinTrial(id, trial) {
    const place = this.pins.findIndex((each) => each.id === id && each.trial === trial);
    if (place >= 0) this.pins.splice(place, 1);
    else this.pins.push({ id, trial });
    announce(place >= 0 ? `trial ${trial} is unpinned` : `trial ${trial} is pinned`);
    this.keep();
    this.renderPins();
    this.later();
  }

  async renderPins() {
    const cards = await Promise.all(this.pins.map(({ id, trial }) => this.cardOf(id, trial, { onUnpin: () => this.pinTrial(id, trial) })));
    this.pinBox.replaceChildren(...cards);
  }

  // ---- tests and good ranges, which take a moment
  async judge() {
    try {
      const found = await get("tests", { p: this.ids });
      const bands = Object.entries(found.bands).map(([name, half]) => `${name} ±${(100 * half).toFixed(1)} points of share`);
      this.tests.replaceChildren(
        found.unlike ? h("p", { class: "notice" }, found.unlike) : "",
        found.pairs.length ? testTable(found.pairs) : "",
        h("p", { class: "muted" }, `Tests and bands are of all networks, whatever is chosen above. Shaded: the 95% band of each distribution as a whole (${bands.join("; ")}). ${found.text}`),
        command(found.command));
    } catch (error) {
      this.tests.replaceChildren(problem(error.message));
    }
    if (this.ids.length !== 1) return;
    try {
      const found = await get("relevance", { p: this.ids[0] });
      this.good = Object.fromEntries(found.parameters.filter((each) => each.good).map((each) => [each.name, each.good]));
      this.renderAll();
    } catch { /* the pictures are there without the good ranges */ }
  }
}

export function testTable(pairs) {
  const heads = ["pair", "difference of means", "95% interval", "p", "KS D", "KS p", "wins"];
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Tests" }, h("table", { class: "numbers" },
    h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, pairs.map((each) => h("tr", {}, h("td", {}, `${each.names[1]} − ${each.names[0]}`), h("td", {}, signed(each.difference)),
      h("td", {}, each.interval ? `${signed(each.interval[0])} to ${signed(each.interval[1])}` : "none"), h("td", {}, probability(each.p)),
      h("td", {}, each.ks.toFixed(3)), h("td", {}, probability(each.ks_p)), h("td", {}, `${Math.round(100 * each.superiority)}%`))))),
    pairs.map((each) => h("p", { class: `verdict ${each.verdict}` }, each.text)));
}

export const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
