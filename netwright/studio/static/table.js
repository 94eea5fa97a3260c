// The networks of several populations in one table of numbers, and which of them a brush and a filter leave.

import { compile } from "./expression.js";
import { csvOf } from "./pictures.js";

export class Networks {
  constructor(populations) {
    this.populations = populations;
    this.n = populations.reduce((sum, each) => sum + each.trial.length, 0);
    this.columns = merged(populations);
    this.values = { error: this.fill((each) => each.error), trial: this.fill((each) => each.trial) };
    for (const { name } of this.columns) this.values[name] = this.fill((each) => each.values[name]);
    this.of = new Uint8Array(this.n);
    this.failed = new Uint8Array(this.n);
    this.starts = [];
    let at = 0;
    populations.forEach((each, place) => {
      this.starts.push(at);
      this.of.fill(place, at, at + each.trial.length);
      this.failed.fill(1, at + each.trial.length - each.n_failed, at + each.trial.length);
      at += each.trial.length;
    });
    this.starts.push(at);
    this.mask = new Uint8Array(this.n).fill(1);
    this.ends = this.errorEnds();
  }

  fill(column) {
    const values = new Float64Array(this.n).fill(NaN);
    let at = 0;
    for (const each of this.populations) {
      const from = column(each);
      if (from) for (let i = 0; i < from.length; i++) values[at + i] = from[i] ?? NaN;
      at += each.trial.length;
    }
    return values;
  }

  // of networks that did not fail
  errorEnds() {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < this.n; i++) {
      if (this.failed[i]) continue;
      low = Math.min(low, this.values.error[i]);
      high = Math.max(high, this.values.error[i]);
    }
    return low <= high ? [low, high] : [0, 100];
  }

  // which networks are left; throws where the filter cannot be read
  choose(ranges, filter) {
    const test = compile(filter, this.values);
    const mask = this.mask.fill(1);
    if (test) for (let i = 0; i < this.n; i++) mask[i] = test(i) ? 1 : 0;
    for (const [name, [low, high]] of ranges) {
      const values = this.values[name];
      if (!values) continue;
      for (let i = 0; i < this.n; i++) if (!(values[i] >= low && values[i] <= high)) mask[i] = 0;
    }
    let count = 0;
    for (let i = 0; i < this.n; i++) count += mask[i];
    return count;
  }

  // errors of a population, ascending; of those that are left, or of all
  errors(place, all) {
    const found = [];
    for (let i = this.starts[place]; i < this.starts[place + 1]; i++) if (all || this.mask[i]) found.push(this.values.error[i]);
    return found;
  }

  failures(place, all) {
    let count = 0;
    for (let i = this.starts[place]; i < this.starts[place + 1]; i++) if ((all || this.mask[i]) && this.failed[i]) count += 1;
    return count;
  }

  id(row) { return this.populations[this.of[row]].id; }

  row(id, trial) {
    for (let i = 0; i < this.n; i++) if (this.values.trial[i] === trial && this.id(i) === id) return i;
    return -1;
  }

  csv() {
    const rows = [["population", "trial", "error", "failed", ...this.columns.map((each) => each.name)]];
    for (let i = 0; i < this.n; i++) {
      if (this.mask[i]) rows.push([this.id(i), this.values.trial[i], this.values.error[i], this.failed[i], ...this.columns.map((each) => this.values[each.name][i])]);
    }
    return csvOf(rows);
  }
}

function merged(populations) {
  const found = new Map();
  for (const each of populations) {
    for (const column of each.columns) {
      const known = found.get(column.name);
      if (!known) found.set(column.name, structuredClone(column));
      else {
        known.ends = [Math.min(known.ends[0], column.ends[0]), Math.max(known.ends[1], column.ends[1])];
        known.log = known.ends[0] > 0 && known.ends[1] / known.ends[0] > 15;
        known.whole = known.whole && column.whole;
      }
    }
  }
  return [...found.values()];
}

// [n | min | mean], as everywhere
export function legend(errors, failed) {
  if (!errors.length) return "[0]";
  const mean = errors.reduce((sum, each) => sum + each, 0) / errors.length;
  const tail = failed ? ` | ${failed.toLocaleString("en")} failed` : "";
  return `[${errors.length.toLocaleString("en")} | ${errors[0].toFixed(1)} | ${mean.toFixed(1)}${tail}]`;
}

// the half-width of the 95% band of an error distribution: Dvoretzky, Kiefer, Wolfowitz; Massart 1990
export const halfWidth = (n) => Math.sqrt(Math.log(2 / 0.05) / (2 * n));
