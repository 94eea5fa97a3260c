// What the studio's server answers. Whatever changes something has our own header, which no other page can send.

const OWN = { "x-netwright-studio": "1" };
const kept = new Map(); // address -> {tag, value}: a population that did not change is not sent again

async function answered(response) {
  if (response.ok) return response;
  let message = `${response.status} ${response.statusText}`;
  try {
    message = (await response.json()).error ?? message;
  } catch { /* the status is all there is */ }
  throw new Error(message);
}

export async function get(path, parameters = {}) {
  const response = await answered(await fetch(address(path, parameters)));
  return response.json();
}

export async function getKept(path, parameters = {}) {
  const url = address(path, parameters);
  const known = kept.get(url);
  const response = await fetch(url, { headers: known ? { "if-none-match": known.tag } : {}, cache: "no-store" });
  if (response.status === 304) return known.value;
  const value = await (await answered(response)).json();
  kept.set(url, { tag: response.headers.get("etag"), value });
  return value;
}

export async function post(path, body) {
  const headers = { ...OWN, "content-type": "application/json" };
  const response = await answered(await fetch(`/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
  return response.json();
}

export async function upload(file) {
  const response = await fetch(address("files", { name: file.name }), { method: "POST", headers: OWN, body: file });
  return (await answered(response)).json();
}

export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of [value].flat()) query.append(name, each);
  }
  return `/api/${path}${query.size ? `?${query}` : ""}`;
}

// calls listener(ids) when something changed; after a break everything may have
export function listen(listener, onState) {
  const source = new EventSource("/api/events");
  let wasOpen = false;
  source.addEventListener("hello", () => {
    onState("live");
    if (wasOpen) listener(null);
    wasOpen = true;
  });
  source.addEventListener("changed", (event) => listener(JSON.parse(event.data).ids));
  source.onerror = () => onState("no connection");
  addEventListener("pagehide", () => source.close());
}
