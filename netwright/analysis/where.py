"""Some networks of a population, by an expression such as `error < 30 and width_1 >= 64`.

The page of `netwright studio` has the same language (static/expression.js): a filter there is `--where` here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.system.suggest import suggest

if TYPE_CHECKING:
    from netwright.report import PopulationView

__all__ = ["matches", "where"]

Floats = npt.NDArray[np.float64]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)(?P<unit>[kMG]\b)?|(?P<name>[A-Za-z_][\w.]*)"
    r"|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/()<>!=]))"
)
_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}
_WORDS = {"and": "&&", "or": "||", "not": "!", "=": "=="}
_COMPARED: Mapping[str, Callable[[Floats, Floats], npt.NDArray[np.bool_]]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_LONGEST = 2000  # characters, and so of parentheses within each other
_DEEPEST = 50


def where(view: PopulationView, expression: str) -> PopulationView:
    """The networks of a population for which an expression is true.

    Args:
        view: The population.
        expression: Of its columns (error in percent, trial, flops, params, acts, latency_ms, parameters), numbers with
            k, M or G, `+ - * /`, comparisons, `and`, `or`, `not` and parentheses. What is not known is never within.
            Empty: all.

    Returns:
        The view of these networks alone; a notice names the expression.

    Raises:
        StatsError: It cannot be read, there is no such column, or no network is left.
    """
    if not expression.strip():
        return view
    counted = view.counted
    known = {
        str(name): counted[name].to_numpy(np.float64) for name in counted.columns if counted[name].dtype.kind in "biuf"
    }
    inside = matches(expression, known)
    if not inside.any():
        raise StatsError(f"no network of {view.name} has {expression}. Give wider limits.")
    kept = set(counted["trial"][inside])
    notice = (
        f"{len(kept):,} of {len(counted):,} networks: those with {expression}. A choice that was made after looking at "
        "them is no random sample"
    )
    repeats = view.repeats
    return replace(
        view,
        frame=view.trials[view.trials["trial"].isin(kept)],
        notices=(*view.notices, notice),
        worst=view.failure_error,
        repeats=None if repeats is None else repeats[repeats["network"].isin(kept)],
    )


def matches(expression: str, columns: Mapping[str, Floats]) -> npt.NDArray[np.bool_]:
    """(n,): where an expression is true.

    Args:
        expression: See `where`.
        columns: Name -> (n,) numbers, NaN where unknown.

    Raises:
        StatsError: It cannot be read, or there is no such column.
    """
    if len(expression) > _LONGEST:
        raise StatsError(f"a filter has at most {_LONGEST:,} characters, not {len(expression):,}. Shorten it.")
    parser = _Parser(_tokens(expression), columns)
    with np.errstate(all="ignore"):
        found = parser.either()
    if parser.left:
        raise StatsError(f'"{parser.left[0][1]}" stands at a wrong place in {expression!r}')
    n = len(next(iter(columns.values())))
    return np.broadcast_to(_true(found), (n,))


def _tokens(text: str) -> list[tuple[str, str | float]]:
    found: list[tuple[str, str | float]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise StatsError(
                f'"{text[at:].strip()[:40]}" means nothing here. Write for example: error < 30 and flops <= 400M'
            )
        at = match.end()
        if match["number"] is not None:
            found.append(("number", float(match["number"]) * _UNITS.get(match["unit"], 1.0)))
        elif match["name"] is not None and match["name"] not in _WORDS:
            found.append(("name", match["name"]))
        else:
            word = match["name"] or match["sign"]
            found.append(("sign", _WORDS.get(word, word)))
    return found


def _true(values: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray((values != 0) & ~np.isnan(values))


class _Parser:
    """From the loosest operator to the tightest: or, and, not, comparisons, sums, products."""

    def __init__(self, tokens: list[tuple[str, str | float]], columns: Mapping[str, Floats]) -> None:
        self.left, self._columns, self._depth = tokens, columns, 0

    def _next(self, *signs: str) -> str:
        """The sign that comes next, taken, if it is one of these; else empty."""
        if self.left and self.left[0][0] == "sign" and self.left[0][1] in signs:
            return str(self.left.pop(0)[1])
        return ""

    def either(self) -> Floats:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise StatsError(f"a filter has at most {_DEEPEST} parentheses within each other. Simplify it.")
        found = self._both()
        while self._next("||"):
            found = (_true(found) | _true(self._both())).astype(np.float64)
        self._depth -= 1
        return found

    def _both(self) -> Floats:
        found = self._negation()
        while self._next("&&"):
            found = (_true(found) & _true(self._negation())).astype(np.float64)
        return found

    def _negation(self) -> Floats:
        times = 0
        while self._next("!"):
            times += 1
        found = self._comparison()
        for _ in range(times):
            found = (~_true(found)).astype(np.float64)
        return found

    def _comparison(self) -> Floats:
        """`0 < width < 64` is both."""
        found = left = self._sum()
        is_first = True
        while sign := self._next(*_COMPARED):
            right = self._sum()
            one = _COMPARED[sign](left, right) & ~np.isnan(left) & ~np.isnan(right)
            found = (one if is_first else _true(found) & one).astype(np.float64)
            left, is_first = right, False
        return found

    def _sum(self) -> Floats:
        found = self._product()
        while sign := self._next("+", "-"):
            other = self._product()
            found = found + other if sign == "+" else found - other
        return found

    def _product(self) -> Floats:
        found = self._primary()
        while sign := self._next("*", "/"):
            other = self._primary()
            found = found * other if sign == "*" else found / other
        return found

    def _primary(self) -> Floats:
        sign = 1.0
        while self._next("-"):
            sign = -sign
        if self._next("("):
            found = self.either()
            if not self._next(")"):
                raise StatsError("a parenthesis is not closed. Add it.")
            return sign * found
        if not self.left:
            raise StatsError("the filter ends too early. Write for example: error < 30 and flops <= 400M")
        kind, value = self.left.pop(0)
        if kind == "number":
            return np.asarray(sign * float(value))
        if kind != "name":
            raise StatsError(f'"{value}" stands at a wrong place. Write for example: error < 30 and flops <= 400M')
        if value not in self._columns:
            raise StatsError(f"there is no column {value!r}: {suggest(str(value), list(self._columns))}")
        return sign * self._columns[str(value)]
