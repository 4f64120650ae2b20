"""Derivatives given by the user: `custom_vjp`, `custom_jvp`; and values computed again for theirs: `checkpoint`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from graphc.autodiff.transforms import seed_like
from graphc.compiler.tracing import Transformed
from graphc.errors import ArgumentError
from graphc.graph import tree
from graphc.graph.block import placeholder_like
from graphc.graph.functions import require_function
from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.table import apply
from graphc.ops.control_row import close, instantiate
from graphc.ops.custom_row import AGAIN, PULL, PUSH, with_rule

Positions = int | Sequence[int]
_RULES_RUNNING: ContextVar[frozenset[CustomFunction]] = ContextVar("rules_running", default=frozenset())


class CustomFunction:
    """A function of expressions (or arrays) with a rule for its derivative; made by `custom_vjp` and `custom_jvp`."""

    def __init__(self, function: Callable[..., Any], nondiff_argnums: Positions, name: str) -> None:
        require_function(function, name)
        self.function = function
        self.name = name
        self.fixed = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        self.rules: tuple[Callable[..., Any], ...] = ()
        functools.update_wrapper(self, function, updated=())

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Give the rule of a `custom_vjp`.

        Args:
            forward: of the same arguments, to the pair of the value and what ``backward`` needs.
            backward: of what it needs and the adjoint of the value, to the tuple of contributions to the
                arguments' adjoints, None for zero. Arguments of ``nondiff_argnums`` come before.
        """
        self._give(forward, backward, kind="custom_vjp")

    def defjvp(self, rule: Callable[..., Any]) -> None:
        """Give the rule of a `custom_jvp`.

        Args:
            rule: of the tuple of arguments and the tuple of their tangents, to the pair of the value and its
                tangent, which is linear in the tangents. Arguments of ``nondiff_argnums`` come before.
        """
        self._give(rule, kind="custom_jvp")

    def _give(self, *rules: Callable[..., Any], kind: str) -> None:
        if kind != self.name:
            raise ArgumentError(f"{self.name}: it takes no rule of a {kind}", origin=here())
        self.rules = rules

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Return the value: expressions of expressions, numbers and arrays of numbers and arrays.

        Called in its own rule it is the plain function: there the rule would never come to an end.

        Raises:
            ArgumentError: there is no rule yet, or what it returns has not the structure it should have.
        """
        if self in _RULES_RUNNING.get():
            return self.function(*arguments, **options)
        if not self.rules:
            remedy = f"call its method {self.name.replace('custom_', 'def')} first"
            raise ArgumentError(f"{self.name}: {self.__name__} has no rule", remedy=remedy, origin=here())  # type: ignore[attr-defined]
        bound = inspect.signature(self.function).bind(*arguments, **options)
        bound.apply_defaults()
        if any(not 0 <= position < len(bound.args) for position in self.fixed):
            raise ArgumentError(
                f"{self.name}: nondiff_argnums {self.fixed} for a function called with {len(bound.args)} argument(s)",
                remedy="count positions from 0",
                origin=here(),
            )
        fixed = [bound.args[position] for position in self.fixed]
        free = [number for number in range(len(bound.args)) if number not in self.fixed]

        def whole(*chosen: Any) -> Any:
            given = {**dict(zip(self.fixed, fixed, strict=True)), **dict(zip(free, chosen, strict=True))}
            return self.function(*(given[number] for number in sorted(given)), **bound.kwargs)

        make = _with_vjp if self.name == "custom_vjp" else _with_jvp
        build = functools.partial(make, whole, [functools.partial(self._run, rule, *fixed) for rule in self.rules])
        return Transformed(build, lambda value, _: value)(*(bound.args[number] for number in free))

    def _run(self, rule: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a rule returns, in which this is the plain function."""
        before = _RULES_RUNNING.set(_RULES_RUNNING.get() | {self})
        try:
            return rule(*arguments)
        finally:
            _RULES_RUNNING.reset(before)


def custom_vjp(function: Callable[..., Any], nondiff_argnums: Positions = ()) -> CustomFunction:
    """Return the function with a reverse rule of its own, to be given by its method ``defvjp``.

    Forward mode uses the transpose of the rule, so that all modes and orders work. What the function uses
    without its being an argument has no derivative through it. In the rule the function may be called by its
    name, and is the plain one there: what a second derivative takes from that call is not from the rule.

    Args:
        function: a function of pytrees of expressions (or arrays).
        nondiff_argnums: positions of arguments that are no expressions, passed to the rule before the others.

    Example:
        >>> import graphc as gx
        >>> clipped = gx.custom_vjp(lambda x: x)
        >>> clipped.defvjp(lambda x: (x, None), lambda _, adjoint: (gx.clip(adjoint, -1.0, 1.0),))
        >>> gx.grad(lambda x: clipped(x) ** 2)(5.0)
        1.0
    """
    return CustomFunction(function, nondiff_argnums, "custom_vjp")


def custom_jvp(function: Callable[..., Any], nondiff_argnums: Positions = ()) -> CustomFunction:
    """Return the function with a forward rule of its own, to be given by its method ``defjvp``.

    Reverse mode uses the transpose of the rule, which is linear in the tangents, so that all modes and
    orders work. What the function uses without its being an argument has no derivative through it. In the
    rule the function may be called by its name, and is the plain one there, see `custom_vjp`.

    Args:
        function: a function of pytrees of expressions (or arrays).
        nondiff_argnums: positions of arguments that are no expressions, passed to the rule before the others.

    Example:
        >>> import graphc as gx
        >>> root = gx.custom_jvp(lambda x: gx.sqrt(x))
        >>> root.defjvp(lambda x, t: (gx.sqrt(x[0]), gx.where(x[0] > 0, t[0] / (2 * gx.sqrt(x[0])), 0.0)))
        >>> gx.grad(root)(0.0), gx.grad(root)(4.0)
        (0.0, 0.25)
    """
    return CustomFunction(function, nondiff_argnums, "custom_jvp")


def checkpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, whose gradient computes what it needs again from the arguments instead of keeping it.

    Between value and gradient only the arguments stay in memory. In a loop (`scan`) that means that the
    steps keep only what goes into the function; elsewhere, that arrays inside need no memory in between.

    Args:
        function: a function of pytrees of expressions (or arrays); called once, on symbols.

    Source: Griewank & Walther, Evaluating Derivatives (2008), chapter 12.

    Example:
        >>> import graphc as gx
        >>> gx.grad(gx.checkpoint(lambda x: gx.sin(gx.exp(x))))(0.0) == gx.grad(lambda x: gx.sin(gx.exp(x)))(0.0)
        True
    """
    require_function(function, "checkpoint")

    @functools.wraps(function)
    def build(*arguments: Any, **options: Any) -> Any:
        leaves, structure = tree.flatten((arguments, options))
        nodes = as_exprs(*leaves)
        own = [placeholder_like(node) for node in nodes]
        inner_arguments, inner_options = tree.unflatten(structure, own)
        outputs, result = tree.flatten(function(*inner_arguments, **inner_options))
        closed = close(own, as_exprs(*outputs))
        values = instantiate(closed.block, [*nodes, *closed.captured])
        return tree.unflatten(result, with_rule(values, nodes, closed, AGAIN))

    return Transformed(build, lambda value, _: value)


def _with_vjp(function: Callable[..., Any], rules: Sequence[Callable[..., Any]], *arguments: Any) -> Any:
    """Return the value of a function whose reverse rule is given."""
    forward, backward = rules
    values, structure = _flat(function(*arguments))
    returned = forward(*arguments)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ArgumentError("custom_vjp: forward must return a pair (value, what backward needs)", origin=here())
    likes = as_exprs(*tree.require_structure(returned[0], structure, "custom_vjp: the value of forward"))
    for like, value in zip(likes, values, strict=True):
        seed_like(like, value, "custom_vjp: the value of forward")
    bars = [placeholder_like(value) for value in values]
    contributions = backward(returned[1], tree.unflatten(structure, bars))
    if not isinstance(contributions, tuple) or len(contributions) != len(arguments):
        message = f"custom_vjp: backward must return a tuple of {len(arguments)}, one for each argument"
        raise ArgumentError(message, remedy="return None for an argument whose contribution is zero", origin=here())
    nodes, parts = [], []
    for number, (argument, contribution) in enumerate(zip(arguments, contributions, strict=True)):
        leaves, shape = _flat(argument)
        given = (
            [None] * len(leaves)
            if contribution is None
            else tree.require_structure(contribution, shape, "custom_vjp: what backward returns")
        )
        nodes += leaves
        what = f"custom_vjp: the contribution to argument {number}"
        parts += [
            apply("zeros_like", leaf) if each is None else seed_like(each, leaf, what)
            for leaf, each in zip(leaves, given, strict=True)
        ]
    return tree.unflatten(structure, with_rule(values, nodes, close(bars, parts), PULL))


def _with_jvp(function: Callable[..., Any], rules: Sequence[Callable[..., Any]], *arguments: Any) -> Any:
    """Return the value of a function whose forward rule is given."""
    (rule,) = rules
    values, structure = _flat(function(*arguments))
    nodes, shape = _flat(arguments)
    seeds = [placeholder_like(node) for node in nodes]
    returned = rule(tuple(arguments), tree.unflatten(shape, seeds))
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ArgumentError("custom_jvp: the rule must return a pair (value, tangent)", origin=here())
    tangents = tree.require_structure(returned[1], structure, "custom_jvp: the tangent")
    parts = [
        seed_like(tangent, value, "custom_jvp: the tangent") for tangent, value in zip(tangents, values, strict=True)
    ]
    return tree.unflatten(structure, with_rule(values, nodes, close(seeds, parts), PUSH))


def _flat(values: Any) -> tuple[list[Expr], tree.Structure]:
    """Return the leaves of a tree as expressions, and its structure."""
    leaves, structure = tree.flatten(values)
    return as_exprs(*leaves), structure
