// Pick: networks that are trained longer, measured once on the test split, and what one does with them next.

import { get, getKept, post } from "./api.js";
import { command, h, number, percent, problem } from "./dom.js";
import { expressionOf } from "./expression.js";
import { PickedList } from "./picked.js";
import { csvOf, Picture } from "./pictures.js";
import { axes, Scale } from "./plot.js";
import * as routes from "./route.js";
import { Networks } from "./table.js";

const BEST = 5;
const HEIGHT = 260;
const NEAR = 12; // pixels from a click to a network
const COSTS = ["flops", "params", "acts", "latency_ms"];

export class PickView {
  constructor(route, overview) {
    Object.assign(this, { route, overview });
    this.pins = route.pins;
    this.values = new Map(route.values);
    this.chances = new Map();
    this.element = h("div", {});
  }

  async open() {
    this.status = h("div", { role: "status" });
    this.picked = new PickedList(this.overview);
    this.element.append(h("h1", {}, "Pick"));
    if (this.route.populations.length) await this.chooser();
    else this.element.append(h("p", {}, "To pick networks, look at populations first: ", h("a", { href: "#/populations" }, "the list"), "."));
    this.element.append(h("section", { "aria-label": "Picked" }, h("h2", {}, "Picked"), this.picked.element));
    await this.picked.load();
  }

  close() {}

  async changed() {
    this.overview = this.picked.overview = await get("overview");
    await this.picked.load();
  }

  async chooser() {
    const found = await Promise.all(this.route.populations.map((id) => getKept("population", { p: id })));
    this.networks = new Networks(found);
    try {
      this.networks.choose(this.route.ranges, this.route.filter);
    } catch (error) {
      this.networks.choose(this.route.ranges, "");
      this.element.append(problem(`The filter: ${error.message}`));
    }
    this.body = h("tbody", {});
    const costs = COSTS.filter((name) => this.networks.values[name]);
    this.cost = h("select", { id: "cost", onchange: () => { this.keep(this.cost); this.picture.render(); } }, costs.map((name) => h("option", { value: name, selected: name === this.values.get("cost") }, name)));
    const input = (id, type, value, { on = "oninput", ...more } = {}) => { const element = h("input", { id, type, value: this.values.get(id) ?? value, [on]: () => { this.keep(element); this.plan(); }, ...more }); return element; };
    this.epochs = input("pick-epochs", "number", "60", { min: "1" });
    this.images = input("pick-images", "text", "", { on: "onchange", placeholder: "as in the sweep" }); // a folder that is looked through, once it is whole
    this.kept = input("pick-kept", "number", "", { min: "0", max: "0.9", step: "any", placeholder: "as in the sweep" });
    const own = h("input", { id: "own-trial", type: "number", min: "0" });
    const of = h("select", { id: "own-population", "aria-label": "Population", hidden: this.route.populations.length < 2 }, this.route.populations.map((id) => h("option", { value: id }, id)));
    this.said = h("p", { class: "muted", role: "status" });
    this.commands = h("div", {});
    this.button = h("button", { type: "button", class: "main", disabled: true, onclick: () => this.start() }, "Train them longer");
    const field = (label, element) => h("div", { class: "field" }, h("label", { for: element.id }, label), element);
    const hasCosts = costs.length > 0;
    if (hasCosts) this.picture = new Picture({ name: "pareto", label: "errors against costs", height: HEIGHT, draw: (...all) => this.draw(...all), describe: () => `Error against ${this.cost.value}; on the Pareto front are trials ${this.front(this.cost.value).map((row) => this.networks.values.trial[row]).join(", ")}`, csv: () => this.csv(), onclick: (x, y) => this.click(x, y) });
    this.element.append(h("section", { class: "card", "aria-label": "Choose" },
      h("p", { class: "muted" }, `From ${this.route.populations.join(", ")}${this.narrowing ? `, those with ${this.narrowing}` : ""}. The best of many is partly luck: the more networks a population has, the more so. Train several.`),
      h("div", { class: "row" },
        h("button", { type: "button", onclick: () => this.add(this.best()) }, `The best ${BEST}`),
        h("button", { type: "button", onclick: () => this.bootstrap() }, "Best by bootstrap"),
        hasCosts && h("button", { type: "button", onclick: () => this.add(this.front(this.cost.value)) }, "The Pareto front"), hasCosts && h("label", { for: "cost" }, "of error and "), hasCosts && this.cost,
        h("label", { for: "own-trial" }, "Trial "), of, own, h("button", { type: "button", onclick: () => this.own(of.value, own.value) }, "Add"),
        h("button", { type: "button", onclick: () => { this.pins = []; this.said.textContent = ""; this.render(); } }, "None")),
      this.said, hasCosts && this.picture.element, hasCosts && h("p", { class: "muted hint" }, "The line: no network is both cheaper and better. Click a network to choose it, or to leave it out."),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Chosen networks" }, h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, ["population", "trial", "error, %", "chance to be best", "flops", "params", "name of the run", "remove"].map((each) => h("th", { scope: "col" }, each)))), this.body)),
      h("div", { class: "fields" }, field("Epochs", this.epochs), field("Images", this.images), field("Part kept for validation", this.kept)),
      this.commands, h("div", { class: "row" }, this.button), this.status));
    this.render();
  }

  get narrowing() { return expressionOf(this.route.ranges, this.route.filter); }

  keep(element) {
    this.values.set(element.id, element.value);
    this.address();
  }

  address() { routes.replace({ ...this.route, pins: this.pins, values: this.values }); }

  best() {
    return this.left().sort((a, b) => this.networks.values.error[a] - this.networks.values.error[b]).slice(0, BEST);
  }

  left() {
    const { networks } = this;
    return Array.from({ length: networks.n }, (_, i) => i).filter((i) => networks.mask[i] && !networks.failed[i]);
  }

  // no other network is both cheaper and better
  front(name) {
    const { error, [name]: cost } = this.networks.values;
    let lowest = Infinity;
    return this.left().filter((i) => !Number.isNaN(cost[i])).sort((a, b) => cost[a] - cost[b] || error[a] - error[b]).filter((i) => {
      const isBetter = error[i] < lowest;
      lowest = Math.min(lowest, error[i]);
      return isBetter;
    });
  }

  // those that may well be the best, of each population
  async bootstrap() {
    this.said.textContent = "Errors are drawn again …";
    try {
      const said = [];
      for (const id of this.route.populations) {
        const found = await get("best", { p: id, where: this.narrowing });
        for (const { trial, chance } of found.networks) this.chances.set(`${id}@${trial}`, chance);
        said.push(`${id}: ${found.networks.length} networks hold ${Math.round(100 * found.covered)}% of the chance to be the best, by ${found.how}`);
        this.add(found.networks.map(({ trial }) => this.networks.row(id, trial)).filter((row) => row >= 0));
      }
      this.said.textContent = `${said.join(". ")}.`;
    } catch (error) {
      this.said.textContent = error.message;
    }
  }

  own(id, text) {
    const row = text === "" ? -1 : this.networks.row(id, Number(text));
    this.said.textContent = row < 0 ? `${id} has no network of trial ${text || "…"} here.` : "";
    if (row >= 0) this.add([row]);
  }

  add(rows) {
    for (const row of rows) if (!this.has(row)) this.pins.push(this.pinOf(row));
    this.render();
  }

  pinOf(row) { return { id: this.networks.id(row), trial: this.networks.values.trial[row] }; }

  has(row) { const pin = this.pinOf(row); return this.pins.some((each) => each.id === pin.id && each.trial === pin.trial); }

  click(x, y) {
    if (!this.places) return;
    const distance = (row) => Math.hypot(this.places.x.at(this.networks.values[this.cost.value][row]) - x, this.places.y.at(this.networks.values.error[row]) - y);
    const nearest = this.left().reduce((best, row) => (distance(row) < (best < 0 ? NEAR : distance(best)) ? row : best), -1);
    if (nearest < 0) return;
    if (this.has(nearest)) {
      const pin = this.pinOf(nearest);
      this.pins = this.pins.filter((each) => each.id !== pin.id || each.trial !== pin.trial);
      this.render();
    } else this.add([nearest]);
  }

  draw(surface, width, colors) {
    const rows = this.left();
    if (!rows.length) return;
    const [costs, errors] = [this.networks.values[this.cost.value], this.networks.values.error];
    const column = this.networks.columns.find((each) => each.name === this.cost.value);
    const box = { left: 46, top: 10, width: width - 60, height: HEIGHT - 54 };
    const x = new Scale(column?.ends ?? [0, 1], [box.left, box.left + box.width], column?.log);
    const y = new Scale(this.networks.ends, [box.top + box.height, box.top]);
    this.places = { x, y };
    axes(surface, box, x, y, colors, { xTitle: this.cost.value, yTitle: "error, %" });
    const step = Math.max(1, Math.ceil(rows.length / 4000));
    for (let i = 0; i < rows.length; i += step) surface.circle(x.at(costs[rows[i]]), y.at(errors[rows[i]]), 2.2, colors.faint, { opacity: 0.8 });
    const front = this.front(this.cost.value);
    surface.path(front.flatMap((row, i) => [...(i ? [x.at(costs[row]), y.at(errors[front[i - 1]])] : []), x.at(costs[row]), y.at(errors[row])]), colors.series[1], { width: 1.6 });
    for (const row of front) surface.circle(x.at(costs[row]), y.at(errors[row]), 3, colors.series[1]);
    for (const row of rows) if (this.has(row)) surface.circle(x.at(costs[row]), y.at(errors[row]), 6, colors.series[0], { stroke: true });
  }

  csv() {
    const front = new Set(this.front(this.cost.value));
    return csvOf([["population", "trial", "error", ...COSTS, "is_on_front", "is_chosen"], ...this.left().map((row) => [this.networks.id(row), this.networks.values.trial[row], this.networks.values.error[row], ...COSTS.map((name) => this.networks.values[name]?.[row]), front.has(row) ? 1 : 0, this.has(row) ? 1 : 0])]);
  }

  render() {
    this.address();
    this.picture?.render();
    this.names = this.pins.map(({ id, trial }) => h("input", { type: "text", "aria-label": `Name of the run of trial ${trial} of ${id}`, value: `${id.split("/").at(-1).replace(/[^\w.-]/g, "_").replace(/^[._-]+/, "")}-t${trial}`, oninput: () => this.plan() }));
    this.body.replaceChildren(...(this.pins.length ? this.pins.map(({ id, trial }, i) => {
      const row = this.networks.row(id, trial);
      const of = (name) => (row >= 0 && this.networks.values[name] ? this.networks.values[name][row] : null);
      const chance = this.chances.get(`${id}@${trial}`);
      return h("tr", {}, h("td", {}, id), h("td", {}, String(trial)), h("td", {}, percent(of("error"))), h("td", {}, chance === undefined ? "" : `${(100 * chance).toFixed(chance < 0.01 ? 1 : 0)}%`), h("td", {}, number(of("flops"))), h("td", {}, number(of("params"))), h("td", {}, this.names[i]),
        h("td", {}, h("button", { type: "button", class: "quiet", "aria-label": `Leave out trial ${trial} of ${id}`, onclick: () => { this.pins.splice(i, 1); this.render(); } }, "×")));
    }) : [h("tr", {}, h("td", { colspan: "8" }, "No network is chosen: take the best, the front, or pin some in Look."))]));
    this.plan();
  }

  form(dry) {
    const kept = this.kept.value === "" ? {} : { val_fraction: Number(this.kept.value) };
    return { chosen: this.pins.map(({ id, trial }, i) => ({ p: id, trial, name: this.names[i].value })), epochs: Number(this.epochs.value), data_dir: this.images.value, ...kept, dry };
  }

  async plan() {
    const asked = this.asked = (this.asked ?? 0) + 1;
    this.button.disabled = true;
    if (!this.pins.length) return this.commands.replaceChildren();
    try {
      const { commands, has_test: hasTest } = await post("pick", this.form(true));
      if (asked !== this.asked) return;
      this.commands.replaceChildren(hasTest ? "" : h("p", { class: "notice" }, "No test split of these images can be held out here, so the picks are measured on validation images."), command(commands.join("\n")));
      this.button.disabled = this.overview.look_only;
    } catch (error) {
      if (asked === this.asked) this.commands.replaceChildren(problem(error.message));
    }
  }

  async start() {
    this.button.disabled = true;
    try {
      await post("pick", this.form(false));
      this.pins = [];
      this.status.replaceChildren(h("p", {}, "They are trained, at the same time."));
      this.render();
      await this.picked.load();
    } catch (error) {
      this.status.replaceChildren(problem(error.message));
    }
  }
}
