// Pictures that are drawn again when their place or the theme changes, and saved as PNG, SVG and CSV.

import { h, save } from "./dom.js";
import { CanvasSurface, palette, SvgSurface } from "./plot.js";

const FILE_WIDTH = 820;
const SHARP = 2; // pixels of a PNG for one of the page

// draw(surface, colors), of a size; csv() -> text, with networks or steps a line each
export function exportButtons({ name, label, size, draw, csv = null }) {
  const svg = () => {
    const { width, height } = size();
    const colors = palette();
    const surface = new SvgSurface(width, height, colors.card);
    draw(surface, colors);
    save(`${name}.svg`, surface.toString(), "image/svg+xml");
  };
  const png = () => {
    const { width, height } = size();
    const colors = palette();
    const canvas = h("canvas");
    const surface = new CanvasSurface(canvas, width, height, SHARP);
    surface.rect(0, 0, width, height, colors.card);
    draw(surface, colors);
    canvas.toBlob((blob) => save(`${name}.png`, blob, "image/png"));
  };
  const kinds = [["PNG", png], ["SVG", svg], csv && ["CSV", () => save(`${name}.csv`, csv(), "text/csv")]].filter(Boolean);
  return h("div", { class: "exports" }, kinds.map(([kind, onclick]) => h("button", { type: "button", class: "quiet", "aria-label": `${kind} of the ${label}`, onclick }, kind)));
}

export class Picture {
  // draw(surface, width, colors, isFile); height: pixels, or a function that gives them; describe() -> words for who does not see it
  constructor({ name, label, height, draw, describe = () => label, csv = null, isSaved = true, onclick = null }) {
    Object.assign(this, { draw, describe, heightOf: typeof height === "function" ? height : () => height });
    this.canvas = h("canvas", { role: "img", "aria-label": label, class: onclick ? "" : "still" });
    this.place = h("div", { class: "plot" }, this.canvas);
    const buttons = isSaved && exportButtons({ name, label, csv, size: () => ({ width: FILE_WIDTH, height: this.heightOf() }), draw: (surface, colors) => this.draw(surface, FILE_WIDTH, colors, true) });
    this.element = h("div", { class: "picture" }, buttons, this.place);
    if (onclick) this.canvas.addEventListener("click", (event) => onclick(event.offsetX, event.offsetY));
    new ResizeObserver(() => this.render()).observe(this.place);
    const onTheme = () => (this.canvas.isConnected ? this.render() : removeEventListener("theme", onTheme));
    addEventListener("theme", onTheme);
  }

  render() {
    const width = this.place.clientWidth;
    if (!width) return;
    const height = this.heightOf();
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.draw(new CanvasSurface(this.canvas, width, height), width, palette(), false);
    this.canvas.setAttribute("aria-label", this.describe());
  }
}

// a table as CSV; a cell that a spreadsheet would compute is quoted as text
export function csvOf(rows) {
  return rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
