"""Function style: `grad`, `value_and_grad`, `jvp`, `vjp` of Python functions, as in JAX.

The function is traced once for each structure, dtype and shape of its arguments with fresh symbols, so
that captured expressions are never confused with arguments; given expressions it returns expressions,
given numbers and arrays it compiles and returns values.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from graphc.compiler import stable
from graphc.compiler.targets import Argnums, chosen, refuse_wrt, require_sequence
from graphc.compiler.tracing import Transformed
from graphc.errors import ArgumentError
from graphc.graph.functions import is_function
from graphc.graph.node import Expr
from graphc.graph.origin import here


def grad(target: Any, wrt: Any = None, *, argnums: Argnums = 0, unused: str = "zero") -> Any:
    """Return the gradient of an expression, or the function that computes that of a Python function.

    Args:
        target: a scalar expression; or a function of expressions (or arrays) that returns one.
        wrt: for an expression: a node or pytree of nodes; by default its parameters, else every float symbol.
        argnums: for a function: the position or positions of the arguments to differentiate.
        unused: what to do with nodes the expression does not depend on: "zero", "warn" or "error".

    Raises:
        ShapeError: the expression is no scalar.
        DTypeError: the expression or what it is differentiated for has no float dtype.

    Source: reverse mode, Griewank & Walther, Evaluating Derivatives (2008), section 3.2.

    Example:
        >>> import graphc as gx
        >>> gx.grad(lambda x: x**3)(2.0)
        12.0
        >>> x = gx.symbol("x")
        >>> gx.grad(gx.sin(x), wrt=x)
        cos(x)
    """
    if isinstance(target, Expr):
        return stable.value_and_grad(target, wrt, unused=unused)[1]
    both = value_and_grad(target, wrt, argnums=argnums, unused=unused)

    @functools.wraps(target)
    def gradient(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return gradient


def value_and_grad(target: Any, wrt: Any = None, *, argnums: Argnums = 0, unused: str = "zero") -> Any:
    """Return value and gradient of an expression, or the function that computes both.

    Args:
        target, wrt, argnums, unused: as for `grad`.

    Raises:
        ShapeError, DTypeError: as `grad`.

    Example:
        >>> import graphc as gx
        >>> gx.value_and_grad(lambda x: x**3)(2.0)
        (8.0, 12.0)
    """
    if isinstance(target, Expr):
        return stable.value_and_grad(target, wrt, unused=unused)
    if not is_function(target):
        raise ArgumentError(f"grad: an expression or a function expected, got {target!r}", origin=here())
    refuse_wrt(wrt, "grad")

    def transform(value: Any, arguments: Sequence[Any]) -> Any:
        return stable.value_and_grad(value, chosen(arguments, argnums, "grad"), unused=unused)

    return Transformed(target, transform)


def jvp(target: Any, primals: Any, tangents: Any) -> Any:
    """Return the product of the Jacobian with tangents (forward mode).

    Args:
        target: an expression or pytree of them, with ``primals`` the nodes to differentiate for: the
            tangents of the expressions are returned. Or a function, with ``primals`` the sequence of its
            arguments: the pair of values and tangents is returned.
        tangents: of the structure and shapes of ``primals``.

    Example:
        >>> import graphc as gx
        >>> gx.jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 0.0))
        (12.0, 4.0)
    """
    if not is_function(target):
        return stable.jvp(target, primals, tangents)
    require_sequence(primals, "jvp")
    count = len(primals)

    def transform(value: Any, arguments: Sequence[Any]) -> Any:
        return value, stable.jvp(value, list(arguments[:count]), list(arguments[count:]))

    def ignore_tangents(*arguments: Any) -> Any:
        return target(*arguments[:count])

    return Transformed(ignore_tangents, transform)(*primals, *tangents)


def vjp(target: Any, *arguments: Any) -> Any:
    """Return the product of an adjoint with the Jacobian (reverse mode).

    Args:
        target: an expression or pytree of them; then ``arguments`` are the nodes to differentiate for and
            the adjoints, and the products are returned. Or a function; then ``arguments`` are its own, and
            its value is returned with the function that takes an adjoint to the tuple of products.

    Example:
        >>> import graphc as gx
        >>> value, pull = gx.vjp(lambda x, y: x * y, 3.0, 4.0)
        >>> pull(1.0)
        (4.0, 3.0)
    """
    if not is_function(target):
        if len(arguments) != 2:
            raise ArgumentError(
                f"vjp: of expressions it takes two more arguments, got {len(arguments)}",
                remedy="write gx.vjp(expressions, wrt, adjoints)",
                origin=here(),
            )
        wrt, adjoint = arguments
        return stable.vjp(target, wrt, adjoint)

    def transform(value: Any, given: Sequence[Any]) -> Any:
        return tuple(stable.vjp(value, list(given[:-1]), given[-1]))

    def ignore_adjoint(*given: Any) -> Any:
        return target(*given[:-1])

    pull = Transformed(ignore_adjoint, transform)
    value = Transformed(target, lambda result, _: result)(*arguments)
    return value, lambda adjoint: pull(*arguments, adjoint)
