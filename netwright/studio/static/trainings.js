// Runs of `netwright train` and `netwright validate`: a line each, and curves side by side.

import { get } from "./api.js";
import { h, number, percent, problem } from "./dom.js";
import { axes, CanvasSurface, palette, Scale } from "./plot.js";
import * as routes from "./route.js";

const MEASURES = { error: "validation error, %", train_error: "training error, %", loss: "training loss", lr: "learning rate" };

export class TrainingsView {
  constructor(route, overview) {
    this.overview = overview;
    this.route = route;
    this.chosen = new Set(route.populations);
    this.measure = route.show in MEASURES ? route.show : "error";
    this.element = h("div", {});
    this.curves = new Map();
  }

  async open() {
    this.canvas = h("canvas", { role: "img", "aria-label": "Curves" });
    this.plot = h("div", { class: "plot" }, this.canvas);
    this.list = h("tbody", {});
    const choice = h("select", { id: "measure", onchange: () => { this.measure = choice.value; this.keep(); this.renderAll(); } }, Object.entries(MEASURES).map(([name, text]) => h("option", { value: name, selected: name === this.measure }, text)));
    this.element.append(h("h1", {}, "Trainings"),
      h("p", { class: "muted" }, "Runs of netwright train and netwright validate. Choose some to see their curves side by side."),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Trainings" }, h("table", { class: "list" }, h("thead", {}, h("tr", {}, ["", "run", "kind", "epochs", "best error, %", "last error, %"].map((each) => h("th", { scope: "col" }, each || h("span", { class: "hidden" }, "choose"))))), this.list)),
      h("section", { class: "card", "aria-label": "Curves" }, h("p", {}, h("label", { for: "measure" }, "Show "), choice), this.plot));
    new ResizeObserver(() => this.renderAll()).observe(this.plot);
    this.render();
    await this.load();
  }

  async changed() {
    this.overview = await get("overview");
    this.curves.clear();
    this.render();
    await this.load();
  }

  keep() { routes.replace({ view: "trainings", populations: [...this.chosen], show: this.measure }); }

  render() {
    const rows = this.overview.trainings.map((each) => {
      const isTraining = each.kind === "training";
      const box = isTraining && h("input", { type: "checkbox", "aria-label": `Choose ${each.id}`, checked: this.chosen.has(each.id), onchange: () => { this.chosen[box.checked ? "add" : "delete"](each.id); this.keep(); this.load(); } });
      if (each.problem) return h("tr", {}, h("td", {}), h("th", { scope: "row" }, each.id), h("td", { colspan: "4" }, problem(each.problem)));
      const metrics = Object.entries(each.metrics ?? {}).slice(0, 5).map(([name, value]) => `${name} ${typeof value === "number" ? number(value) : value}`).join(", ");
      return h("tr", {}, h("td", {}, box), h("th", { scope: "row" }, each.id), h("td", {}, each.kind), isTraining ? [h("td", {}, String(each.epochs)), h("td", {}, percent(each.best)), h("td", {}, percent(each.error))] : h("td", { colspan: "3" }, metrics));
    });
    this.list.replaceChildren(...(rows.length ? rows : [h("tr", {}, h("td", { colspan: "6" }, "There is no training yet: netwright train --out runs/NAME makes one."))]));
  }

  async load() {
    await Promise.all([...this.chosen].filter((id) => !this.curves.has(id)).map(async (id) => {
      try {
        this.curves.set(id, (await get("training", { p: id })).curve);
      } catch { this.chosen.delete(id); }
    }));
    this.renderAll();
  }

  renderAll() {
    const width = this.plot?.clientWidth;
    if (!width) return;
    const shown = [...this.chosen].filter((id) => this.curves.has(id)).map((id) => [id, this.curves.get(id).filter((each) => Number.isFinite(each[this.measure]))]).filter(([, curve]) => curve.length);
    const height = 300 + 18 * shown.length;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const surface = new CanvasSurface(this.canvas, width, height);
    const colors = palette();
    if (!shown.length) {
      surface.text("No curve is chosen", 46, 40, colors.muted);
      return;
    }
    const values = shown.flatMap(([, curve]) => curve.map((each) => each[this.measure]));
    const epochs = shown.flatMap(([, curve]) => curve.map((each) => each.epoch));
    const box = { left: 50, top: 18 * shown.length + 14, width: width - 62, height: 240 };
    const x = new Scale([Math.min(...epochs), Math.max(...epochs)], [box.left, box.left + box.width]);
    const y = new Scale([Math.min(...values), Math.max(...values)], [box.top + box.height, box.top]);
    axes(surface, box, x, y, colors, { xTitle: "epoch", yTitle: MEASURES[this.measure] });
    shown.forEach(([id, curve], place) => {
      const color = colors.series[place % 4];
      surface.path(curve.flatMap((each) => [x.at(each.epoch), y.at(each[this.measure])]), color, { width: 2, dash: place > 3 ? [6, 3] : [] });
      surface.rect(box.left, 8 + 18 * place, 18, 3, color);
      surface.text(`${id}: ${number(curve.at(-1)[this.measure])}`, box.left + 25, 14 + 18 * place, colors.ink, { weight: "600" });
    });
    this.canvas.setAttribute("aria-label", `${MEASURES[this.measure]} of ${shown.map(([id, curve]) => `${id}, last ${number(curve.at(-1)[this.measure])}`).join("; ")}`);
  }
}
