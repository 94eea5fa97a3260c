// Refine: a candidate space from ranges, ties and orders; what the trials that are there say of it; and its confirmation
// on a fresh sample.

import { get, getKept, post } from "./api.js";
import { band, distributionAxes, key, line, rowsOf, shares } from "./distribution.js";
import { announce, command, duration, h, number, probability, problem, save } from "./dom.js";
import { rangesOf } from "./expression.js";
import { csvOf, Picture } from "./pictures.js";
import { Scale } from "./plot.js";
import * as routes from "./route.js";
import { halfWidth, legend } from "./table.js";
import { signed } from "./differences.js";

const WAIT_MS = 150;
const HEIGHT = 260;
const LIMITS = ["flops", "params", "acts"];
const POLICIES = { relevant: "p < 0.2", holm: "p < 0.05 after Holm's correction", all: "all parameters", "relevant+order": "p < 0.2, and orders by trend" };

export class RefineView {
  constructor(route, overview) {
    this.overview = overview;
    this.route = route;
    this.id = route.populations[0];
    this.ranges = new Map([...route.ranges].filter(([name]) => !["error", "trial", "latency_ms", "e_fit"].includes(name)));
    this.dropped = [...route.ranges.keys()].filter((name) => !this.ranges.has(name));
    this.tie = new Set(route.tie);
    this.order = { ...route.order };
    this.linear = route.linear;
    this.values = new Map(route.values);
    this.element = h("div", { class: "refine" });
  }

  async open() {
    if (!this.id) {
      const able = this.overview.populations.filter((each) => each.can_refine);
      this.element.append(h("h1", {}, "Refine"), h("p", {}, "Which population's space?"), h("ul", {}, able.map((each) => h("li", {}, h("a", { href: routes.write({ view: "refine", populations: [each.id] }) }, each.id), ` ${each.space}`))));
      return;
    }
    this.population = await getKept("population", { p: this.id });
    if (!this.population.can_refine) {
      this.element.append(h("h1", {}, `Refine ${this.id}`), problem("It does not record the space that its networks were sampled from, so none is refined."));
      return;
    }
    this.takeFilter();
    this.build();
    await this.evaluate();
  }

  close() { clearTimeout(this.waiting); }

  // a filter of single columns is ranges; another one is no space
  takeFilter() {
    if (!this.route.filter) return;
    const known = this.population.columns.filter((each) => each.kind === "parameter" || LIMITS.includes(each.name));
    const { ranges, left } = rangesOf(this.route.filter, known);
    this.dropped.push(...left);
    for (const [name, [low, high]] of ranges) {
      const own = this.ranges.get(name);
      this.ranges.set(name, own ? [Math.max(own[0], low), Math.min(own[1], high)] : [low, high]);
    }
    this.route = { ...this.route, filter: "" };
  }

  async changed(ids) {
    if (!this.population || (ids && !ids.includes(this.id))) return;
    this.population = await getKept("population", { p: this.id });
    await this.evaluate();
  }

  build() {
    const parameters = this.population.columns.filter((each) => each.kind === "parameter");
    const limits = this.population.columns.filter((each) => LIMITS.includes(each.name));
    this.families = [...new Set(parameters.map((each) => /^(.*)_\d+$/.exec(each.name)?.[1]).filter(Boolean))];
    this.inputs = h("tbody", {});
    this.evidence = h("div", { "aria-live": "off" });
    this.status = h("p", { class: "lead", role: "status" });
    this.picture = new Picture({ name: "candidate-edf", label: "error distributions of the networks inside and of the rest", height: HEIGHT, draw: (...all) => this.draw(...all), describe: () => this.sides().map(([name, side]) => `${name} ${legend(side.errors, side.n_failed)}`).join("; ") || "No candidate", csv: () => csvOf(rowsOf(this.sides().map(([name, side]) => [name, side.errors, side.n_failed]))) });
    this.columns = [...parameters, ...limits];
    this.proposed = h("div", {});
    const policy = h("select", { id: "policy", onchange: () => { this.values.set("policy", policy.value); this.keep(); } }, Object.entries(POLICIES).map(([name, text]) => h("option", { value: name, selected: name === this.values.get("policy") }, `${name}: ${text}`)));
    const linear = h("input", { type: "checkbox", checked: this.linear, onchange: () => { this.linear = linear.checked; this.touched(); } });
    this.element.append(
      h("h1", {}, `Refine the space of ${this.id}`),
      h("p", { class: "muted" }, `${this.population.space}. ${this.population.tally}.`),
      this.dropped.length ? h("p", { class: "notice" }, `Left out, for networks are drawn from ranges of single parameters and costs, before errors are known: ${this.dropped.join(", ")}.`) : "",
      h("div", { class: "two" },
        h("section", { class: "card", "aria-label": "The candidate" }, h("h2", {}, "The candidate"),
          h("div", { class: "row" }, h("label", { for: "policy" }, "Good ranges where "), policy, h("button", { type: "button", onclick: () => this.propose(policy.value) }, "Take the good ranges"), h("button", { type: "button", onclick: () => this.clear() }, "Start again")),
          this.proposed,
          this.families.length > 0 && h("fieldset", {}, h("legend", {}, "From stage to stage"), this.families.map((name) => this.familyRow(name)),
            h("label", { class: "check" }, linear, "widths and depths as a quantized linear function (RegNet)")),
          h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ranges" }, h("table", {}, h("caption", { class: "hidden" }, "Ranges of the candidate"), h("thead", {}, h("tr", {}, ["parameter", "drawn", "lowest", "highest"].map((each) => h("th", { scope: "col" }, each)))), this.inputs))),
        h("div", {},
          h("section", { class: "card", "aria-label": "What the trials that are there say" }, h("h2", {}, "What the trials that are there say"), this.status, this.picture.element, this.evidence),
          this.confirmSection())));
    this.fillInputs();
  }

  familyRow(name) {
    const tie = h("input", { type: "checkbox", checked: this.tie.has(name), onchange: () => { this.tie[tie.checked ? "add" : "delete"](name); if (tie.checked) { delete this.order[name]; order.value = ""; } this.touched(); } });
    const order = h("select", { "aria-label": `Order of ${name} from stage to stage`, onchange: () => { if (order.value) { this.order[name] = order.value; this.tie.delete(name); tie.checked = false; } else delete this.order[name]; this.touched(); } },
      [["", "free"], ["non_decreasing", "never falls"], ["non_increasing", "never rises"]].map(([value, text]) => h("option", { value, selected: (this.order[name] ?? "") === value }, text)));
    return h("div", { class: "row" }, h("b", { class: "name" }, name), h("label", { class: "check" }, tie, "one for all stages"), order);
  }

  fillInputs() {
    this.inputs.replaceChildren(...this.columns.map((column) => {
      const range = this.ranges.get(column.name);
      const input = (i) => h("input", { type: "number", step: "any", placeholder: String(number(column.ends[i])), value: range ? String(Number(range[i].toPrecision(6))) : "", "aria-label": `${i ? "highest" : "lowest"} ${column.name}`, onchange: () => this.typed(column) });
      const row = h("tr", {}, h("th", { scope: "row" }, column.name), h("td", {}, `${number(column.ends[0])} to ${number(column.ends[1])}`), h("td", {}, input(0)), h("td", {}, input(1)));
      row.dataset.column = column.name;
      return row;
    }));
  }

  typed(column) {
    const [low, high] = [...this.inputs.querySelector(`[data-column="${CSS.escape(column.name)}"]`).querySelectorAll("input")].map((each) => each.value);
    const allowed = column.allowed ?? column.ends;
    if (low === "" && high === "") this.ranges.delete(column.name);
    else this.ranges.set(column.name, [low === "" ? allowed[0] ?? column.ends[0] : Number(low), high === "" ? allowed[1] ?? column.ends[1] : Number(high)]);
    this.touched();
  }

  async propose(policy) {
    this.proposed.replaceChildren(h("p", { class: "muted" }, "Good ranges are computed …"));
    try {
      const found = await get("proposal", { p: this.id, policy });
      this.ranges = new Map(Object.entries(found.ranges));
      this.order = found.order;
      this.tie.clear();
      this.proposed.replaceChildren(h("ul", {}, found.decisions.map((each) => h("li", {}, each))), command(found.command));
      this.rebuild();
    } catch (error) {
      this.proposed.replaceChildren(problem(error.message));
    }
  }

  clear() {
    this.ranges.clear();
    this.tie.clear();
    this.order = {};
    this.linear = false;
    this.proposed.replaceChildren();
    this.rebuild();
  }

  // ties and orders are drawn again too
  rebuild() {
    const kept = this.proposed;
    this.element.replaceChildren();
    this.dropped = [];
    this.build();
    this.proposed.replaceWith(kept);
    this.proposed = kept;
    this.touched();
  }

  touched() {
    this.keep();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.evaluate(), WAIT_MS);
  }

  keep() { routes.replace({ ...this.route, populations: [this.id], ranges: this.ranges, tie: [...this.tie], order: this.order, linear: this.linear, values: this.values }); }

  get change() { return { p: this.id, ranges: Object.fromEntries(this.ranges), tie: [...this.tie], order: this.order, linear: this.linear }; }

  async evaluate() {
    const asked = this.asked = (this.asked ?? 0) + 1;
    try {
      const found = await post("candidate", this.change);
      if (asked !== this.asked) return;
      this.found = found;
      this.wrong = "";
    } catch (error) {
      if (asked !== this.asked) return;
      this.found = null;
      this.wrong = error.message;
    }
    this.renderAll();
    this.renderEvidence();
    this.planned();
  }

  renderEvidence() {
    const { found } = this;
    this.status.classList.toggle("problem", Boolean(this.wrong));
    if (!found) {
      this.status.textContent = this.wrong;
      this.evidence.replaceChildren();
      return;
    }
    const [inside, rest] = [found.inside.errors.length, found.rest.errors.length];
    this.status.textContent = `${inside.toLocaleString("en")} of ${(inside + rest).toLocaleString("en")} networks lie inside`;
    announce(this.status.textContent);
    const sizes = found.size.map((orders) => (orders === null ? "infinitely many" : `10^${orders.toFixed(1)}`));
    const less = found.size[0] !== null && found.size[1] !== null ? `, ${(found.size[0] - found.size[1]).toFixed(1)} orders of magnitude fewer` : "";
    const lowest = (each) => Object.entries(each).map(([name, value]) => `${number(value)} ${name}`).join(", ") || "unknown";
    const { test } = found;
    this.evidence.replaceChildren(
      h("p", { class: "notice" }, found.warning),
      h("dl", {},
        h("dt", {}, "changes"), h("dd", {}, found.changes.join("; ") || "none yet"),
        h("dt", {}, "mean inside − rest"), h("dd", {}, test ? `${signed(test.difference)} points${test.interval ? `, 95% interval ${signed(test.interval[0])} to ${signed(test.interval[1])}` : ""}, p = ${probability(test.p)} (not corrected for having looked)` : "too few networks on one side for a test"),
        test && h("dt", {}, "effect"), test && h("dd", {}, `a network inside beats one of the rest in ${Math.round(100 * test.superiority)}% of pairs; Cohen's d ${signed(test.cohen)}; KS D ${test.ks.toFixed(2)}, p = ${probability(test.ks_p)}`),
        h("dt", {}, "combinations"), h("dd", {}, `${sizes[0]} before, ${sizes[1]} after${less}`),
        h("dt", {}, "cheapest network"), h("dd", {}, `${lowest(found.lowest[0])} before; ${lowest(found.lowest[1])} after`)),
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => save(`${found.name}.yaml`, found.yaml, "application/yaml") }, "Save the space as YAML")),
      command(`netwright sweep ${found.name}.yaml --out runs/${found.name}`));
  }

  renderAll() { this.picture?.render(); }

  sides() { return this.found ? [["inside", this.found.inside], ["rest", this.found.rest]] : []; }

  draw(surface, width, colors) {
    const sides = this.sides();
    const errors = sides.flatMap(([, side]) => side.errors.slice(0, side.errors.length - side.n_failed));
    if (!errors.length) return;
    const box = { left: 46, top: 44, width: width - 58, height: HEIGHT - 90 };
    const scales = { x: new Scale([errors.reduce((a, b) => Math.min(a, b)), errors.reduce((a, b) => Math.max(a, b))], [box.left, box.left + box.width]), y: shares([box.top, box.top + box.height]) };
    distributionAxes(surface, box, scales.x, scales.y, colors);
    sides.forEach(([name, side], place) => {
      const color = colors.series[place];
      key(surface, place, box.left, color, name, side.errors, side.n_failed, colors);
      if (!side.errors.length) return;
      band(surface, scales, side.errors, color);
      line(surface, scales, side.errors, side.n_failed, color, { width: 2.2, dash: place ? [6, 3] : [] });
    });
  }

  // ---- a fresh sample
  confirmSection() {
    const kept = (id, value) => this.values.get(id) ?? value;
    const told = (element) => { this.values.set(element.id, element.value); this.keep(); this.planned(); };
    const input = (id, type, value, more = {}) => { const element = h("input", { id, type, value: kept(id, value), oninput: () => told(element), ...more }); return element; };
    this.name = input("confirm-name", "text", this.nameFor());
    this.by = h("select", { id: "size-by", onchange: () => told(this.by) }, [["band", "a band of half-width"], ["power", "power to show the difference"], ["number", "a number of networks"]].map(([value, text]) => h("option", { value, selected: value === kept("size-by", "band") }, text)));
    this.wanted = input("size-wanted", "number", "0.15", { step: "any", min: "0" });
    this.seed = input("confirm-seed", "number", "1", { min: "0" });
    this.more = { epochs: input("confirm-epochs", "number", "", { min: "1", placeholder: "as before" }), data_dir: input("confirm-data", "text", "", { placeholder: "as before" }), workers: input("confirm-workers", "number", "", { min: "1", placeholder: "as before" }) };
    this.planText = h("p", { class: "muted", role: "status" });
    this.confirmCommand = h("div", {});
    this.confirmStatus = h("div", { role: "status" });
    this.button = h("button", { type: "button", class: "main", disabled: this.overview.look_only, onclick: () => this.confirm() }, "Confirm on a fresh sample");
    const field = (label, element) => h("div", { class: "field" }, h("label", { for: element.id }, label), element);
    return h("section", { class: "card", "aria-label": "Confirm" }, h("h2", {}, "Confirm"),
      h("p", {}, "Draw new networks of the candidate, train them as before, and let that sample alone decide."),
      h("div", { class: "fields" }, field("Name", this.name), field("As many as need", this.by), field("Half-width of the band, power, or number", this.wanted), field("Seed", this.seed), field("Epochs", this.more.epochs), field("Images", this.more.data_dir), field("Workers", this.more.workers)),
      this.planText, this.confirmCommand, h("div", { class: "row" }, this.button, this.overview.look_only && h("span", { class: "muted" }, "This studio starts nothing: copy the command, and the space as YAML.")), this.confirmStatus);
  }

  nameFor() {
    const taken = new Set(this.overview.populations.map((each) => each.id));
    const stem = this.id.split("/").at(-1).replace(/[^\w.-]/g, "_").replace(/^[._-]+/, "").replace(/-r\d+$/, "") || "population";
    for (let i = 1; ; i++) if (!taken.has(`${stem}-r${i}`)) return `${stem}-r${i}`;
  }

  planned() { this.planning = this.plan(); }

  allow(whether) { this.button.disabled = this.starting || this.overview.look_only || !whether; }

  // the button stays enabled meanwhile, for a disabled one ignores the key that was meant for it; it waits for the plan
  async plan() {
    const { found } = this;
    const asked = this.askedPlan = (this.askedPlan ?? 0) + 1;
    this.trials = 0;
    this.isPlanned = false;
    if (!found) return this.allow(false);
    const value = Number(this.wanted.value);
    try {
      if (this.by.value === "band") this.trials = value > 0 && value < 1 ? Math.ceil(Math.log(40) / (2 * value ** 2)) : 0;
      else if (this.by.value === "number") this.trials = Math.round(value);
      else if (!found.test || !(value > 0 && value < 1)) throw new Error("Power is a number between 0 and 1, and needs a difference inside to plan for.");
      else this.trials = (await get("trials_for", { difference: found.test.difference, spread: found.spread, power: value })).trials;
      if (asked !== this.askedPlan) return;
      if (!(this.trials >= 2)) throw new Error("Give a half-width below 1, a power, or at least 2 networks.");
      const time = found.seconds ? `, about ${duration(found.seconds * this.trials)} of training on one worker` : "";
      this.planText.textContent = `${this.trials.toLocaleString("en")} networks: a band of ±${(100 * halfWidth(this.trials)).toFixed(1)} points of share${time}`;
      this.planText.classList.remove("problem");
      const shown = await post("confirm", { ...this.confirmForm(), dry: true });
      if (asked !== this.askedPlan) return;
      this.confirmCommand.replaceChildren(shown.problem ? problem(shown.problem) : "", command(shown.command), shown.taken_over ? "" : h("p", { class: "notice" }, "The population does not record the command that trained it, so the images and the epochs are those of the form: give the same as then, or the verdict is about more than the space."));
      this.isPlanned = !shown.problem;
      this.allow(this.isPlanned);
    } catch (error) {
      if (asked !== this.askedPlan) return;
      this.allow(false);
      this.planText.textContent = error.message;
      this.planText.classList.add("problem");
    }
  }

  confirmForm() {
    const options = Object.fromEntries(Object.entries(this.more).map(([name, input]) => [name, input.value]).filter(([, value]) => value !== ""));
    return { ...this.change, name: this.name.value, trials: this.trials, seed: Number(this.seed.value) || 0, options };
  }

  async confirm() {
    let left = false; // for the tree: nothing is started twice
    this.starting = true;
    this.allow(false);
    this.confirmStatus.replaceChildren(h("p", { class: "muted" }, "It is started …"));
    try {
      for (let planning; planning !== this.planning;) await (planning = this.planning); // the last one, of the form as it is
      if (!this.isPlanned) return this.confirmStatus.replaceChildren(); // the plan tells why
      const { id } = await post("confirm", { ...this.confirmForm(), dry: false });
      left = true;
      routes.go({ view: "tree", populations: [id] });
    } catch (error) {
      this.confirmStatus.replaceChildren(problem(error.message));
    } finally {
      this.starting = left;
      this.allow(this.isPlanned);
    }
  }
}
