// Parallel coordinates: a line for each network, across all columns and the error; ranges are chosen on each axis.

import { h, number } from "./dom.js";
import { CanvasSurface, palette, Scale } from "./plot.js";

const MOST_BEHIND = 1500;
const MOST_CHOSEN = 700;

export class ParallelPlot {
  constructor(owner) {
    this.owner = owner;
    this.height = 260;
    this.canvas = h("canvas", { role: "img", "aria-label": "Parallel coordinates" });
    this.element = h("div", { class: "plot wide" }, this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.owner.highlight(-1));
    this.canvas.addEventListener("dblclick", (event) => this.owner.setRange(this.nearest(event).name, null));
  }

  layout(width) {
    const { networks } = this.owner;
    const columns = [...networks.columns, { name: "error", ends: networks.ends, log: false }];
    const [top, bottom] = [40, this.height - 20];
    const room = (width - 80) / Math.max(1, columns.length - 1);
    this.axes = columns.map((column, i) => ({ name: column.name, ends: column.ends, x: 40 + i * room, scale: new Scale(column.ends, [bottom, top], column.log) }));
    this.laid = `${width}|${networks.n}`;
    this.lines = this.axes.map(({ name, scale }) => {
      const values = networks.values[name];
      const places = new Float32Array(networks.n);
      for (let i = 0; i < networks.n; i++) places[i] = networks.failed[i] && name === "error" ? top : scale.at(values[i]);
      return places;
    });
    this.of = networks;
    this.behind = null;
  }

  render() {
    const container = this.element.clientWidth;
    if (!container) return;
    const width = Math.max(container, 56 * (this.owner.networks.columns.length + 1));
    if (this.laid !== `${width}|${this.owner.networks.n}` || this.of !== this.owner.networks) this.layout(width);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.draw(new CanvasSurface(this.canvas, width, this.height), width, palette());
    const ranges = [...this.owner.ranges].map(([name, ends]) => `${name} ${ends.map((end) => number(end)).join(" to ")}`);
    this.canvas.setAttribute("aria-label", `Parallel coordinates of ${this.owner.count.toLocaleString("en")} networks. ${ranges.length ? `Ranges: ${ranges.join(", ")}` : "No range is chosen"}.`);
  }

  rows(most, isChosen) {
    const { networks } = this.owner;
    const found = [];
    for (let i = 0; i < networks.n; i++) if (!isChosen || networks.mask[i]) found.push(i);
    const step = found.length / Math.min(most, found.length || 1);
    return Array.from({ length: Math.min(most, found.length) }, (_, i) => found[Math.floor(i * step)]);
  }

  draw(surface, width, colors, isFile = false) {
    if (!this.axes) this.layout(width);
    const { networks } = this.owner;
    if (this.owner.isNarrowed) surface.path(this.path(this.rows(MOST_BEHIND, false)), colors.faint, { opacity: 0.16 });
    const chosen = this.rows(MOST_CHOSEN, true).reverse();
    networks.populations.forEach((_, place) => {
      const rows = chosen.filter((row) => networks.of[row] === place);
      if (rows.length) surface.path(this.path(rows), colors.series[place % colors.series.length], { opacity: Math.min(0.8, 12 / Math.sqrt(chosen.length) * 0.35) });
    });
    for (const [i, { name, x, scale, ends }] of this.axes.entries()) {
      surface.rect(x - 0.5, scale.to, 1, scale.from - scale.to, colors.muted);
      surface.text(short(name), x, i % 2 ? 24 : 11, colors.ink, { align: "center" });
      surface.text(number(ends[1], 3), x, 36, colors.muted, { align: "center" });
      surface.text(number(ends[0], 3), x, scale.from + 13, colors.muted, { align: "center" });
      const range = this.owner.ranges.get(name);
      if (range) {
        const [low, high] = range.map((value) => Math.max(scale.to, Math.min(scale.from, scale.at(value))));
        surface.rect(x - 6, high, 12, Math.max(2, low - high), colors.ink, 0.25);
      }
    }
    const row = this.owner.highlighted;
    if (row >= 0 && !isFile) surface.path(this.path([row]), colors.ink, { width: 2.5 });
  }

  path(rows) {
    const points = [];
    for (const row of rows) {
      this.axes.forEach(({ x }, i) => points.push(x, this.lines[i][row]));
      points.push(0, NaN);
    }
    return points;
  }

  nearest(event) {
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    return this.axes.reduce((best, each) => (Math.abs(each.x - x) < Math.abs(best.x - x) ? each : best));
  }

  press(event) {
    if (event.button) return;
    const axis = this.nearest(event);
    const top = this.canvas.getBoundingClientRect().top;
    const start = event.clientY - top;
    this.canvas.setPointerCapture(event.pointerId);
    const move = (each) => {
      const now = each.clientY - top;
      if (Math.abs(now - start) < 3) return;
      const ends = [axis.scale.back(start), axis.scale.back(now)].sort((a, b) => a - b);
      this.owner.setRange(axis.name, ends);
    };
    const up = () => {
      this.canvas.removeEventListener("pointermove", move);
      this.canvas.removeEventListener("pointerup", up);
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", up);
  }

  hover(event) {
    if (event.buttons || !this.axes) return;
    const axis = this.axes.indexOf(this.nearest(event));
    const y = event.clientY - this.canvas.getBoundingClientRect().top;
    let [best, nearest] = [-1, 8];
    const { mask, n } = this.owner.networks;
    for (let i = 0; i < n; i++) {
      const distance = Math.abs(this.lines[axis][i] - y);
      if (mask[i] && distance < nearest) [best, nearest] = [i, distance];
    }
    this.owner.highlight(best, event);
  }
}

const short = (name) => (name.length > 15 ? `${name.slice(0, 14)}…` : name);
