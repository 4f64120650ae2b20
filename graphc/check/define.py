"""`graphc.defop`: users add scalar operations by a SymPy text; the columns they leave out are derived."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from mpmath import mp

from graphc.autodiff.reverse import adjoints
from graphc.backends import plain_math
from graphc.backends.reference import scalar_function
from graphc.check.definitions import Term, parse
from graphc.check.elements import NUMBERS
from graphc.check.heads import HEADS
from graphc.check.import_sympy import from_sympy
from graphc.check.rows import PROOF_POINTS, prove_row, sample_points
from graphc.errors import ArgumentError, CheckFailed, ParseError, UnsupportedError
from graphc.graph.leaf import constant, constant_value, is_constant, is_symbol, symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.table import FUNCTIONS
from graphc.graph.types import is_float
from graphc.graph.walk import topological_order
from graphc.ops.define import check_new_name, define
from graphc.ops.scalar_row import ARGUMENT_NAMES, Partial, ScalarOperation, elementwise
from graphc.rewrite.engine import simplify

LONGEST_CODE = 20_000
AGREEMENT = 1e-6
"""How far given code may be from the definition, relative: enough to find a wrong formula."""
WORDS = {head.__name__ for head in HEADS if isinstance(head, type)} | {"sqrt", "cbrt", "root", "Rational", "expm1"}
CONSTANTS = {"pi", "E", "oo", "True", "False"}
SYNTAX = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Load, ast.Constant, ast.Compare, ast.Tuple,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd, ast.BitAnd, ast.BitOr, ast.Invert,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE,
)  # fmt: skip


_defined: dict[str, tuple[str, str | None, str | None]] = {}
"""What operations were defined from, where nothing but texts was given: saying the same again changes nothing."""


def defop(
    name: str,
    definition: str,
    code: str | None = None,
    reference: str | None = None,
    *,
    partial: Sequence[Partial] | None = None,
    push: Sequence[Partial] = (),
    aliases: Sequence[str] = (),
    domain: Any = None,
    **columns: Any,
) -> Callable[..., Expr]:
    """Add a scalar operation to the table and return the function that builds its nodes.

    What is left out is derived from the definition, in a stable form where there is one; all of it,
    given or derived, is checked against SymPy's derivative and high-precision values of the definition.
    The new row is differentiated, compiled, documented and tested like every other. Processes that
    load a pickled expression with it must define it first.

    Args:
        name: a Python identifier no operation has; the very same definition again changes nothing.
        definition: SymPy text in the arguments x, y, z, for example ``"x/(1 + Abs(x))"``.
        code: Python legal in ``numba.njit`` in {x}, {y}, {z}; {one}, {zero} are typed numbers, and a bare
            number literal makes float32 arguments float64.
        reference: the same in NumPy and SciPy (``np``, ``special``).
        partial: for each argument (arguments..., result) -> derivative, as expressions; None for zero.
        push: instead of partial: (gradient, arguments..., result) -> contribution.
        aliases: further names.
        domain: the open interval (or one for each argument) where the operation is smooth.
        columns: other columns of `graphc.ops.scalar_row.ScalarOperation`: singular, kinks, ulp, cost...

    Raises:
        ArgumentError: a name is no identifier, or is taken; the definition skips an argument.
        ParseError: the definition is not made of arithmetic and functions graphc knows.
        CheckFailed: a partial, the code or the reference disagrees with the definition.

    Example:
        >>> import graphc as gx
        >>> squash = gx.defop("squash", "x/(1 + Abs(x))")
        >>> squash(gx.symbol("x")).dtype
        'float64'
    """
    derived = (definition, code, reference) if partial is None and not (push or aliases or columns or domain) else None
    if derived is not None and _defined.get(name) == derived:
        return FUNCTIONS[name]
    check_new_name(name, aliases)
    term, symbols = parse_definition(name, definition)
    arguments = [symbol(str(each)) for each in symbols]
    graph = simplify([from_sympy(term, {symbol_name(each): each for each in arguments})])[0]
    if partial is None and not push:
        partial = _derived_partials(graph, arguments)
    rows = [node.op for node in topological_order([graph]) if isinstance(node.op, ScalarOperation)]
    columns.setdefault("kinks", _derived_kinks(graph))
    columns.setdefault("singular", any(row.singular for row in rows))
    columns.setdefault("cost", sum(row.cost for row in rows))
    if code is None:
        columns.setdefault("ulp", 4.0 * len(rows))
        columns.setdefault("widens", any(row.widens for row in rows))
    operation, enter = define(
        name,
        definition,
        code or _nested(graph, "code", lambda value: f"like({{one}}, {value!r})"),
        reference or _nested(graph, "reference", repr),
        aliases,
        partial=partial or (),
        push=push,
        domain=domain,
        **columns,
    )
    if operation.arity != len(symbols):
        raise ArgumentError(f"{name}: the definition has {len(symbols)} argument(s), the code {operation.arity}")
    prove_row(operation)
    _check_values(operation)
    function = enter()
    if derived is not None:
        _defined[name] = derived
    return function


def parse_definition(name: str, text: str) -> tuple[Term, tuple[Term, ...]]:
    """Return the SymPy expression of a definition and the symbols of its arguments; nothing is executed.

    Raises:
        ParseError: the text has anything but arithmetic and known functions of x, y, z.
        ArgumentError: an argument is skipped.
    """
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ParseError(f"{name}: the definition {text!r} is no formula: {error}", origin=here()) from None
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    allowed = WORDS | CONSTANTS | set(ARGUMENT_NAMES)
    bad = sorted(used - allowed) + [type(node).__name__ for node in ast.walk(tree) if not _is_plain(node)]
    if bad:
        raise ParseError(
            f"{name}: the definition {text!r} has {', '.join(bad)}, which is not allowed",
            remedy=f"use arithmetic, {', '.join(ARGUMENT_NAMES)} and SymPy's {', '.join(sorted(WORDS))}",
            origin=here(),
        )
    count = sum(argument in used for argument in ARGUMENT_NAMES)
    if count == 0 or not used.issuperset(ARGUMENT_NAMES[:count]):
        raise ArgumentError(f"{name}: name the arguments x, then y, then z in {text!r}", origin=here())
    symbols = tuple(sympy.Symbol(argument, real=True) for argument in ARGUMENT_NAMES[:count])
    return parse(name, text, {str(each): each for each in symbols}), symbols


def _is_plain(node: ast.AST) -> bool:
    """Tell whether a piece of syntax is one of a formula."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float))
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and not node.keywords
    return isinstance(node, SYNTAX)


def _derived_partials(graph: Expr, arguments: Sequence[Expr]) -> list[Partial]:
    """Return the rules that build the derivative by each argument, from the rows of the definition.

    `prove_row` then holds them to SymPy's derivative: SymPy's own form is right but not stable.
    """
    table = adjoints({graph: constant(1.0)}, arguments)
    return [_rule(simplify([table[argument]])[0]) if argument in table else None for argument in arguments]


def _rule(graph: Expr) -> Partial:
    return lambda *arguments: instantiate(graph, arguments[:-1])


def _derived_kinks(graph: Expr) -> Callable[..., Sequence[Any]] | None:
    """Return the kinks of the rows a definition is made of."""
    found = [
        kink
        for node in topological_order([graph])
        if isinstance(node.op, ScalarOperation) and node.op.kinks is not None
        for kink in node.op.kinks(*node.args)
    ]
    return (lambda *arguments: [instantiate(kink, arguments) for kink in found]) if found else None


def instantiate(graph: Expr, arguments: Sequence[Expr]) -> Expr:
    """Return a graph of scalar rows in symbols x, y, z on other arguments, in their dtype."""
    dtype = arguments[-1].dtype
    given = dict(zip(ARGUMENT_NAMES, arguments, strict=False))
    became: dict[Expr, Expr] = {}
    for node in topological_order([graph]):
        if is_symbol(node):
            became[node] = given[symbol_name(node)]
        elif is_constant(node):
            became[node] = constant(constant_value(node), dtype if is_float(node.dtype) else None)
        else:
            assert isinstance(node.op, ScalarOperation)
            became[node] = elementwise(node.op, *(became[argument] for argument in node.args))
    return became[graph]


def _nested(graph: Expr, column: str, literal: Callable[[float], str]) -> str:
    """Return the text of a graph of scalar rows as one expression, from a column of its rows.

    Raises:
        UnsupportedError: it is too long for one expression.
    """
    texts: dict[Expr, str] = {}
    for node in topological_order([graph]):
        if is_symbol(node):
            texts[node] = "{" + symbol_name(node) + "}"
        elif is_constant(node):
            texts[node] = literal(constant_value(node).item())
        else:
            operands = dict(zip(ARGUMENT_NAMES, (texts[argument] for argument in node.args), strict=False))
            text = getattr(node.op, column).format(**operands, one="{one}", zero="{zero}")
            texts[node] = f"({text})"
        if len(texts[node]) > LONGEST_CODE:
            raise UnsupportedError(
                "the definition is too long for one row", remedy="write a Python function of graphc's operations"
            )
    return texts[graph]


def _check_values(operation: ScalarOperation) -> None:
    """Compare a row's code, run as plain Python, and its reference with its definition.

    Raises:
        CheckFailed: they differ.
    """
    columns = {"code": plain_function(operation), "reference": scalar_function(operation)}
    for point in sample_points(operation, PROOF_POINTS):
        with mp.workdps(30):
            expected = NUMBERS.scalar(operation)(*(NUMBERS.lift(value) for value in point))
        for column, function in columns.items():
            with np.errstate(all="ignore"):
                found = float(function(*(np.float64(value) for value in point)))
            if not abs(found - expected) <= AGREEMENT * max(1, abs(expected)):
                raise CheckFailed(
                    f"row {operation.name!r}: at {point} the {column} gives {found}, the definition {expected}",
                    remedy=f"correct the {column} or the definition; if the point is outside its domain, give domain=",
                )


def plain_function(operation: ScalarOperation) -> Callable[..., Any]:
    """Return a row's code as a Python function of NumPy scalars."""
    names = {name: name for name in ARGUMENT_NAMES}
    text = operation.code.format(**names, one="one", zero="zero")
    namespace = {"math": plain_math.math, **plain_math.NAMES, "one": np.float64(1), "zero": np.float64(0)}
    function: Callable[..., Any] = eval(f"lambda {', '.join(ARGUMENT_NAMES[: operation.arity])}: {text}", namespace)
    return function
