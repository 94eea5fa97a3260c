// The list of populations, and what can be done with each.

import { get, upload } from "./api.js";
import { duration, h, percent, problem } from "./dom.js";
import * as routes from "./route.js";

const STATES = { running: "running", pausing: "pausing", paused: "paused", stopping: "stopping", done: "done", waiting: "waits", interrupted: "interrupted", failed: "failed", problem: "cannot be read", table: "table" };

export function stateOf(each) {
  if (each.problem) return "problem";
  if (each.job?.state === "paused") return "paused";
  const { waiting = 0, running = 0 } = each.counts;
  if (each.process || each.workers || each.job?.state === "running") {
    if (each.told === "paused") return running ? "pausing" : "paused";
    return each.told === "stopped" ? "stopping" : "running";
  }
  if (each.kind === "job") return "failed";
  if (each.kind === "table") return "table";
  return waiting + running === 0 ? "done" : finished(each) ? "interrupted" : "waiting";
}

export const finished = ({ counts }) => (counts?.done ?? 0) + (counts?.failed ?? 0) + (counts?.pruned ?? 0);

export class PopulationsView {
  constructor(route, overview, actions) {
    this.overview = overview;
    this.actions = actions;
    this.chosen = new Set(route.populations);
    this.element = h("div", {});
  }

  open() {
    this.body = h("tbody", {});
    this.status = h("div", { role: "status" });
    this.lookButton = h("button", { type: "button", class: "main", onclick: () => this.look() }, "Look at the chosen ones");
    const file = h("input", { type: "file", id: "file", accept: ".csv,.parquet,.jsonl,.sqlite,.sqlite3,.db", onchange: () => this.take(file.files) });
    const heads = ["", "population", "state", "trials", "best, %", "mean, %", "failed", "time", "actions"];
    this.element.append(
      h("h1", {}, "Populations"),
      h("p", { class: "muted" }, `In ${this.overview.folders.join(", ")}`),
      this.status,
      h("div", { class: "row" }, this.lookButton, this.actions?.startLink?.(this.overview)),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Populations" }, h("table", { class: "list" },
        h("caption", { class: "hidden" }, "Populations and tables"),
        h("thead", {}, h("tr", {}, heads.map((each, i) => h("th", { scope: "col" }, each || h("span", { class: "hidden" }, `choose${i}`.slice(0, 6)))))), this.body)),
      h("div", { class: "drop" }, h("label", { for: "file" }, "Open a copied population or a table: drop it onto this page, or choose a file "), file));
    this.element.addEventListener("dragover", (event) => { event.preventDefault(); this.element.classList.add("over"); });
    this.element.addEventListener("dragleave", () => this.element.classList.remove("over"));
    this.element.addEventListener("drop", (event) => { event.preventDefault(); this.element.classList.remove("over"); this.take(event.dataTransfer.files); });
    this.render();
  }

  close() {}

  async changed() {
    this.overview = await get("overview");
    this.render();
  }

  async take(files) {
    for (const file of files) {
      this.status.replaceChildren(h("p", { class: "muted" }, `${file.name} is read …`));
      try {
        const { id } = await upload(file);
        this.chosen.add(id);
        this.status.replaceChildren(h("p", {}, `${file.name} is open. It stays until the studio ends.`));
        await this.changed();
      } catch (error) {
        this.status.replaceChildren(problem(`${file.name}: ${error.message}`));
      }
    }
  }

  look() { routes.go({ view: "look", populations: [...this.chosen] }); }

  render() {
    const list = this.overview.populations;
    this.lookButton.disabled = !this.chosen.size;
    const focus = document.activeElement?.id;
    this.body.replaceChildren(...(list.length ? list.map((each) => this.line(each)) : [h("tr", {}, h("td", { colspan: "9" }, "There is no population yet. Start a sweep, or drop a file."))]));
    if (focus) document.getElementById(focus)?.focus();
  }

  line(each) {
    const state = stateOf(each);
    const counts = each.counts ?? {};
    const finished = (counts.done ?? 0) + (counts.failed ?? 0);
    const box = h("input", { type: "checkbox", id: `choose-${each.id}`, "aria-label": `Choose ${each.id}`, checked: this.chosen.has(each.id), disabled: Boolean(each.problem), onchange: () => { this.chosen[box.checked ? "add" : "delete"](each.id); this.lookButton.disabled = !this.chosen.size; } });
    if (each.problem) {
      return h("tr", {}, h("td", {}, box), h("th", { scope: "row" }, each.id), h("td", {}, h("span", { class: "badge problem" }, STATES.problem)), h("td", { colspan: "6", class: "reason" }, each.problem));
    }
    return h("tr", {}, h("td", {}, box),
      h("th", { scope: "row" }, h("a", { href: routes.write({ view: "look", populations: [each.id] }) }, each.id), h("span", { class: "muted" }, each.space === each.id ? "" : ` ${each.space}`)),
      h("td", {}, h("span", { class: `badge ${state}` }, STATES[state])),
      h("td", {}, h("progress", { max: String(each.n || 1), value: String(finished), "aria-label": `${finished} of ${each.n} trials of ${each.id}` }), ` ${finished.toLocaleString("en")} / ${each.n.toLocaleString("en")}`),
      h("td", {}, percent(each.best)), h("td", {}, percent(each.mean)), h("td", {}, String(counts.failed ?? "")), h("td", {}, duration(each.seconds)),
      h("td", {}, this.actions?.buttons?.(each, state, () => this.changed()) ?? ""));
  }
}
