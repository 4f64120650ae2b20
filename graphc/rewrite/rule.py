"""What a rewrite rule is: an equation over ordinary expressions, or a function where shapes decide.

``Rule("log1p", lambda a: (log(1 + a), log1p(a)), Group.STABILISE)`` reads as its equation; the tests prove
it from the rows' definitions because the rule is the statement.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from graphc.errors import InternalError
from graphc.graph.leaf import constant_value, is_constant, is_symbol, symbol, symbol_name
from graphc.graph.node import Expr, build
from graphc.graph.types import FLOATS, INTEGERS, DType
from graphc.graph.walk import topological_order
from graphc.rewrite.measure import is_lower, measure

VECTOR_SIZE = 3
"""The length a vector variable has in a pattern; it matches any shape reduced along any axes."""


class Group(Enum):
    """What a rule promises, which decides when it is used."""

    EXACT = "the same bits for every IEEE input; always on"
    STABILISE = "the same real value, computed more accurately; always on"
    ALGEBRAIC = "the same real value; rounding and NaN may change; with fast_math only"


EXACT, STABILISE, ALGEBRAIC = Group.EXACT, Group.STABILISE, Group.ALGEBRAIC

ANY_ELEMENTWISE = "any elementwise operation"
"""Stands among the operations of a rule that is tried on every scalar row, also on those made later."""

NUMBERS: tuple[DType, ...] = (*FLOATS, *INTEGERS)


@dataclass(frozen=True, eq=False)
class Rule:
    """An equation whose left side is replaced by its right side wherever it stands.

    Args:
        name: what the trace and the documentation call it.
        equation: variables -> (left side, right side), ordinary expressions.
        group: what the rule promises.
        booleans: names of variables that stand for conditions, separated by spaces.
        vectors: names of variables that stand for what is reduced; reductions match along any axes.
        constants: names of variables that stand for one number, whatever its value.
        positive: names of variables for which the equation holds only where they are positive.
        dtypes: dtypes of the variables that are not conditions.
        proviso: bound variables -> whether the rule may be used.
        condition: the proviso in words.

    Raises:
        InternalError: the right side does not have a lower measure, so rewriting might not end.

    Example:
        >>> from graphc.ops.scalar import negative
        >>> rule = Rule("negate_twice", lambda a: (negative(negative(a)), a), Group.EXACT)
        >>> rule.statement
        '-(-a) -> a'
    """

    name: str
    equation: Callable[..., tuple[Any, Any]]
    group: Group
    booleans: str = ""
    vectors: str = ""
    constants: str = ""
    positive: str = ""
    dtypes: tuple[DType, ...] = FLOATS
    proviso: Callable[[dict[str, Expr]], bool] | None = None
    condition: str = ""
    left: Expr = field(init=False)
    right: Expr = field(init=False)
    variants: tuple[Expr, ...] = field(init=False)

    def __post_init__(self) -> None:
        variables = [self._variable(name) for name in inspect.signature(self.equation).parameters]
        left, right = self.equation(*variables)
        if not isinstance(right, Expr):
            raise InternalError(f"rule {self.name}: write the constant {right} as an expression")
        if not is_lower(measure(right, self.constants.split()), measure(left, self.constants.split())):
            raise InternalError(f"rule {self.name}: the right side is not simpler than the left")
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "right", right)
        object.__setattr__(self, "variants", commuted(left))

    def _variable(self, name: str) -> Expr:
        """Return the symbol a variable of the equation is in the pattern."""
        if name in self.booleans.split():
            return symbol(name, (), "bool")
        return symbol(name, (VECTOR_SIZE,) if name in self.vectors.split() else ())

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of the operations the rule is tried on."""
        return (self.left.op.name,)

    @property
    def statement(self) -> str:
        """The equation as text."""
        text = f"{format_pattern(self.left)} -> {format_pattern(self.right)}"
        return f"{text}, {self.condition}" if self.condition else text


@dataclass(frozen=True, eq=False)
class Rewriter:
    """A rule whose equation is about shapes, axes or dtypes, so that it takes code to state.

    Args:
        name: what the trace and the documentation call it.
        operations: names of the operations it is tried on.
        statement: the equation in words or formulas.
        function: node -> what replaces it, of the same dtype and shape; None where it does not apply.
        group: what the rule promises.
        possible: names of the arguments' operations -> whether the rule may apply; by default it may.
    """

    name: str
    operations: tuple[str, ...]
    statement: str
    function: Callable[[Expr], Expr | None]
    group: Group
    possible: Callable[[Sequence[str]], bool] | None = None


AnyRule: TypeAlias = "Rule | Rewriter"


def commuted(pattern: Expr) -> tuple[Expr, ...]:
    """Return the pattern with the arguments of commutative operations in every order."""
    forms: dict[Expr, list[Expr]] = {}
    for node in topological_order([pattern]):
        choices: list[tuple[Expr, ...]] = [()]
        for argument in node.args:
            choices = [(*start, form) for start in choices for form in forms[argument]]
        if getattr(node.op, "commutes", False):
            choices += [arguments[::-1] for arguments in choices]
        made = [build(node.op, *arguments, **dict(node.attributes)) if arguments else node for arguments in choices]
        forms[node] = list(dict.fromkeys(made))
    return tuple(forms[pattern])


def format_pattern(pattern: Expr) -> str:
    """Return a side of an equation as text."""
    texts: dict[Expr, str] = {}
    for node in topological_order([pattern]):
        arguments = [texts[argument] for argument in node.args]
        if is_symbol(node):
            texts[node] = symbol_name(node)
        elif is_constant(node):
            value = constant_value(node).item()
            texts[node] = str(value) if isinstance(value, bool) else f"{value:g}"
        elif node.op.infix and len(arguments) == 2:
            texts[node] = f"({arguments[0]} {node.op.infix} {arguments[1]})"
        elif node.op.name == "negative":
            texts[node] = f"(-{arguments[0]})"
        else:
            texts[node] = f"{node.op.name}({', '.join(map(_unwrapped, arguments))})"
    return _unwrapped(texts[pattern])


def _unwrapped(text: str) -> str:
    """Return the text without parentheses that enclose all of it."""
    return text[1:-1] if _wrapped(text) else text


def _wrapped(text: str) -> bool:
    """Tell whether one pair of parentheses encloses the whole text."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text.startswith("(") and position == len(text) - 1
    return False
