// The tree of refinements: each space with what changed, how small it is, and what its own fresh sample says.

import { address, get } from "./api.js";
import { command, h, number, problem } from "./dom.js";
import { testTable } from "./look.js";
import { stateOf } from "./populations.js";
import * as routes from "./route.js";

export class TreeView {
  constructor(route, overview, actions) {
    Object.assign(this, { route, overview, actions });
    this.element = h("div", {});
  }

  async open() {
    this.list = h("div", {});
    this.element.append(h("h1", {}, "Refinements"),
      h("p", { class: "muted" }, "Each population with those whose spaces were refined from it. A verdict comes from the fresh sample alone."),
      h("div", { class: "row" }, h("a", { class: "button", href: address("tree.yaml") }, "YAML"), h("a", { class: "button", href: address("tree.sh") }, "Commands"), h("a", { class: "button", href: address("tree.csv") }, "CSV")),
      this.list);
    await this.load();
  }

  close() {}

  async changed() {
    this.overview = await get("overview");
    await this.load();
  }

  async load() {
    const { nodes } = await get("tree");
    const lines = new Map(this.overview.populations.map((each) => [each.id, each]));
    // one that was just started has no population yet
    for (const each of this.overview.populations) if (each.kind === "job") nodes.push({ id: each.id, parent: "", pending: true, log: each.job.state === "ended" ? (await get("log", { p: each.id })).log : null });
    const verdicts = new Map(await Promise.all(nodes.filter((each) => each.parent && !each.problem).map(async (each) => {
      try {
        return [each.id, await get("verdict", { p: each.id })];
      } catch (error) {
        return [each.id, { problem: error.message }];
      }
    })));
    const below = (parent) => nodes.filter((each) => (each.parent ?? "") === parent);
    const branch = (parent) => {
      const found = below(parent);
      return found.length ? h("ul", { class: parent ? "branch" : "branch root" }, found.map((node) => h("li", {}, this.node(node, lines.get(node.id), verdicts.get(node.id)), branch(node.id)))) : null;
    };
    const focused = document.activeElement?.dataset?.key;
    this.list.replaceChildren(branch("") ?? h("p", {}, "There is no population with a space yet."));
    if (focused) this.list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  node(node, line, verdict) {
    const isChosen = this.route.populations.includes(node.id);
    const state = line ? stateOf(line) : "";
    if (node.problem) return h("article", { class: "card" }, h("h2", {}, node.id), problem(node.problem));
    const evidence = node.record?.evidence;
    const finished = line?.counts ? line.counts.done + line.counts.failed : 0;
    return h("article", { class: `card${isChosen ? " chosen" : ""}`, "aria-label": node.id },
      h("h2", {}, node.pending ? node.id : h("a", { href: routes.write({ view: "look", populations: node.parent ? [node.parent, node.id] : [node.id] }), "data-key": `look ${node.id}` }, node.id), " ", h("span", { class: `badge ${state}` }, state), h("span", { class: "muted" }, ` ${node.space ?? ""}`)),
      line && h("p", {}, h("progress", { max: String(line.n || 1), value: String(finished), "aria-label": `${finished} of ${line.n} trials of ${node.id}` }), ` ${finished} of ${line.n} trials `, node.legend ?? ""),
      node.pending && (node.log === null ? h("p", { class: "muted" }, "It starts: images are read, networks are drawn.") : [problem("It ended before any network was drawn. The end of what it printed:"), h("pre", { class: "log", tabindex: "0", "aria-label": `Log of ${node.id}` }, node.log.split("\n").slice(-12).join("\n"))]),
      node.size !== undefined && h("p", { class: "muted" }, node.size === null ? "infinitely many combinations" : `10^${node.size.toFixed(1)} combinations`,
        node.tie?.length ? `; one draw for all stages: ${node.tie.join(", ")}` : "", Object.entries(node.order ?? {}).map(([name, each]) => `; ${name} ${each.replace("_", "-")}`).join(""),
        Object.entries(node.limits ?? {}).map(([name, ends]) => `; ${name} ${number(ends[0])} to ${number(ends[1])}`).join("")),
      evidence && h("p", {}, `Proposed by ${node.parent}: ${evidence.changes.join("; ")}. There ${evidence.inside} of ${evidence.inside + evidence.rest} networks lay inside.`),
      verdict && (verdict.problem ? h("p", { class: "muted" }, verdict.problem) : this.verdict(verdict)),
      this.actions?.buttons && line && h("div", { class: "row" }, this.actions.buttons(line, state, () => this.changed()), !node.pending && h("a", { class: "button", href: routes.write({ view: "refine", populations: [node.id] }), "data-key": `refine ${node.id}` }, "Refine it")),
      verdict?.command && command(verdict.command));
  }

  verdict(found) {
    const head = found.is_final ? "Confirmed by the fresh sample" : "So far";
    const words = { better: `${head}: better`, worse: found.is_final ? "Refuted by the fresh sample: worse" : "So far: worse", undecided: found.is_final ? "Not confirmed: no difference is shown" : "So far: undecided" }[found.verdict];
    return h("div", { class: "verdict-box" },
      h("p", {}, h("span", { class: `badge ${found.verdict}` }, words)),
      found.is_final ? null : h("p", { class: "muted" }, `No verdict yet: ${found.missing} of ${found.planned} trials are missing. Looking early and stopping when it looks good finds differences that are not there.`),
      testTable([found]),
      found.shared > 0 && h("p", { class: "muted" }, `${found.shared} networks are in both samples.`));
  }
}
