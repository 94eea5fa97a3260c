// The address of a view holds all that it shows: #/look?p=runs/a&p=runs/b&r=width_1:64:256&f=error<30&pin=runs/a@3
// What one view alone has is in v: v=sort:flops:-1, v=epochs:60.

export function read(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const found = new URLSearchParams(query);
  const ranges = new Map();
  for (const text of found.getAll("r")) {
    const match = /^(.+):([^:]+):([^:]+)$/.exec(text);
    if (match && Number.isFinite(Number(match[2])) && Number.isFinite(Number(match[3]))) {
      ranges.set(match[1], [Number(match[2]), Number(match[3])]);
    }
  }
  return {
    view: path || "populations",
    populations: found.getAll("p"),
    ranges,
    filter: found.get("f") ?? "",
    pins: found.getAll("pin").map((text) => ({ id: text.slice(0, text.lastIndexOf("@")), trial: Number(text.slice(text.lastIndexOf("@") + 1)) })),
    tie: found.getAll("tie"),
    order: Object.fromEntries(found.getAll("order").map((text) => text.split(":"))),
    linear: found.get("linear") === "1",
    show: found.get("show") ?? "",
    values: new Map(found.getAll("v").map((text) => [text.split(":", 1)[0], text.slice(text.indexOf(":") + 1)])),
  };
}

export function write(route) {
  const query = new URLSearchParams();
  for (const id of route.populations ?? []) query.append("p", id);
  for (const [name, [low, high]] of route.ranges ?? []) query.append("r", `${name}:${short(low)}:${short(high)}`);
  if (route.filter) query.set("f", route.filter);
  for (const pin of route.pins ?? []) query.append("pin", `${pin.id}@${pin.trial}`);
  for (const name of route.tie ?? []) query.append("tie", name);
  for (const [name, direction] of Object.entries(route.order ?? {})) query.append("order", `${name}:${direction}`);
  if (route.linear) query.set("linear", "1");
  if (route.show) query.set("show", route.show);
  for (const [name, value] of route.values ?? []) if (value !== "") query.append("v", `${name}:${value}`);
  return `#/${route.view}${query.size ? `?${query}` : ""}`;
}

const short = (value) => Number(value.toPrecision(6));

// changes the address without a new entry of the history: a brush moves many times
export function replace(route) {
  history.replaceState(null, "", write(route));
}

export function go(route) {
  location.hash = write(route);
}
