// What became of the networks that were picked: their training, their one test, their files, and the lines that come next.

import { address, get, post } from "./api.js";
import { curve } from "./detail.js";
import { command, h, number, percent, problem, save } from "./dom.js";
import { csvOf } from "./pictures.js";
import * as routes from "./route.js";

const MEASURED = { top1: "top 1", top5: "top 5", balanced: "balanced", loss: "loss", calibration_error: "calibration error", images: "images" };

export class PickedList {
  constructor(overview) {
    this.overview = overview;
    this.element = h("div", {});
  }

  async load() {
    const { picks } = await get("picks");
    const text = JSON.stringify(picks);
    if (text === this.shown) return; // nothing that is typed or opened is lost
    const cards = await Promise.all(picks.map((each) => this.card(each)));
    this.shown = text;
    const open = new Set([...this.element.querySelectorAll("details[open]")].map((each) => each.dataset.key));
    const focus = document.activeElement?.dataset?.key;
    const names = picks.filter((each) => each.epochs).map((each) => each.name);
    this.element.replaceChildren(
      cards.length ? h("div", { class: "row" }, h("button", { type: "button", "aria-label": "CSV of the picks", onclick: () => save("picks.csv", this.csv(picks), "text/csv") }, "CSV"), names.length > 0 && h("a", { class: "button", href: routes.write({ view: "trainings", populations: names }) }, "Their curves side by side")) : "",
      ...(cards.length ? cards : [h("p", { class: "muted" }, "Nothing is picked yet.")]));
    for (const each of this.element.querySelectorAll("details")) each.open = open.has(each.dataset.key);
    if (focus) this.element.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }

  csv(picks) {
    return csvOf([["name", "population", "trial", "epochs", "validation_error", "split", ...Object.keys(MEASURED)], ...picks.map((each) => [each.name, each.population, each.trial, each.epochs, each.error, each.test ? each.split : "", ...Object.keys(MEASURED).map((name) => each.test?.[name])])]);
  }

  async card(each) {
    let drawn = null;
    if (each.epochs > 1) {
      try { drawn = curve((await get("training", { p: each.name })).curve, { name: each.name }); } catch { /* it is being written */ }
    }
    const state = each.job?.state === "running" ? "running" : each.job?.status ? "failed" : each.epochs ? "trained" : each.job ? "ended" : "waits";
    const log = (each.job || each.test_job) && (await get("log", { p: each.test_job ? `${each.name}-test` : each.name })).log;
    return h("article", { class: "card", "aria-label": each.name },
      h("h3", {}, `${each.name} `, h("span", { class: `badge ${state}` }, state), h("span", { class: "muted" }, ` trial ${each.trial} of ${each.population}`)),
      h("p", {}, each.epochs ? `${each.epochs} epochs, validation error ${each.error === null ? "not measured" : `${percent(each.error)}%`}` : "No epoch is over."),
      drawn,
      each.test ? this.tested(each) : this.toTest(each, state),
      each.train && command(each.train, `The command that trains ${each.name}`),
      log && h("details", { "data-key": `log ${each.name}` }, h("summary", {}, "Log"), h("pre", { class: "log", tabindex: "0", "aria-label": `Log of ${each.name}` }, log)),
      each.files.length > 0 && h("p", {}, "Files: ", each.files.map((file, i) => [i ? ", " : "", h("a", { href: address("pick_file", { name: each.name, file }) }, file)])),
      state === "trained" && h("div", {}, h("p", { class: "muted" }, "Export it, and serve it"), each.next.map((text) => command(text))));
  }

  tested(each) {
    const rows = Object.entries(MEASURED).filter(([name]) => each.test[name] !== undefined);
    return h("div", {}, h("p", {}, h("b", {}, `On the ${each.split} split, seen once: `), rows.map(([name, text]) => `${text} ${number(each.test[name])}`).join(", ")), command(each.measured, `The command that measured ${each.name}`));
  }

  toTest(each, state) {
    const split = h("input", { type: "text", value: each.split, "data-key": `split ${each.name}`, "aria-label": `Split that ${each.name} is tested on` });
    const place = h("div", {});
    const runs = each.test_job?.state === "running";
    const button = h("button", { type: "button", "data-key": `test ${each.name}`, disabled: this.overview.look_only || state !== "trained" || runs, onclick: async () => {
      button.disabled = true;
      try {
        place.replaceChildren(command((await post("test", { name: each.name, split: split.value, dry: false })).command));
      } catch (error) {
        place.replaceChildren(problem(error.message));
        button.disabled = false;
      }
    } }, `Measure on the ${each.split} split, once`);
    return h("div", {}, h("div", { class: "row" }, split, button, runs ? h("span", { class: "muted" }, "It is measured …") : each.test_job?.status ? h("span", { class: "problem" }, "It could not be measured; its log tells why.") : null), place);
  }
}
