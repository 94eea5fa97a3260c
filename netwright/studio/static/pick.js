// Pick: networks that are trained longer, measured once on the test split, and what one does with them next.

import { get, getKept, post } from "./api.js";
import { curve } from "./detail.js";
import { command, h, number, percent, problem } from "./dom.js";
import * as routes from "./route.js";
import { Networks } from "./table.js";

const BEST = 5;

export class PickView {
  constructor(route, overview) {
    Object.assign(this, { route, overview });
    this.pins = route.pins;
    this.element = h("div", {});
  }

  async open() {
    this.status = h("div", { role: "status" });
    this.list = h("div", {});
    this.element.append(h("h1", {}, "Pick"));
    if (this.route.populations.length) await this.chooser();
    else this.element.append(h("p", {}, "To pick networks, look at populations first: ", h("a", { href: "#/populations" }, "the list"), "."));
    this.element.append(h("section", { "aria-label": "Picked" }, h("h2", {}, "Picked"), this.list));
    await this.load();
  }

  close() {}

  async changed() { await this.load(); }

  async chooser() {
    const found = await Promise.all(this.route.populations.map((id) => getKept("population", { p: id })));
    this.networks = new Networks(found);
    this.networks.choose(this.route.ranges, "");
    this.body = h("tbody", {});
    const cost = h("select", { id: "cost" }, ["flops", "params", "acts", "latency_ms"].filter((name) => this.networks.values[name]).map((name) => h("option", { value: name }, name)));
    this.epochs = h("input", { id: "pick-epochs", type: "number", min: "1", value: "60", oninput: () => this.plan() });
    this.images = h("input", { id: "pick-images", type: "text", placeholder: "as in the sweep", oninput: () => this.plan() });
    this.kept = h("input", { id: "pick-kept", type: "number", min: "0", max: "0.9", step: "any", value: "0.2", oninput: () => this.plan() });
    this.commands = h("div", {});
    this.button = h("button", { type: "button", class: "main", disabled: true, onclick: () => this.start() }, "Train them longer");
    const field = (label, element) => h("div", { class: "field" }, h("label", { for: element.id }, label), element);
    this.element.append(h("section", { class: "card", "aria-label": "Choose" },
      h("p", { class: "muted" }, `From ${this.route.populations.join(", ")}${this.route.ranges.size ? ", within the ranges of the view" : ""}. The best of many is partly luck: the more networks a population has, the more so. Train several.`),
      h("div", { class: "row" },
        h("button", { type: "button", onclick: () => this.add(this.best()) }, `The best ${BEST}`),
        cost.options.length > 0 && h("button", { type: "button", onclick: () => this.add(this.front(cost.value)) }, "The Pareto front"), cost.options.length > 0 && h("label", { for: "cost" }, "of error and "), cost,
        h("button", { type: "button", onclick: () => { this.pins = []; this.render(); } }, "None")),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Chosen networks" }, h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, ["population", "trial", "error, %", "flops", "params", "name of the run", "remove"].map((each) => h("th", { scope: "col" }, each)))), this.body)),
      h("div", { class: "fields" }, field("Epochs", this.epochs), field("Images", this.images), field("Part kept for validation (0: own split)", this.kept)),
      this.commands, h("div", { class: "row" }, this.button), this.status));
    this.render();
  }

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

  add(rows) {
    for (const row of rows) {
      const pin = { id: this.networks.id(row), trial: this.networks.values.trial[row] };
      if (!this.pins.some((each) => each.id === pin.id && each.trial === pin.trial)) this.pins.push(pin);
    }
    this.render();
  }

  render() {
    routes.replace({ ...this.route, pins: this.pins });
    this.names = this.pins.map(({ id, trial }) => h("input", { type: "text", "aria-label": `Name of the run of trial ${trial} of ${id}`, value: `${id.split("/").at(-1).replace(/[^\w.-]/g, "_").replace(/^[._-]+/, "")}-t${trial}`, oninput: () => this.plan() }));
    this.body.replaceChildren(...(this.pins.length ? this.pins.map(({ id, trial }, i) => {
      const row = this.networks.row(id, trial);
      const of = (name) => (row >= 0 && this.networks.values[name] ? this.networks.values[name][row] : null);
      return h("tr", {}, h("td", {}, id), h("td", {}, String(trial)), h("td", {}, percent(of("error"))), h("td", {}, number(of("flops"))), h("td", {}, number(of("params"))), h("td", {}, this.names[i]),
        h("td", {}, h("button", { type: "button", class: "quiet", "aria-label": `Leave out trial ${trial} of ${id}`, onclick: () => { this.pins.splice(i, 1); this.render(); } }, "×")));
    }) : [h("tr", {}, h("td", { colspan: "7" }, "No network is chosen: take the best, the front, or pin some in Look."))]));
    this.plan();
  }

  form(dry) {
    return { chosen: this.pins.map(({ id, trial }, i) => ({ p: id, trial, name: this.names[i].value })), epochs: Number(this.epochs.value), data_dir: this.images.value, val_fraction: Number(this.kept.value) || 0, dry };
  }

  async plan() {
    const asked = this.asked = (this.asked ?? 0) + 1;
    this.button.disabled = true;
    if (!this.pins.length) return this.commands.replaceChildren();
    try {
      const { commands } = await post("pick", this.form(true));
      if (asked !== this.asked) return;
      this.commands.replaceChildren(command(commands.join("\n")));
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
      await this.load();
    } catch (error) {
      this.status.replaceChildren(problem(error.message));
    }
  }

  async load() {
    const { picks } = await get("picks");
    const cards = await Promise.all(picks.map((each) => this.pick(each)));
    this.list.replaceChildren(...(cards.length ? cards : [h("p", { class: "muted" }, "Nothing is picked yet.")]));
  }

  async pick(each) {
    let drawn = null;
    if (each.epochs > 1) {
      try { drawn = curve((await get("training", { p: each.name })).curve); } catch { /* it is being written */ }
    }
    const state = each.job?.state === "running" ? "running" : each.job?.status ? "failed" : each.epochs ? "trained" : each.job ? "ended" : "waits";
    const split = h("input", { type: "text", value: "test", "aria-label": `Split that ${each.name} is tested on` });
    const place = h("div", {});
    const measure = h("button", { type: "button", disabled: this.overview.look_only || state === "running" || !each.epochs, onclick: async () => {
      measure.disabled = true;
      try {
        place.replaceChildren(command((await post("test", { name: each.name, split: split.value, dry: false })).command));
      } catch (error) {
        place.replaceChildren(problem(error.message));
        measure.disabled = false;
      }
    } }, "Measure on the test split, once");
    return h("article", { class: "card", "aria-label": each.name },
      h("h3", {}, `${each.name} `, h("span", { class: `badge ${state}` }, state), h("span", { class: "muted" }, ` trial ${each.trial} of ${each.population}`)),
      h("p", {}, each.epochs ? `${each.epochs} epochs, validation error ${each.error === null ? "not measured" : `${percent(each.error)}%`}` : "No epoch is over."),
      drawn,
      each.test ? h("p", {}, h("b", {}, "On the test split: "), Object.entries(each.test).slice(0, 6).map(([name, value]) => `${name} ${number(value)}`).join(", "))
        : h("div", { class: "row" }, split, measure, each.test_job ? h("span", { class: "muted" }, each.test_job.state === "running" ? "It is measured …" : each.test_job.status ? "It could not be measured; its log says why." : "") : null),
      place,
      (each.job || each.test_job) && h("details", {}, h("summary", {}, "Log"), h("pre", { class: "log", tabindex: "0" }, (await get("log", { p: each.test_job ? `${each.name}-test` : each.name })).log)),
      state === "trained" && h("div", {}, h("p", { class: "muted" }, "Next"), each.next.map((text) => command(text))));
  }
}
