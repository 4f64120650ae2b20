"""Cumulative rows: linear recurrences along an axis. Cumulative sums and products are made of them.

``y[i] = a[i] * y[i-1] + b[i]`` is closed under differentiation: its tangent is the same recurrence, its
adjoint the same recurrence run backwards. So products, with zeros among the factors, have exact
derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.graph.dimensions import Shape, Size
from graphc.graph.node import Expr, Gradient, Operation, build
from graphc.graph.table import OPERATIONS, apply
from graphc.graph.types import DType, is_float, normalise_axis
from graphc.ops.casting import accumulated, same_type
from graphc.ops.public import public
from graphc.ops.slicing import shift


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CumulativeOperation(Operation):
    """A row that runs along its attribute ``axis`` (from the end where ``reverse``), keeping what it has.

    The last argument ``b`` is what is added; with two arguments the first, ``a``, multiplies what was
    kept. The first element of the run is ``b`` itself: its ``a`` is never read.

    Columns:
        definition: text for the docs.
        reference: (arrays, axis, reverse) -> array, the same in NumPy.
        push: (node, tangents) -> tangent.
        pull: (node, adjoint, wanted) -> contributions.
    """

    definition: str
    reference: Callable[..., Any]
    push: Callable[[Expr, Sequence[Gradient]], Gradient]
    pull: Callable[[Expr, Expr, Sequence[bool]], Sequence[Gradient]]

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return arguments[-1].dtype, arguments[-1].shape

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        return None if all(tangent is None for tangent in tangents) else self.push(node, tangents)

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        return self.pull(node, adjoint, wanted)

    def flops(self, node: Expr) -> Size:
        return node.size * (2 * len(node.args) - 1) if is_float(node.dtype) else 0


def _ordered(array: Any, axis: int, reverse: bool) -> Any:
    """Return the array with the axis first, in the order of the run."""
    moved = np.moveaxis(array, axis, 0)
    return moved[::-1] if reverse else moved


def _unordered(array: Any, axis: int, reverse: bool) -> Any:
    """Return an array in the order of the run put back."""
    return np.moveaxis(array[::-1] if reverse else array, 0, axis)


def _cumsum_reference(arrays: Sequence[Any], axis: int, reverse: bool) -> Any:
    (b,) = arrays
    return _unordered(np.cumsum(_ordered(b, axis, reverse), axis=0, dtype=b.dtype), axis, reverse)


def _recurrence_reference(arrays: Sequence[Any], axis: int, reverse: bool) -> Any:
    a, b = (_ordered(array, axis, reverse) for array in arrays)
    result = b.astype(np.result_type(a, b))
    for number in range(1, len(result)):
        result[number] = a[number] * result[number - 1] + result[number]
    return _unordered(result, axis, reverse)


def _recurrence_push(node: Expr, tangents: Sequence[Gradient]) -> Gradient:
    a, _ = node.args
    dot_a, dot_b = tangents
    if dot_a is not None:
        part = apply("multiply", dot_a, _previous(node))
        dot_b = part if dot_b is None else apply("add", part, dot_b)
    assert dot_b is not None
    return recurrence(a, dot_b, node.attribute("axis"), node.attribute("reverse"))


def _recurrence_pull(node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
    a, _ = node.args
    axis, reverse = node.attribute("axis"), node.attribute("reverse")
    following = shift(a, 1 if reverse else -1, axis)
    total = recurrence(following, adjoint, axis, not reverse)
    return [apply("multiply", total, _previous(node)) if wanted[0] else None, total if wanted[1] else None]


def _previous(node: Expr) -> Expr:
    """Return for each element what was kept when it was reached: 0 at the first."""
    return shift(node, -1 if node.attribute("reverse") else 1, node.attribute("axis"))


CUMSUM = CumulativeOperation(
    name="cumsum",
    definition="y[i] = y[i-1] + b[i]",
    reference=_cumsum_reference,
    push=lambda node, tangents: _cumsum_of(tangents[0], node, node.attribute("reverse")),
    pull=lambda node, adjoint, wanted: [_cumsum_of(adjoint, node, not node.attribute("reverse"))],
)
RECURRENCE = CumulativeOperation(
    name="linear_recurrence",
    definition="y[i] = a[i]*y[i-1] + b[i]",
    reference=_recurrence_reference,
    push=_recurrence_push,
    pull=_recurrence_pull,
)
OPERATIONS.update({row.name: row for row in (CUMSUM, RECURRENCE)})


def _cumsum_of(value: Gradient, node: Expr, reverse: bool) -> Expr:
    assert value is not None
    return build(CUMSUM, value, axis=node.attribute("axis"), reverse=reverse)


def recurrence(a: Expr, b: Expr, axis: int, reverse: bool) -> Expr:
    """Return ``y[i] = a[i] * y[i-1] + b[i]`` along an axis, ``y`` before the first element being 0."""
    return build(RECURRENCE, a, b, axis=axis, reverse=reverse)


def products_before(node: Expr, axis: int, reverse: bool = False) -> Expr:
    """Return for each element the product of those before it along an axis: 1 for the first."""
    step = -1 if reverse else 1
    one_first = shift(apply("zeros_like", node), step, axis, fill=1.0)
    return recurrence(shift(node, step, axis), one_first, axis, reverse)


def _prepare(x: Any, axis: int | None, dtype: Any, name: str) -> tuple[Expr, int]:
    """Return the argument in the dtype NumPy accumulates in, and the axis."""
    node = accumulated(x, dtype)
    if axis is None:
        return apply("ravel", node), 0
    return node, normalise_axis(axis, node.ndim, name)


@public("cumulative_sum")
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Expr:
    """Return the running sums along an axis (of all elements in memory order when None).

    Args:
        x: any shape; small integers and bools are summed as int64.
        axis: the axis to run along.
        dtype: the dtype to sum in.

    Example:
        >>> import graphc as gx
        >>> gx.cumsum(gx.tensor("x", ("time", 3)), axis=0).shape
        (time, 3)
    """
    node, number = _prepare(x, axis, dtype, "cumsum")
    return build(CUMSUM, node, axis=number, reverse=False)


@public("cumulative_prod")
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Expr:
    """Return the running products along an axis; its gradient is exact with zeros among the factors.

    Args:
        x, axis, dtype: as for `cumsum`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.cumprod([1.0, 2.0, 3.0]))()
        array([1., 2., 6.])
    """
    node, number = _prepare(x, axis, dtype, "cumprod")
    return apply("multiply", products_before(node, number), node)


@public()
def linear_recurrence(a: Any, b: Any, axis: int = 0, reverse: bool = False) -> Expr:
    """Return ``y[i] = a[i] * y[i-1] + b[i]`` along an axis: filters, discounted sums, moving averages.

    Args:
        a: the coefficients; the first along the axis is not used.
        b: what is added, broadcast with ``a``.
        axis: the axis to run along.
        reverse: run from the end: ``y[i] = a[i] * y[i+1] + b[i]``.

    Example:
        >>> import graphc as gx
        >>> reward = gx.tensor("reward", ("time",))
        >>> gx.linear_recurrence(0.99, reward, reverse=True).shape
        (time,)
    """
    left, right = same_type((a, b))
    return recurrence(left, right, normalise_axis(axis, left.ndim, "linear_recurrence"), reverse)
