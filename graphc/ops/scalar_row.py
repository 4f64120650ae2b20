"""Scalar rows: functions of numbers, applied element by element. One row is one operation, whole.

A row states the function as SymPy text; code, derivatives, kernels, documentation and tests follow it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.errors import DTypeError
from graphc.graph.dimensions import Shape, Size
from graphc.graph.leaf import as_exprs, constant_value, is_constant
from graphc.graph.node import Expr, Gradient, Operation, build
from graphc.graph.table import FAMILIES, OPERATIONS, apply
from graphc.graph.types import DType, broadcast_shapes, is_float, promote
from graphc.ops.masked import is_masked
from graphc.ops.public import public
from graphc.ops.scalar_text import docstring_of

ARGUMENT_NAMES = ("x", "y", "z")
INFINITY = float("inf")
REALS = (-INFINITY, INFINITY)

Function: TypeAlias = "Callable[..., Expr]"
"""The function of a row: arguments to node."""
Partial: TypeAlias = "Callable[..., Any] | None"
"""Arguments and result to the partial derivative, as graph expressions (or a Python number)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ScalarOperation(Operation):
    """A function of one to three numbers.

    Columns:
        definition: SymPy text in x, y, z: what is proved, the oracle of accuracy, LaTeX and docs.
        code: Python legal in ``njit`` and ``cuda.jit`` in {x}, {y}, {z}; {one}, {zero} are typed literals.
        reference: NumPy and SciPy text in np, special (and graphc's formulas), {x}, {y}, {z}: the reference backend.
        partials: d result / d argument, each from (arguments..., result); None where it is zero.
        pushes: instead of partials where a product would be wrong or wasteful (linear rows):
            each from (tangent or adjoint, arguments..., result) to its contribution.
        rule: dtype rule: "float" (integers become float64), "number" (kept), "compare" (bool from
            numbers), "logic" (bool from bools), "test" (bool from floats), "select" (bool, then numbers),
            "any" (kept, bool too), "bits" (uint64, kept).
        domain: per argument the open interval where the row is smooth; tests sample from it.
        singular: whether a partial can be infinite or NaN where the result is defined: contributions
            are then zero wherever what they multiply is zero.
        kinks: arguments -> expressions that vanish where the derivative jumps.
        cost: floating-point operations, transcendental ones counted as 10.
        ulp: documented bound on the error of code in units in the last place.
        cancels: whether that bound holds in units of the largest argument only: the result may cancel.
        widens: whether code computes in float64 whatever its arguments are.
        convention: what was chosen at the edges, for the docs.
        detached: whether the derivative is zero by decree, not by mathematics.
        family, parameter: for a member of a family (``power[3]``), its name and number.
        summary: what the documentation says it returns, where the definition alone would not tell.
        example: arguments as Python text, and what the value looks like in a doctest.
    """

    definition: str
    code: str
    reference: str
    partials: tuple[Partial, ...] = ()
    pushes: tuple[Partial, ...] = ()
    rule: str = "float"
    domain: tuple[tuple[float, float], ...] = ()
    singular: bool = False
    kinks: Callable[..., Sequence[Any]] | None = None
    commutes: bool = False
    cost: int = 1
    ulp: float = 4.0
    cancels: bool = False
    widens: bool = False
    convention: str = ""
    detached: bool = False
    arity: int = 1
    family: str = ""
    parameter: int = 0
    summary: str = ""
    example: tuple[str, str] | None = None

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        dtype = arguments[-1].dtype
        return ("bool" if self.rule in ("compare", "logic", "test") else dtype), arguments[0].shape

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        total: Gradient = None
        for number, tangent in enumerate(tangents):
            if tangent is None:
                continue
            part = self._contribution(node, tangent, number)
            if part is not None:
                total = part if total is None else apply("add", total, part)
        return total

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        return [self._contribution(node, adjoint, number) if want else None for number, want in enumerate(wanted)]

    def _contribution(self, node: Expr, gradient: Expr, number: int) -> Gradient:
        """Return gradient times the partial of one argument: elementwise, so the same in both modes."""
        if self.pushes:
            push = self.pushes[number]
            return None if push is None else push(gradient, *node.args, node)
        partial = self.partials[number] if self.partials else None
        if partial is None:
            return None
        factor = partial(*node.args, node)
        if isinstance(factor, Expr) and is_constant(gradient) and constant_value(gradient).tolist() == 1:
            return factor
        multiply = "guarded_multiply" if self.singular or is_masked(gradient) else "multiply"
        return apply(multiply, gradient, factor)

    def flops(self, node: Expr) -> Size:
        return node.size * self.cost if is_float(node.dtype) or self.rule == "compare" else 0


class CastOperation(ScalarOperation):
    """The row of casts: the result's dtype is the attribute ``dtype``; gradients are cast back."""

    __slots__ = ()

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return attributes["dtype"], arguments[0].shape

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        (tangent,) = tangents
        return None if tangent is None or not is_float(node.dtype) else apply("astype", tangent, node.dtype)

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        (argument,) = node.args
        return [apply("astype", adjoint, argument.dtype) if wanted[0] and is_float(argument.dtype) else None]


def row(
    name: str,
    definition: str,
    code: str,
    reference: str,
    *,
    partial: Sequence[Partial] = (),
    push: Sequence[Partial] = (),
    aliases: Sequence[str] = (),
    domain: Sequence[tuple[float, float]] | tuple[float, float] | None = None,
    **columns: Any,
) -> Callable[..., Expr]:
    """Enter a scalar row in the table and return the function that builds its nodes."""
    operation = make_operation(name, definition, code, reference, partial=partial, push=push, domain=domain, **columns)
    return enter_public(operation, aliases)


def enter_public(operation: ScalarOperation, aliases: Sequence[str] = ()) -> Callable[..., Expr]:
    """Enter a row in the table, and return the public function that builds its nodes."""
    return public(*aliases, name=operation.name)(_builder(enter(operation)))


def enter(operation: ScalarOperation) -> ScalarOperation:
    """Enter a row in the table and return it."""
    OPERATIONS[operation.name] = operation
    return operation


def make_operation(
    name: str,
    definition: str,
    code: str,
    reference: str,
    *,
    partial: Sequence[Partial] = (),
    push: Sequence[Partial] = (),
    domain: Any = None,
    kind: type[ScalarOperation] = ScalarOperation,
    **columns: Any,
) -> ScalarOperation:
    """Return a scalar row that is in no table yet; the code tells how many arguments it has."""
    arity = 1 + max(number for number, argument in enumerate(ARGUMENT_NAMES) if "{" + argument + "}" in code)
    return kind(
        name=name, definition=definition, code=code, reference=reference, arity=arity,
        partials=tuple(partial), pushes=tuple(push), domain=_intervals(domain, arity), **columns,
    )  # fmt: skip


def family(name: str, columns: Callable[[int], dict[str, Any]], members: Sequence[int]) -> Callable[..., Expr]:
    """Enter a family of rows, one for each integer n, and return the function (n, x) -> node of a member.

    A member enters the table when it is first used; those in ``members`` do at once: the tests prove them.
    """

    def member(number: int) -> Operation:
        label = f"{name}[{number}]"
        found = OPERATIONS.get(label)
        if found is None:
            operation = make_operation(label, family=name, parameter=number, **columns(number))
            found = OPERATIONS.setdefault(label, operation)
        return found

    def function(number: int, *arguments: Any) -> Expr:
        operation = member(number)
        assert isinstance(operation, ScalarOperation)
        return elementwise(operation, *arguments)

    FAMILIES[name] = member
    for number in members:
        member(number)
    return function


def _intervals(domain: Any, arity: int) -> tuple[tuple[float, float], ...]:
    """Return one interval for each argument."""
    if domain is None:
        return (REALS,) * arity
    if isinstance(domain[0], (int, float)):
        return (tuple(domain),) * arity
    return tuple(tuple(interval) for interval in domain)


def _builder(operation: ScalarOperation) -> Callable[..., Expr]:
    """Return the function that checks, casts and broadcasts arguments and builds the node."""
    names = ARGUMENT_NAMES[: operation.arity]

    def function(*arguments: Any) -> Expr:
        return elementwise(operation, *arguments)

    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = docstring_of(operation, names)
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def elementwise(operation: ScalarOperation, *arguments: Any) -> Expr:
    """Return the node of a scalar row on any mixture of arguments: cast, broadcast, then built.

    Raises:
        TypeError: the number of arguments is wrong.
        DTypeError: a dtype the row does not take.
        ShapeError: shapes that do not broadcast.
    """
    if len(arguments) != operation.arity:
        raise TypeError(f"{operation.name}() takes {operation.arity} argument(s), got {len(arguments)}")
    nodes = _cast_by_rule(operation, as_exprs(*arguments))
    first = nodes[0].shape
    if any(node.shape != first for node in nodes[1:]):
        shape = broadcast_shapes(*(node.shape for node in nodes))
        nodes = [apply("broadcast_to", node, shape) for node in nodes]
    return build(operation, *nodes)


def _cast_by_rule(operation: ScalarOperation, nodes: list[Expr]) -> list[Expr]:
    """Return the arguments cast to the dtypes the row computes in."""
    rule = operation.rule
    if rule == "logic":
        return [_require_bool(operation, node) for node in nodes]
    if rule == "select":
        return [_require_bool(operation, nodes[0]), *_promoted(nodes[1:])]
    cast = _promoted(nodes)
    if rule in ("float", "test") and not is_float(cast[0].dtype):
        return [apply("astype", node, "float64") for node in cast]
    if rule == "number" and cast[0].dtype == "bool":
        raise DTypeError(
            f"numbers expected, got bool for ``{operation.definition}``",
            remedy="cast with .astype(int), or use logical_and, logical_or, logical_not",
        )
    return cast


def _promoted(nodes: Sequence[Expr]) -> list[Expr]:
    """Return the nodes cast to the dtype NumPy promotes them to."""
    first = nodes[0].dtype
    if all(node.dtype == first for node in nodes):
        return list(nodes)
    dtype = promote(*(node.dtype for node in nodes))
    return [apply("astype", node, dtype) for node in nodes]


def _require_bool(operation: ScalarOperation, node: Expr) -> Expr:
    """Return a node that is bool.

    Raises:
        DTypeError: it is not.
    """
    if node.dtype != "bool":
        raise DTypeError(
            f"a boolean condition expected, got dtype {node.dtype}",
            remedy=f"write a comparison, for example {operation.name}(x > 0, ...) or x != 0 as gx.ne(x, 0)",
        )
    return node
