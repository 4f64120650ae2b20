"""`jacobian`, `hessian`, `hvp` and `linearize`, of expressions and of Python functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.autodiff.transforms import seed_like
from graphc.compiler import stable
from graphc.compiler.targets import Argnums, chosen, refuse_wrt, require_sequence
from graphc.compiler.tracing import Transformed
from graphc.graph import tree
from graphc.graph.block import placeholder_like
from graphc.graph.functions import is_function, require_function
from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr
from graphc.ops.control_row import close, instantiate


def jacobian(
    target: Any, wrt: Any = None, *, argnums: Argnums = 0, mode: str = "auto", chunk: int | None = None
) -> Any:
    """Return all derivatives of expressions, or the function that computes those of a Python function.

    Args:
        target: an expression of any shape, or a pytree of them; or a function of expressions (or arrays)
            that returns one.
        wrt: for expressions: a node or pytree of nodes; by default their parameters, else every float symbol.
        argnums: for a function: the position or positions of the arguments to differentiate.
        mode: "forward" takes one direction for each element of ``wrt``, "reverse" one for each of the
            result, "auto" the mode with fewer directions. All directions are taken at once, as by `vmap`.
        chunk: take so many directions at a time, in a loop; by default as many as surely fit into 256 MB,
            all of them where a size is known only at the call.

    Returns:
        For each expression a tree like ``wrt`` of arrays: the shape of the expression, then that of the node.

    Raises:
        DTypeError: an expression or what it is differentiated for has no float dtype.
        ArgumentError: there is no such mode, or ``chunk`` is no positive integer.

    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.3.

    Example:
        >>> import numpy as np
        >>> import graphc as gx
        >>> gx.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
        >>> A, x = gx.tensor("A", (4, 3)), gx.tensor("x", (3,))
        >>> gx.jacobian(A @ x, wrt=x).shape
        (4, 3)
    """
    if not is_function(target):
        return stable.jacobian(target, wrt, mode, chunk)
    refuse_wrt(wrt, "jacobian")

    def transform(value: Any, arguments: Sequence[Any]) -> Any:
        return stable.jacobian(value, chosen(arguments, argnums, "jacobian"), mode, chunk)

    return Transformed(target, transform)


def hessian(target: Any, wrt: Any = None, *, argnums: Argnums = 0, chunk: int | None = None) -> Any:
    """Return the second derivatives of a scalar expression, or the function that computes those of a function.

    Args:
        target: a scalar expression, or a function that returns one.
        wrt: for an expression: a node or pytree of nodes; by default its parameters, else every float symbol.
        argnums: for a function: the position or positions of the arguments to differentiate.
        chunk: take so many directions at a time; see `jacobian`.

    Returns:
        A tree like ``wrt`` of trees like ``wrt`` of arrays: the shape of the one node, then that of the other.

    Raises:
        ShapeError: the expression is no scalar.
        DTypeError: the expression or what it is differentiated for has no float dtype.

    Source: forward over reverse mode, Griewank & Walther, Evaluating Derivatives (2008), section 5.1.

    Example:
        >>> import numpy as np
        >>> import graphc as gx
        >>> gx.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
        array([[6., 4.],
               [4., 0.]])
    """
    if not is_function(target):
        return stable.hessian(target, wrt, chunk)
    refuse_wrt(wrt, "hessian")

    def transform(value: Any, arguments: Sequence[Any]) -> Any:
        return stable.hessian(value, chosen(arguments, argnums, "hessian"), chunk)

    return Transformed(target, transform)


def hvp(target: Any, primals: Any, vectors: Any) -> Any:
    """Return the product of the Hessian of a scalar with a vector, at the cost of a few gradients.

    Args:
        target: a scalar expression, with ``primals`` the node or pytree of nodes to differentiate for; or a
            function, with ``primals`` the sequence of its arguments.
        vectors: of the structure and shapes of ``primals``.

    Returns:
        The product, in the structure of ``primals``; for a function the tuple of those of its arguments.

    Source: forward over reverse mode, Pearlmutter, Fast exact multiplication by the Hessian (1994).

    Example:
        >>> import graphc as gx
        >>> gx.hvp(lambda x: x**3, (2.0,), (1.0,))
        (12.0,)
        >>> x, v = gx.symbols("x v")
        >>> gx.compile(gx.hvp(x**3, x, v), inputs=[x, v])(2.0, 1.0)
        12.0
    """
    if not is_function(target):
        return stable.hvp(target, primals, vectors)
    require_sequence(primals, "hvp")
    count = len(primals)

    def transform(value: Any, arguments: Sequence[Any]) -> Any:
        nodes = chosen(arguments, range(count), "hvp")
        return stable.hvp(value, nodes, tuple(arguments[count:]))

    def ignore_vectors(*arguments: Any) -> Any:
        return target(*arguments[:count])

    return Transformed(ignore_vectors, transform)(*primals, *vectors)


def linearize(target: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the value of a function at a point, and the function of tangents that is its derivative there.

    What the derivative needs of the point is computed once; each call of the second function computes
    only what depends on the tangents.

    Args:
        target: a function of pytrees of expressions (or arrays).
        primals: its arguments: numbers and arrays, or expressions.

    Example:
        >>> import graphc as gx
        >>> value, derivative = gx.linearize(lambda x: x**3, 2.0)
        >>> value, derivative(1.0), derivative(0.5)
        (8.0, 12.0, 6.0)
    """
    require_function(target, "linearize")
    linear: list[Any] = []

    def transform(value: Any, arguments: Sequence[Any]) -> Any:
        """Return the value and what the derivative needs; note how it follows from that and the tangents."""
        nodes = tree.leaves(chosen(arguments, range(len(primals)), "linearize"))
        seeds = [placeholder_like(node) for node in nodes]
        leaves, result = tree.flatten(value)
        closed = close(seeds, stable.jvp(as_exprs(*leaves), nodes, seeds))
        linear[:] = closed.block, result
        return value, closed.captured

    value, needed = Transformed(target, transform)(*primals)
    block, result = linear
    structure = tree.structure(primals)

    def derivative(needed: Sequence[Expr], *given: Any) -> Any:
        values = tree.require_structure(given, structure, "linearize: tangents")
        tangents = [
            seed_like(each, like, "linearize: the tangent of {}")
            for each, like in zip(values, block.parameters, strict=False)
        ]
        return tree.unflatten(result, instantiate(block, [*tangents, *needed]))

    return value, functools.partial(Transformed(derivative, lambda product, _: product), needed)
