// The tree of refinements: each space with what changed, how small it is, and what its own fresh sample says.

import { address, get } from "./api.js";
import { command, h, number, percent, problem } from "./dom.js";
import { Picture } from "./pictures.js";
import { clipped, shortened } from "./plot.js";
import { finished, stateOf } from "./populations.js";
import * as routes from "./route.js";
import { testTable } from "./differences.js";

const EXPORTS = [["tree.html", "Report"], ["tree.yaml", "YAML"], ["tree.sh", "Commands"], ["tree.csv", "CSV"]];
const [ROW, INDENT] = [58, 26]; // of the picture

export class TreeView {
  constructor(route, overview, actions) {
    Object.assign(this, { route, overview, actions, nodes: [], verdicts: new Map() });
    this.element = h("div", {});
  }

  async open() {
    this.list = h("div", {});
    this.status = h("div", { role: "status" });
    this.picture = new Picture({ name: "refinements", label: "tree of refinements", height: () => 16 + ROW * Math.max(1, this.nodes.length), draw: (...all) => this.draw(...all), describe: () => `${this.nodes.length} populations; the list below has all of them` });
    this.element.append(h("h1", {}, "Refinements"),
      h("p", { class: "muted" }, "Each population with those whose spaces were refined from it. A verdict comes from the fresh sample alone."),
      h("div", { class: "row" }, EXPORTS.map(([path, text]) => h("a", { class: "button", href: address(path), "aria-label": `${text} of the refinements` }, text)), h("span", { class: "muted" }, "the whole walk, with its evidence")),
      this.status,
      h("section", { class: "card", "aria-label": "The tree as a picture" }, this.picture.element),
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
    this.verdicts = new Map(await Promise.all(nodes.filter((each) => each.parent && !each.problem).map(async (each) => {
      try {
        return [each.id, await get("verdict", { p: each.id })];
      } catch (error) {
        return [each.id, { problem: error.message }];
      }
    })));
    this.nodes = [];
    const branch = (parent, depth) => {
      const found = nodes.filter((each) => (each.parent ?? "") === parent);
      return found.length ? h("ul", { class: parent ? "branch" : "branch root" }, found.map((node) => {
        this.nodes.push({ node, depth, line: lines.get(node.id) });
        return h("li", {}, this.node(node, lines.get(node.id), this.verdicts.get(node.id)), branch(node.id, depth + 1));
      })) : null;
    };
    const focused = document.activeElement?.dataset?.key;
    this.list.replaceChildren(branch("", 0) ?? h("p", {}, "There is no population with a space yet."));
    this.picture.element.parentElement.hidden = !this.nodes.length;
    this.picture.render();
    if (focused) this.list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  node(node, line, verdict) {
    const isChosen = this.route.populations.includes(node.id);
    const state = line ? stateOf(line) : "";
    if (node.problem) return h("article", { class: "card" }, h("h2", {}, node.id), problem(node.problem));
    const done = line ? finished(line) : 0;
    return h("article", { class: `card${isChosen ? " chosen" : ""}`, "aria-label": node.id },
      h("h2", {}, node.pending ? node.id : h("a", { href: routes.write({ view: "look", populations: node.parent ? [node.parent, node.id] : [node.id] }), "data-key": `look ${node.id}` }, node.id), " ", h("span", { class: `badge ${state}` }, state), h("span", { class: "muted" }, ` ${node.space ?? ""}`)),
      line && h("p", {}, h("progress", { max: String(line.n || 1), value: String(done), "aria-label": `${done} of ${line.n} trials of ${node.id}` }), ` ${done} of ${line.n} trials `, node.legend ?? ""),
      node.pending && (node.log === null ? h("p", { class: "muted" }, "It starts: images are read, networks are drawn.") : [problem("It ended before any network was drawn. The end of what it printed:"), h("pre", { class: "log", tabindex: "0", "aria-label": `Log of ${node.id}` }, node.log.split("\n").slice(-12).join("\n"))]),
      node.size !== undefined && this.facts(node),
      verdict && (verdict.problem ? h("p", { class: "muted" }, verdict.problem) : this.verdict(verdict)),
      this.actions?.buttons && line && h("div", { class: "row" }, this.actions.buttons(line, state, () => this.changed(), (element) => this.status.replaceChildren(element)), !node.pending && h("a", { class: "button", href: routes.write({ view: "refine", populations: [node.id] }), "data-key": `refine ${node.id}` }, "Refine it")),
      verdict?.command && command(verdict.command));
  }

  // what changed, how much smaller the space is, and what its cheapest network costs
  facts(node) {
    const evidence = node.record?.evidence;
    const sizes = evidence?.size ?? [null, node.size];
    const before = Number.isFinite(sizes[0]) && Number.isFinite(sizes[1]) ? `, ${(sizes[0] - sizes[1]).toFixed(1)} orders of magnitude fewer than before` : "";
    const cost = (each) => Object.entries(each ?? {}).map(([name, value]) => `${number(value)} ${name}`).join(", ");
    const shape = [node.tie?.length && `one draw for all stages: ${node.tie.join(", ")}`, ...Object.entries(node.order ?? {}).map(([name, each]) => `${name} ${each.replace("_", "-")}`), ...Object.entries(node.limits ?? {}).map(([name, ends]) => `${name} ${number(ends[0])} to ${number(ends[1])}`)].filter(Boolean);
    const rows = [
      evidence && ["changes", evidence.changes.join("; ")],
      ["combinations", node.size === null ? "infinitely many" : `10^${node.size.toFixed(1)}${before}`],
      shape.length && ["its space", shape.join("; ")],
      (evidence?.lowest?.length === 2 || node.lowest) && ["cheapest network", evidence ? `${cost(evidence.lowest[0])} before; ${cost(evidence.lowest[1])} after` : cost(node.lowest)],
      evidence && ["proposed by", `${node.parent}, where ${evidence.inside} of ${evidence.inside + evidence.rest} networks lay inside`],
    ].filter((each) => each && each[1]);
    return h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  verdict(found) {
    return h("div", { class: "verdict-box" },
      h("p", {}, h("span", { class: `badge ${found.verdict}` }, words(found))),
      found.is_final ? null : h("p", { class: "muted" }, `No verdict yet: ${found.missing} of ${found.planned} trials are missing. Looking early and stopping when it looks good finds differences that are not there.`),
      testTable([found]),
      found.shared > 0 && h("p", { class: "muted" }, `${found.shared} networks are in both samples.`));
  }

  // a box for each population, below the one whose space it refines
  draw(surface, width, colors) {
    const at = new Map();
    this.nodes.forEach(({ node, depth, line }, i) => {
      const [x, y] = [10 + INDENT * Math.min(depth, 8), 8 + ROW * i];
      const parent = at.get(node.parent);
      at.set(node.id, [x, y]);
      if (parent) {
        surface.rect(parent[0] + 10, parent[1] + ROW - 14, 1.5, y + 20 - (parent[1] + ROW - 14), colors.faint);
        surface.rect(parent[0] + 10, y + 20, x - parent[0] - 10, 1.5, colors.faint);
      }
      const room = width - x - 12;
      const found = this.verdicts.get(node.id);
      const color = found?.verdict === "better" && found.is_final ? colors.good : found?.verdict === "worse" && found.is_final ? colors.bad : colors.faint;
      surface.rect(x, y, room, ROW - 14, colors.line, 0.5);
      surface.rect(x, y, 4, ROW - 14, color);
      const size = Number.isFinite(node.size) ? `10^${node.size.toFixed(1)} combinations` : "";
      const mean = Number.isFinite(line?.mean) ? `mean ${percent(line.mean)}%` : "";
      const changes = node.record?.evidence?.changes?.join("; ") ?? "";
      surface.text(shortened([node.id, node.legend, mean, size].filter(Boolean).join("   "), room - 20), x + 12, y + 17, colors.ink, { weight: "600" });
      surface.text(clipped([changes, found && !found.problem ? words(found) : ""].filter(Boolean).join(" → ") || (node.space ?? ""), room - 20), x + 12, y + 34, colors.muted);
    });
  }
}

function words(found) {
  const head = found.is_final ? "Confirmed by the fresh sample" : "So far";
  return { better: `${head}: better`, worse: found.is_final ? "Refuted by the fresh sample: worse" : "So far: worse", undecided: found.is_final ? "Not confirmed: no difference is shown" : "So far: undecided" }[found.verdict];
}
