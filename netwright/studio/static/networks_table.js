// The networks that are left, as a table: best first, or by any column.

import { h, number, percent } from "./dom.js";

const ROWS = 50;
const MORE = 200;

export class NetworksTable {
  // owner: has networks, highlight(row, event, isListed), pin(row), keep()
  constructor(owner, sort) {
    const [name, sign] = (sort || "error:1").split(":");
    Object.assign(this, { owner, sort: { name, sign: Number(sign) < 0 ? -1 : 1 }, rows: ROWS });
    this.element = h("div", {});
  }

  get sorted() { return this.sort.name === "error" && this.sort.sign > 0 ? "" : `${this.sort.name}:${this.sort.sign}`; }

  order() {
    const { networks } = this.owner;
    const order = [];
    for (let i = 0; i < networks.n; i++) if (networks.mask[i]) order.push(i);
    const values = networks.values[this.sort.name] ?? networks.values.error;
    // one population is in the order of its errors already
    if (networks.populations.length > 1 || this.sorted) {
      order.sort((a, b) => networks.failed[a] - networks.failed[b] || this.sort.sign * (values[a] - values[b]) || a - b);
    }
    return order;
  }

  render() {
    const { networks } = this.owner;
    const alone = networks.populations.length === 1;
    const columns = [{ name: "trial" }, { name: "error" }, ...networks.columns];
    const order = this.order();
    const shown = order.slice(0, this.rows);
    const sort = (name) => { this.sort = { name, sign: this.sort.name === name ? -this.sort.sign : 1 }; this.render(); this.owner.keep(); };
    const heads = columns.map(({ name }) => h("th", { scope: "col", "aria-sort": this.sort.name === name ? (this.sort.sign > 0 ? "ascending" : "descending") : "none" },
      h("button", { type: "button", "data-key": `sort ${name}`, onclick: () => sort(name) }, name)));
    const body = shown.map((row) => h("tr", { onpointerenter: (event) => this.owner.highlight(row, event, true), onpointerleave: () => this.owner.highlight(-1) },
      !alone && h("td", {}, networks.id(row)),
      columns.map(({ name }) => h("td", {}, this.cell(row, name)))));
    const focus = this.element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.element.replaceChildren(
      h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Networks, best first" },
        h("table", { class: "numbers sortable" }, h("thead", {}, h("tr", {}, !alone && h("th", { scope: "col" }, "population"), heads)), h("tbody", {}, body))),
      order.length > shown.length && h("button", { type: "button", "data-key": "more", onclick: () => { this.rows += MORE; this.render(); } }, `Show more of ${order.length.toLocaleString("en")}`) || "");
    if (focus) this.element.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }

  cell(row, name) {
    const { networks } = this.owner;
    const trial = networks.values.trial[row];
    if (name === "trial") return h("button", { type: "button", class: "link", "data-key": `trial ${row}`, "aria-label": `Pin trial ${trial}`, onfocus: () => this.owner.highlight(row, null, true), onclick: () => this.owner.pin(row) }, String(trial));
    if (name === "error") return networks.failed[row] ? "failed" : percent(networks.values.error[row]);
    return number(networks.values[name][row]);
  }
}
