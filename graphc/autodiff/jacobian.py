"""Jacobians on the graph: one product with the Jacobian, batched over the directions of a basis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.autodiff.forward import tangents
from graphc.autodiff.reverse import adjoints
from graphc.autodiff.transforms import require_differentiable
from graphc.batching.rules import spread
from graphc.batching.transform import batch
from graphc.errors import ArgumentError
from graphc.graph.block import is_bundle, placeholder, placeholder_like
from graphc.graph.dimensions import Size, product
from graphc.graph.leaf import constant, pattern
from graphc.graph.node import Expr, Gradient
from graphc.graph.origin import here
from graphc.graph.table import apply
from graphc.graph.walk import reaching, topological_order
from graphc.ops.control_row import Loop

MODES = ("auto", "forward", "reverse")
CHUNK_BYTES = 2**28
"""As many directions are taken at once as need so much memory if nothing is fused."""
SMALL_IDENTITY = 512
"""Identity matrices up to this size are numbers, which rewriting sees through; larger ones are computed."""


def jacobians(outputs: Sequence[Expr], wrt: Sequence[Expr], mode: str, chunk: int | None) -> list[list[Expr]]:
    """Return for each output and each node of ``wrt`` the derivatives, of the shape of the one and then the other.

    Args:
        outputs: expressions of float dtypes; wrt: nodes of float dtypes.
        mode: "forward" takes one direction for each element of ``wrt``, "reverse" one for each of the
            outputs, "auto" the mode with fewer directions.
        chunk: how many directions are taken at once; None for as many as fit into ``CHUNK_BYTES``.

    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.3.
    """
    if mode not in MODES:
        raise ArgumentError(f"mode: one of {', '.join(MODES)} expected, got {mode!r}", origin=here())
    if chunk is not None and (isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1):
        raise ArgumentError(f"chunk: a number of directions expected, got {chunk!r}", origin=here())
    require_differentiable(wrt)
    require_differentiable(outputs, "jacobian: the expression")
    if mode == "auto":
        mode = "reverse" if _fewer(_count(outputs), _count(wrt)) else "forward"
    if mode == "reverse":
        return [_reverse(output, wrt, chunk) for output in outputs]
    columns = [_forward(outputs, node, chunk) for node in wrt]
    return [[column[number] for column in columns] for number in range(len(outputs))]


def _forward(outputs: Sequence[Expr], node: Expr, chunk: int | None) -> list[Expr]:
    """Return the derivatives of the outputs for one node, direction by direction of the node."""
    seed = _seed(node)
    rows = _along_basis(tangents(outputs, {node: seed}), seed, chunk)
    if node.shape:
        rows = [row if row is None else apply("moveaxis", row, 0, -1) for row in rows]
    return [_of_shape(row, output, node) for row, output in zip(rows, outputs, strict=True)]


def _reverse(output: Expr, wrt: Sequence[Expr], chunk: int | None) -> list[Expr]:
    """Return the derivatives of one output for each node, direction by direction of the output."""
    seed = _seed(output)
    table = adjoints({output: seed}, wrt)
    rows = _along_basis([table.get(node) for node in wrt], seed, chunk)
    return [_of_shape(row, output, node) for row, node in zip(rows, wrt, strict=True)]


def _seed(node: Expr) -> Expr:
    """Return what stands for a direction of a node: the number 1 where there is only one."""
    return placeholder_like(node) if node.shape else constant(1, node.dtype)


def _of_shape(rows: Gradient, output: Expr, node: Expr) -> Expr:
    """Return derivatives in the shape of the output and then the node; zeros where there are none."""
    shape = (*output.shape, *node.shape)
    if rows is None:
        return apply("broadcast_to", constant(0, output.dtype), shape)
    return apply("reshape", apply("astype", rows, output.dtype), shape)


def _along_basis(parts: Sequence[Gradient], seed: Expr, chunk: int | None) -> list[Gradient]:
    """Return parts that are linear in a seed for each direction of it, along a first axis; no axis for a number."""
    if not seed.shape:
        return list(parts)
    known = [part for part in parts if part is not None]
    count = product(seed.shape)
    size = _chunk_size(known, seed) if chunk is None else chunk
    if isinstance(count, int) and size is not None and size < count:
        found = _in_chunks(known, seed, count, size)
    else:
        found = _batched(known, seed, _identity(seed, count), count)
    following = iter(found)
    return [None if part is None else next(following) for part in parts]


def _batched(parts: Sequence[Expr], seed: Expr, directions: Expr, count: Size) -> list[Expr]:
    """Return parts for several directions of a seed at once, along a first axis."""
    found = batch(parts, {seed: directions}, count)
    return [spread(part, rows, count) for part, rows in zip(parts, found, strict=True)]


def _in_chunks(parts: Sequence[Expr], seed: Expr, count: int, size: int) -> list[Expr]:
    """Return parts for every direction of a seed, by a loop that takes a chunk of directions each time."""
    steps = -(-count // size)
    size = -(-count // steps)
    index = placeholder("int64", ())
    first = apply("multiply", index, size)
    numbers = apply("add", first, np.arange(size))
    found = _batched(parts, seed, _directions(seed, numbers, count), size)
    stacked = Loop(index, (), (), (), tuple(found), (), (), steps, False).build()
    joined = (apply("reshape", rows, (steps * size, *part.shape)) for rows, part in zip(stacked, parts, strict=True))
    return [rows[:count] for rows in joined]


def _identity(seed: Expr, count: Size) -> Expr:
    """Return every direction of a seed."""
    if isinstance(count, int) and count <= SMALL_IDENTITY:
        return pattern(np.eye(count).reshape(count, *seed.shape), seed.dtype)
    return _directions(seed, apply("arange", count), count)


def _directions(seed: Expr, numbers: Expr, count: Size) -> Expr:
    """Return the directions of a seed of the given numbers."""
    same = apply("equal", apply("expand_dims", numbers, 1), apply("arange", count))
    return apply("reshape", apply("astype", same, seed.dtype), (*numbers.shape, *seed.shape))


def _chunk_size(parts: Sequence[Expr], seed: Expr) -> int | None:
    """Return how many directions fit into the memory allowed; None where sizes are known only at the call."""
    order = topological_order(parts)
    moving = reaching(order, [seed])
    sizes = [
        product(node.shape) * np.dtype(node.dtype).itemsize for node in order if node in moving and not is_bundle(node)
    ]
    each = sum(sizes)
    return max(CHUNK_BYTES // max(each, 1), 1) if isinstance(each, int) else None


def _count(nodes: Sequence[Expr]) -> Size:
    """Return the number of elements of several nodes."""
    total: Size = 0
    for node in nodes:
        total = total + product(node.shape)
    return total


def _fewer(left: Size, right: Size) -> bool:
    """Tell whether a size is smaller than another; a number is smaller than a named dimension."""
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    difference = left - right
    return difference < 0 if isinstance(difference, int) else isinstance(left, int)
