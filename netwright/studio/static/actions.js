// Start, pause, resume, extend and stop: always with the command that does the same.

import { get, post } from "./api.js";
import { command, h, problem } from "./dom.js";
import * as routes from "./route.js";

function dialog(title, ...content) {
  const element = h("dialog", { "aria-label": title }, h("h2", {}, title), ...content);
  document.body.append(element);
  element.addEventListener("close", () => element.remove());
  element.showModal();
  return element;
}

export function buttons(line, state, done) {
  const name = line.id;
  const act = (wish, label, title) => h("button", { type: "button", "data-key": `${wish} ${name}`, title, "aria-label": `${label} ${name}`, onclick: async (event) => {
    event.target.disabled = true;
    try {
      await post("job", { id: name, wish });
    } catch (error) {
      dialog(`${label} ${name}`, problem(error.message), closeButton());
    }
    await done();
  } }, label);
  const isOurs = ["running", "paused"].includes(line.job?.state);
  const found = [];
  if (isOurs && state === "running") found.push(act("pause", "Pause", "It keeps its memory and its running trials"));
  if (isOurs && state === "paused") found.push(act("run", "Resume", "It goes on where it was"));
  if (isOurs) found.push(act("stop", "Stop", "As Ctrl-C: what is finished is kept"));
  if (!isOurs && line.process) found.push(h("span", { class: "muted" }, `started elsewhere (process ${line.process})`));
  if (!isOurs && !line.process && line.kind === "population") {
    found.push(h("button", { type: "button", "data-key": `extend ${name}`, "aria-label": `${state === "done" ? "Extend" : "Continue"} ${name}`, onclick: () => extend(line, state, done) }, state === "done" ? "Extend" : "Continue"));
  }
  if (line.job) found.push(h("button", { type: "button", class: "quiet", "aria-label": `Log of ${name}`, onclick: () => log(line) }, line.job.status ? `Log (ended with ${line.job.status})` : "Log"));
  return h("div", { class: "row actions" }, found);
}

const closeButton = () => h("button", { type: "button", onclick: (event) => event.target.closest("dialog").close() }, "Close");

async function log(line) {
  const found = await get("log", { p: line.id });
  dialog(`Log of ${line.id}`, h("pre", { class: "log", tabindex: "0", "aria-label": "Log" }, found.log || "It is empty."), command(line.job.command), closeButton());
}

function extend(line, state, done) {
  const isDone = state === "done";
  const trials = h("input", { type: "number", id: "extend-trials", min: String(line.n), value: String(isDone ? 2 * line.n : line.n), oninput: () => show() });
  const place = h("div", {});
  const button = h("button", { type: "button", class: "main", disabled: true, onclick: async () => {
    button.disabled = true;
    try {
      await post("extend", { p: line.id, trials: Number(trials.value), dry: false });
      element.close();
      await done();
    } catch (error) {
      place.replaceChildren(problem(error.message));
    }
  } }, isDone ? "Train more" : "Continue");
  const element = dialog(`${isDone ? "Extend" : "Continue"} ${line.id}`,
    h("p", {}, "The same seed draws the same networks first, so more trials add to those that are there."),
    h("div", { class: "field" }, h("label", { for: "extend-trials" }, "Trials in all"), trials), place, h("div", { class: "row" }, button, closeButton()));
  const show = async () => {
    button.disabled = true;
    try {
      place.replaceChildren(command((await post("extend", { p: line.id, trials: Number(trials.value), dry: true })).command));
      button.disabled = false;
    } catch (error) {
      place.replaceChildren(problem(error.message));
    }
  };
  show();
}

export function startLink(overview) {
  if (overview.look_only) return null;
  return h("button", { type: "button", onclick: () => start() }, "Start a sweep");
}

const FIELDS = [
  ["trials", "Trials", "number", "100"], ["epochs", "Epochs of each", "number", "10"], ["data_dir", "Images (a folder, or digits)", "text", "digits"],
  ["flops", "Flops, from:to", "text", ""], ["params", "Parameters, from:to", "text", ""], ["resolution", "Pixels a side", "number", ""],
  ["seed", "Seed", "number", "0"], ["workers", "Trials at a time", "number", ""], ["trial_timeout", "Seconds a trial may take", "number", ""],
];

async function start() {
  const { spaces } = await get("spaces");
  const name = h("input", { type: "text", id: "start-name", value: "sweep-1", oninput: () => show() });
  const space = h("input", { type: "text", id: "start-space", value: "anynetx_a", list: "spaces", oninput: () => show() });
  const inputs = Object.fromEntries(FIELDS.map(([key, , type, value]) => [key, h("input", { type, id: `start-${key}`, value, oninput: () => show() })]));
  const place = h("div", {});
  const form = (dry) => ({ name: name.value, space: space.value, options: Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, input.value])), dry });
  const button = h("button", { type: "button", class: "main", disabled: true, onclick: async () => {
    button.disabled = true;
    try {
      await post("sweep", form(false));
      element.close();
      routes.go({ view: "populations" });
    } catch (error) {
      place.replaceChildren(problem(error.message));
    }
  } }, "Start it");
  const field = (label, element) => h("div", { class: "field" }, h("label", { for: element.id }, label), element);
  const element = dialog("Start a sweep", h("div", { class: "fields" }, field("Name", name), field("Space (a name, or a YAML file)", space), FIELDS.map(([key, label]) => field(label, inputs[key]))),
    h("datalist", { id: "spaces" }, spaces.map((each) => h("option", { value: each }))), place, h("div", { class: "row" }, button, closeButton()));
  let asked = 0;
  const show = async () => {
    const own = ++asked;
    button.disabled = true;
    try {
      const found = await post("sweep", form(true));
      if (own !== asked) return;
      place.replaceChildren(command(found.command));
      button.disabled = false;
    } catch (error) {
      if (own === asked) place.replaceChildren(problem(error.message));
    }
  };
  show();
}
