"""The leaves of a graph: symbols, parameters, constants, and sizes as numbers."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DTypeError, GraphcError
from graphc.graph.dimensions import Dimension, Shape, Size
from graphc.graph.node import Expr, Gradient, Operation, build, make_node
from graphc.graph.origin import here
from graphc.graph.table import OPERATIONS
from graphc.graph.types import DTYPES, DType, as_dtype, as_shape, promote


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Leaf(Operation):
    """A node without arguments; its dtype and shape are given, not inferred."""

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        return None

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        return ()

    def flops(self, node: Expr) -> Size:
        return 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Positions(Leaf):
    """The numbers of an array's elements in the order of memory: known from the index, never stored to be read."""

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return "int64", attributes["shape"]


SYMBOL = Leaf(name="symbol")
CONSTANT = Leaf(name="constant")
SIZE = Leaf(name="size")
POSITIONS = Positions(name="positions")
OPERATIONS.update({row.name: row for row in (SYMBOL, CONSTANT, SIZE, POSITIONS)})


MOST_LISTED = 4
"""How many elements of a sequence an error repeats."""


class Literal:
    """The value of a constant: a read-only array, equal to another when every bit is."""

    __slots__ = ("_hash", "_key", "array", "dtype")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = np.array(array, order="C", copy=True)
        self.array.setflags(write=False)
        self.dtype: DType = self.array.dtype.name
        content = self.array.tobytes()
        content = content if len(content) <= 64 else hashlib.blake2b(content, digest_size=32).digest()
        self._key = (self.dtype, self.array.shape, content)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Literal) and self._key == other._key)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Literal], tuple[Any]]:
        return Literal, (self.array,)

    def __repr__(self) -> str:
        return repr(self.array.item()) if self.array.ndim == 0 else f"array{self.array.shape}"


def symbol(name: str, shape: Any = (), dtype: Any = "float64", *, trainable: bool = False) -> Expr:
    """Return the symbol of that name: an input of the functions compiled from it.

    Args:
        name: a Python identifier; the same name, shape and dtype give the same object.
        shape: sizes, each an integer or the name of a dimension.
        dtype: float32, float64, an integer type or bool.
        trainable: mark it as a parameter, which gradients are taken for by default.

    Raises:
        ArgumentError: the name is no identifier.
        DTypeError, ShapeError: there is no such dtype, or a size is neither a number nor a name.

    Example:
        >>> import graphc as gx
        >>> gx.symbol("x").dtype
        'float64'
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ArgumentError(
            f"a symbol's name must be a Python identifier, got {name!r}",
            remedy="use letters, digits and _",
            origin=here(),
        )
    attributes = (("name", name), ("trainable", trainable))
    try:
        return make_node(SYMBOL, (), attributes, as_dtype(dtype), as_shape(shape))
    except GraphcError as error:
        raise type(error)(f"symbol {name!r}: {error.message}", remedy=error.remedy, origin=here()) from None


def symbols(names: str, shape: Any = (), dtype: Any = "float64") -> tuple[Expr, ...]:
    """Return the symbols named in a text, separated by spaces or commas.

    Args:
        names: the names.
        shape, dtype: as for `symbol`, the same for all.

    Raises:
        ArgumentError, DTypeError, ShapeError: as `symbol`.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
    """
    return tuple(symbol(name, shape, dtype) for name in re.split(r"[\s,]+", names.strip()) if name)


def tensor(name: str, shape: Any, dtype: Any = "float64") -> Expr:
    """Return a symbol with dimensions, some of them named: one compile serves every size of these.

    Args:
        name, shape, dtype: as for `symbol`.

    Raises:
        ArgumentError, DTypeError, ShapeError: as `symbol`.

    Example:
        >>> import graphc as gx
        >>> gx.tensor("X", ("batch", 784), "float32").shape
        (batch, 784)
    """
    return symbol(name, shape, dtype)


def parameter(name: str, shape: Any = (), dtype: Any = "float64") -> Expr:
    """Return a trainable symbol: `graphc.grad` and compiled gradients take these by default.

    Args:
        name, shape, dtype: as for `symbol`.

    Raises:
        ArgumentError, DTypeError, ShapeError: as `symbol`.

    Example:
        >>> import graphc as gx
        >>> gx.grad(gx.parameter("w") * gx.symbol("x"))
        {'w': x}
    """
    return symbol(name, shape, dtype, trainable=True)


def constant(value: Any, dtype: Any = None) -> Expr:
    """Return a constant node holding a number or a copy of an array.

    Raises:
        DTypeError: the value is no number, or does not fit the dtype.

    Example:
        >>> import graphc as gx
        >>> gx.constant([1.0, 2.0]).shape
        (2,)
    """
    if isinstance(value, Expr):
        return value
    name = None if dtype is None else as_dtype(dtype)
    kind = type(value)
    if kind is float:
        # The text keeps apart what compares equal (0.0 and -0.0) and finds again what does not (nan).
        literal = _scalar_literal(value.hex(), "float", name)
    elif kind is int or kind is bool:
        literal = _scalar_literal(value, kind.__name__, name)
    else:
        literal = _literal(value, name)
    return make_node(CONSTANT, (), (("value", literal),), literal.dtype, literal.array.shape)


def pattern(value: Any, dtype: Any = None) -> Expr:
    """Return a constant whose zeros mean that nothing is there, whatever they are multiplied with."""
    node = constant(value, dtype)
    return make_node(CONSTANT, (), (*node.attributes, ("pattern", True)), node.dtype, node.shape)


@functools.lru_cache(maxsize=4096)
def _scalar_literal(key: Any, kind: str, dtype: DType | None) -> Literal:
    """Return the literal of a Python number: most graphs repeat a few."""
    return _literal(float.fromhex(key) if kind == "float" else key, dtype)


def _literal(value: Any, dtype: DType | None) -> Literal:
    """Return the literal of a value in a dtype, by default its own.

    Raises:
        DTypeError: the value is no number, or does not fit the dtype.
    """
    try:
        given = np.asarray(value)
        array = np.asarray(value, dtype=dtype)
    except GraphcError:
        listed = repr(value) if isinstance(value, (list, tuple)) and len(value) <= MOST_LISTED else "[...]"
        raise DTypeError(
            "one expression expected, got a sequence that holds expressions",
            remedy=f"gx.stack({listed})",
            origin=here(),
        ) from None
    except (OverflowError, ValueError, TypeError) as error:
        raise DTypeError(f"{value!r} is no constant of dtype {dtype}: {error}", origin=here()) from None
    if array.dtype.kind not in "biufc":
        raise DTypeError(f"an expression, a number or an array of numbers expected, got {value!r}", origin=here())
    if array.dtype.name not in DTYPES:
        raise DTypeError(
            f"a constant of dtype {array.dtype} is not supported",
            remedy=f"use one of {', '.join(DTYPES)}",
            origin=here(),
        )
    if given.dtype.kind == "f" and array.dtype.kind != "f" and not np.array_equal(given, array):
        raise DTypeError(f"{value!r} has no exact value of dtype {dtype}", remedy="round it first", origin=here())
    return Literal(array.astype(array.dtype.newbyteorder("="), copy=False))


def size_of(size: Size, dtype: DType = "int64") -> Expr:
    """Return a size as a number: a constant, or a node that knows it when the function is called."""
    if isinstance(size, Dimension):
        return make_node(SIZE, (), (("size", size),), as_dtype(dtype), ())
    return constant(size, dtype)


def positions(shape: Shape) -> Expr:
    """Return the numbers 0, 1, 2... of the elements of an array of a shape, as int64."""
    return build(POSITIONS, shape=shape)


def as_exprs(*values: Any) -> list[Expr]:
    """Return the values as expressions; Python scalars and open sizes are weak and take the dtype of the others."""
    if all(type(value) is Expr for value in values):
        return list(values)
    strong = [
        value.dtype if isinstance(value, Expr) else as_dtype(value.dtype) for value in values if hasattr(value, "dtype")
    ]
    converted = []
    for value in values:
        if _is_weak(value):
            converted.append(constant(value, promote(*strong, value)))
        elif isinstance(value, Dimension):
            converted.append(size_of(value, promote(*strong, 1)))
        else:
            converted.append(constant(value))
    return converted


def as_expr(value: Any, weak: DType | None = None) -> Expr:
    """Return one value as an expression; a Python scalar takes the dtype ``weak``, or the one it has by itself."""
    return as_exprs(value)[0] if weak is None or not _is_weak(value) else constant(value, weak)


def _is_weak(value: Any) -> bool:
    """Tell whether a value is a Python scalar, whose dtype is that of what it meets."""
    return isinstance(value, (bool, int, float)) and not hasattr(value, "dtype")


def is_symbol(node: Expr) -> bool:
    """Tell whether a node is a symbol or a parameter."""
    return node.op is SYMBOL


def is_constant(node: Expr) -> bool:
    """Tell whether a node is a constant."""
    return node.op is CONSTANT


def is_pattern(node: Expr) -> bool:
    """Tell whether a node is a constant whose zeros mean that nothing is there."""
    return node.op is CONSTANT and ("pattern", True) in node.attributes


def constant_value(node: Expr) -> np.ndarray[Any, Any]:
    """Return the array a constant holds."""
    literal: Literal = node.attribute("value")
    return literal.array


def symbol_name(node: Expr) -> str:
    """Return the name of a symbol."""
    name: str = node.attribute("name")
    return name


def is_trainable(node: Expr) -> bool:
    """Tell whether a node is a parameter."""
    return is_symbol(node) and bool(node.attribute("trainable"))
