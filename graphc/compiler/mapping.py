"""`vmap`: a Python function of one item as a function of an array of items."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.batching.rules import spread
from graphc.batching.transform import batch
from graphc.compiler.stable import fresh_symbol
from graphc.compiler.tracing import Transformed
from graphc.errors import ArgumentError, ShapeError
from graphc.graph import tree
from graphc.graph.dimensions import Size
from graphc.graph.functions import require_function
from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.table import apply
from graphc.graph.types import format_shape


def vmap(function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """Return the function that computes ``function`` for each item along an axis of its arguments, stacked.

    The function is called once, on symbols for one item; every operation becomes one of all items, so that
    the result is one graph without a loop of its own, fused and differentiated as any other. Loops inside
    become loops of all items; an operation without a rule for batches is run item by item.

    Args:
        function: a function of pytrees of expressions (or arrays) that returns one.
        in_axes: the axis of the items: one for all arguments, or a sequence with one for each; an entry is
            an integer, a pytree of them that fits the argument's, or None: the same for every item.
            Keyword arguments have their items along their first axes.
        out_axes: where the axis of the items goes in the results, in the same form; None for what is the
            same for every item.

    Returns:
        A function: given expressions it returns expressions, given numbers and arrays it computes.

    Raises (when called):
        ShapeError: an argument lacks the axis, or the numbers of items differ.
        ArgumentError: ``in_axes`` or ``out_axes`` does not fit, or no argument has items.

    Example:
        >>> import numpy as np
        >>> import graphc as gx
        >>> gx.vmap(lambda x, y: x @ y, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
        array([3., 4.])
        >>> gx.vmap(gx.grad(lambda x: x**3))(gx.tensor("x", ("batch",))).shape
        (batch,)
    """
    require_function(function, "vmap")

    @functools.wraps(function)
    def mapped(*arguments: Any, **options: Any) -> Any:
        given = (arguments, options)
        arrays, structure = as_exprs(*tree.leaves(given)), tree.structure(given)
        axes = _axes_of_arguments(in_axes, arguments) + [0] * len(tree.leaves(options))
        moved, count = _items_first(arrays, axes, _places(arguments, options))
        items = [a if m is None else fresh_symbol(m.shape[1:], m.dtype) for a, m in zip(arrays, moved, strict=True)]
        one_arguments, one_options = tree.unflatten(structure, items)
        result = function(*one_arguments, **one_options)
        leaves = as_exprs(*tree.leaves(result))
        found = batch(leaves, {i: m for i, m in zip(items, moved, strict=True) if m is not None}, count)
        targets = tree.spread_prefix(out_axes, result, "vmap: out_axes")
        placed = [_placed(*each, count) for each in zip(leaves, found, targets, strict=True)]
        return tree.unflatten(tree.structure(result), placed)

    return Transformed(mapped, lambda value, _: value)


def _places(arguments: Sequence[Any], options: Mapping[str, Any]) -> list[str]:
    """Return for each leaf of the arguments what an error calls it."""
    named = [*enumerate(arguments), *((repr(name), options[name]) for name in sorted(options))]
    return [f"argument {name}{path}" for name, value in named for path, _ in tree.flatten_with_paths(value)]


def _axes_of_arguments(in_axes: Any, arguments: Sequence[Any]) -> list[int | None]:
    """Return the axis of the items for each leaf of the positional arguments.

    Raises:
        ArgumentError: ``in_axes`` does not fit them.
    """
    if isinstance(in_axes, (list, tuple)) and len(in_axes) != len(arguments):
        raise ArgumentError(
            f"vmap: in_axes has {len(in_axes)} entries, the function is called with {len(arguments)} argument(s)",
            remedy="give one entry for each positional argument",
            origin=here(),
        )
    prefix = tuple(in_axes) if isinstance(in_axes, list) else in_axes
    return tree.spread_prefix(prefix, tuple(arguments), "vmap: in_axes")


def _items_first(
    arrays: Sequence[Expr], axes: Sequence[int | None], places: Sequence[str]
) -> tuple[list[Expr | None], Size]:
    """Return each array with its items along the first axis (None where it has no items), and their number.

    Raises:
        ShapeError: an array lacks the axis, or the numbers of items differ.
        ArgumentError: there are no items.
    """
    moved: list[Expr | None] = []
    counts: dict[Size, str] = {}
    for array, axis, place in zip(arrays, axes, places, strict=True):
        if axis is None:
            moved.append(None)
            continue
        if not -array.ndim <= axis < array.ndim:
            shape = format_shape(array.shape)
            raise ShapeError(
                f"vmap: {place} of shape {shape} has no axis {axis}",
                remedy="give it in_axes None to use it whole for every item",
                origin=here(),
            )
        counts.setdefault(array.shape[axis], f"{array.shape[axis]} along axis {axis} of {place}")
        moved.append(apply("moveaxis", array, axis, 0))
    if len(counts) > 1:
        raise ShapeError(f"vmap: the numbers of items differ: {', '.join(counts.values())}", origin=here())
    if not counts:
        raise ArgumentError("vmap: no argument has items: every in_axes is None", origin=here())
    return moved, next(iter(counts))


def _placed(one: Expr, array: Expr | None, axis: int | None, count: Size) -> Expr:
    """Return a result with the axis of the items where it belongs.

    Raises:
        ArgumentError: it has none, and there are items.
        ShapeError: the result has no such axis.
    """
    if axis is None:
        if array is not None:
            raise ArgumentError("vmap: out_axes is None for a result that differs from item to item", origin=here())
        return one
    whole = spread(one, array, count)
    if not -whole.ndim <= axis < whole.ndim:
        raise ShapeError(
            f"vmap: out_axes {axis} is out of range for a result of {whole.ndim} dimension(s)", origin=here()
        )
    return apply("moveaxis", whole, 0, axis)
