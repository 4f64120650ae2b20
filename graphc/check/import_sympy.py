"""SymPy to graph: every distinct subexpression is visited once, without recursion."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import sympy
from sympy.logic.boolalg import BooleanFunction
from sympy.tensor.indexed import Indexed

from graphc.autodiff.forward import tangents
from graphc.check.definitions import Term
from graphc.check.heads import ARRAYS, builder_for, supported_heads
from graphc.errors import GraphcError, SymPyConversionError
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.table import apply
from graphc.graph.walk import substitute

Elements: TypeAlias = "tuple[Term, ...]"

ELEMENT = re.compile(r"(\w+)\[(\d+(?:, *\d+)*)\]")
"""The name `to_sympy` gives an element of a tensor."""
SHOWN_DEPTH = 12
"""Heads of the path shown in an error."""


def from_sympy(expression: Any, symbols: Mapping[Any, Expr] | None = None) -> Any:
    """Return a SymPy expression as a graph; all its symbols are taken as real numbers.

    Args:
        expression: a SymPy expression, matrix or array, a list of these, or the pair
            (replacements, reduced expressions) that ``sympy.cse`` and ``to_sympy(..., cse=True)`` return.
        symbols: what symbols stand for, by SymPy symbol or by name; others become float64 symbols of
            their name. A tensor ``X`` given here is what symbols named ``X[0,1]`` are elements of.

    Returns:
        An expression of shape () for a scalar, of the matrix's shape for a matrix; a list for a list
        or for pairs. Numbers become float64 constants, unevaluated derivatives are taken on the graph,
        ``DiracDelta`` becomes 0 with one warning.

    Raises:
        SymPyConversionError: a part has no operation in graphc; the message shows the path to it.

    Example:
        >>> import graphc as gx
        >>> import sympy
        >>> x, y = sympy.symbols("x y")
        >>> gx.from_sympy(x * sympy.sin(y)) is gx.symbol("x") * gx.sin(gx.symbol("y"))
        True
    """
    reader = _Reader(dict(symbols or {}))
    if _is_cse(expression):
        replacements, reduced = expression
        for name, term in replacements:
            reader.define(name, reader.read(term))
        return [reader.read(term) for term in reduced]
    if isinstance(expression, (list, tuple)):
        return [reader.read(term) for term in expression]
    return reader.read(expression)


def _is_cse(expression: Any) -> bool:
    """Tell whether it is a pair of replacements and reduced expressions."""
    if not (isinstance(expression, (tuple, list)) and len(expression) == 2):
        return False
    replacements, reduced = expression
    is_pairs = isinstance(replacements, (list, tuple)) and all(isinstance(pair, tuple) for pair in replacements)
    return is_pairs and isinstance(reduced, (list, tuple))


def _as_sympy(value: Any) -> Any:
    """Return a value as SymPy's: its own expressions and numbers, but no text, which would be run.

    Raises:
        SymPyConversionError: it is something else.
    """
    try:
        return sympy.sympify(value, strict=True)
    except sympy.SympifyError:
        raise SymPyConversionError(
            f"from_sympy: a SymPy expression expected, got {value!r}",
            remedy="turn text you trust into one with sympy.sympify first",
            origin=here(),
        ) from None


class _Reader:
    """Turns SymPy terms into nodes; terms already seen are looked up by identity."""

    def __init__(self, symbols: dict[Any, Expr]) -> None:
        self._symbols: dict[str, Expr] = {str(key): node for key, node in symbols.items()}
        self._nodes: dict[int, Expr] = {}
        self._children: dict[int, Elements] = {}
        self._parents: dict[int, tuple[Term, int]] = {}
        self._kept: list[Any] = []
        self._conditions: set[str] = set()
        self._warned = False

    def define(self, name: Any, node: Expr) -> None:
        """Let a symbol stand for a node."""
        self._symbols[str(name)] = node

    def read(self, expression: Any) -> Expr:
        """Return the node of a term."""
        root = expression if isinstance(expression, ARRAYS) else _as_sympy(expression)
        self._kept.append(root)
        order = self._order(root)
        for term in order:
            self._note_conditions(term)
        for term in order:
            if id(term) not in self._nodes:
                self._nodes[id(term)] = self._convert(term)
        return self._nodes[id(root)]

    def _order(self, root: Term) -> list[Term]:
        """Return the terms the root reaches, arguments before users."""
        order: list[Term] = []
        done: set[int] = set()
        stack: list[tuple[Term, bool]] = [(root, False)]
        while stack:
            term, children_done = stack.pop()
            if id(term) in done:
                continue
            if children_done:
                done.add(id(term))
                order.append(term)
                continue
            stack.append((term, True))
            self._children.setdefault(id(term), _children(term))
            for number, child in enumerate(self._children[id(term)]):
                self._parents.setdefault(id(child), (term, number))
                stack.append((child, False))
        return order

    def _note_conditions(self, term: Term) -> None:
        """Remember the symbols that stand where a truth value belongs."""
        if isinstance(term, sympy.Piecewise):
            places = self._children[id(term)][1::2]
        elif isinstance(term, BooleanFunction):
            places = self._children[id(term)]
        else:
            return
        self._conditions.update(place.name for place in places if place.is_Symbol)

    def _convert(self, term: Term) -> Expr:
        """Return the node of a term whose arguments are converted.

        Raises:
            SymPyConversionError: graphc has nothing for it.
        """
        nodes = [self._nodes[id(child)] for child in self._children[id(term)]]
        try:
            if isinstance(term, sympy.Derivative):
                return self._derivative(term, nodes)
            if isinstance(term, sympy.Subs):
                pairs = zip(term.variables, nodes[1:], strict=True)
                return substitute(nodes[:1], {self._symbol(name): node for name, node in pairs})[0]
            leaf = None if nodes else self._leaf(term)
            if leaf is not None:
                return leaf
            build = builder_for(term)
            if build is not None:
                self._warn_of(term)
                return build(term, nodes)
        except SymPyConversionError:
            raise
        except GraphcError as error:
            raise self._error(term, error.message) from error
        raise self._error(term, f"graphc has no operation for SymPy's {_head(term)}")

    def _leaf(self, term: Term) -> Expr | None:
        """Return the node of an atom; None where it is none that graphc knows."""
        if getattr(term, "is_Symbol", False):
            return self._symbol(term)
        if isinstance(term, (Indexed, sympy.matrices.expressions.matexpr.MatrixElement)):
            return self._element(str(term.args[0]), tuple(int(i) for i in term.args[1:]), term)
        if isinstance(term, sympy.MatrixSymbol):
            shape = [int(size) if size.is_Integer else str(size) for size in term.shape]
            return self._symbols.setdefault(term.name, symbol(term.name, shape))
        if term in (sympy.true, sympy.false):
            return constant(bool(term))
        is_number = getattr(term, "is_Number", False) or getattr(term, "is_NumberSymbol", False)
        if not is_number:
            return None
        value = float(term)
        if math.isinf(value) and term not in (sympy.oo, -sympy.oo):
            raise self._error(term, "a number is too large for float64")
        return constant(value)

    def _symbol(self, term: Term) -> Expr:
        """Return what a symbol stands for: the node given for it, an element of one, or a new symbol.

        Raises:
            SymPyConversionError: its name is no identifier.
        """
        name: str = term.name
        found = self._symbols.get(name)
        if found is None:
            match = ELEMENT.fullmatch(name)
            if match:
                found = self._element(match[1], tuple(int(i) for i in match[2].split(",")), term)
            elif not name.isidentifier():
                raise self._error(term, f"the symbol name {name!r} is no identifier", "pass symbols={name: expression}")
            else:
                found = symbol(name, (), "bool" if name in self._conditions else "float64")
            self._symbols[name] = found
        return found

    def _element(self, name: str, index: tuple[int, ...], term: Term) -> Expr:
        """Return an element of a tensor.

        Raises:
            SymPyConversionError: nothing tells which tensor.
        """
        base = self._symbols.get(name)
        if base is None:
            raise self._error(
                term,
                f"{term} is an element of {name!r}, whose shape is not known",
                f'pass symbols={{"{name}": gx.tensor("{name}", shape)}}',
            )
        return apply("getitem", base, index)

    def _derivative(self, term: Term, nodes: Sequence[Expr]) -> Expr:
        """Return an unevaluated derivative, taken on the graph."""
        (node,) = nodes
        for variable, times in term.variable_count:
            if not (variable.is_Symbol and times.is_Integer):
                raise self._error(term, f"a derivative by {variable}, {times} times, has no meaning on a graph")
            target = self._symbol(variable)
            for _ in range(int(times)):
                (tangent,) = tangents([node], {target: constant(1, target.dtype)})
                node = constant(0, target.dtype) if tangent is None else tangent
        return node

    def _warn_of(self, term: Term) -> None:
        """Warn once that a delta function is dropped."""
        if isinstance(term, sympy.DiracDelta) and not self._warned:
            self._warned = True
            warnings.warn("from_sympy: DiracDelta becomes 0: no function of numbers has its values", stacklevel=5)

    def _error(self, term: Term, message: str, remedy: str | None = None) -> SymPyConversionError:
        """Return an error with the path from the root to the term."""
        path = [_head(term)]
        current, seen = term, {id(term)}
        while id(current) in self._parents:
            parent, number = self._parents[id(current)]
            if id(parent) in seen:
                break
            seen.add(id(parent))
            path.append(f"{_head(parent)}[{number}]")
            current = parent
        shown = path[::-1] if len(path) <= SHOWN_DEPTH else [*path[: -SHOWN_DEPTH // 2 : -1], "...", *path[5::-1]]
        supported = f"supported heads: {', '.join(supported_heads())}"
        return SymPyConversionError(f"from_sympy: {message} (at {' > '.join(shown)})", remedy=remedy or supported)


def _head(term: Term) -> str:
    """Return the name of a term's head."""
    return str(getattr(term, "func", type(term)).__name__)


def _children(term: Any) -> Elements:
    """Return the arguments a term is built from."""
    if isinstance(term, ARRAYS):
        return tuple(term.flat()) if isinstance(term, sympy.MatrixBase) else tuple(sympy.flatten(term.tolist()))
    if isinstance(term, sympy.Piecewise):
        return tuple(part for pair in term.args for part in pair.args)
    if isinstance(term, sympy.Derivative):
        return (term.expr,)
    if isinstance(term, sympy.Subs):
        return (term.expr, *term.point)
    if isinstance(term, (Indexed, sympy.MatrixSymbol, sympy.matrices.expressions.matexpr.MatrixElement)):
        return ()
    return tuple(term.args)
