"""Lowering of matrix products to library calls: views as matrices, loops over batches, no copies of operands."""

from __future__ import annotations

from dataclasses import replace

from graphc.errors import InternalError
from graphc.graph.dimensions import Shape, product
from graphc.graph.leaf import constant_value, is_constant
from graphc.graph.node import Expr
from graphc.kernel.draft import Draft
from graphc.kernel.ir import ONE, Library, Loop, Name, Operand, Statement, Value
from graphc.kernel.nest import set_each
from graphc.kernel.normalise import MatrixForm, matrix_form
from graphc.kernel.product import addend_of, scale_of
from graphc.kernel.read import Part, Reader


def lower_library(node: Expr, draft: Draft) -> list[Statement]:
    """Return the statements of one contraction: a ``gemm`` or ``gemv``, in a loop for each batch axis."""
    left, right = node.args[:2]
    form = _matrix_form(node)
    batch = len(form.batch)
    begun = _begin(node, draft)
    first = len(form.inner if form.left_transposed else form.rows) if form.rows else 0
    second = len(form.columns if form.right_transposed else form.inner) if form.columns else 0
    third = len(form.rows) if form.columns else 0
    places = [
        _as_matrix(draft, draft.place_of(argument), argument.shape, batch, split)
        for argument, split in ((left, first), (right, second), (node, third))
    ]
    index: tuple[Value, ...] = tuple(Name(f"i{axis}") for axis in range(batch))
    call = _call(form, [Operand(place.buffer, (*place.lead, *index)) for place in places], node)
    statement: Statement = replace(call, scale=_scale(node, draft))
    for axis in reversed(range(batch)):
        statement = Loop(f"i{axis}", node.shape[axis], (statement,))
    return [*begun, statement]


def _matrix_form(node: Expr) -> MatrixForm:
    """Return the roles of a product's labels; a single column or row counts as none: that operand is a vector."""
    form = matrix_form(node.attribute("left"), node.attribute("right"), node.attribute("out"))
    if form is None:
        raise InternalError("a contraction that is not normalised")
    sizes = dict(zip(node.attribute("out"), node.shape, strict=True))
    if form.rows and all(sizes[label] == 1 for label in form.columns):
        return replace(form, columns="")
    return replace(form, rows="") if all(sizes[label] == 1 for label in form.rows) else form


def _begin(node: Expr, draft: Draft) -> list[Statement]:
    """Give a product its memory; return the loops that copy what it is added to there, if it is elsewhere."""
    addend = addend_of(node)
    if addend in draft.plan.becomes:
        draft.locations[node] = draft.locations[addend]
        return []
    reader = Reader(draft.locations)
    place = Part(draft.allocate(node))
    return [] if addend is None else set_each(place, addend, lambda index: reader.read(addend, index), node.origin)


def _scale(node: Expr, draft: Draft) -> Value:
    """Return what the product is multiplied by."""
    scale = scale_of(node)
    if scale is None or (is_constant(scale) and constant_value(scale) == 1):
        return ONE
    return Reader(draft.locations).read(scale, ())


def _call(form: MatrixForm, operands: list[Operand], node: Expr) -> Library:
    """Return the library call: of a matrix and a vector ``gemv``, of two ``gemm``, of one and its own ``syrk``."""
    left, right, result = operands
    adds = addend_of(node) is not None
    if not form.columns:
        return Library("gemv", (result,), (left, right), (form.left_transposed, adds), node.origin)
    if not form.rows:
        return Library("gemv", (result,), (right, left), (not form.right_transposed, adds), node.origin)
    flags = (form.left_transposed, form.right_transposed, adds)
    symmetric = left == right and form.left_transposed != form.right_transposed
    return Library("syrk" if symmetric else "gemm", (result,), (left, right), flags, node.origin)


def _as_matrix(draft: Draft, place: Part, shape: Shape, batch: int, first: int) -> Part:
    """Return a view of an array with its axes joined to batch axes and one or two more; itself if it has them.

    A vector may also be a matrix of one row or column: ``gemv`` looks at the memory alone.
    """
    if first == 0 and sum(size != 1 for size in shape[batch:]) <= 1:
        return place
    groups = [shape[batch : batch + first], shape[batch + first :]]
    joined = (*shape[:batch], *(product(group) for group in groups if group))
    return place if joined == shape else draft.view(place, joined)
