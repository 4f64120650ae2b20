"""SymPy's derivative of a whole expression, evaluated with 40 digits: the oracle for what is small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import mpmath
import numpy as np
import sympy

from graphc.check.definitions import Definition, Term
from graphc.check.elements import DIGITS, TERMS, Calculus, Cells, compiled_definition, evaluate_elements
from graphc.check.export_sympy import element_symbol
from graphc.check.proofs import differentiate
from graphc.check.specialise import fixed_shape
from graphc.errors import GraphcError
from graphc.graph.leaf import is_symbol
from graphc.graph.node import Expr
from graphc.graph.walk import topological_order

TREE_LIMIT = 150
"""Operations of the expression written out as a tree, element by element."""
ELEMENT_LIMIT = 24
"""Elements of the inputs."""

_EXACT = Calculus(
    lift=lambda value: sympy.Rational(value) if isinstance(value, float) and np.isfinite(value) else TERMS.lift(value),
    scalar=TERMS.scalar,
    fold=TERMS.fold,
    cast=TERMS.cast,
)
"""SymPy terms with every float as the exact fraction it is."""


class WholeExpression:
    """The expression and its derivatives as SymPy terms, made once and evaluated at each point.

    ``obstacle`` says why there are none; it is empty where there are.
    """

    def __init__(self, objective: Expr, wrt: Sequence[Expr]) -> None:
        self.obstacle = _too_large(objective)
        if self.obstacle:
            return
        try:
            self._make(objective, wrt)
        except (GraphcError, TypeError, ValueError, NotImplementedError, AttributeError) as error:
            self.obstacle = f"SymPy: {type(error).__name__}: {str(error).splitlines()[0][:100]}"

    def _make(self, objective: Expr, wrt: Sequence[Expr]) -> None:
        symbols = [node for node in topological_order([objective]) if is_symbol(node)]
        names = (f"v{number}" for number in count())
        self._cells = {node: _plain_symbols(node, names) for node in symbols}
        self._arguments = [term for cells in self._cells.values() for term in cells.flat]
        term: Term = evaluate_elements([objective], self._cells, _EXACT)[0][()]
        self._derivatives = {
            (node, index): self._compiled(differentiate(term, self._cells[node][index]))
            for node in wrt
            if node in self._cells
            for index in np.ndindex(self._cells[node].shape)
        }

    def _compiled(self, term: Term) -> Any:
        """Return a function of mpmath numbers for a term."""
        if term.has(sympy.Derivative, sympy.Subs):
            raise NotImplementedError(f"SymPy leaves {term} unevaluated")
        return compiled_definition(Definition(tuple(self._arguments), term))

    def derivative(self, point: Mapping[Expr, Any], tangents: Mapping[Expr, Any]) -> float | None:
        """Return the derivative along tangents; None where the formula has no value at the point."""
        with mpmath.workdps(DIGITS):
            values = [
                _number(point[node][index]) for node, cells in self._cells.items() for index in np.ndindex(cells.shape)
            ]
            total = mpmath.mpf(0)
            for (node, index), function in self._derivatives.items():
                weight = tangents[node][index] if node in tangents else 0.0
                if weight:
                    try:
                        total += mpmath.mpf(float(weight)) * function(*values)
                    except (ZeroDivisionError, ValueError):
                        return None
            return float(mpmath.re(total)) if mpmath.isfinite(total) else None


def _plain_symbols(node: Expr, names: Iterator[str]) -> Cells:
    """Return SymPy symbols for the elements, with names that are identifiers: others cost SymPy a rewrite."""
    cells: Cells = np.empty(fixed_shape(node), dtype=object)
    for index in np.ndindex(cells.shape):
        cells[index] = element_symbol(next(names), node.dtype)
    return cells


def _number(value: Any) -> Any:
    """Return a NumPy number for mpmath."""
    item = value.item()
    return mpmath.mpf(item) if isinstance(item, float) else item


def _too_large(objective: Expr) -> str:
    """Return why an expression does not fit; nothing where it does."""
    tree: dict[Expr, int] = {}
    elements = 0
    for node in topological_order([objective]):
        inputs = max([int(argument.size) for argument in node.args], default=0)
        tree[node] = sum(tree[argument] for argument in node.args) + max(int(node.size), inputs) * bool(node.args)
        elements += int(node.size) * is_symbol(node)
    if elements > ELEMENT_LIMIT:
        return f"{elements} elements, the limit is {ELEMENT_LIMIT}"
    if tree[objective] > TREE_LIMIT:
        return f"{tree[objective]} operations as a tree, the limit is {TREE_LIMIT}"
    return ""
