// An error distribution as a line, and its 95% band; failed networks are behind all others, beyond the right end.

import { axes, Scale } from "./plot.js";
import { halfWidth, legend } from "./table.js";

const MOST_STEPS = 1200; // of a curve: a screen has no more columns
const MOST_OF_BAND = 400;

export function shares([top, bottom]) {
  const y = new Scale([0, 1], [bottom, top]);
  return Object.assign(y, { low: 0, high: 1, base: 0, span: 1 });
}

export function distributionAxes(surface, box, x, y, colors) {
  axes(surface, box, x, y, colors, { xTitle: "error, %", yTitle: "share with a lower error", yFormat: (value) => `${Math.round(value * 100)}%` });
}

// errors: ascending, the failed ones last
export function line(surface, { x, y }, errors, failed, color, style) {
  const done = errors.length - failed;
  const points = [x.from, y.at(0)];
  const step = Math.max(1, Math.floor(done / MOST_STEPS));
  let share = 0;
  for (let i = 0; i < done; i += step) {
    const at = x.at(errors[i]);
    points.push(at, y.at(share));
    share = Math.min(i + step, done) / errors.length;
    points.push(at, y.at(share));
  }
  points.push(x.to, y.at(errors.length ? done / errors.length : 0));
  surface.path(points, color, style);
}

export function band(surface, { x, y }, errors, color) {
  const half = halfWidth(errors.length);
  const done = errors.filter((error) => error <= x.high).length;
  const step = Math.max(1, Math.floor(done / MOST_OF_BAND));
  const [upper, lower] = [[x.from, y.at(Math.min(1, half))], [x.from, y.at(0)]];
  const add = (at, share) => { upper.push(at, y.at(Math.min(1, share + half))); lower.push(at, y.at(Math.max(0, share - half))); };
  let share = 0;
  for (let i = 0; i < done; i += step) {
    const at = x.at(errors[i]);
    add(at, share);
    share = Math.min(i + step, done) / errors.length;
    add(at, share);
  }
  add(x.to, share);
  const back = [];
  for (let i = lower.length - 2; i >= 0; i -= 2) back.push(lower[i], lower[i + 1]);
  surface.path([...upper, ...back], color, { fill: true, opacity: 0.14 });
}

export function key(surface, place, left, color, name, errors, failed, colors) {
  surface.rect(left, 8 + 18 * place + 3, 18, 3, color);
  surface.text(`${name} ${legend(errors, failed)}`, left + 25, 8 + 18 * place + 9, colors.ink, { weight: "600" });
}

// [[name, errors, failed], ...] -> a line for each network
export function rowsOf(list) {
  return [["population", "error", "failed", "share"], ...list.flatMap(([name, errors, failed]) => errors.map((error, i) => [name, error, i >= errors.length - failed ? 1 : 0, (i + 1) / errors.length]))];
}
