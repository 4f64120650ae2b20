"""Expressions from text: Python's syntax through its parser, a whitelist of what may stand in it, never ``eval``."""

from __future__ import annotations

import ast
import contextlib
import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import graphc.ops  # noqa: F401 (fills the table of functions)
from graphc.errors import GraphcError, ParseError
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr
from graphc.graph.origin import PARSED, inherit_origin
from graphc.graph.table import FUNCTIONS, apply

LONGEST = 100_000
DEEPEST = 200
"""How deep operations and calls may be nested; a sum of many terms is one level a term."""

BINARY: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.FloorDiv: "floor_divide",
    ast.Mod: "mod", ast.Pow: "power", ast.MatMult: "matmul", ast.BitAnd: "logical_and", ast.BitOr: "logical_or",
    ast.BitXor: "logical_xor", ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
    ast.Eq: "equal", ast.NotEq: "not_equal",
}  # fmt: skip
UNARY: dict[type[ast.AST], str] = {ast.USub: "negative", ast.UAdd: "positive", ast.Invert: "logical_not"}
FOLDED: dict[str, Callable[..., Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "negative": operator.neg, "positive": operator.pos,
}  # fmt: skip
"""What is computed at once on numbers, as Python does, so that ``1/3`` stays weak."""
CONSTANTS = {"pi": 3.141592653589793, "e": 2.718281828459045, "inf": float("inf"), "nan": float("nan")}
CALLABLE = frozenset(FUNCTIONS) - {"getitem", "arange", "eye", "full", "ones", "zeros", "split"}
"""The functions a text may call: all but those that give no expression of their arguments."""


def parse_expression(text: str, symbols: Mapping[str, Expr] | None = None) -> Expr:
    """Return the expression a text stands for.

    Args:
        text: numbers, names, ``+ - * / // % ** @``, comparisons, ``& | ^ ~``, parentheses, and calls of
            graphc's functions by name. Names become scalar float64 symbols; ``pi``, ``e``, ``inf`` and
            ``nan`` are constants unless ``symbols`` has them. Nodes get the origin ``text, column 4``.
        symbols: what names stand for, where they are not scalars.

    Raises:
        ParseError: anything else; the message shows where.

    Example:
        >>> parse_expression("x*(y**2 + z)")
        x*(y**2 + z)
    """
    if len(text) > LONGEST:
        raise ParseError(f"the text has {len(text)} characters, more than {LONGEST}")
    source = " ".join(text.split())
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        _fail(source, (error.offset - 1) if error.offset else len(source), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ParseError(f"this is no expression: {error}", remedy="nest it less deeply") from None
    return _Reader(source, symbols or {}).read(tree)


def _fail(source: str, column: int, what: str) -> NoReturn:
    """Refuse a text, with a caret at the column where it goes wrong."""
    start = max(0, column - 60)
    raise ParseError(
        f"{what}\n    {source[start : column + 60]}\n    {' ' * (column - start)}^",
        remedy="use numbers, names, + - * / // % **, comparisons and graphc's functions (docs/operations.md)",
    )


class _Reader:
    """Turns the nodes of Python's syntax tree into expressions, children first, without recursion."""

    def __init__(self, source: str, symbols: Mapping[str, Expr]) -> None:
        self.source = source
        self.symbols = symbols
        self.values: list[Any] = []

    def read(self, tree: ast.expr) -> Expr:
        """Return the expression of a syntax tree."""
        stack: list[tuple[ast.expr, int, bool]] = [(tree, 0, False)]
        while stack:
            node, depth, ready = stack.pop()
            if depth > DEEPEST:
                self.refuse(node, f"nested more than {DEEPEST} levels deep")
            children = self.children(node)
            if ready or not children:
                self.reduce(node, len(children))
            else:
                stack.append((node, depth, True))
                stack.extend((child, depth + 1, False) for child in reversed(children))
        result: Expr = self.guarded(tree, lambda: constant(self.values.pop()))
        return result

    def children(self, node: ast.expr) -> list[ast.expr]:
        """Return the parts of a node that are expressions, and refuse what the whitelist lacks."""
        if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
            return [node.left, node.right]
        if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
            return [node.operand]
        if isinstance(node, ast.Compare) and type(node.ops[0]) in BINARY:
            if len(node.ops) > 1:
                self.refuse(node.comparators[1], "comparisons do not chain; write (a < b) & (b < c)")
            return [node.left, *node.comparators]
        if isinstance(node, ast.Call):
            return self.arguments(node)
        if not isinstance(node, (ast.Name, ast.Constant)):
            self.refuse(node, f"{type(node).__name__} has no meaning here")
        return []

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        """Return the arguments of a call of a function in the whitelist."""
        if not isinstance(node.func, ast.Name) or node.func.id not in CALLABLE:
            self.refuse(node.func, "only graphc's own functions can be called")
        if node.keywords:
            self.refuse(node.keywords[0].value, "arguments are given by position")
        if not node.args:
            self.refuse(node, f"{node.func.id} needs an argument")
        return node.args

    def reduce(self, node: ast.expr, count: int) -> None:
        """Replace the values of a node's children by its own."""
        arguments = self.values[len(self.values) - count :]
        del self.values[len(self.values) - count :]
        self.values.append(self.guarded(node, lambda: self.value(node, arguments)))

    def guarded(self, node: ast.expr, make: Callable[[], Any]) -> Any:
        """Return what ``make`` returns, with the node's column as its origin; its errors show the column too."""
        try:
            with inherit_origin((PARSED, self.column(node) + 1)):
                return make()
        except ParseError:
            raise
        except GraphcError as error:
            self.refuse(node, error.message)
        except (TypeError, ValueError) as error:
            self.refuse(node, str(error))

    def value(self, node: ast.expr, arguments: list[Any]) -> Any:
        """Return the expression of one node from those of its children; numbers stay Python's, and so weak."""
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.Constant):
            if type(node.value) not in (bool, int, float):
                self.refuse(node, f"{node.value!r} is no number")
            return node.value
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            name = node.func.id
        elif isinstance(node, ast.Compare):
            name = BINARY[type(node.ops[0])]
        elif isinstance(node, ast.UnaryOp):
            name = UNARY[type(node.op)]
        else:
            assert isinstance(node, ast.BinOp)
            name = BINARY[type(node.op)]
            if isinstance(node.op, ast.BitXor) and any(getattr(x, "dtype", "") != "bool" for x in arguments):
                self.refuse(node, "powers are written **; ^ is the exclusive or of two conditions")
        if name in FOLDED and all(type(argument) in (int, float) for argument in arguments):
            with contextlib.suppress(ArithmeticError):
                return FOLDED[name](*arguments)
        return apply(name, *arguments)

    def name(self, node: ast.Name) -> Expr:
        """Return what a name stands for."""
        if node.id in self.symbols:
            return self.symbols[node.id]
        if node.id in CONSTANTS:
            return constant(CONSTANTS[node.id])
        return symbol(node.id)

    def refuse(self, node: ast.AST, what: str) -> NoReturn:
        """Refuse the text at a node."""
        _fail(self.source, self.column(node), what)

    def column(self, node: ast.AST) -> int:
        """Return the column of a node in characters; Python's syntax tree counts bytes."""
        offset: int = getattr(node, "col_offset", 0)
        return len(self.source.encode()[:offset].decode(errors="ignore"))
