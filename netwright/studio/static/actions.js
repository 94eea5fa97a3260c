// Start, pause, resume, extend and stop: always with the command that does the same. Whoever started a sweep, and
// wherever it runs: a file in its folder tells it.

import { get, post } from "./api.js";
import { command, h, problem } from "./dom.js";
import * as routes from "./route.js";

const ACTS = {
  pause: ["Pause", "Trials that run are finished, and no more begin"],
  run: ["Resume", "Trials begin again"],
  stop: ["Stop", "As Ctrl-C: what is finished is kept, and the same command goes on"],
};

function dialog(title, ...content) {
  const element = h("dialog", { "aria-label": title }, h("h2", {}, title), ...content);
  document.body.append(element);
  element.addEventListener("close", () => element.remove());
  element.showModal();
  return element;
}

// said(element): where the page shows what was done
export function buttons(line, state, done, said = () => {}) {
  const name = line.id;
  const act = (wish) => {
    const [label, title] = ACTS[wish];
    return h("button", { type: "button", "data-key": `${wish} ${name}`, title, "aria-label": `${label} ${name}`, onclick: async (event) => {
      event.target.disabled = true;
      try {
        const found = await post("job", { id: name, wish });
        said(h("div", {}, h("p", {}, `${name}: ${title[0].toLowerCase()}${title.slice(1)}. The same as a command:`), found.command ? command(found.command) : ""));
      } catch (error) {
        dialog(`${label} ${name}`, problem(error.message), closeButton());
      }
      await done();
    } }, label);
  };
  const button = (key, label, onclick) => h("button", { type: "button", "data-key": `${key} ${name}`, "aria-label": `${label} ${name}`, onclick }, label);
  const found = [];
  const isPopulation = line.kind === "population" && !name.startsWith("dropped/");
  const runs = ["running", "pausing", "paused", "stopping"].includes(state);
  if (state === "running") found.push(act("pause"));
  if (state === "paused" || state === "pausing") found.push(act("run"));
  if (runs && state !== "stopping") found.push(act("stop"));
  if (isPopulation) {
    const label = runs || state === "done" ? "Extend" : "Continue";
    found.push(button("extend", label, () => extend(line, label, done)));
  }
  if (line.is_shared && !line.job?.state?.match(/running|paused/)) found.push(button("join", "Join", () => join(line, done)));
  if (line.lost && isPopulation) found.push(button("retry", "Retry", () => extend(line, "Retry", done)));
  if (line.job) found.push(h("button", { type: "button", class: "quiet", "data-key": `log ${name}`, "aria-label": `Log of ${name}`, onclick: () => log(line) }, line.job.status ? `Log (ended with ${line.job.status})` : "Log"));
  const where = runs && !line.job?.state?.match(/running|paused/) ? [line.process && `process ${line.process}`, line.is_shared && `${line.workers} ${line.workers === 1 ? "worker" : "workers"}`].filter(Boolean).join(", ") : "";
  return h("div", { class: "row actions" }, found, where && h("span", { class: "muted" }, `started elsewhere: ${where}`));
}

const closeButton = () => h("button", { type: "button", onclick: (event) => event.target.closest("dialog").close() }, "Close");

async function log(line) {
  const found = await get("log", { p: line.id });
  dialog(`Log of ${line.id}`, h("pre", { class: "log", tabindex: "0", "aria-label": "Log" }, found.log || "It is empty."), command(line.job.command), closeButton());
}

// a dialog with the command of a request, which its button sends
function planned(title, label, { text, field = null, form, path, done }) {
  const place = h("div", {});
  const button = h("button", { type: "button", class: "main", disabled: true, onclick: async () => {
    button.disabled = true;
    try {
      await post(path, form(false));
      element.close();
      await done();
    } catch (error) {
      place.replaceChildren(problem(error.message));
    }
  } }, label);
  const words = h("p", {}, text);
  const element = dialog(title, words, field, place, h("div", { class: "row" }, button, closeButton()));
  let asked = 0;
  const show = async () => {
    const own = ++asked;
    button.disabled = true;
    try {
      const found = await post(path, form(true));
      if (own !== asked) return;
      if (found.adds) words.textContent = `${text} The sweep that runs trains them too.`;
      place.replaceChildren(command(found.command));
      button.disabled = false;
    } catch (error) {
      if (own === asked) place.replaceChildren(problem(error.message));
    }
  };
  show();
  return show;
}

function extend(line, label, done) {
  const isMore = label === "Extend";
  const trials = h("input", { type: "number", id: "extend-trials", min: String(line.n), value: String(isMore ? 2 * line.n : line.n), oninput: () => show() });
  const retry = label === "Retry";
  const text = retry ? `${line.lost} trials failed by the machine's fault, so nothing is known of their networks. They are trained again.` : "The same seed draws the same networks first, so more trials add to those that are there.";
  const field = retry ? null : h("div", { class: "field" }, h("label", { for: "extend-trials" }, "Trials in all"), trials);
  const show = planned(`${label} ${line.id}`, isMore ? "Train more" : label, { text, field, path: "extend", done,
    form: (dry) => ({ p: line.id, retry_failed: retry, dry, ...(retry ? {} : { trials: Number(trials.value) }) }) });
}

function join(line, done) {
  planned(`Join ${line.id}`, "Take part", { text: "This machine trains trials of the sweep, beside others that do.", path: "join", done, form: (dry) => ({ p: line.id, dry }) });
}

export function startLink(overview) {
  if (overview.look_only) return null;
  return h("button", { type: "button", onclick: () => start(overview) }, "Start a sweep");
}

const FIELDS = [
  ["trials", "Trials", "number", "100"], ["epochs", "Epochs of each", "number", "10"], ["data_dir", "Images (a folder, or digits)", "text", "digits"],
  ["flops", "Flops, from:to", "text", ""], ["params", "Parameters, from:to", "text", ""], ["resolution", "Pixels a side", "number", ""],
  ["seed", "Seed", "number", "0"], ["workers", "Trials at a time", "number", ""], ["trial_timeout", "Seconds a trial may take", "number", ""],
];

async function start(overview) {
  const { spaces } = await get("spaces");
  const taken = new Set([...overview.populations, ...overview.trainings].map((each) => each.id));
  let free = 1;
  while (taken.has(`sweep-${free}`)) free += 1;
  const name = h("input", { type: "text", id: "start-name", value: `sweep-${free}`, oninput: () => show() });
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
