// Filters such as `error < 30 and width_1 >= 64`: read by a small parser, never by the browser's eval.

const TOKEN = /\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)([kMG]\b)?|([A-Za-z_][\w.]*)|(<=|>=|==|!=|&&|\|\||[-+*/()<>!=]))/y;
const UNITS = { k: 1e3, M: 1e6, G: 1e9 };
const WORDS = { and: "&&", or: "||", not: "!", "=": "==" };
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
    if (token?.value === "!") { const of = primary(); return (row) => !of(row); }
    throw new Error(token ? `"${token.value}" stands at a wrong place` : "the filter ends too early");
  }
  const product = binary(primary, { "*": (a, b) => (r) => a(r) * b(r), "/": (a, b) => (r) => a(r) / b(r) });
  const sum = binary(product, { "+": (a, b) => (r) => a(r) + b(r), "-": (a, b) => (r) => a(r) - b(r) });
  const comparison = binary(sum, {
    "<": (a, b) => (r) => a(r) < b(r), "<=": (a, b) => (r) => a(r) <= b(r),
    ">": (a, b) => (r) => a(r) > b(r), ">=": (a, b) => (r) => a(r) >= b(r),
    "==": (a, b) => (r) => a(r) === b(r), "!=": (a, b) => (r) => a(r) !== b(r),
  });
  const both = binary(comparison, { "&&": (a, b) => (r) => a(r) && b(r) });
  const either = binary(both, { "||": (a, b) => (r) => a(r) || b(r) });
  const found = either();
  if (at < list.length) throw new Error(`"${list[at].value}" stands at a wrong place`);
  return found;
}
