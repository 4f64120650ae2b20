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
from graphc.graph.block import block_of, nested_order
from graphc.graph.leaf import is_symbol
from graphc.graph.node import Expr
from graphc.graph.walk import topological_order
from graphc.ops.branch_row import SWITCH
from graphc.ops.control_row import SCAN
from graphc.ops.matrix_row import MatrixOperation
from graphc.ops.native_row import NativeOperation

TREE_LIMIT = 150
"""Operations of the expression written out as a tree, element by element."""
ELEMENT_LIMIT = 24
"""Elements of the inputs."""
COMPUTED = (MatrixOperation, NativeOperation)
"""Rows whose results are found by a program, not by a formula of their arguments."""

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
    elements = sum(int(node.size) for node in topological_order([objective]) if is_symbol(node))
    if elements > ELEMENT_LIMIT:
        return f"{elements} elements, the limit is {ELEMENT_LIMIT}"
    if any(node.op is SCAN and node.attribute("conditional") for node in nested_order([objective])):
        return "loops with conditions have no formula"
    computed = [node.op.name for node in nested_order([objective]) if isinstance(node.op, COMPUTED)]
    if computed:
        return f"{computed[0]} has no formula"
    (operations,) = _tree_sizes([objective], {})
    if operations > TREE_LIMIT:
        return f"{operations} operations as a tree, the limit is {TREE_LIMIT}"
    return ""


def _tree_sizes(roots: Sequence[Expr], known: Mapping[Expr, int]) -> list[int]:
    """Return how many operations each root has, written out as a tree, from those of nodes that are known."""
    tree = dict(known)
    for node in topological_order(roots):
        if node not in tree:
            given = [tree[argument] for argument in node.args]
            inputs = max([int(argument.size) for argument in node.args], default=0)
            own = max(int(node.size), inputs) * bool(node.args)
            runs = _run_size(node, given) if node.op in (SCAN, SWITCH) else own
            tree[node] = sum(given) + runs
    return [tree[root] for root in roots]


def _run_size(node: Expr, given: Sequence[int]) -> int:
    """Return how many operations the results of a loop or choice have, or enough of them to be too many."""
    block = block_of(node)
    if node.op is SWITCH:
        return sum(_tree_sizes(block.outputs, dict(zip(block.parameters, given[1:], strict=True))))
    length, carries = node.attribute("length"), node.attribute("carries")
    now, rest, kept = list(given[:carries]), given[carries:], 0
    for _ in range(min(length, TREE_LIMIT)):
        grown = _tree_sizes(block.outputs, dict(zip(block.parameters, [0, *now, *rest], strict=False)))
        now, kept = grown[:carries], kept + sum(grown[carries:])
        if sum(now) + kept > TREE_LIMIT:
            break
    return sum(now) + kept
