"""Graphs computed element by element with anything that has arithmetic: SymPy terms, mpmath numbers.

Scalar and reduction rows go through their definitions; operations that only move elements, and
contractions, are the reference backend's on arrays of objects. Iterative, like every walk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import mpmath
import numpy as np
import sympy

from graphc.backends.reference import evaluate, solve_sizes
from graphc.check.definitions import Definition, Term, definition_of, fold_definition, fold_terms
from graphc.graph.block import ITEM, is_bundle
from graphc.graph.dimensions import evaluate as evaluate_size
from graphc.graph.leaf import SIZE, SYMBOL, constant_value, is_constant, symbol
from graphc.graph.node import Expr, make_node
from graphc.graph.types import is_float
from graphc.graph.walk import topological_order
from graphc.ops.lookup_row import GatherOperation, ScatterOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import CastOperation, ScalarOperation

Cells: TypeAlias = "np.ndarray[Any, Any]"
"""An array of objects: one element of the calculus in each cell."""
Cast: TypeAlias = "Callable[[Any, str, str], Any]"

DIGITS = 40
"""Decimal digits of high-precision evaluation."""


@dataclass(frozen=True, slots=True)
class Calculus:
    """How to compute with one kind of element.

    Attributes:
        lift: a Python number -> element.
        scalar: scalar row -> function of elements.
        fold: (reduction row, elements) -> element.
        cast: (element, dtype from, dtype to) -> element.
    """

    lift: Callable[[Any], Any]
    scalar: Callable[[ScalarOperation], Callable[..., Any]]
    fold: Callable[[ReductionOperation, list[Any]], Any]
    cast: Cast


def evaluate_elements(
    outputs: Sequence[Expr],
    values: Mapping[Expr, Cells],
    calculus: Calculus,
    observe: Callable[[Expr, Cells], Cells] = lambda node, cells: cells,
) -> list[Cells]:
    """Return the outputs as arrays of elements.

    Args:
        outputs: what to compute.
        values: the elements of symbols, and of other nodes that are given rather than computed.
        calculus: how to compute with the elements.
        observe: (node, its elements) -> what the node's users see.
    """
    arrays: dict[Expr, Cells] = dict(values)
    symbols = {node: array for node, array in values.items() if node.op is SYMBOL}
    sizes = solve_sizes({node: array.shape for node, array in symbols.items()})
    for node in topological_order(outputs):
        if node in arrays:
            continue
        operands = [arrays[argument] for argument in node.args]
        if node.op is SIZE:
            cells = cell(calculus.lift(evaluate_size(node.attribute("size"), sizes)))
        else:
            cells = _compute(node, operands, symbols, calculus)
        arrays[node] = cells if is_bundle(node) else observe(node, cells)
    return [arrays[output] for output in outputs]


def _compute(node: Expr, operands: Sequence[Any], symbols: Mapping[Expr, Cells], calculus: Calculus) -> Any:
    """Return the elements of one node from those of its arguments; of a bundle those of each result."""
    if node.op is ITEM:
        result: Cells = operands[0][node.attribute("position")]
        return result
    if is_constant(node):
        return lift_array(constant_value(node), calculus)
    if is_cast(node):
        return _each(_caster(calculus, node), operands)
    if isinstance(node.op, ScalarOperation):
        return _each(calculus.scalar(node.op), operands)
    if isinstance(node.op, ReductionOperation):
        return _fold(node.op, node, operands[0], calculus)
    stand_ins = tuple(symbol(f"operand_{number}", arg.shape, arg.dtype) for number, arg in enumerate(node.args))
    alone = make_node(node.op, stand_ins, node.attributes, node.dtype, node.shape)
    if isinstance(node.op, (GatherOperation, ScatterOperation)):
        operands = [_plain_integers(cells, arg.dtype) for cells, arg in zip(operands, node.args, strict=True)]
    known = {**symbols, **dict(zip(stand_ins, operands, strict=True))}
    (found,) = evaluate([alone], known)
    return [lift_array(each, calculus) for each in found] if is_bundle(node) else lift_array(found, calculus)


def cell(value: Any) -> Cells:
    """Return an array without dimensions that holds an object."""
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def lift_array(numbers: Any, calculus: Calculus) -> Cells:
    """Return the elements of an array of numbers; an array of objects as it is."""
    array: Cells = np.asarray(numbers)
    if array.dtype == object:
        return array
    lifted = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        lifted[index] = calculus.lift(array[index].item())
    return lifted


def _plain_integers(cells: Cells, dtype: str) -> Cells:
    """Return elements that are integers as NumPy's, which alone it takes for indices."""
    return cells.astype(dtype) if dtype.startswith(("int", "uint")) else cells


def is_cast(node: Expr) -> bool:
    """Tell whether a node is a cast: its definition is its argument, its dtype may differ."""
    return isinstance(node.op, CastOperation)


def _each(function: Callable[..., Any], operands: Sequence[Cells]) -> Cells:
    """Return the function of each element."""
    result = np.frompyfunc(function, len(operands), 1)(*operands)
    return result if isinstance(result, np.ndarray) else cell(result)


def _caster(calculus: Calculus, node: Expr) -> Callable[[Any], Any]:
    source, target = node.args[0].dtype, node.dtype
    return lambda element: calculus.cast(element, source, target)


def _fold(operation: ReductionOperation, node: Expr, operand: Cells, calculus: Calculus) -> Cells:
    """Return a reduction: every output element from the list of elements it folds."""
    axes: tuple[int, ...] = node.attribute("axes")
    kept = [axis for axis in range(operand.ndim) if axis not in axes]
    moved = np.transpose(operand, (*kept, *axes))
    result = np.empty(moved.shape[: len(kept)], dtype=object)
    for index in np.ndindex(result.shape):
        result[index] = calculus.fold(operation, list(moved[index].flat))
    return result


def sympy_number(value: Any) -> Term:
    """Return a Python number as SymPy writes it: exact where its fraction is short, else a Float."""
    if isinstance(value, bool):
        return sympy.true if value else sympy.false
    if isinstance(value, int):
        return sympy.Integer(value)
    if not np.isfinite(value):
        return sympy.nan if np.isnan(value) else sympy.oo if value > 0 else -sympy.oo
    numerator, denominator = value.as_integer_ratio()
    return sympy.Rational(numerator, denominator) if denominator <= 1024 else sympy.Float(value)


def _cast_term(element: Term, source: str, target: str) -> Term:
    if source == "bool" and target != "bool":
        return sympy.Piecewise((1, element), (0, True))
    if target == "bool" and source != "bool":
        return sympy.Ne(element, 0)
    if is_float(source) and not is_float(target):
        return sympy.sign(element) * sympy.floor(sympy.Abs(element))
    return element


TERMS = Calculus(lift=sympy_number, scalar=definition_of, fold=fold_terms, cast=_cast_term)
"""SymPy expressions."""


def _multiprecision(value: Any) -> Any:
    """Return a number of mpmath; truth values and integers as they are."""
    return mpmath.mpf(value) if isinstance(value, float) else value


def _dirac(*_: Any) -> Any:
    return mpmath.mpf(0)


def _heaviside(x: Any, at_zero: Any = 0.5) -> Any:
    return mpmath.mpf(1) if x > 0 else mpmath.mpf(0) if x < 0 else mpmath.mpf(at_zero)


MPMATH = {
    "Heaviside": _heaviside,
    "DiracDelta": _dirac,
    "Mod": lambda x, y: x - y * mpmath.floor(x / y),
    "polygamma": lambda order, x: mpmath.psi(int(order), x),
    "Max": lambda *xs: max(xs),
    "Min": lambda *xs: min(xs),
}
"""Functions mpmath does not name as SymPy does."""


def compiled_definition(definition: Definition) -> Callable[..., Any]:
    """Return a definition as a function of mpmath numbers."""
    function: Callable[..., Any] = sympy.lambdify(
        definition.arguments, definition.expression, modules=[MPMATH, "mpmath"]
    )
    return function


@cache
def _numeric_scalar(operation: ScalarOperation) -> Callable[..., Any]:
    return compiled_definition(definition_of(operation))


@cache
def _numeric_fold(operation: ReductionOperation, count: int) -> Callable[..., Any]:
    return compiled_definition(fold_definition(operation, count))


def _cast_number(element: Any, source: str, target: str) -> Any:
    if target == "bool":
        return bool(element != 0)
    if is_float(source) and not is_float(target):
        return int(element)
    return element if source == target or is_float(source) else _multiprecision(float(element))


NUMBERS = Calculus(
    lift=_multiprecision,
    scalar=_numeric_scalar,
    fold=lambda operation, elements: _numeric_fold(operation, len(elements))(*elements),
    cast=_cast_number,
)
"""Real and complex numbers of mpmath, at the working precision of the caller."""
