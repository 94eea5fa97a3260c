// Runs of `netwright train` and `netwright validate`: a line each, and the chosen ones side by side.

import { get } from "./api.js";
import { command, h, number, percent, problem } from "./dom.js";
import { csvOf, Picture } from "./pictures.js";
import { axes, Scale, shortened } from "./plot.js";
import * as routes from "./route.js";

const MEASURES = { error: "validation error, %", train_error: "training error, %", loss: "training loss", lr: "learning rate" };
const SAID = { top1: "top 1, %", top5: "top 5, %", balanced: "balanced, %", loss: "loss", calibration_error: "calibration error", images: "images" };

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
    const choice = h("select", { id: "measure", onchange: () => { this.measure = choice.value; this.keep(); this.renderAll(); } }, Object.entries(MEASURES).map(([name, text]) => h("option", { value: name, selected: name === this.measure }, text)));
    this.picture = new Picture({ name: "curves", label: "curves", height: () => 300 + 18 * this.shown().length, draw: (...all) => this.draw(...all), describe: () => this.describe(), csv: () => csvOf([["run", "epoch", "measure", "value"], ...this.shown().flatMap(([id, curve]) => curve.map((each) => [id, each.epoch, this.measure, each[this.measure]]))]) });
    [this.trainings, this.validations, this.commands] = [h("tbody", {}), h("tbody", {}), h("div", {})];
    const table = (label, heads, body) => h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, h("table", { class: "list" }, h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col" }, each || h("span", { class: "hidden" }, "choose"))))), body));
    this.element.append(h("h1", {}, "Trainings"),
      h("p", { class: "muted" }, "Runs of netwright train and netwright validate. Choose some to see them side by side."),
      table("All trainings", ["", "run", "epochs", "best error, %", "last error, %"], this.trainings),
      h("section", { class: "card", "aria-label": "Curves" }, h("p", {}, h("label", { for: "measure" }, "Show "), choice), this.picture.element, this.commands),
      h("section", { "aria-label": "Validations" }, h("h2", {}, "Validations"), this.saveValidations(), table("All validations", ["run", ...Object.values(SAID)], this.validations)));
    this.render();
    await this.load();
  }

  close() {}

  async changed() {
    this.overview = await get("overview");
    this.curves.clear();
    this.render();
    await this.load();
  }

  keep() { routes.replace({ view: "trainings", populations: [...this.chosen], show: this.measure }); }

  get lines() { return this.overview.trainings; }

  measured() { return this.lines.filter((each) => each.kind === "validation" && each.metrics); }

  saveValidations() {
    const measured = this.measured();
    if (!measured.length) return null;
    const names = Object.keys(SAID);
    const picture = new Picture({ name: "validations", label: "validations", height: () => 40 + 22 * this.measured().length, csv: () => csvOf([["run", ...names], ...this.measured().map((each) => [each.id, ...names.map((name) => each.metrics[name])])]), draw: (surface, width, colors) => accuracies(this.measured(), surface, width, colors), describe: () => this.measured().map((each) => `${each.id}: ${number(each.metrics.top1)}% right`).join("; ") });
    return picture.element;
  }

  render() {
    const focus = document.activeElement?.dataset?.key;
    const trainings = this.lines.filter((each) => each.kind === "training").map((each) => {
      if (each.problem) return h("tr", {}, h("td", {}), h("th", { scope: "row" }, each.id), h("td", { colspan: "3" }, problem(each.problem)));
      const box = h("input", { type: "checkbox", "data-key": each.id, "aria-label": `Choose ${each.id}`, checked: this.chosen.has(each.id), onchange: () => { this.chosen[box.checked ? "add" : "delete"](each.id); this.keep(); this.load(); } });
      return h("tr", {}, h("td", {}, box), h("th", { scope: "row" }, each.id), h("td", { "data-head": "epochs" }, String(each.epochs)), h("td", { "data-head": "best error, %" }, percent(each.best)), h("td", { "data-head": "last error, %" }, percent(each.error)));
    });
    const validations = this.lines.filter((each) => each.kind === "validation").map((each) => h("tr", {}, h("th", { scope: "row" }, each.id),
      each.problem ? h("td", { colspan: "6" }, problem(each.problem)) : Object.entries(SAID).map(([name, head]) => h("td", { "data-head": head }, number(each.metrics[name])))));
    this.trainings.replaceChildren(...(trainings.length ? trainings : [h("tr", {}, h("td", { colspan: "5" }, "There is no training yet: netwright train --out runs/NAME makes one."))]));
    this.validations.replaceChildren(...(validations.length ? validations : [h("tr", {}, h("td", { colspan: "7" }, "There is no validation yet: netwright validate RUN --out runs/NAME makes one."))]));
    if (focus) this.element.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }

  async load() {
    await Promise.all([...this.chosen].filter((id) => !this.curves.has(id)).map(async (id) => {
      try {
        this.curves.set(id, (await get("training", { p: id })).curve);
      } catch { this.chosen.delete(id); }
    }));
    const typed = this.lines.filter((each) => this.chosen.has(each.id) && each.command).map((each) => each.command);
    this.commands.replaceChildren(typed.length ? command(typed.join("\n"), "The commands that trained them") : "");
    this.renderAll();
  }

  renderAll() { this.picture?.render(); }

  shown() { return [...this.chosen].filter((id) => this.curves.has(id)).map((id) => [id, this.curves.get(id).filter((each) => Number.isFinite(each[this.measure]))]).filter(([, curve]) => curve.length); }

  draw(surface, width, colors) {
    const shown = this.shown();
    if (!shown.length) return surface.text(this.chosen.size ? `Nothing is known of the ${MEASURES[this.measure]}` : "No training is chosen", 46, 40, colors.muted);
    const values = shown.flatMap(([, curve]) => curve.map((each) => each[this.measure]));
    const epochs = shown.flatMap(([, curve]) => curve.map((each) => each.epoch));
    const box = { left: 50, top: 18 * shown.length + 14, width: width - 62, height: 240 };
    const x = new Scale([Math.min(...epochs), Math.max(...epochs)], [box.left, box.left + box.width]);
    const y = new Scale([Math.min(...values), Math.max(...values)], [box.top + box.height, box.top]);
    axes(surface, box, x, y, colors, { xTitle: "epoch", yTitle: MEASURES[this.measure], isWhole: true });
    shown.forEach(([id, curve], place) => {
      const color = colors.series[place % 4];
      if (curve.length === 1) surface.circle(x.at(curve[0].epoch), y.at(curve[0][this.measure]), 4, color);
      surface.path(curve.flatMap((each) => [x.at(each.epoch), y.at(each[this.measure])]), color, { width: 2, dash: place > 3 ? [6, 3] : [] });
      surface.rect(box.left, 8 + 18 * place, 18, 3, color);
      surface.text(`${id}: ${number(curve.at(-1)[this.measure])}`, box.left + 25, 14 + 18 * place, colors.ink, { weight: "600" });
    });
  }

  describe() {
    const shown = this.shown();
    return shown.length ? `${MEASURES[this.measure]} of ${shown.map(([id, curve]) => `${id}, last ${number(curve.at(-1)[this.measure])}`).join("; ")}` : "No training is chosen";
  }
}

// top 1 of each, with its 95% interval
function accuracies(lines, surface, width, colors) {
  const name = Math.min(220, width / 3);
  const x = new Scale([0, 100], [name, width - 60]);
  Object.assign(x, { low: 0, high: 100, base: 0, span: 100 });
  lines.forEach(({ id, metrics }, i) => {
    const y = 14 + 22 * i;
    surface.text(shortened(id, name), name - 8, y + 4, colors.ink, { align: "right" });
    surface.rect(x.at(0), y - 6, x.at(metrics.top1) - x.at(0), 12, colors.series[0], 0.8);
    const ends = metrics.top1_interval?.map((end) => (end <= 1 ? 100 * end : end));
    if (ends) surface.rect(x.at(ends[0]), y - 1, Math.max(1, x.at(ends[1]) - x.at(ends[0])), 2, colors.ink);
    surface.text(number(metrics.top1), x.at(Math.max(metrics.top1, ends?.[1] ?? 0)) + 6, y + 4, colors.ink);
  });
  surface.text("top 1, %, with its 95% interval", x.from, 14 + 22 * lines.length + 10, colors.muted);
}
