// A picture with one column across, on which a range is chosen: by dragging, by keys, or in the list of ranges.

import { announce, h, number } from "./dom.js";
import { CanvasSurface, palette } from "./plot.js";

const HANDLE = 6; // pixels at either end of a brush that move that end alone
const STEP = 0.04; // of the axis, for a key

export class Axis {
  constructor(owner, column, title) {
    Object.assign(this, { owner, column, title });
    this.canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": title });
    this.element = h("div", { class: "plot" }, this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.owner.highlight(-1));
    this.canvas.addEventListener("dblclick", () => this.owner.setRange(this.column, null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  get range() { return this.owner.ranges.get(this.column); }

  render() {
    const width = this.element.clientWidth;
    if (!width) return;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.draw(new CanvasSurface(this.canvas, width, this.height), width, palette());
    this.canvas.setAttribute("aria-label", `${this.title}. ${this.describe()}. Arrow keys choose a range, with Shift its upper end, with Alt its lower end; Escape clears it.`);
  }

  describe() { return ""; }

  drawBrush(surface, colors) {
    if (!this.range) return;
    const [low, high] = this.range.map((value) => Math.min(this.x.to, Math.max(this.x.from, this.x.at(value))));
    surface.rect(low, this.box.top, Math.max(high - low, 1), this.box.height, colors.ink, 0.1);
    surface.rect(low - 0.75, this.box.top, 1.5, this.box.height, colors.ink, 0.7);
    surface.rect(high - 0.75, this.box.top, 1.5, this.box.height, colors.ink, 0.7);
  }

  press(event) {
    if (event.button || !this.x) return;
    const start = this.place(event);
    const old = this.range?.map((value) => this.x.at(value));
    const grip = !old ? "new" : Math.abs(start - old[0]) < HANDLE ? "low" : Math.abs(start - old[1]) < HANDLE ? "high" : start > old[0] && start < old[1] ? "all" : "new";
    this.canvas.setPointerCapture(event.pointerId);
    let moved = false;
    const move = (each) => {
      const now = this.place(each);
      if (Math.abs(now - start) < 3 && !moved) return;
      moved = true;
      const by = now - start;
      const ends = { new: [start, now], low: [now, old?.[1]], high: [old?.[0], now], all: [old?.[0] + by, old?.[1] + by] }[grip];
      this.setEnds(ends);
    };
    const up = (each) => {
      this.canvas.removeEventListener("pointermove", move);
      this.canvas.removeEventListener("pointerup", up);
      this.canvas.removeEventListener("pointercancel", up);
      if (!moved && each.type === "pointerup") this.click(each);
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", up);
    this.canvas.addEventListener("pointercancel", up);
  }

  setEnds(ends) {
    const [a, b] = ends.map((pixel) => this.x.back(Math.min(this.x.to, Math.max(this.x.from, pixel))));
    this.owner.setRange(this.column, [Math.min(a, b), Math.max(a, b)]);
  }

  place(event) { return event.clientX - this.canvas.getBoundingClientRect().left; }

  hover() {}

  click() {
    if (this.owner.highlighted >= 0) this.owner.pin(this.owner.highlighted);
  }

  key(event) {
    if (event.key === "Escape" && this.range) {
      this.owner.setRange(this.column, null);
      announce(`${this.title}: no range`);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const by = (event.key === "ArrowLeft" ? -STEP : STEP) * (this.x.to - this.x.from);
      const [low, high] = this.range ? this.range.map((value) => this.x.at(value)) : [this.x.from, this.x.to];
      if (!this.range) this.setEnds(by > 0 ? [low + by, high] : [low, high + by]);
      else this.setEnds([event.shiftKey ? low : low + by, event.altKey ? high : high + by]);
      announce(`${this.title} ${this.range.map((value) => number(value)).join(" to ")}, ${this.owner.count.toLocaleString("en")} networks`);
    } else return;
    event.preventDefault();
  }
}
