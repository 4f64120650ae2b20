"""Loops in the graph: `scan`, `fori_loop`, `map`, traced once and run inside the one native function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph import tree
from graphc.graph.block import placeholder, placeholder_like
from graphc.graph.dimensions import Dimension, Size, fresh_count, larger
from graphc.graph.functions import require_function
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import INTEGERS, as_size, format_shape, is_integer
from graphc.ops.checkpoints import in_segments, interval
from graphc.ops.control_row import Loop
from graphc.ops.public import public


@public()
def scan(
    f: Callable[..., Any],
    init: Any,
    xs: Any = None,
    length: Any = None,
    reverse: bool = False,
    checkpoint: str | int = "none",
) -> tuple[Any, Any]:
    """Return the last carry and the stacked outputs of ``carry, y = f(carry, x)`` along the first axis of ``xs``.

    The loop is one node of the graph and a real loop in the compiled function: its cost to build and
    compile does not depend on the length, and the carry is updated in place.

    Args:
        f: a function of two pytrees of expressions that returns a pair of pytrees; called once, on symbols.
        init: the first carry, a pytree; ``f`` returns carries of the same structure, dtypes and shapes.
        xs: a pytree of arrays with one length along their first axes, or None.
        length: the number of steps; needed where ``xs`` holds no array. An integer or a named dimension.
        reverse: run from the last element to the first; outputs stay at their elements' positions.
        checkpoint: what the gradient keeps: "none" for what it needs of every step, a number k for the
            carry of every k-th step, from which the steps between are run again, or "sqrt" for k the
            square root of the length, so that memory grows as that and time by one more run; where the
            length is a named dimension, k is 1000.

    Source: checkpoints, Griewank & Walther, Evaluating Derivatives (2008), section 12.2.

    Raises:
        ShapeError: the lengths differ, or the carry changes its shape.
        DTypeError: the carry changes its dtype.
        ArgumentError: the carry changes its structure, or ``f`` returns no pair.

    Example:
        >>> import graphc as gx
        >>> x = gx.tensor("x", ("time",))
        >>> total, sums = gx.scan(lambda carry, x: (carry + x, carry + x), 0.0, x)
        >>> sums.shape
        (time,)
    """
    require_function(f, "scan: f")
    initial, carries, carry_structure = _carry(init)
    arrays, element_structure = tree.flatten(xs)
    sequences = [as_expr(array) for array in arrays]
    steps = _length(sequences, length)
    elements = [placeholder(node.dtype, node.shape[1:]) for node in sequences]
    returned = f(tree.unflatten(carry_structure, carries), tree.unflatten(element_structure, elements))
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ArgumentError(
            f"f must return a pair (carry, output), got {type(returned).__name__}",
            remedy="return (carry, None) where nothing is kept of a step",
        )
    following = fitting(returned[0], carry_structure, initial)
    outputs, output_structure = tree.flatten(returned[1])
    loop = Loop(
        placeholder("int64", ()), tuple(carries), tuple(elements), tuple(following), tuple(map(as_expr, outputs)),
        tuple(initial), tuple(sequences), steps, bool(reverse),
    )  # fmt: skip
    every = interval(steps, checkpoint)
    results = loop.build() if every is None else in_segments(loop, every)
    count = len(initial)
    return tree.unflatten(carry_structure, results[:count]), tree.unflatten(output_structure, results[count:])


@public()
def fori_loop(lower: Any, upper: Any, body: Callable[[Expr, Any], Any], init: Any) -> Any:
    """Return the last carry of ``carry = body(i, carry)`` for each i from ``lower`` to below ``upper``.

    Args:
        lower: an integer, a named dimension or an integer expression.
        upper: the same; no step is run where it is not above ``lower``.
        body: a function of the index, an int64 expression, and the carry; called once, on symbols.
        init: the first carry, a pytree.

    Raises:
        ShapeError, DTypeError, ArgumentError: the carry changes its shape, dtype or structure, or a bound is no
            integer scalar.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> gx.fori_loop(0, 10, lambda i, y: gx.cos(x * y), x).shape
        ()
    """
    require_function(body, "fori_loop: body")
    start, end = _bound(lower), _bound(upper)
    if isinstance(start, Expr) or isinstance(end, Expr):
        return _counted(start, end, body, init)
    steps = larger(end - start, 0)
    index = placeholder("int64", ())
    initial, carries, structure = _carry(init)
    counter = index if start == 0 else apply("add", index, start)
    following = fitting(body(counter, tree.unflatten(structure, carries)), structure, initial)
    loop = Loop(index, tuple(carries), (), tuple(following), (), tuple(initial), (), steps, False)
    return tree.unflatten(structure, loop.build())


def _bound(value: Any) -> Size | Expr:
    """Return a bound of a counted loop: a number, a dimension or an expression.

    Raises:
        DTypeError: it is no integer scalar.
    """
    if is_integer(value):
        return int(value)
    if isinstance(value, (str, Dimension)):
        return as_size(value)
    node = as_expr(value)
    if node.shape or node.dtype not in INTEGERS:
        raise DTypeError(
            f"a bound must be an integer scalar, got {node.dtype} of shape {format_shape(node.shape)}",
            remedy='cast it with .astype("int64")',
        )
    return node


def _counted(lower: Size | Expr, upper: Size | Expr, body: Callable[[Expr, Any], Any], init: Any) -> Any:
    """Return the last carry of a loop whose bounds only running tells."""
    start, end = (apply("astype", as_expr(bound), "int64") for bound in (lower, upper))

    def following(carry: Any) -> Any:
        number, inner = carry
        return number + 1, body(number, inner)

    return while_loop(lambda carry: apply("less", carry[0], end), following, (start, init))[1]


@public()
def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], init: Any, max_steps: Any = None) -> Any:
    """Return the first carry for which ``condition(carry)`` is false, from ``carry = body(carry)`` on.

    It has derivatives in both modes: for the reverse one each step keeps what it needs on a tape that grows.

    Args:
        condition: a function of the carry to a boolean scalar; called once, on symbols, as ``body`` is.
        body: a function of the carry to the next, of the same structure, dtypes and shapes.
        init: the first carry, a pytree.
        max_steps: the most steps it may take; running it raises `ArgumentError` where the condition still holds then.

    Raises:
        ShapeError, DTypeError, ArgumentError: the carry changes its shape, dtype or structure, or the
            condition is no boolean scalar.

    Example:
        >>> import graphc as gx
        >>> a = gx.symbol("a")
        >>> root = gx.while_loop(lambda x: abs(x * x - a) > 1e-12 * a, lambda x: 0.5 * (x + a / x), a)
        >>> round(gx.compile(gx.grad(root, a))(4.0), 9)
        0.25
    """
    require_function(condition, "while_loop: condition")
    require_function(body, "while_loop: body")
    initial, carries, structure = _carry(init)
    going_on = as_expr(condition(tree.unflatten(structure, carries)))
    if going_on.shape or going_on.dtype != "bool":
        raise DTypeError(
            f"the condition must be a boolean scalar, got {going_on.dtype} of shape {format_shape(going_on.shape)}",
            remedy="compare with <, >, gx.equal, and reduce with .all() or .any()",
        )
    if max_steps is not None and not (is_integer(max_steps) and max_steps >= 0):
        raise ArgumentError(f"max_steps: None or an integer that is not negative expected, got {max_steps!r}")
    following = fitting(body(tree.unflatten(structure, carries)), structure, initial)
    loop = Loop(
        placeholder("int64", ()), tuple(carries), (), tuple(following), (), tuple(initial), (), fresh_count(), False,
        condition=going_on, limit=None if max_steps is None else int(max_steps),
    )  # fmt: skip
    return tree.unflatten(structure, loop.build())


@public(name="map")
def map_elements(f: Callable[[Any], Any], xs: Any) -> Any:
    """Return ``f`` of each element along the first axis of ``xs``, stacked: `scan` without a carry.

    Args:
        f: a function of a pytree of expressions; called once, on symbols.
        xs: a pytree of arrays with one length along their first axes.

    Example:
        >>> import graphc as gx
        >>> gx.map(lambda row: row.sum(), gx.tensor("x", ("batch", 3))).shape
        (batch,)
    """
    require_function(f, "map: f")
    return scan(lambda _, x: (None, f(x)), None, xs)[1]


def _carry(init: Any) -> tuple[list[Expr], list[Expr], tree.Structure]:
    """Return the leaves of a first carry, placeholders for them in the body, and its structure."""
    leaves, structure = tree.flatten(init)
    initial = [as_expr(leaf) for leaf in leaves]
    return initial, [placeholder_like(node) for node in initial], structure


def fitting(returned: Any, structure: tree.Structure, initial: Sequence[Expr]) -> list[Expr]:
    """Return the carry a body returned as expressions of the first carry's dtypes and shapes.

    Raises:
        ArgumentError, ShapeError, DTypeError: it has another structure, shape or dtype.
    """
    if tree.structure(returned) != structure:
        raise ArgumentError(
            f"the carry begins with the structure {structure} and becomes {tree.structure(returned)}",
            remedy="return from the body a carry built as the first one is",
        )
    leaves = tree.leaves(returned)
    paths = [path for path, _ in tree.flatten_with_paths(structure)]
    return [_fitting(value, node, path) for value, node, path in zip(leaves, initial, paths, strict=True)]


def _fitting(value: Any, first: Expr, path: str) -> Expr:
    """Return one leaf of a carry; Python numbers take its dtype."""
    node = as_expr(value, weak=first.dtype)
    if node.shape != first.shape:
        raise ShapeError(
            f"the carry{path} begins with shape {format_shape(first.shape)} "
            f"and becomes one of shape {format_shape(node.shape)}",
            remedy="broadcast the first carry to the shape it gets",
        )
    if node.dtype != first.dtype:
        raise DTypeError(
            f"the carry{path} begins as {first.dtype} and becomes {node.dtype}",
            remedy=f'cast what the body returns with .astype("{first.dtype}"), or begin with {node.dtype}',
        )
    return node


def _length(sequences: Sequence[Expr], given: Any) -> Size:
    """Return the number of steps.

    Raises:
        ShapeError: arrays have no first axis, or lengths differ.
        ArgumentError: nothing tells the length.
    """
    lengths: dict[Size, None] = {} if given is None else {as_size(given): None}
    for node in sequences:
        if not node.shape:
            raise ShapeError(
                "xs holds a number, which has no first axis to run along",
                remedy="use it in the body as it is: what a body takes from outside is the same in every step",
            )
        lengths.setdefault(node.shape[0])
    if not lengths:
        raise ArgumentError("nothing tells the number of steps", remedy="pass length=, or arrays in xs")
    if len(lengths) > 1:
        raise ShapeError(
            f"the lengths differ: {', '.join(str(each) for each in lengths)}",
            remedy="all arrays in xs, and length= if it is given, must have one length along the first axis",
        )
    return next(iter(lengths))
