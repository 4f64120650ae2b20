"""`check_grad`: one gradient by every method there is, compared at sampled points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np

from graphc.autodiff.transforms import default_targets
from graphc.check.comparing import Comparer, Extra
from graphc.check.problem import make_problem
from graphc.check.report import Report
from graphc.errors import ArgumentError, CheckFailed
from graphc.graph import tree
from graphc.graph.leaf import is_symbol
from graphc.graph.node import Expr
from graphc.graph.origin import here

RTOL = 1e-6
ATOL = 1e-9


def check_grad(
    expression: Any,
    wrt: Any = None,
    at: Any = None,
    *,
    seed: int = 0,
    points: int = 3,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> Report:
    """Return a report on the gradient of an expression, computed by every method that applies.

    Compared with reverse mode are forward mode, SymPy (every rule, and the whole expression in 40
    digits where it is small), a complex step in high precision where every operation is analytic, and
    Richardson-extrapolated central differences. Everything runs in float64, also for float32 graphs.

    Args:
        expression: a float expression of any shape, or a pytree of them; what has dimensions is
            multiplied with fixed random weights and summed.
        wrt: symbols (a pytree); by default the parameters, else every float symbol.
        at: a mapping from names or symbols to values, or a list of these. By default points are sampled
            inside the domains of the operations and away from kinks; named dimensions get small sizes.
        seed: of the sampling; the same seed gives the same report.
        points: number of sampled points.
        rtol, atol: two derivatives agree when ``|a-b| <= atol + rtol*max(|a|,|b|)``; differences are also
            allowed ten times their own error estimate.

    At a kink or singular point of ``at`` the convention chosen is reported, and a value between the
    one-sided derivatives is no failure.

    Raises:
        ArgumentError: ``wrt`` holds something other than symbols, or no point can be found.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.check_grad(gx.sin(x) * y).ok
        True
    """
    problem = make_problem(_outputs(expression), _targets(expression, wrt), at, seed, points)
    return Comparer(problem, rtol, atol, seed).report()


def assert_grads_match(expression: Any, wrt: Any = None, at: Any = None, **options: Any) -> Report:
    """Return the report of `check_grad`, for tests.

    Args:
        expression, wrt, at, options: as for `check_grad`.

    Raises:
        CheckFailed: a derivative differs; the message is the report.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> gx.assert_grads_match(gx.sin(x) * x).ok
        True
    """
    return _require_ok(check_grad(expression, wrt, at, **options))


class Checkable(Protocol):
    """What `check_function` needs of a compiled function; `graphc.Function` has it."""

    @property
    def outputs(self) -> Sequence[Expr]:
        """The expressions, flat."""

    @property
    def symbols(self) -> Sequence[Expr]:
        """The symbols of the arguments, in order."""

    @property
    def structure(self) -> Any:
        """The structure of what a call returns."""

    @property
    def signature(self) -> Any:
        """Names, structures and counts of the arguments."""

    @property
    def wrt_any(self) -> Any:
        """The symbols that derivatives are taken for, a pytree."""

    def value_and_grad(self, *positional: Any, **named: Any) -> tuple[Any, Any]:
        """Return the value of a scalar and its gradient."""

    def vjp(self, *positional: Any, adjoints: Any, **named: Any) -> tuple[Any, Any]:
        """Return values and the product of adjoints with the Jacobian."""


def check_function(
    function: Checkable,
    at: Any = None,
    *,
    seed: int = 0,
    points: int = 3,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> Report:
    """Return the report of `check_grad` on a compiled function, its own derivative as one more method.

    That is the compiled gradient for one scalar, and the compiled product of random adjoints with the
    Jacobian otherwise. It may differ by a tolerance of its dtype besides: 1e-3 (float32) or 1e-9 of the
    largest element of the gradient.

    Args:
        function: compiled from expressions that are all floats.
        at, seed, points, rtol, atol: as in `check_grad`.

    Raises:
        ArgumentError: an output is no float, or no point can be found.
    """
    wrt = _targets(function.outputs, function.wrt_any)
    problem = make_problem(_outputs(list(function.outputs)), wrt, at, seed, points, function.symbols)
    is_scalar = isinstance(function.structure, tree.Slot) and not function.outputs[0].shape

    def compiled(values: Mapping[Expr, Any]) -> Sequence[Any]:
        named = _named_arguments(function, values)
        if is_scalar:
            return tree.leaves(function.value_and_grad(**named)[1])
        weights = problem.weights or (np.float64(1.0),)
        typed = [weight.astype(output.dtype) for weight, output in zip(weights, function.outputs, strict=True)]
        return tree.leaves(function.vjp(**named, adjoints=tree.unflatten(function.structure, typed))[1])

    single = any(node.dtype == "float32" for node in (*function.symbols, *function.outputs))
    return Comparer(problem, rtol, atol, seed, Extra("compiled", compiled, 1e-3 if single else 1e-9)).report()


def _named_arguments(function: Checkable, values: Mapping[Expr, Any]) -> dict[str, Any]:
    """Return the arguments of a call, by name, from the values of symbols."""
    remaining = iter([values[node] for node in function.symbols])
    return {
        argument.name: tree.unflatten(argument.structure, list(islice(remaining, argument.count)))
        for argument in function.signature.arguments
    }


def _outputs(expression: Any) -> list[Expr]:
    """Return the expressions of a pytree.

    Raises:
        ArgumentError: a leaf is no float expression.
    """
    outputs = tree.leaves(expression)
    for output in outputs:
        if not isinstance(output, Expr) or not output.is_differentiable:
            raise ArgumentError(f"check: float expressions expected, got {output!r}", origin=here())
    return outputs


def _targets(expression: Any, wrt: Any) -> list[Expr]:
    """Return the symbols to differentiate by.

    Raises:
        ArgumentError: something in ``wrt`` is no float symbol.
    """
    if wrt is None:
        return list(default_targets(*tree.leaves(expression)).values())
    targets = tree.leaves(wrt)
    for node in targets:
        if not (isinstance(node, Expr) and is_symbol(node) and node.is_differentiable):
            raise ArgumentError(f"check: wrt: float symbols expected, got {node!r}", origin=here())
    return targets


def _require_ok(report: Report) -> Report:
    """Return a report that is all right.

    Raises:
        CheckFailed: it is not.
    """
    if not report.ok:
        raise CheckFailed(str(report))
    return report
