"""The rows of slices, of arrays placed inside larger ones, and of arrays moved along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.graph.dimensions import Shape, Size
from graphc.graph.node import Expr, build
from graphc.ops.movement_row import Source, movement

Cut = tuple[Size, int, Size]
"""Start, step and size of a slice on one axis."""


def _slice_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    starts, steps = node.attribute("starts"), node.attribute("steps")
    return [Source(0, tuple(_affine(i, start, step) for i, start, step in zip(index, starts, steps, strict=True)))]


def _affine(i: Any, start: Size, step: int) -> Any:
    """Return ``i * step + start`` without the parts that do nothing."""
    scaled = i if step == 1 else i * step
    return scaled if start == 0 else scaled + start


def _slice_reference(arrays: Sequence[Any], shape: Sequence[int], attributes: dict[str, Any]) -> Any:
    """Return the slice; an element outside the array is an IndexError, as it is in NumPy."""
    cuts = []
    for axis, (start, step, size) in enumerate(zip(attributes["starts"], attributes["steps"], shape, strict=True)):
        last, length = start + step * (size - 1), arrays[0].shape[axis]
        if size and not (0 <= start < length and 0 <= last < length):
            raise IndexError(f"index {start} is out of bounds for axis {axis} with size {length}")
        end = last + (1 if step > 0 else -1)
        cuts.append(slice(start, None if end < 0 else end, step) if size > 0 else slice(0, 0))
    return arrays[0][tuple(cuts)]


def _embed_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    """Return the argument's element where the position is one of its places, else the fill."""
    guards, inner = [], []
    starts, steps = node.attribute("starts"), node.attribute("steps")
    for i, start, step, size, whole in zip(index, starts, steps, node.args[0].shape, node.shape, strict=True):
        stride = abs(step)
        offset = i if start == 0 else i - start
        offset = offset if step > 0 else offset * -1
        if not (start == 0 and step > 0):
            guards.append(offset >= 0)
        if step < 0 or start + size * stride != whole:
            guards.append(offset < size * stride)
        if stride > 1:
            guards.append(offset % stride < 1)
        inner.append(offset if stride == 1 else offset // stride)
    placed = Source(0, tuple(inner), _all_of(guards))
    return [placed] if not guards else [placed, Source(None, fill=node.attribute("fill"))]


def _all_of(guards: Sequence[Any]) -> Any:
    """Return the conjunction of conditions, None for none."""
    result: Any = None
    for guard in guards:
        result = guard if result is None else result & guard
    return result


def _embed_reference(arrays: Sequence[Any], shape: Sequence[int], attributes: dict[str, Any]) -> Any:
    result = np.full(tuple(shape), attributes["fill"], dtype=arrays[0].dtype)
    places = [
        start + step * np.arange(size)
        for start, step, size in zip(attributes["starts"], attributes["steps"], arrays[0].shape, strict=True)
    ]
    result[np.ix_(*places) if places else ()] = arrays[0]
    return result


def _shift_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    axis, amount = node.attribute("axis"), node.attribute("amount")
    moved = index[axis] - amount
    guard = moved >= 0 if amount > 0 else moved < node.shape[axis]
    inner = (*index[:axis], moved, *index[axis + 1 :])
    return [Source(0, inner, guard), Source(None, fill=node.attribute("fill"))]


def _shift_reference(arrays: Sequence[Any], shape: Sequence[int], attributes: dict[str, Any]) -> Any:
    result = np.full(tuple(shape), attributes["fill"], dtype=arrays[0].dtype)
    axis, amount = attributes["axis"], attributes["amount"]
    source, target = np.moveaxis(arrays[0], axis, 0), np.moveaxis(result, axis, 0)
    if amount > 0:
        target[amount:] = source[:-amount]
    else:
        target[:amount] = source[-amount:]
    return result


def _roll_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    axis = node.attribute("axis")
    moved = (index[axis] - node.attribute("amount")) % node.shape[axis]
    return [Source(0, (*index[:axis], moved, *index[axis + 1 :]))]


SLICE = movement(
    name="slice",
    shape_rule=lambda arguments, attributes: attributes["sizes"],
    sources=_slice_sources,
    adjoint=lambda node, adjoint, _: _embed(adjoint, node.args[0].shape, node),
    tangent=lambda node, tangents: _slice_like(tangents[0], node, node.shape),
    reference=_slice_reference,
)
EMBED = movement(
    name="embed",
    shape_rule=lambda arguments, attributes: attributes["shape"],
    sources=_embed_sources,
    adjoint=lambda node, adjoint, _: _slice_like(adjoint, node, node.args[0].shape),
    tangent=lambda node, tangents: _embed(tangents[0], node.shape, node),
    reference=_embed_reference,
)
SHIFT = movement(
    name="shift",
    shape_rule=lambda arguments, attributes: arguments[0].shape,
    sources=_shift_sources,
    adjoint=lambda node, adjoint, _: shift(adjoint, -node.attribute("amount"), node.attribute("axis")),
    tangent=lambda node, tangents: shift(tangents[0], node.attribute("amount"), node.attribute("axis")),
    reference=_shift_reference,
)
ROLL = movement(
    name="roll",
    shape_rule=lambda arguments, attributes: arguments[0].shape,
    sources=_roll_sources,
    adjoint=lambda node, adjoint, _: rolled(adjoint, -node.attribute("amount"), node.attribute("axis")),
    tangent=lambda node, tangents: rolled(tangents[0], node.attribute("amount"), node.attribute("axis")),
    reference=lambda arrays, shape, attributes: np.roll(arrays[0], attributes["amount"], attributes["axis"]),
)


def _slice_like(value: Expr, node: Expr, sizes: Shape) -> Expr:
    """Return the slice of a value with the starts and steps of a slice or embed node."""
    return build(SLICE, value, starts=node.attribute("starts"), steps=node.attribute("steps"), sizes=sizes)


def _embed(value: Expr, shape: Shape, node: Expr) -> Expr:
    """Return zeros of a shape with a value at the places of a slice or embed node."""
    starts, steps = node.attribute("starts"), node.attribute("steps")
    return build(EMBED, value, shape=shape, starts=starts, steps=steps, fill=0.0)


def shift(node: Expr, amount: int, axis: int, fill: float = 0.0) -> Expr:
    """Return the elements moved by ``amount`` along an axis, the fill value where none arrives."""
    return build(SHIFT, node, axis=axis, amount=amount, fill=fill) if amount else node


def rolled(node: Expr, amount: int, axis: int) -> Expr:
    """Return the elements moved by ``amount`` along an axis, around its end."""
    return build(ROLL, node, axis=axis, amount=amount) if amount else node


def take_slice(node: Expr, axis: int, cut: Cut) -> Expr:
    """Return the slice of one axis, the others whole."""
    cuts: list[Cut] = [(0, 1, size) for size in node.shape]
    cuts[axis] = cut
    return slice_axes(node, cuts)


def slice_axes(node: Expr, cuts: Sequence[Cut]) -> Expr:
    """Return the slice given by start, step and size for each axis."""
    if all(cut == (0, 1, size) for cut, size in zip(cuts, node.shape, strict=True)):
        return node
    starts, steps, sizes = zip(*cuts, strict=True)
    return build(SLICE, node, starts=starts, steps=steps, sizes=sizes)
