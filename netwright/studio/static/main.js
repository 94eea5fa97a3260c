// The page: a view for each address, a line of navigation, the theme, and what changes while somebody looks.

import { get, listen } from "./api.js";
import { h, problem } from "./dom.js";
import * as actions from "./actions.js";
import { LookView } from "./look.js";
import { PickView } from "./pick.js";
import { PopulationsView } from "./populations.js";
import { RefineView } from "./refine.js";
import * as routes from "./route.js";
import { TrainingsView } from "./trainings.js";
import { TreeView } from "./tree.js";

const VIEWS = {
  populations: ["Populations", PopulationsView],
  look: ["Look", LookView],
  refine: ["Refine", RefineView],
  tree: ["Refinements", TreeView],
  pick: ["Pick", PickView],
  trainings: ["Trainings", TrainingsView],
};

let current = null;
let last = { view: "populations", populations: [] };

async function show() {
  const route = routes.read();
  const main = document.getElementById("main");
  current?.close?.();
  const [title, View] = VIEWS[route.view] ?? VIEWS.populations;
  document.title = `${title}${route.populations.length ? `: ${route.populations.join(", ")}` : ""} · Netwright studio`;
  if (route.populations.length) last = route;
  navigation(route);
  const began = performance.now();
  try {
    const overview = await get("overview");
    const view = new View(route, overview, overview.look_only ? { startLink: actions.startLink } : actions);
    current = view;
    main.replaceChildren(view.element);
    await view.open();
  } catch (error) {
    main.replaceChildren(h("h1", {}, title), problem(error.message));
  }
  requestAnimationFrame(() => { document.body.dataset.shown = route.view; document.body.dataset.shownMs = (performance.now() - began).toFixed(0); });
}

function navigation(route) {
  const populations = route.populations.length ? route.populations : last.populations;
  document.getElementById("nav").replaceChildren(...Object.entries(VIEWS).map(([view, [title]]) =>
    h("a", { href: view === "trainings" ? "#/trainings" : routes.write({ view, populations }), "aria-current": view === route.view ? "page" : null }, title)));
}

// ---- light and dark: as the system has it, or as chosen
function themed() {
  current?.renderAll?.();
  dispatchEvent(new Event("theme"));
}
const THEMES = ["auto", "light", "dark"];
function theme(name) {
  document.documentElement.dataset.theme = name;
  document.getElementById("theme").textContent = `Theme: ${name}`;
  try { localStorage.setItem("theme", name); } catch { /* it is chosen again next time */ }
  themed();
}
document.getElementById("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]));
let kept = null;
try { kept = localStorage.getItem("theme"); } catch { /* no storage */ }
theme(THEMES.includes(kept) ? kept : "auto");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed);

// ---- live: one update at a time, the next one after it
let isUpdating = false;
let pending;
async function update(ids) {
  if (isUpdating) { pending = pending === undefined ? ids : pending === null || ids === null ? null : [...pending, ...ids]; return; }
  isUpdating = true;
  try {
    await current?.changed?.(ids);
  } catch { /* the next change shows it */ }
  await new Promise((resume) => setTimeout(resume, 700));
  isUpdating = false;
  if (pending !== undefined) {
    const next = pending;
    pending = undefined;
    update(next);
  }
}

addEventListener("hashchange", show);
listen(update, (state) => {
  const live = document.getElementById("live");
  live.textContent = state;
  live.classList.toggle("off", state !== "live");
});
show();
