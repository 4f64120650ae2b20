"""Look-ups, orders and searches in NumPy, for the reference backend: it raises where an index is out of range."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import OutOfRangeError
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin
from graphc.ops.lookup_row import GatherOperation, Places, ScatterOperation, positions
from graphc.ops.native_row import NativeOperation

Array = np.ndarray[Any, Any]
FOLDS = {"add": np.add, "multiply": np.multiply, "maximum": np.maximum, "minimum": np.minimum}


def gather(node: Expr, operands: list[Array], sizes: dict[str, int]) -> Array:
    """Return the elements a gather reads."""
    x, *indices = operands
    where, inside = _places(node, x.shape, indices, sizes)
    if inside is None:
        return x[where]
    result = np.zeros(inside.shape, x.dtype)
    result[inside] = x[tuple(each[inside] for each in where)]
    return result


def scatter(node: Expr, operands: list[Array], sizes: dict[str, int]) -> Array:
    """Return an array with what a scatter writes, in memory order."""
    base, values, *indices = operands
    where, inside = _places(node, base.shape, indices, sizes)
    result, fold = base.copy(), node.attribute("fold")
    if inside is not None:
        where, values = tuple(each[inside] for each in where), values[inside]
    if fold == "set":
        for place, value in zip(zip(*(each.ravel() for each in where), strict=True), values.ravel(), strict=False):
            result[place] = value
        if not where:
            result[...] = values
    else:
        FOLDS[fold].at(result, where, values)
    return result


def order(node: Expr, operands: list[Array], _sizes: dict[str, int]) -> Any:
    """Return the positions a native row finds."""
    row: Any = node.op
    return row.reference(operands, node.attribute("flag"))


def _places(
    node: Expr, whole: tuple[int, ...], indices: list[Array], sizes: dict[str, int]
) -> tuple[tuple[Array, ...], Array | None]:
    """Return the index of each element along each axis, and which are within the array where others are dropped.

    Raises:
        OutOfRangeError: an index is out of range, and that is not meant.
    """
    places: Places = node.attribute("places").concrete(sizes)
    shape: Any = places.shape
    index: Any = np.indices(shape, sparse=True) if shape else ()
    values: list[Any] = [0] * len(indices)
    inside: Array | None = np.ones(shape, bool) if places.drops else None
    for number, (_, which, _, _) in enumerate(places.axes):
        if which < 0:
            continue
        given = indices[which].reshape([n if axis in places.spread else 1 for axis, n in enumerate(shape)])
        values[which] = np.where(given < 0, given + whole[number], given)
        wrong = (values[which] < 0) | (values[which] >= places.limit(number, whole[number]))
        if inside is not None:
            inside &= ~wrong
        elif wrong.any() and 0 not in shape:
            value = given[wrong].flat[0]
            raise OutOfRangeError(
                f"{node.op.name}: index {value} is out of range for axis {number} of size {whole[number]}",
                origin=describe_origin(node.origin),
                remedy=_REMEDIES[type(node.op)],
            )
    where = (positions(places, number, index, values) for number in range(len(places.axes)))
    return tuple(np.broadcast_to(np.asarray(each), shape) for each in where), inside


_REMEDIES = {
    GatherOperation: 'indices go from -n to n - 1; gx.take(x, indices, mode="clip") takes the nearest element instead',
    ScatterOperation: 'indices go from -n to n - 1; mode="drop" leaves out values for other places',
}
EVALUATORS = {GatherOperation: gather, ScatterOperation: scatter, NativeOperation: order}
