// Elements from values: text is always text, so that a name with markup in it is shown and never run.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "indeterminate") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

// a picture that our own server drew, as elements; nothing in it is run
export function svgOf(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (parsed.nodeName !== "svg") return h("p", {}, "This picture could not be drawn.");
  for (const node of [...parsed.querySelectorAll("script, foreignObject")]) node.remove();
  return document.importNode(parsed, true);
}

const announcer = () => document.getElementById("announcer");
let waiting;
export function announce(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => { announcer().textContent = text; }, 250);
}

export function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (Number.isInteger(value) && Math.abs(value) < 1e5) return value.toLocaleString("en");
  const size = Math.abs(value);
  for (const [unit, ten] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (size >= ten && size >= 1e4) return `${Number((value / ten).toPrecision(3))}${unit}`;
  }
  return String(Number(value.toPrecision(digits)));
}

export const percent = (value) => (value === null || value === undefined ? "" : `${value.toFixed(2)}`);

export function probability(p) {
  return p < 0.001 ? p.toExponential(1) : Number(p.toPrecision(2)).toString();
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function command(text, label = "The same as a command") {
  const code = h("code", {}, text);
  const button = h("button", { type: "button", class: "quiet", onclick: () => copy(code, button) }, "Copy");
  return h("div", { class: "command" }, h("pre", { tabindex: "0", "aria-label": label }, code), button);
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

export function problem(text) {
  return h("p", { class: "problem", role: "alert" }, text);
}

export function save(name, content, kind) {
  const blob = content instanceof Blob ? content : new Blob([content], { type: kind });
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
