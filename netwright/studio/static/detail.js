// One network: drawn, its block widths beside the nearest quantized linear function, its stages, its curve.

import { address, get } from "./api.js";
import { command, h, number, percent, problem, svgOf } from "./dom.js";
import { csvOf, Picture } from "./pictures.js";
import { axes, Scale } from "./plot.js";

const kept = new Map();

async function network(id, trial, mark) {
  const key = `${id}@${trial}@${mark}`;
  if (!kept.has(key)) kept.set(key, get("network", { p: id, trial }));
  try {
    return await kept.get(key);
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}

// brief: of a network that is pointed at; nothing in it is pressed
export async function card(id, trial, mark, { onUnpin, brief = false } = {}) {
  let found;
  try {
    found = await network(id, trial, mark);
  } catch (error) {
    return h("article", { class: "card network" }, problem(error.message));
  }
  const error = found.error === null ? found.state : `${percent(found.error)}%`;
  const costs = Object.entries(found.costs).map(([name, value]) => `${number(value)} ${name}`).join(", ");
  const name = `${id.split("/").at(-1)}-trial-${trial}`;
  return h("article", { class: `card network${brief ? " brief" : ""}`, "aria-label": `Trial ${trial} of ${id}` },
    h("h3", {}, `Trial ${trial} `, h("span", { class: "muted" }, id), onUnpin && h("button", { type: "button", class: "quiet close", "data-key": `unpin ${id}@${trial}`, "aria-label": `Unpin trial ${trial} of ${id}`, onclick: onUnpin }, "×")),
    h("p", { class: "lead" }, h("b", {}, error), ` ${costs}`, found.e_fit === undefined ? "" : `, e_fit ${number(found.e_fit, 2)}`),
    found.reason && h("p", { class: "problem" }, `${found.reason}${found.failure === "machine" ? " (the machine's fault: nothing is known of the network)" : ""}`),
    found.state === "failed" && h("p", { class: "muted" }, [found.attempts > 1 && `${found.attempts} attempts`, found.where].filter(Boolean).join("; ")),
    found.repeats.length > 0 && h("p", { class: "muted" }, `With other seeds: ${found.repeats.map(percent).join(", ")}%`),
    found.svg ? svgOf(found.svg) : h("p", { class: "muted" }, found.no_drawing ?? "Its table has no network to draw."),
    found.widths && widths(found, name, brief),
    found.curve.length > 1 && curve(found.curve, { name: `${name}-curve`, isSaved: !brief, height: brief ? 96 : 120 }),
    found.stages && stages(found.stages, brief),
    !brief && parameters(found.parameters),
    !brief && found.svg && h("p", {}, h("a", { href: address("network.yaml", { p: id, trial }) }, "network.yaml"), h("span", { class: "muted" }, " for netwright train --model")),
    !brief && found.again && command(found.again, "The command that trains it again"));
}

function widths({ widths: own, line, e_fit: fit }, name, brief) {
  const height = brief ? 100 : 130;
  const label = `Widths of ${own.length} blocks, from ${own[0]} to ${own.at(-1)}; e_fit ${number(fit, 2)}`;
  const drawn = new Picture({ name: `${name}-widths`, label, height, isSaved: !brief, csv: () => csvOf([["block", "width", "line"], ...own.map((width, i) => [i, width, line[i]])]), draw: (surface, width, colors) => {
    const box = { left: 40, top: 8, width: width - 50, height: height - 44 };
    const x = new Scale([0, own.length], [box.left, box.left + box.width]);
    const y = new Scale([Math.min(...own, ...line), Math.max(...own, ...line)], [box.top + box.height, box.top], true);
    axes(surface, box, x, y, colors, { xTitle: "block", dense: true, isWhole: true, yFormat: (value) => number(Math.round(value)) });
    surface.path(steps(own, x, y), colors.series[0], { width: 2.2 });
    surface.path(steps(line, x, y), colors.series[1], { width: 1.6, dash: [5, 3] });
  } });
  return h("figure", {}, drawn.element, h("figcaption", {}, "Width of each block; dashed: the nearest quantized linear function"));
}

function steps(values, x, y) {
  return values.flatMap((value, i) => [x.at(i), y.at(value), x.at(i + 1), y.at(value)]);
}

export function curve(records, { name = "curve", measure = "error", isSaved = true, height = 120 } = {}) {
  const known = records.filter((each) => Number.isFinite(each[measure]));
  if (known.length < 2) return null;
  const values = known.map((each) => each[measure]);
  const label = `Error from ${percent(values[0])}% in epoch ${known[0].epoch} to ${percent(values.at(-1))}% in epoch ${known.at(-1).epoch}`;
  const drawn = new Picture({ name, label, height, isSaved, csv: () => csvOf([["epoch", measure], ...known.map((each) => [each.epoch, each[measure]])]), draw: (surface, width, colors) => {
    const box = { left: 40, top: 8, width: width - 50, height: height - 44 };
    const x = new Scale([known[0].epoch, known.at(-1).epoch], [box.left, box.left + box.width]);
    const y = new Scale([Math.min(...values), Math.max(...values)], [box.top + box.height, box.top]);
    axes(surface, box, x, y, colors, { xTitle: "epoch", dense: true, isWhole: true });
    surface.path(known.flatMap((each) => [x.at(each.epoch), y.at(each[measure])]), colors.series[0], { width: 2 });
  } });
  return h("figure", {}, drawn.element, h("figcaption", {}, "Error in percent, epoch by epoch"));
}

function stages(list, brief) {
  const heads = ["stage", "depth", "width", "bottleneck", "groups", "group width", "stride", "side"];
  const table = h("table", { class: "numbers" },
    h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, list.map((each, i) => h("tr", {}, [i + 1, each.depth, each.width, each.bottleneck, each.groups, each.group_width, each.stride, each.side].map((value) => h("td", {}, number(value)))))));
  return h("div", { class: "scroll", tabindex: brief ? null : "0", role: brief ? null : "region", "aria-label": brief ? null : "Stages" }, table);
}

function parameters(values) {
  const rows = Object.entries(values);
  if (!rows.length) return null;
  return h("details", {}, h("summary", {}, "What was drawn"), h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "number" ? number(value) : String(value ?? ""))])));
}
