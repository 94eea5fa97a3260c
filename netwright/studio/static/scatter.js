// Error against one column, a point for each network. Points are written straight into pixels, so that a brush over
// twenty such pictures of ten thousand networks is redrawn within a frame.

import { Axis } from "./axis.js";
import { number } from "./dom.js";
import { axes, pixel, Scale } from "./plot.js";

const MOST_IN_A_FILE = 4000;

export class ScatterPlot extends Axis {
  // other: the column upward, error if left out
  constructor(owner, column, other = null) {
    super(owner, column.name, other ? `${other.name} against ${column.name}` : `Error against ${column.name}`);
    this.about = column;
    this.other = other;
    this.height = 170;
  }

  layout(width) {
    const { networks } = this.owner;
    this.box = { left: 40, top: 8, width: width - 48, height: this.height - 46 };
    const { box, about } = this;
    const key = `${width}|${about.ends}|${networks.ends}`;
    if (this.laid === key && this.of === networks) return;
    this.laid = key;
    this.of = networks;
    this.base = null;
    this.x = new Scale(about.ends, [box.left, box.left + box.width], about.log);
    this.y = new Scale(this.other ? this.other.ends : networks.ends, [box.top + box.height, box.top], this.other?.log);
    const xs = networks.values[about.name];
    const ys = networks.values[this.other ? this.other.name : "error"];
    this.px = new Float32Array(networks.n);
    this.py = new Float32Array(networks.n);
    for (let i = 0; i < networks.n; i++) {
      this.px[i] = this.x.at(xs[i]);
      this.py[i] = networks.failed[i] && !this.other ? box.top + 3 : this.y.at(ys[i]);
    }
  }

  draw(surface, width, colors, isFile = false) {
    const { networks } = this.owner;
    this.layout(width);
    const { box } = this;
    const good = this.owner.good?.[this.column];
    if (good) surface.rect(this.x.at(good[0]), box.top, Math.max(2, this.x.at(good[2]) - this.x.at(good[0])), box.height, colors.good, 0.16);
    axes(surface, box, this.x, this.y, colors, { xTitle: this.about.name, words: this.about.words, dense: true });
    if (isFile) this.points(surface, colors);
    else this.pixels(surface, colors);
    this.drawBrush(surface, colors);
    const row = this.owner.highlighted;
    if (!isFile && row >= 0 && this.px[row] === this.px[row]) surface.circle(this.px[row], this.py[row], 6, colors.ink, { stroke: true });
    for (const pin of isFile ? [] : this.owner.pinnedRows()) {
      if (this.px[pin] === this.px[pin]) surface.circle(this.px[pin], this.py[pin], 4.5, colors.ink, { stroke: true });
    }
  }

  // what is behind the points (axes, the good range) stays: only the points' own pixels are set
  pixels(surface, colors) {
    const { ratio, context } = surface;
    const { networks } = this.owner;
    const [left, top] = [Math.floor((this.box.left - 4) * ratio), 0];
    const [width, height] = [Math.ceil((this.box.width + 8) * ratio), Math.ceil((this.box.top + this.box.height + 4) * ratio)];
    const image = context.getImageData(left, top, width, height);
    const data = new Uint32Array(image.data.buffer);
    const size = Math.max(2, Math.round((networks.n > 3000 ? 1.6 : 3) * ratio));
    const grey = pixel(colors.faint, colors.card, 0.55);
    const own = colors.series.map((color) => pixel(color, colors.card, 0.9));
    const bad = pixel(colors.bad, colors.card, 1);
    const { mask, of, failed } = networks;
    const round = size > 2;
    const put = (i, color) => {
      const x = Math.round(this.px[i] * ratio) - left - (size >> 1);
      const y = Math.round(this.py[i] * ratio) - (size >> 1);
      if (!(x >= 0 && y >= 0 && x + size <= width && y + size <= height)) return;
      for (let dy = 0; dy < size; dy++) {
        const corner = round && (dy === 0 || dy === size - 1) ? 1 : 0;
        const start = (y + dy) * width + x;
        data.fill(color, start + corner, start + size - corner);
      }
    };
    if (this.owner.isNarrowed) for (let i = 0; i < networks.n; i++) if (!mask[i]) put(i, grey);
    for (let i = networks.n - 1; i >= 0; i--) if (mask[i]) put(i, failed[i] ? bad : own[of[i] % own.length]);
    context.putImageData(image, left, top);
  }

  points(surface, colors) {
    const { networks } = this.owner;
    const step = Math.max(1, Math.ceil(networks.n / MOST_IN_A_FILE));
    for (let i = 0; i < networks.n; i += step) {
      if (this.px[i] !== this.px[i]) continue;
      const color = networks.mask[i] ? (networks.failed[i] ? colors.bad : colors.series[networks.of[i] % colors.series.length]) : colors.faint;
      surface.circle(this.px[i], this.py[i], 2, color, { opacity: networks.mask[i] ? 0.8 : 0.4 });
    }
  }

  hover(event) {
    if (event.buttons || !this.px) return;
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [best, nearest] = [-1, 144];
    for (let i = 0; i < this.px.length; i++) {
      if (!this.owner.networks.mask[i]) continue;
      const distance = (this.px[i] - x) ** 2 + (this.py[i] - y) ** 2;
      if (distance < nearest) [best, nearest] = [i, distance];
    }
    this.owner.highlight(best, event);
  }

  describe() {
    const [low, high] = this.about.ends;
    const good = this.owner.good?.[this.column];
    const found = good ? `, good range ${number(good[0])} to ${number(good[2])}` : "";
    return `From ${number(low)} to ${number(high)}${found}`;
  }
}
