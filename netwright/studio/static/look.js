// Look at one population or several: distributions, scatter plots, parallel coordinates and a table, all linked.

import { get, getKept } from "./api.js";
import { card } from "./detail.js";
import { announce, command, h, percent, problem, save } from "./dom.js";
import { EdfPlot } from "./edf.js";
import { expressionOf } from "./expression.js";
import { failures, matrix, reportCharts, savedPlots } from "./look_parts.js";
import { NetworksTable } from "./networks_table.js";
import { ParallelPlot } from "./parallel.js";
import { csvOf } from "./pictures.js";
import * as routes from "./route.js";
import { ScatterPlot } from "./scatter.js";
import { Networks } from "./table.js";
import { testTable } from "./differences.js";

const HOVER_MS = 140;
const TABLE_MS = 60;
const JUDGE_MS = 400;

export class LookView {
  constructor(route, overview) {
    this.overview = overview;
    this.ranges = new Map(route.ranges);
    this.filter = route.filter;
    this.pins = route.pins;
    this.values = new Map(route.values);
    this.columns = new Set((route.values.get("columns") ?? "").split(",").filter(Boolean));
    this.route = route;
    this.bands = true;
    this.highlighted = -1;
    this.pairs = [];
    this.table = new NetworksTable(this, route.values.get("sort") ?? "");
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

  close() {
    this.isClosed = true;
    clearTimeout(this.judging);
    this.resized?.disconnect();
  }

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
    this.good = null; // the good ranges are computed anew
    this.judgeSoon(5 * JUDGE_MS);
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
      this.renderPlots(true);
      clearTimeout(this.tabling);
      // after the last step of a brush
      this.tabling = setTimeout(() => { this.renderPlots(); this.renderTable(); }, TABLE_MS);
      this.brushMs = performance.now() - began;
      document.body.dataset.brushMs = this.brushMs.toFixed(1);
    });
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.keep(), 200);
    this.judgeSoon(JUDGE_MS);
  }

  keep() {
    if (this.isClosed) return;
    this.values.set("sort", this.table.sorted).set("columns", [...this.columns].join());
    routes.replace({ ...this.route, ranges: this.ranges, filter: this.filter, pins: this.pins, values: this.values });
  }

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
    this.pinBox = h("div", { class: "pins" });
    this.hoverBox = h("div", { class: "hovered", "aria-live": "off" });
    const title = this.ids.length > 1 ? `${this.ids.length} populations` : this.ids[0];
    this.element.replaceChildren(
      h("h1", {}, title),
      ...this.problems.map(problem),
      ...networks.populations.map((each) => h("p", { class: "muted" }, this.ids.length > 1 ? `${each.id}: ` : "", `${each.space}. ${each.tally}.`)),
      ...networks.populations.flatMap((each) => each.notices.map((text) => h("p", { class: "notice" }, `${each.id}: ${text}.`))),
      this.toolbar(),
      h("section", { class: "card", "aria-label": "Error distribution" }, h("h2", {}, "Error distribution"), savedPlots(this, "edf", "error distribution", () => [this.edf], () => csvOf(this.edf.rows())), this.edf.element, this.tests),
      h("section", { class: "card", "aria-label": "Error against each column" }, h("h2", {}, "Error against each column"), savedPlots(this, "scatter", "scatter plots", () => this.scatters, () => this.networks.csv()),
        h("p", { class: "muted hint" }, "Drag across a picture to keep a range; a double click or Escape clears it. Green: the good range. Click a point to pin its network."),
        h("div", { class: "grid" }, this.scatters.map((each) => each.element))),
      matrix(this, this.columns),
      h("section", { class: "card", "aria-label": "Parallel coordinates" }, h("h2", {}, "Parallel coordinates"), savedPlots(this, "parallel", "parallel coordinates", () => [this.parallel], () => this.networks.csv()), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Parallel coordinates, to scroll" }, this.parallel.element)),
      h("section", { "aria-label": "Networks" }, h("h2", {}, "Networks"), this.pinBox, this.hoverBox, this.table.element),
      failures(this, this.values.get("open") === "failures") ?? "",
      reportCharts(this, this.values.get("chart") ?? ""),
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
        alone && this.networks.populations[0].can_refine && h("a", { class: "button", href: "#", onclick: (event) => { event.preventDefault(); routes.go({ ...this.route, view: "refine", ranges: this.ranges, filter: this.filter, values: new Map() }); } }, "Refine the space from this"),
        h("a", { class: "button", href: "#", onclick: (event) => { event.preventDefault(); routes.go({ view: "pick", populations: this.ids, pins: this.pins, ranges: this.ranges, filter: this.filter }); } }, "Pick networks")));
  }

  // ---- what a selection changes
  renderAll() {
    if (!this.edf) return;
    this.renderPlots();
    this.renderTable();
  }

  // isMoving: pictures that are out of sight wait until the brush rests
  renderPlots(isMoving = false) {
    for (const plot of [...this.plots, ...this.pairs]) if (!isMoving || isSeen(plot.element)) plot.render();
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

  renderTable() { this.table.render(); }

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

  // ---- tests and good ranges, which take a moment: of what is left, where something is chosen
  judgeSoon(wait) {
    clearTimeout(this.judging);
    this.judging = setTimeout(() => this.judge(), wait);
  }

  async judge() {
    const chosen = this.wrong ? "" : expressionOf(this.ranges, this.filter);
    const asked = this.asked = (this.asked ?? 0) + 1;
    this.choose(); // a brush may have moved since the last frame
    const empty = this.networks.populations.filter((each, place) => !this.networks.errors(place, false).length);
    if (chosen && empty.length) return this.tests.replaceChildren(h("p", { class: "muted" }, `No network of ${empty.map((each) => each.id).join(", ")} is left, so nothing is tested.`));
    try {
      const found = await get("tests", { p: this.networks.populations.map((each) => each.id), ...(chosen ? { where: chosen } : {}) });
      if (asked !== this.asked) return;
      const bands = Object.entries(found.bands).map(([name, half]) => `${name} ±${(100 * half).toFixed(1)} points of share`);
      this.tests.replaceChildren(
        chosen ? h("p", { class: "notice" }, `Of the networks with ${chosen}. Chosen after looking, so tests of these confirm nothing.`) : "",
        found.unlike ? h("p", { class: "notice" }, found.unlike) : "",
        found.pairs.length ? testTable(found.pairs) : "",
        h("p", { class: "muted" }, `Shaded: the 95% band of each distribution as a whole (${bands.join("; ")}). ${found.text}`),
        command(found.command));
    } catch (error) {
      if (asked === this.asked) this.tests.replaceChildren(problem(error.message));
    }
    if (this.ids.length !== 1 || this.good) return;
    try {
      const found = await get("relevance", { p: this.ids[0] });
      this.good = Object.fromEntries(found.parameters.filter((each) => each.good).map((each) => [each.name, each.good]));
      this.renderAll();
    } catch { /* the pictures are there without the good ranges */ }
  }
}

function isSeen(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}
