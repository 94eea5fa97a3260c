// Tests of pairs of populations, as a table and as sentences.

import { h, probability } from "./dom.js";

export const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;

export function testTable(pairs) {
  const heads = ["pair", "difference of means", "95% interval", "p", "KS D", "KS p", "wins"];
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Tests of ${pairs.map((each) => each.names.join(" and ")).join("; ")}` }, h("table", { class: "numbers" },
    h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, pairs.map((each) => h("tr", {}, h("td", {}, `${each.names[1]} − ${each.names[0]}`), h("td", {}, signed(each.difference)),
      h("td", {}, each.interval ? `${signed(each.interval[0])} to ${signed(each.interval[1])}` : "none"), h("td", {}, probability(each.p)),
      h("td", {}, each.ks.toFixed(3)), h("td", {}, probability(each.ks_p)), h("td", {}, `${Math.round(100 * each.superiority)}%`))))),
    pairs.map((each) => h("p", { class: `verdict ${each.verdict}` }, each.text)));
}
