// The list of populations, and what can be done with each.

import { get, upload } from "./api.js";
import { command, duration, h, percent, problem } from "./dom.js";
import { csvOf, Picture } from "./pictures.js";
import { axes, Scale, shortened } from "./plot.js";
import * as routes from "./route.js";

const STATES = { running: "running", pausing: "pausing", paused: "paused", stopping: "stopping", done: "done", waiting: "waits", interrupted: "interrupted", failed: "failed", problem: "cannot be read", table: "table" };
const MOST_DRAWN = 20;
const ROW = 24;

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
    this.commands = h("div", {});
    this.lookButton = h("button", { type: "button", class: "main", onclick: () => this.look() }, "Look at the chosen ones");
    const file = h("input", { type: "file", id: "file", accept: ".csv,.parquet,.jsonl,.sqlite,.sqlite3,.db", onchange: () => this.take(file.files) });
    const heads = ["", "population", "state", "trials", "best, %", "mean, %", "failed", "time", "actions"];
    this.picture = new Picture({ name: "populations", label: "list of populations", height: () => 50 + ROW * Math.max(1, this.drawn().length), draw: (...all) => this.draw(...all), describe: () => `Lowest and mean error: ${this.drawn().map((each) => `${each.id} ${percent(each.best)}% and ${percent(each.mean)}%`).join("; ")}`, csv: () => this.csv() });
    this.element.append(
      h("h1", {}, "Populations"),
      h("p", { class: "muted" }, `In ${this.overview.folders.join(", ")}`),
      this.status,
      h("div", { class: "row" }, this.lookButton, this.actions?.startLink?.(this.overview)), this.commands,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Populations" }, h("table", { class: "list" },
        h("caption", { class: "hidden" }, "Populations and tables"),
        h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col" }, each || h("span", { class: "hidden" }, "choose"))))), this.body)),
      h("section", { class: "card", "aria-label": "Lowest and mean error" }, h("h2", {}, "Lowest and mean error"), this.picture.element),
      h("div", { class: "drop" }, h("label", { for: "file" }, "Open a copied population or a table: drop it onto this page, or choose a file "), file));
    this.element.addEventListener("dragover", (event) => { event.preventDefault(); this.element.classList.add("over"); });
    this.element.addEventListener("dragleave", () => this.element.classList.remove("over"));
    this.element.addEventListener("drop", (event) => { event.preventDefault(); this.element.classList.remove("over"); this.take(event.dataTransfer.files); });
    this.render();
    this.choose();
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
        this.choose();
      } catch (error) {
        this.status.replaceChildren(problem(`${file.name}: ${error.message}`));
      }
    }
  }

  look() { routes.go({ view: "look", populations: [...this.chosen] }); }

  // which ones are chosen is in the address, and as a command below
  async choose() {
    this.lookButton.disabled = !this.chosen.size;
    routes.replace({ view: "populations", populations: [...this.chosen] });
    const found = this.chosen.size ? await get("command", { p: [...this.chosen] }).catch(() => null) : null;
    this.commands.replaceChildren(found ? command(found.command) : "");
  }

  render() {
    const list = this.overview.populations;
    const focus = document.activeElement?.dataset?.key;
    this.body.replaceChildren(...(list.length ? list.map((each) => this.line(each)) : [h("tr", {}, h("td", { colspan: "9" }, "There is no population yet. Start a sweep, or drop a file."))]));
    if (focus) this.body.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
    this.picture.element.parentElement.hidden = !this.drawn().length;
    this.picture.render();
  }

  line(each) {
    const state = stateOf(each);
    const counts = each.counts ?? {};
    const box = h("input", { type: "checkbox", "data-key": `choose ${each.id}`, "aria-label": `Choose ${each.id}`, checked: this.chosen.has(each.id), disabled: Boolean(each.problem) || each.kind === "job", onchange: () => { this.chosen[box.checked ? "add" : "delete"](each.id); this.choose(); } });
    if (each.problem) {
      return h("tr", {}, h("td", {}, box), h("th", { scope: "row" }, each.id), h("td", {}, h("span", { class: "badge problem" }, STATES.problem)), h("td", { colspan: "6", class: "reason" }, each.problem));
    }
    const name = each.kind === "job" ? each.id : h("a", { href: routes.write({ view: "look", populations: [each.id] }), "data-key": `look ${each.id}` }, each.id);
    const failed = counts.failed ? h("a", { href: routes.write({ view: "look", populations: [each.id], values: [["open", "failures"]] }), "data-key": `failed ${each.id}`, "aria-label": `${counts.failed} failed trials of ${each.id}` }, String(counts.failed)) : String(counts.failed ?? "");
    return h("tr", {}, h("td", {}, box),
      h("th", { scope: "row" }, name, h("span", { class: "muted" }, each.space === each.id ? "" : ` ${each.space}`)),
      h("td", {}, h("span", { class: `badge ${state}` }, STATES[state])),
      h("td", {}, h("progress", { max: String(each.n || 1), value: String(finished(each)), "aria-label": `${finished(each)} of ${each.n} trials of ${each.id}` }), ` ${finished(each).toLocaleString("en")} / ${each.n.toLocaleString("en")}`),
      h("td", { "data-head": "best, %" }, percent(each.best)), h("td", { "data-head": "mean, %" }, percent(each.mean)), h("td", { "data-head": "failed" }, failed), h("td", { "data-head": "time" }, this.time(each, state)),
      h("td", {}, this.actions?.buttons?.(each, state, () => this.changed(), (element) => this.status.replaceChildren(element)) ?? ""));
  }

  // of all trainings together, and what is left by the mean of those that are over
  time(each, state) {
    const done = finished(each);
    const left = ["running", "pausing"].includes(state) && each.seconds && done ? each.seconds / done * (each.n - done) / Math.max(1, each.counts.running) : null;
    return left ? h("span", {}, duration(each.seconds), h("span", { class: "muted", title: "by the mean time of those that are over" }, ` about ${duration(left)} left`)) : duration(each.seconds);
  }

  // ---- saved
  drawn() { return this.overview.populations.filter((each) => Number.isFinite(each.best)).slice(0, MOST_DRAWN); }

  draw(surface, width, colors) {
    const lines = this.drawn();
    if (!lines.length) return;
    const left = Math.min(200, width * 0.34);
    const values = lines.flatMap((each) => [each.best, each.mean]);
    const box = { left, top: 6, width: width - left - 20, height: ROW * lines.length };
    const x = new Scale([Math.min(...values), Math.max(...values)], [box.left, box.left + box.width]);
    axes(surface, box, x, { ticks: () => [] }, colors, { xTitle: "● lowest   ○ mean error, %" });
    lines.forEach((each, i) => {
      const y = box.top + ROW * (i + 0.5);
      surface.text(shortened(each.id, left - 12), left - 12, y + 4, colors.ink, { align: "right" });
      surface.rect(x.at(each.best), y - 1, Math.max(0, x.at(each.mean) - x.at(each.best)), 2, colors.series[0], 0.45);
      surface.circle(x.at(each.best), y, 5, colors.series[0]);
      surface.circle(x.at(each.mean), y, 4.5, colors.series[0], { stroke: true });
    });
  }

  csv() {
    const states = ["waiting", "running", "done", "failed", "pruned"];
    return csvOf([["population", "space", "state", "trials", ...states, "best", "mean", "seconds"],
      ...this.overview.populations.map((each) => [each.id, each.space ?? "", stateOf(each), each.n, ...states.map((name) => each.counts?.[name]), each.best, each.mean, each.seconds])]);
  }
}
