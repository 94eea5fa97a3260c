// The error distribution of each population: of all networks as a thin line, of those that are left as a bold one, with
// the 95% band. Drag across it to keep errors.

import { Axis } from "./axis.js";
import { percent } from "./dom.js";
import { axes, Scale } from "./plot.js";
import { halfWidth, legend } from "./table.js";

const MOST_STEPS = 1200; // of a curve: a screen has no more columns

export class EdfPlot extends Axis {
  constructor(owner) {
    super(owner, "error", "Error distribution");
    this.height = 300;
  }

  draw(surface, width, colors, isFile = false) {
    const { networks } = this.owner;
    const count = networks.populations.length;
    const legends = 18 * count + 6;
    this.box = { left: 46, top: legends + 6, width: width - 58, height: this.height - legends - 46 };
    const { box } = this;
    this.x = new Scale(networks.ends, [box.left, box.left + box.width]);
    const y = new Scale([0, 1], [box.top + box.height, box.top]);
    y.low = 0; y.high = 1; y.base = 0; y.span = 1;
    axes(surface, box, this.x, y, colors, { xTitle: "error, %", yTitle: "share with a lower error", yFormat: (value) => `${Math.round(value * 100)}%` });
    networks.populations.forEach((each, place) => {
      const color = colors.series[place % colors.series.length];
      const all = networks.errors(place, true);
      const kept = this.owner.isNarrowed ? networks.errors(place, false) : all;
      const failed = networks.failures(place, !this.owner.isNarrowed);
      if (kept.length && this.owner.bands) this.band(surface, kept, y, color);
      if (this.owner.isNarrowed) this.curve(surface, all, networks.failures(place, true), y, color, 1, 0.55);
      if (kept.length) this.curve(surface, kept, failed, y, color, 2.4, 1, place ? [7, 2 + place] : []);
      const name = count > 1 || isFile ? each.id : each.id;
      surface.rect(box.left, 8 + 18 * place + 3, 18, 3, color);
      surface.text(`${name} ${legend(kept, failed)}`, box.left + 25, 8 + 18 * place + 9, colors.ink, { weight: "600" });
    });
    this.drawBrush(surface, colors);
    const row = this.owner.highlighted;
    if (row >= 0 && !networks.failed[row] && !isFile) {
      const place = networks.of[row];
      const sorted = networks.errors(place, true);
      const share = sorted.filter((error) => error < networks.values.error[row]).length / sorted.length;
      surface.circle(this.x.at(networks.values.error[row]), y.at(share), 6, colors.ink, { stroke: true });
    }
  }

  curve(surface, errors, failed, y, color, width, opacity, dash) {
    const done = errors.length - failed;
    const points = [this.x.from, y.at(0)];
    const step = Math.max(1, Math.floor(done / MOST_STEPS));
    let share = 0;
    for (let i = 0; i < done; i += step) {
      const x = this.x.at(errors[i]);
      points.push(x, y.at(share));
      share = Math.min(i + step, done) / errors.length;
      points.push(x, y.at(share));
    }
    points.push(this.x.to, y.at(errors.length ? done / errors.length : 0));
    surface.path(points, color, { width, opacity, dash });
  }

  band(surface, errors, y, color) {
    const half = halfWidth(errors.length);
    const done = errors.filter((error) => error <= this.x.high).length;
    const [upper, lower] = [[], []];
    const step = Math.max(1, Math.floor(done / 400));
    let share = 0;
    upper.push(this.x.from, y.at(Math.min(1, half)));
    lower.push(this.x.from, y.at(0));
    for (let i = 0; i < done; i += step) {
      const x = this.x.at(errors[i]);
      upper.push(x, y.at(Math.min(1, share + half)));
      lower.push(x, y.at(Math.max(0, share - half)));
      share = Math.min(i + step, done) / errors.length;
      upper.push(x, y.at(Math.min(1, share + half)));
      lower.push(x, y.at(Math.max(0, share - half)));
    }
    upper.push(this.x.to, y.at(Math.min(1, share + half)));
    lower.push(this.x.to, y.at(Math.max(0, share - half)));
    const back = [];
    for (let i = lower.length - 2; i >= 0; i -= 2) back.push(lower[i], lower[i + 1]);
    surface.path([...upper, ...back], color, { fill: true, opacity: 0.14 });
  }

  describe() {
    const { networks } = this.owner;
    return networks.populations
      .map((each, place) => `${each.id}: ${legend(networks.errors(place, !this.owner.isNarrowed), networks.failures(place, !this.owner.isNarrowed))}`)
      .join("; ") + `; lowest to highest error ${percent(networks.ends[0])}% to ${percent(networks.ends[1])}%`;
  }
}
