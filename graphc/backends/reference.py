"""The reference backend: NumPy, node by node. It is the living definition every other backend is held to.

It also runs on object arrays (of SymPy symbols, of mpmath numbers) when the caller brings scalar functions for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial, reduce
from typing import Any, TypeAlias

import numpy as np
from scipy import special

from graphc.backends import formulas, reference_lookup
from graphc.backends.reference_control import RUNS
from graphc.errors import ArgumentError, ShapeError, SingularMatrixError, UnsupportedError
from graphc.graph.block import ITEM, Block, is_bundle, nested_order, runs_block
from graphc.graph.dimensions import Count, Dimension, concrete, names
from graphc.graph.dimensions import evaluate as evaluate_size
from graphc.graph.leaf import CONSTANT, POSITIONS, SIZE, SYMBOL, constant_value, symbol_name
from graphc.graph.node import Expr, Operation
from graphc.graph.origin import describe_origin
from graphc.graph.table import OPERATIONS
from graphc.graph.types import format_shape
from graphc.graph.walk import topological_order
from graphc.ops.contraction_row import ContractionOperation
from graphc.ops.cumulative import CumulativeOperation
from graphc.ops.matrix_row import MatrixOperation
from graphc.ops.movement_row import MovementOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ARGUMENT_NAMES, ScalarOperation

Array: TypeAlias = "np.ndarray[Any, Any]"
Sizes: TypeAlias = "dict[str, int]"
ScalarTable: TypeAlias = "Callable[[ScalarOperation], Callable[..., Any]]"
Evaluator: TypeAlias = "Callable[[Expr, list[Array], Sizes], Any]"


def evaluate(
    outputs: Sequence[Expr], values: Mapping[Expr, Any], scalar: ScalarTable | None = None
) -> list[np.ndarray[Any, Any]]:
    """Return the values of the outputs as arrays of their dtypes and shapes.

    Args:
        outputs: the expressions to compute.
        values: an array (or what NumPy makes one of) for each symbol the outputs depend on; those of
            other symbols still tell the sizes of dimensions.
        scalar: for arrays of objects: scalar row -> function of arrays that computes it; by default
            the row's NumPy text.

    Raises:
        ArgumentError: a symbol has no value, or nothing tells the size of a dimension.
        ShapeError: a value does not have its symbol's shape.
    """
    order = topological_order(outputs)
    arrays = _bind(order, values)
    sizes = solve_sizes({node: array.shape for node, array in arrays.items()})
    _require_sizes(nested_order(outputs), sizes)
    last_user = {argument: node for node in order for argument in node.args}
    kept = set(outputs)
    table = scalar or scalar_function
    with np.errstate(all="ignore"):
        for node in order:
            if node not in arrays:
                arrays[node] = _compute(node, arrays, sizes, table)
            for argument in node.args:
                if last_user[argument] is node and argument not in kept:
                    arrays.pop(argument, None)
    return [arrays[output] for output in outputs]


def solve_sizes(shapes: Mapping[Expr, tuple[int, ...]]) -> Sizes:
    """Return the size of each named dimension from the shapes of the values of symbols.

    A dimension that is a plain name is read off the shape; afterwards every dimension is checked.

    Raises:
        ShapeError: a shape does not fit its symbol's, or two disagree on a name.
    """
    sizes: Sizes = {}
    bound_by: dict[str, Expr] = {}
    for node, shape in shapes.items():
        if len(shape) != len(node.shape):
            raise _wrong_shape(node, shape, f"{len(node.shape)} dimension(s), got {len(shape)}")
        for size, number in zip(node.shape, shape, strict=True):
            if names(size) == (str(size),) and str(size) not in sizes:
                sizes[str(size)] = number
                bound_by[str(size)] = node
    for node, shape in shapes.items():
        for axis, (size, number) in enumerate(zip(node.shape, shape, strict=True)):
            if all(name in sizes for name in names(size)) and evaluate_size(size, sizes) != number:
                sources = [f"{name} = {sizes[name]} from {symbol_name(bound_by[name])!r}" for name in names(size)]
                expected = f"{evaluate_size(size, sizes)} on axis {axis}" + f" ({', '.join(sources)})" * bool(sources)
                raise _wrong_shape(node, shape, f"{expected}, got {number}")
    return sizes


def _wrong_shape(node: Expr, shape: tuple[int, ...], what: str) -> ShapeError:
    """Return the error for a value that does not have its symbol's shape."""
    return ShapeError(
        f"argument {symbol_name(node)!r} of shape {format_shape(node.shape)}: expected {what} in {shape}",
        origin=describe_origin(node.origin),
    )


def _bind(order: Sequence[Expr], values: Mapping[Expr, Any]) -> dict[Expr, Array]:
    """Return an array of the right dtype for every symbol that has a value.

    Raises:
        ArgumentError: a symbol in use has none.
    """
    for node in order:
        if node.op is SYMBOL and node not in values:
            raise ArgumentError(f"no value for {symbol_name(node)!r}", origin=describe_origin(node.origin))
    arrays: dict[Expr, Array] = {}
    for node, value in values.items():
        array = np.asarray(value)
        arrays[node] = array if array.dtype == object else array.astype(node.dtype, copy=False)
    return arrays


def _require_sizes(order: Iterable[Expr], sizes: Sizes) -> None:
    """Check that every dimension in use is known.

    Raises:
        ArgumentError: one is not.
    """
    for node in order:
        attributes = [value for _, value in node.attributes if isinstance(value, Dimension)]
        for name in (name for size in (*node.shape, *attributes) for name in names(size)):
            if name not in sizes and not isinstance(name, Count):
                raise ArgumentError(
                    f"the size of dimension {name!r} is not known",
                    remedy="give one input a dimension that is this plain name",
                    origin=describe_origin(node.origin),
                )


def _compute(node: Expr, arrays: Mapping[Expr, Array], sizes: Sizes, scalar: ScalarTable) -> Array:
    """Return the value of one node from those of its arguments."""
    operands = [arrays[argument] for argument in node.args]
    if isinstance(node.op, ScalarOperation):
        result = scalar(node.op)(*operands)
    elif isinstance(node.op, ReductionOperation) and operands[0].dtype == object:
        result = _reduce_objects(node, operands[0], sizes, scalar)
    elif runs_block(node):
        run = RUNS[node.op.name]
        return run(node, operands, sizes, partial(_compute_block, sizes=sizes, scalar=scalar))  # type: ignore[return-value]
    else:
        result = _evaluator(node.op)(node, operands, sizes)
    if is_bundle(node):
        return result  # type: ignore[no-any-return]
    array = np.asarray(result)
    return array if array.dtype == object else array.astype(node.dtype, copy=False)


def _evaluator(operation: Operation) -> Evaluator:
    """Return the function that computes the operation's kind of row.

    Raises:
        UnsupportedError: the reference backend does not know the kind.
    """
    for kind in type(operation).__mro__:
        if kind in EVALUATORS:
            return EVALUATORS[kind]
    found = LEAVES.get(operation.name)
    if found is None:
        raise UnsupportedError(f"the reference backend cannot compute {operation.name!r}")
    return found


@cache
def scalar_function(operation: ScalarOperation) -> Callable[..., Any]:
    """Return the NumPy function a scalar row's ``reference`` text stands for."""
    arguments = ", ".join(ARGUMENT_NAMES[: operation.arity])
    text = operation.reference.format(**{name: name for name in ARGUMENT_NAMES})
    known = {"np": np, "special": special, "formulas": formulas}
    function: Callable[..., Any] = eval(f"lambda {arguments}: {text}", known)
    return function


def _concrete_attributes(node: Expr, sizes: Sizes) -> dict[str, Any]:
    """Return the node's attributes with every size in them a number."""
    return {name: _number(value, sizes) for name, value in node.attributes}


def _number(value: Any, sizes: Sizes) -> Any:
    if isinstance(value, tuple):
        return tuple(_number(each, sizes) for each in value)
    return value.evaluate(sizes) if isinstance(value, Dimension) else value


def _move(node: Expr, operands: list[Array], sizes: Sizes) -> Any:
    row: Any = node.op
    return row.reference(operands, concrete(node.shape, sizes), _concrete_attributes(node, sizes))


def _reduce(node: Expr, operands: list[Array], _sizes: Sizes) -> Any:
    row: Any = node.op
    return row.reference(operands[0], node.attribute("axes"))


def _reduce_objects(node: Expr, operand: Array, sizes: Sizes, scalar: ScalarTable) -> Any:
    """Return a reduction of objects: the row's textbook form, or its fold with the caller's function.

    Raises:
        UnsupportedError: the row has neither (positions of extremes).
    """
    row: Any = node.op
    if row.plain is not None:
        return _compute_graph(row.plain(node), {node.args[0]: operand}, sizes, scalar)
    fold = OPERATIONS.get(row.fold)
    if not isinstance(fold, ScalarOperation):
        raise UnsupportedError(f"{row.name!r} of arrays of objects has no meaning")
    axes = node.attribute("axes")
    moved = np.moveaxis(operand, axes, range(len(axes)))
    items = moved.reshape(-1, *moved.shape[len(axes) :])
    if len(items) == 0 and row.identity is not None:
        return np.full(moved.shape[len(axes) :], row.identity(node.dtype), dtype=object)
    return reduce(scalar(fold), items)


def _compute_graph(root: Expr, arrays: dict[Expr, Array], sizes: Sizes, scalar: ScalarTable) -> Array:
    """Return the value of a small graph above nodes whose values are known."""
    for node in topological_order([root]):
        if node not in arrays and node.op is not SYMBOL and all(argument in arrays for argument in node.args):
            arrays[node] = _compute(node, arrays, sizes, scalar)
    return arrays[root]


def _compute_block(block: Block, values: list[Array], sizes: Sizes, scalar: ScalarTable) -> list[Array]:
    """Return the outputs of a block for the values of its parameters."""
    arrays = dict(zip(block.parameters, map(np.asarray, values), strict=True))
    for node in topological_order(block.outputs):
        if node not in arrays:
            arrays[node] = _compute(node, arrays, sizes, scalar)
    return [arrays[output] for output in block.outputs]


def _accumulate(node: Expr, operands: list[Array], _sizes: Sizes) -> Any:
    row: Any = node.op
    return row.reference(operands, node.attribute("axis"), node.attribute("reverse"))


def _contract(node: Expr, operands: list[Array], _sizes: Sizes) -> Any:
    left, right, out = (node.attribute(name) for name in ("left", "right", "out"))
    return np.einsum(f"{left},{right}->{out}", *operands)


def _factor(node: Expr, operands: list[Array], _sizes: Sizes) -> Any:
    """Return what NumPy computes of matrices.

    Raises:
        SingularMatrixError: it has no solution, or no factors.
    """
    row: Any = node.op
    try:
        return row.reference(operands, dict(node.attributes))
    except np.linalg.LinAlgError as error:
        given = ", ".join(repr(argument) for argument in node.args)
        raise SingularMatrixError(
            f"{row.name} of {given}: {error}",
            remedy="native code returns NaN here; add a multiple of the identity, or use gx.linalg.lstsq",
            origin=describe_origin(node.origin),
        ) from None


def _positions(shape: tuple[int, ...]) -> Array:
    return np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)


EVALUATORS: dict[type, Evaluator] = {
    MatrixOperation: _factor,
    **reference_lookup.EVALUATORS,
    MovementOperation: _move,
    ReductionOperation: _reduce,
    ContractionOperation: _contract,
    CumulativeOperation: _accumulate,
}
LEAVES: dict[str, Evaluator] = {
    CONSTANT.name: lambda node, operands, sizes: constant_value(node),
    ITEM.name: lambda node, operands, sizes: operands[0][node.attribute("position")],
    POSITIONS.name: lambda node, operands, sizes: _positions(concrete(node.shape, sizes)),
    SIZE.name: lambda node, operands, sizes: evaluate_size(node.attribute("size"), sizes),
}
