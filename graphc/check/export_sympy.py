"""Graph to SymPy: scalars become expressions, small tensors matrices and arrays of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import sympy

from graphc.check.definitions import Term
from graphc.check.elements import TERMS, Cells, cell, evaluate_elements
from graphc.errors import GraphcError, SymPyConversionError
from graphc.graph.leaf import is_symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin
from graphc.graph.types import format_shape, is_float
from graphc.graph.walk import free_symbols, topological_order
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation


def to_sympy(expression: Expr | Sequence[Expr], cse: bool = False) -> Any:
    """Return what an expression means, as SymPy writes it.

    Args:
        expression: an expression of integer sizes, or a list of them. Float symbols become real SymPy
            symbols of the same name, integer ones integer symbols; the element ``[0, 1]`` of a tensor
            ``X`` becomes the real symbol ``X[0,1]``. Rounding and dtypes of float have no SymPy meaning.
        cse: keep the sharing of the graph, as ``sympy.cse`` would return it.

    Returns:
        A SymPy expression for a scalar, an ``ImmutableMatrix`` for two dimensions, otherwise an
        ``ImmutableDenseNDimArray``; a list of them for a list. With ``cse`` a pair (replacements, list).
        Short binary fractions become exact rationals, other floats ``Float``.

    Raises:
        SymPyConversionError: a size is not a number, or an operation has no SymPy meaning.

    The walk is iterative. SymPy's own constructors may recurse on very deep expressions; ``cse=True``
    keeps expressions short wherever the graph shares.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.to_sympy(x * y + x)
        x*y + x
    """
    roots = [expression] if isinstance(expression, Expr) else list(expression)
    values = {node: symbol_cells(node) for node in free_symbols(roots)}
    if not cse:
        results = [_as_sympy(cells) for cells in _evaluate(roots, values, _Sharing([], iter(())))]
        return results[0] if isinstance(expression, Expr) else results
    taken = {str(each) for cells in values.values() for each in cells.flat}
    sharing = _Sharing(roots, (name for name in (f"t{number}" for number in count()) if name not in taken))
    results = [_as_sympy(cells) for cells in _evaluate(roots, values, sharing)]
    return sharing.replacements, results


def symbol_cells(node: Expr) -> Cells:
    """Return the SymPy symbols of the elements of a symbol.

    Raises:
        SymPyConversionError: a dimension is named, not a number.
    """
    if not all(isinstance(size, int) for size in node.shape):
        raise SymPyConversionError(
            f"to_sympy: {symbol_name(node)!r} of shape {format_shape(node.shape)} has an open dimension",
            remedy="declare it with sizes that are numbers",
            origin=describe_origin(node.origin),
        )
    name = symbol_name(node)
    if not node.shape:
        return cell(element_symbol(name, node.dtype))
    cells: Cells = np.empty(node.shape, dtype=object)
    for index in np.ndindex(cells.shape):
        cells[index] = element_symbol(f"{name}[{','.join(map(str, index))}]", node.dtype)
    return cells


def element_symbol(name: str, dtype: str) -> Term:
    """Return the SymPy symbol for an element of that dtype."""
    if dtype == "bool":
        return sympy.Symbol(name)
    return sympy.Symbol(name, real=True) if is_float(dtype) else sympy.Symbol(name, integer=True)


class _Sharing:
    """Gives the elements that are used more than once a symbol each."""

    def __init__(self, roots: Sequence[Expr], names: Iterator[str]) -> None:
        self.replacements: list[tuple[Term, Term]] = []
        self._names = names
        self._shared = _shared_nodes(roots)

    def observe(self, node: Expr, cells: Cells) -> Cells:
        """Return the node's elements, those worth it replaced by symbols."""
        if node not in self._shared:
            return cells
        named: Cells = np.empty(cells.shape, dtype=object)
        for index in np.ndindex(cells.shape):
            term: Term = cells[index]
            named[index] = term if not term.args else self._name(term, node.dtype)
        return named

    def _name(self, term: Term, dtype: str) -> Term:
        symbol = element_symbol(next(self._names), dtype)
        self.replacements.append((symbol, term))
        return symbol


def _shared_nodes(roots: Sequence[Expr]) -> set[Expr]:
    """Return the nodes with elements that are used more than once."""
    users: dict[Expr, int] = {}
    for node in topological_order(roots):
        once = isinstance(node.op, (ScalarOperation, ReductionOperation))
        for argument in node.args:
            users[argument] = users.get(argument, 0) + (1 if once else 2)
    return {node for node, number in users.items() if number > 1 and not is_symbol(node)}


def _evaluate(roots: Sequence[Expr], values: Mapping[Expr, Cells], sharing: _Sharing) -> list[Cells]:
    """Return the SymPy elements of the roots.

    Raises:
        SymPyConversionError: an operation has no SymPy meaning.
    """
    try:
        return evaluate_elements(roots, values, TERMS, sharing.observe)
    except SymPyConversionError:
        raise
    except (GraphcError, TypeError, ValueError) as error:
        raise SymPyConversionError(
            f"to_sympy: an operation has no meaning on SymPy terms: {error}",
            remedy="convert the parts around it, or give it inputs it can be computed for",
        ) from error


def _as_sympy(cells: Cells) -> Any:
    """Return an array of SymPy elements as SymPy holds arrays."""
    if not cells.shape:
        return cells[()]
    elements = list(cells.flat)
    if cells.ndim == 2:
        return sympy.ImmutableMatrix(*cells.shape, elements)
    return sympy.ImmutableDenseNDimArray(elements, cells.shape)
