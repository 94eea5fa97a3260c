// The error distribution of each population: of all networks as a thin line, of those that are left as a bold one, with
// the 95% band. Drag across it to keep errors.

import { Axis } from "./axis.js";
import { band, distributionAxes, key, line, rowsOf, shares } from "./distribution.js";
import { percent } from "./dom.js";
import { Scale } from "./plot.js";
import { legend } from "./table.js";

export class EdfPlot extends Axis {
  constructor(owner) {
    super(owner, "error", "Error distribution");
    this.height = 300;
  }

  draw(surface, width, colors, isFile = false) {
    const { networks } = this.owner;
    const legends = 18 * networks.populations.length + 6;
    this.box = { left: 46, top: legends + 6, width: width - 58, height: this.height - legends - 46 };
    const { box } = this;
    this.x = new Scale(networks.ends, [box.left, box.left + box.width]);
    const y = shares([box.top, box.top + box.height]);
    const scales = { x: this.x, y };
    distributionAxes(surface, box, this.x, y, colors);
    networks.populations.forEach((each, place) => {
      const color = colors.series[place % colors.series.length];
      const all = networks.errors(place, true);
      const kept = this.owner.isNarrowed ? networks.errors(place, false) : all;
      const failed = networks.failures(place, !this.owner.isNarrowed);
      if (kept.length && this.owner.bands) band(surface, scales, kept, color);
      if (this.owner.isNarrowed) line(surface, scales, all, networks.failures(place, true), color, { width: 1, opacity: 0.55 });
      if (kept.length) line(surface, scales, kept, failed, color, { width: 2.4, dash: place ? [7, 2 + place] : [] });
      key(surface, place, box.left, color, each.id, kept, failed, colors);
    });
    if (!isFile) this.drawBrush(surface, colors);
    const row = this.owner.highlighted;
    if (row >= 0 && !networks.failed[row] && !isFile) {
      const sorted = networks.errors(networks.of[row], true);
      const share = sorted.filter((error) => error < networks.values.error[row]).length / sorted.length;
      surface.circle(this.x.at(networks.values.error[row]), y.at(share), 6, colors.ink, { stroke: true });
    }
  }

  rows() {
    const { networks } = this.owner;
    return rowsOf(networks.populations.map((each, place) => [each.id, networks.errors(place, false), networks.failures(place, false)]));
  }

  describe() {
    const { networks } = this.owner;
    return networks.populations
      .map((each, place) => `${each.id}: ${legend(networks.errors(place, !this.owner.isNarrowed), networks.failures(place, !this.owner.isNarrowed))}`)
      .join("; ") + `; lowest to highest error ${percent(networks.ends[0])}% to ${percent(networks.ends[1])}%`;
  }
}
