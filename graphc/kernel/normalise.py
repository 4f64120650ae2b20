"""Graph to graph, last step before loops: composites expanded, contractions brought to matrix form.

After it every contraction is a (batched) product of matrices or of a matrix and a vector, with at most
a transpose flag on each operand, and every scan and index search runs along the last axes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.graph.block import ITEM, is_bundle
from graphc.graph.dimensions import product
from graphc.graph.node import Expr, build
from graphc.graph.origin import inherit_origin
from graphc.graph.table import apply
from graphc.graph.types import is_float
from graphc.graph.walk import rebuild, topological_order, with_arguments
from graphc.kernel.accumulation import fold_into_products
from graphc.kernel.elements import in_elements
from graphc.kernel.layout import transpose_last
from graphc.kernel.scattered import fold_into_scatters
from graphc.kernel.small_matrices import written_out
from graphc.kernel.sums import sum_before_products
from graphc.ops.contraction_row import CONTRACT
from graphc.ops.cumulative import CumulativeOperation
from graphc.ops.custom_row import ANEW
from graphc.ops.matrix_row import MatrixOperation
from graphc.ops.movement import EXPAND, RESHAPE, SQUEEZE, TRANSPOSE
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation
from graphc.rewrite.engine import simplify
from graphc.rewrite.rule import EXACT

MANY, SMALL, SHORT = 16, 216, 8
"""Batches of so many products, with at most so many multiplications and terms each, are loops, not library calls."""


def normalise(roots: Sequence[Expr]) -> list[Expr]:
    """Return the roots in the form that partition and lowering take, which functions of numbers have as they are."""
    if all(_is_arithmetic(node) for node in topological_order(roots)):
        return list(roots)
    current = sum_before_products(roots)
    while True:
        became = rebuild(current, _normalise_node)
        following = [became[root] for root in current]
        if following == current:
            following = in_elements(current)
            if following == current:
                return fold_into_products(fold_into_scatters(current))
            following = simplify(following, (EXACT,))
        current = following


def _is_arithmetic(node: Expr) -> bool:
    """Tell whether a node is a number that is given or that a scalar row computes."""
    return not node.shape and (not node.args or isinstance(node.op, ScalarOperation))


def _normalise_node(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """Return what a node becomes, its arguments being normalised."""
    node = with_arguments(node, args)
    if isinstance(node.op, ScalarOperation):
        return node
    with inherit_origin(node.origin):
        if node.op is ANEW and not node.shape:
            return apply("stop_gradient", node.args[0])
        if node.op is RESHAPE:
            return _unit_axes_moved(node)
        if node.op is CONTRACT:
            return _matrix_contraction(node)
        if isinstance(node.op, ReductionOperation):
            if node.op.expand is not None:
                return node.op.expand(node)
            if node.op.fold in ("argmax", "argmin"):
                return _search_trailing(node)
        if isinstance(node.op, CumulativeOperation):
            return _scan_trailing(node)
        written = written_out(node)
        return _expanded(node) if written is None else written


def _expanded(node: Expr) -> Expr:
    """Return a result of a matrix row in the rows that it is computed by, if there are any."""
    bundle, position = (node.args[0], node.attribute("position")) if node.op is ITEM else (node, 0)
    if not isinstance(bundle.op, MatrixOperation) or bundle.op.expand is None or is_bundle(node):
        return node
    return bundle.op.expand(bundle)[position]


def _unit_axes_moved(node: Expr) -> Expr:
    """Return a reshape that only drops and inserts axes of size 1 as that: an index map needs no memory."""
    (argument,) = node.args
    if [size for size in argument.shape if size != 1] != [size for size in node.shape if size != 1]:
        return node
    dropped = apply("squeeze", argument, tuple(axis for axis, size in enumerate(argument.shape) if size == 1))
    return apply("expand_dims", dropped, tuple(axis for axis, size in enumerate(node.shape) if size == 1))


def _search_trailing(node: Expr) -> Expr:
    """Return an argmax or argmin with the searched axes last."""
    (argument,) = node.args
    axes = node.attribute("axes")
    rank = len(argument.shape)
    kept = tuple(axis for axis in range(rank) if axis not in axes)
    if kept + axes == tuple(range(rank)):
        return node
    moved = apply("transpose", argument, kept + axes)
    return build(node.op, moved, axes=tuple(range(len(kept), rank)))


def _scan_trailing(node: Expr) -> Expr:
    """Return a cumulative operation with its axis last."""
    axis, rank = node.attribute("axis"), len(node.shape)
    if axis == rank - 1:
        return node
    order = (*(a for a in range(rank) if a != axis), axis)
    attributes = {**dict(node.attributes), "axis": rank - 1}
    moved = build(node.op, *(apply("transpose", argument, order) for argument in node.args), **attributes)
    return apply("transpose", moved, tuple(order.index(a) for a in range(rank)))


@dataclass(frozen=True, slots=True)
class MatrixForm:
    """The roles of a contraction's labels: batch in all, rows and columns in the output, inner summed."""

    batch: str
    rows: str
    columns: str
    inner: str
    left_transposed: bool
    right_transposed: bool


def matrix_form(left: str, right: str, out: str) -> MatrixForm | None:
    """Return how a contraction is a batched product of matrices as it stands, or None if it is not."""
    batch = "".join(label for label in out if label in left and label in right)
    rows = "".join(label for label in out if label in left and label not in right)
    columns = "".join(label for label in out if label in right and label not in left)
    inner = "".join(label for label in left if label in right and label not in out)
    left_forms = {batch + rows + inner: False, batch + inner + rows: True}
    right_forms = {batch + inner + columns: False, batch + columns + inner: True}
    if out != batch + rows + columns or left not in left_forms or right not in right_forms:
        return None
    return MatrixForm(batch, rows, columns, inner, left_forms[left], right_forms[right])


def _matrix_contraction(node: Expr) -> Expr:
    """Return a contraction as a matrix product, or as products and sums where that is better."""
    out = node.attribute("out")
    left, right = map(transpose_last, node.args)
    left, left_labels = _without_single(*_without_transpose(left, node.attribute("left")), out)
    right, right_labels = _without_single(*_without_transpose(right, node.attribute("right")), out)
    inner = [label for label in left_labels if label in right_labels and label not in out]
    outer = [label for label in out if (label in left_labels) != (label in right_labels)]
    if not inner or not outer or not is_float(node.dtype):
        return _products_and_sums(left, right, left_labels, right_labels, out)
    if _is_small(node):
        return _written_out(left, right, left_labels, right_labels, out)
    if _columns_first(left_labels, right_labels, out):
        left, right, left_labels, right_labels = right, left, right_labels, left_labels
    batch = [label for label in out if label in left_labels and label in right_labels]
    rows = [label for label in out if label in left_labels and label not in right_labels]
    columns = [label for label in out if label in right_labels and label not in left_labels]
    wanted = "".join(batch + rows + columns)
    inner_text = "".join(label for label in left_labels if label in inner)
    if matrix_form(left_labels, right_labels, wanted) is None:
        left_labels, left = _ordered(left, left_labels, "".join(batch), "".join(rows), inner_text)
        right_labels, right = _ordered(right, right_labels, "".join(batch), "".join(columns), inner_text)
    result = build(CONTRACT, _as_view(left), _as_view(right), left=left_labels, right=right_labels, out=wanted)
    return result if wanted == out else apply("transpose", result, tuple(wanted.index(label) for label in out))


def _is_small(node: Expr) -> bool:
    """Tell whether a contraction is many products of so few numbers that calling a library for each costs more."""
    left, right, out = (node.attribute(name) for name in ("left", "right", "out"))
    size = dict(zip(left + right, (*node.args[0].shape, *node.args[1].shape), strict=True))
    batch = {label for label in out if label in left and label in right}
    count, each = (product(size[label] for label in size if (label in batch) == many) for many in (True, False))
    terms = product(size[label] for label in size if label not in out)
    few = isinstance(each, int) and isinstance(terms, int) and each <= SMALL and 0 < terms <= SHORT
    return few and not (isinstance(count, int) and count < MANY)


def _columns_first(left: str, right: str, out: str) -> bool:
    """Tell whether the output has the right operand's own axes before the left's."""
    own = [label in left for label in out if (label in left) != (label in right)]
    return bool(own) and not own[0]


def _without_transpose(node: Expr, labels: str) -> tuple[Expr, str]:
    """Return the node under transposes, and the labels of its axes."""
    while node.op is TRANSPOSE:
        axes = node.attribute("axes")
        labels = "".join(labels[axes.index(axis)] for axis in range(len(axes)))
        (node,) = node.args
    return node, labels


def _without_single(node: Expr, labels: str, out: str) -> tuple[Expr, str]:
    """Return an operand without the axes of size 1 that are summed over, and the labels of the others."""
    axes = tuple(axis for axis, label in enumerate(labels) if label not in out and node.shape[axis] == 1)
    if not axes:
        return node, labels
    return apply("squeeze", node, axes), "".join(label for axis, label in enumerate(labels) if axis not in axes)


def _ordered(node: Expr, labels: str, batch: str, own: str, inner: str) -> tuple[str, Expr]:
    """Return an operand with its axes in an order a matrix product takes: its own if it is one, its last axis last."""
    if labels in (batch + own + inner, batch + inner + own):
        return labels, node
    wanted = batch + inner + own if labels[-1] in own else batch + own + inner
    return wanted, apply("transpose", node, tuple(labels.index(label) for label in wanted))


def _as_view(node: Expr) -> Expr:
    """Return an operand with inserted or dropped axes of size 1 as a reshape, which needs no copy."""
    if node.op in (EXPAND, SQUEEZE) and node.args[0].shape:
        return build(RESHAPE, node.args[0], shape=node.shape)
    return node


def _products_and_sums(left: Expr, right: Expr, left_labels: str, right_labels: str, out: str) -> Expr:
    """Return the contraction as an elementwise product and a sum, which fuse with their neighbours."""
    inner = "".join(label for label in left_labels if label not in out)
    space = out + inner
    factors = [_spread(left, left_labels, space), _spread(right, right_labels, space)]
    multiplied = apply("multiply", *factors)
    axes = tuple(range(len(out), len(space)))
    if not axes:
        return multiplied
    return apply("astype", apply("sum", multiplied, axis=axes), left.dtype)


def _written_out(left: Expr, right: Expr, left_labels: str, right_labels: str, out: str) -> Expr:
    """Return the contraction as its few products of elements, added one by one: elementwise as its neighbours."""
    inner = [label for label in left_labels if label not in out]
    sizes = dict(zip(left_labels, left.shape, strict=True))
    known = [size for label in inner if isinstance(size := sizes[label], int)]
    total: Expr | None = None
    for places in itertools.product(*map(range, known)):
        at = dict(zip(inner, places, strict=True))
        first, second = (
            _spread(_part(node, labels, at), "".join(label for label in labels if label not in at), out)
            for node, labels in ((left, left_labels), (right, right_labels))
        )
        term = apply("multiply", first, second)
        total = term if total is None else apply("add", total, term)
    assert total is not None
    return total


def _part(node: Expr, labels: str, at: Mapping[str, int]) -> Expr:
    """Return an operand at given places along some of its axes."""
    part: Expr = node[tuple(at.get(label, slice(None)) for label in labels)]
    return part


def _spread(node: Expr, labels: str, space: str) -> Expr:
    """Return an operand with its axes placed in the order of ``space``, size 1 where it has none."""
    order = sorted(range(len(labels)), key=lambda axis: space.index(labels[axis]))
    moved = apply("transpose", node, tuple(order))
    return apply("expand_dims", moved, tuple(axis for axis, label in enumerate(space) if label not in labels))
