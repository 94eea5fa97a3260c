// Filters such as `error < 30 and width_1 >= 64`: read by a small parser, never by the browser's eval. The same language
// is --where of netwright analyze and compare (netwright/analysis/where.py).

const TOKEN = /\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)([kMG]\b)?|([A-Za-z_][\w.]*)|(<=|>=|==|!=|&&|\|\||[-+*/()<>!=]))/y;
const UNITS = { k: 1e3, M: 1e6, G: 1e9 };
const WORDS = { and: "&&", or: "||", not: "!", "=": "==" };
// what is not known is never within
const COMPARED = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "==": (a, b) => a === b, "!=": (a, b) => a !== b && a === a && b === b };
const MOST_DEEP = 50;
const word = (text) => (Object.hasOwn(WORDS, text) ? WORDS[text] : text);

function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    if (!text.slice(TOKEN.lastIndex).trim()) break;
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`"${text.slice(at).trim()}" means nothing here. Write for example: error < 30 and flops <= 400M`);
    if (match[1] !== undefined) found.push({ kind: "number", value: Number(match[1]) * (UNITS[match[2]] ?? 1) });
    else if (match[3] !== undefined && !Object.hasOwn(WORDS, match[3])) found.push({ kind: "name", value: match[3] });
    else found.push({ kind: "sign", value: word(match[3] ?? match[4]) });
  }
  return found;
}

// -> a function of a row's number; columns: name -> array
export function compile(text, columns) {
  if (!text.trim()) return null;
  const list = tokens(text);
  let at = 0;
  const peek = (...signs) => list[at]?.kind === "sign" && signs.includes(list[at].value);
  const binary = (next, table) => () => {
    let left = next();
    while (peek(...Object.keys(table))) {
      const operate = table[list[at++].value];
      const [a, b] = [left, next()];
      left = operate(a, b);
    }
    return left;
  };
  function primary() {
    const token = list[at++];
    if (token?.kind === "number") return () => token.value;
    if (token?.kind === "name") {
      const column = Object.hasOwn(columns, token.value) ? columns[token.value] : null;
      if (!column) throw new Error(`there is no column "${token.value}": ${Object.keys(columns).join(", ")}`);
      return (row) => column[row];
    }
    if (token?.value === "(") {
      const inside = either();
      if (!peek(")")) throw new Error("a parenthesis is not closed");
      at += 1;
      return inside;
    }
    if (token?.value === "-") { const of = primary(); return (row) => -of(row); }
    throw new Error(token ? `"${token.value}" stands at a wrong place` : "the filter ends too early");
  }
  const product = binary(primary, { "*": (a, b) => (r) => a(r) * b(r), "/": (a, b) => (r) => a(r) / b(r) });
  const sum = binary(product, { "+": (a, b) => (r) => a(r) + b(r), "-": (a, b) => (r) => a(r) - b(r) });
  // 0 < width < 64 is both
  function comparison() {
    let [left, found] = [sum(), null];
    while (peek(...Object.keys(COMPARED))) {
      const compare = COMPARED[list[at++].value];
      const [a, b, before] = [left, sum(), found];
      found = before ? (row) => before(row) && compare(a(row), b(row)) : (row) => compare(a(row), b(row));
      left = b;
    }
    return found ?? left;
  }
  function negation() {
    if (!peek("!")) return comparison();
    at += 1;
    const of = negation();
    return (row) => !of(row);
  }
  const both = binary(negation, { "&&": (a, b) => (r) => a(r) && b(r) });
  const outer = binary(both, { "||": (a, b) => (r) => a(r) || b(r) });
  let depth = 0;
  const either = () => {
    depth += 1;
    if (depth > MOST_DEEP) throw new Error(`a filter has at most ${MOST_DEEP} parentheses within each other`);
    const inside = outer();
    depth -= 1;
    return inside;
  };
  const found = outer();
  if (at < list.length) throw new Error(`"${list[at].value}" stands at a wrong place`);
  return found;
}

// six digits, as in addresses; 100M rather than 100000000
function short(value) {
  const six = Number(value.toPrecision(6));
  const [unit, size] = Object.entries(UNITS).findLast(([, each]) => six >= 10 * each) ?? ["", 1];
  return `${Number((six / size).toPrecision(6))}${unit}`;
}

// what a filter and ranges leave, as one expression for --where
export function expressionOf(ranges, filter) {
  const parts = [...ranges].map(([name, [low, high]]) => `${name} >= ${short(low)} and ${name} <= ${short(high)}`);
  const own = filter.trim();
  if (own) parts.unshift(parts.length && /\b(or)\b|\|\|/.test(own) ? `(${own})` : own);
  return parts.join(" and ");
}

// the parts of a filter that limit single columns, as ranges: `flops <= 400M and width_1 >= 64`; and those that do not
export function rangesOf(filter, columns) {
  const [ranges, left] = [new Map(), []];
  const parts = /\bor\b|\|\||[()]/.test(filter) ? [filter] : filter.split(/\s*(?:\band\b|&&)\s*/);
  for (const part of parts.map((each) => each.trim()).filter(Boolean)) {
    const match = /^([A-Za-z_]\w*)\s*(<=|>=|<|>)\s*(\d[\d.]*(?:e[+-]?\d+)?)([kMG])?$/.exec(part);
    const column = match && columns.find((each) => each.name === match[1]);
    if (!column) {
      left.push(part);
      continue;
    }
    const value = Number(match[3]) * (UNITS[match[4]] ?? 1);
    const [low, high] = ranges.get(column.name) ?? column.allowed?.map((end, i) => end ?? column.ends[i]) ?? column.ends;
    ranges.set(column.name, match[2][0] === "<" ? [low, value] : [value, high]);
  }
  return { ranges, left };
}
