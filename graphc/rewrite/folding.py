"""EXACT rules that compute on constants, for operations that IEEE rounds correctly, so bits cannot differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.graph.leaf import constant, constant_value, is_constant
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import is_float
from graphc.rewrite.arithmetic import COMPUTE
from graphc.rewrite.match import possibly_constant, uniform_value
from graphc.rewrite.rule import EXACT, AnyRule, Rewriter

FOLD_LIMIT = 1024
"""The number of elements up to which constants are computed on; larger ones would bloat the graph."""


def _array(node: Expr) -> Any:
    """Return the values of a constant, whole or one number for all; None if it is not constant."""
    value = uniform_value(node)
    if value is None and is_constant(node) and constant_value(node).size <= FOLD_LIMIT:
        return constant_value(node)
    return value


def _fold(node: Expr) -> Expr | None:
    """Return the constant that an operation on constants is."""
    arrays = [_array(argument) for argument in node.args]
    if any(array is None for array in arrays):
        return None
    with np.errstate(all="ignore"):
        result = np.asarray(COMPUTE[node.op.name](*arrays))
    if result.dtype.name != node.dtype:
        return None
    return apply("broadcast_to", constant(result), node.shape)


def _fold_cast(node: Expr) -> Expr | None:
    """Return a constant in another dtype, unless the value does not fit there."""
    array = _array(node.args[0])
    if array is None:
        return None
    if is_float(node.args[0].dtype) and not is_float(node.dtype) and node.dtype != "bool":
        limits = np.iinfo(node.dtype)
        if not np.all((array > limits.min) & (array < limits.max)):
            return None
    with np.errstate(all="ignore"):
        return apply("broadcast_to", constant(np.asarray(array).astype(node.dtype)), node.shape)


def _choose(node: Expr) -> Expr | None:
    """Return the branch a constant condition takes."""
    condition = uniform_value(node.args[0])
    return None if condition is None else node.args[1 if condition else 2]


def _multiply_by_reciprocal(node: Expr) -> Expr | None:
    """Return the product with 1/b where b is a power of two whose reciprocal is a normal number."""
    value = uniform_value(node.args[1])
    if value is None or not np.isfinite(value) or abs(np.frexp(value)[0]) != 0.5:
        return None
    with np.errstate(all="ignore"):
        reciprocal = value.dtype.type(1) / value
    limits = np.finfo(value.dtype)
    if not limits.tiny <= abs(reciprocal) <= limits.max:
        return None
    return apply("multiply", node.args[0], constant(reciprocal))


FOLDING_RULES: tuple[AnyRule, ...] = (
    Rewriter(
        "fold_constants", tuple(COMPUTE), "an operation on constants -> its value", _fold, EXACT, possibly_constant
    ),
    Rewriter("fold_cast", ("astype",), "astype(constant) -> constant", _fold_cast, EXACT),
    Rewriter("choose_branch", ("where",), "where(True, a, b) -> a, where(False, a, b) -> b", _choose, EXACT),
    Rewriter("multiply_by_reciprocal", ("divide",), "a / 2**n -> a * 2**-n", _multiply_by_reciprocal, EXACT),
)
