"""Choices in the graph: `cond` and `switch`, of which only the branch taken is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph import tree
from graphc.graph.functions import require_function
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr, record_nodes
from graphc.graph.table import apply
from graphc.graph.types import INTEGERS, format_shape
from graphc.ops.branch_row import Choice
from graphc.ops.control_row import close_made
from graphc.ops.public import public


@public()
def cond(predicate: Any, true_branch: Callable[..., Any], false_branch: Callable[..., Any], *operands: Any) -> Any:
    """Return ``true_branch(*operands)`` where the predicate is true, else ``false_branch(*operands)``.

    Unlike `where`, only the branch taken is computed, and only it has derivatives. What the branches use
    from outside is computed before the choice.

    Args:
        predicate: a boolean scalar.
        true_branch, false_branch: functions to pytrees of the same structure, dtypes and shapes; each is
            called once, on the operands.

    Raises:
        DTypeError, ShapeError, ArgumentError: the predicate is no boolean scalar, or the branches differ.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> root = gx.cond(x > 0, gx.sqrt, lambda x: 0 * x, x)
        >>> gx.compile(gx.grad(root, x))(4.0)
        0.25
    """
    node = as_expr(predicate)
    if node.dtype != "bool" or node.shape:
        raise DTypeError(
            f"the predicate must be a boolean scalar, got {node.dtype} of shape {format_shape(node.shape)}",
            remedy="choose element by element with gx.where" if node.shape else "compare it with a number",
        )
    names = ("the false branch", "the true branch")
    return _choose(apply("astype", node, "int64"), (false_branch, true_branch), names, operands)


@public()
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return ``branches[index](*operands)``, the index clamped to the branches there are.

    Args:
        index: an integer scalar.
        branches: functions to pytrees of the same structure, dtypes and shapes; each is called once.

    Raises:
        DTypeError, ShapeError, ArgumentError: the index is no integer scalar, or the branches differ.

    Example:
        >>> import graphc as gx
        >>> x, which = gx.symbol("x"), gx.symbol("which", dtype="int64")
        >>> y = gx.switch(which, [gx.sin, gx.cos, gx.exp], x)
        >>> gx.compile(y, inputs=[x, which])(0.0, 1)
        1.0
    """
    node = as_expr(index)
    if node.shape or node.dtype not in INTEGERS:
        raise DTypeError(
            f"the index must be an integer scalar, got {node.dtype} of shape {format_shape(node.shape)}",
            remedy='cast it with .astype("int64"); gx.take looks an array of positions up',
        )
    if not isinstance(branches, Sequence) or not branches:
        raise ArgumentError(f"branches: a sequence of at least one function expected, got {branches!r}")
    chosen = apply("minimum", apply("maximum", apply("astype", node, "int64"), 0), len(branches) - 1)
    return _choose(chosen, branches, [f"branch {number}" for number in range(len(branches))], operands)


def _choose(index: Expr, branches: Sequence[Callable[..., Any]], names: Sequence[str], operands: Sequence[Any]) -> Any:
    """Return what one of several branches gives.

    Raises:
        DTypeError, ShapeError, ArgumentError: the branches differ; they are named.
    """
    for name, branch in zip(names, branches, strict=True):
        require_function(branch, name, remedy="write lambda: value, or use gx.where")
    with record_nodes() as made:
        results = [branch(*operands) for branch in branches]
        flat = [[as_expr(leaf) for leaf in tree.leaves(result)] for result in results]
    structure = tree.structure(results[0])
    for name, result, leaves in zip(names[1:], results[1:], flat[1:], strict=True):
        tree.require_structure(result, structure, name)
        for first, other in zip(flat[0], leaves, strict=True):
            _require_same(first, other, (names[0], name))
    closed = close_made([leaf for leaves in flat for leaf in leaves], made)
    count = len(flat[0])
    outputs = closed.block.outputs
    choice = Choice(
        index, closed.block.parameters, closed.captured,
        tuple(outputs[count * number : count * (number + 1)] for number in range(len(branches))),
    )  # fmt: skip
    return tree.unflatten(structure, choice.build())


def _require_same(first: Expr, other: Expr, names: tuple[str, str]) -> None:
    """Refuse branches whose results differ in type.

    Raises:
        ShapeError, DTypeError: they do.
    """
    if first.shape != other.shape:
        raise ShapeError(
            f"{names[0]} gives shape {format_shape(first.shape)}, {names[1]} {format_shape(other.shape)}",
            remedy="broadcast the smaller one",
        )
    if first.dtype != other.dtype:
        raise DTypeError(f"{names[0]} gives {first.dtype}, {names[1]} {other.dtype}", remedy="cast one with .astype")
