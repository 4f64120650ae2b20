"""Random bits in the graph: functions of an explicit key, the same wherever they are computed.

A key is one uint64. Its generator enciphers a counter under it (Threefry-2x32-20, Salmon, Moraes, Dror & Shaw,
Parallel random numbers: as easy as 1, 2, 3, 2011), and the counter of an element is its number in the array:
a row like any other, fused into the loops that use the numbers. The highest bits of the counter keep apart
what numbers, `split` and `fold_in` take from one key.
"""

from __future__ import annotations

from typing import Any

from graphc.errors import DTypeError, ShapeError
from graphc.graph.leaf import as_expr, constant, positions
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import INTEGERS, as_dtype, as_shape, format_shape
from graphc.ops.casting import cast
from graphc.ops.public import public
from graphc.ops.scalar_row import elementwise, enter, make_operation

THREEFRY = enter(
    make_operation(
        "threefry", "threefry(x, y)", "threefry({x}, {y})", "formulas.threefry({x}, {y})", rule="bits", cost=40,
        convention="64 random bits of key and counter",
    )
)  # fmt: skip
WORD = "uint64"
DIGITS = {"float64": 53, "float32": 24}
"""The random bits of a uniform number."""
SPLIT, FOLD = 1 << 63, 1 << 62
"""What is added to counters that make keys."""


@public("random.PRNGKey", name="random.key")
def key(seed: Any) -> Expr:
    """Return the key of a seed: a uint64 scalar.

    Args:
        seed: an integer, taken modulo 2**64, or an integer expression without dimensions.

    A symbol of dtype uint64 is a key too: a compiled function takes any integer from 0 to 2**64 - 1 for it.

    Raises:
        DTypeError: the seed is no integer.
        ShapeError: it has dimensions.

    Example:
        >>> import graphc as gx
        >>> first, second = gx.random.split(gx.random.key(0))
        >>> gx.random.normal(first, (3,)).shape
        (3,)
    """
    if isinstance(seed, int) and not isinstance(seed, bool):
        return constant(seed % 2**64, WORD)
    node = as_expr(seed)
    if node.dtype not in INTEGERS:
        raise DTypeError(f"a seed is an integer, got {node.dtype}", remedy="cast it with .astype(int)")
    if node.shape:
        raise ShapeError(
            f"a seed is one integer, got shape {format_shape(node.shape)}", remedy="use vmap for many seeds"
        )
    return cast(node, WORD)


@public(name="random.split")
def split(key: Any, num: Any = 2) -> Expr:
    """Return new keys, independent of each other and of all numbers drawn from ``key``: an array of uint64.

    Args:
        key: a key, see `graphc.random.key`.
        num: how many, or a shape; integers or named dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.random.split(gx.random.key(0), 3).shape
        (3,)
    """
    return _enciphered(as_key(key), positions(as_shape(num)), SPLIT)


@public(name="random.fold_in")
def fold_in(key: Any, data: Any) -> Expr:
    """Return a new key for each integer: of a step in a loop, or of each item of an array.

    Args:
        key: a key.
        data: an integer, an integer expression or array, taken modulo 2**62.

    Raises:
        DTypeError: the data are no integers.

    Example:
        >>> import graphc as gx
        >>> step = gx.symbol("step", dtype="int64")
        >>> gx.random.fold_in(gx.random.key(0), step).dtype
        'uint64'
    """
    node = as_expr(data)
    if node.dtype not in INTEGERS:
        raise DTypeError(f"data to fold in are integers, got {node.dtype}", remedy="cast them with .astype(int)")
    return _enciphered(as_key(key), apply("mod", cast(node, WORD), constant(FOLD, WORD)), FOLD)


@public(name="random.bits")
def bits(key: Any, shape: Any = (), dtype: Any = "uint64") -> Expr:
    """Return unsigned integers of a shape, every bit random.

    Args:
        key: a key.
        shape: sizes, each an integer or the name of a dimension.
        dtype: uint8, uint16, uint32 or uint64.

    Raises:
        DTypeError: the dtype is no unsigned integer.

    Source: Threefry-2x32 with 20 rounds, Salmon, Moraes, Dror & Shaw (2011), doi:10.1145/2063384.2063405.

    Example:
        >>> import graphc as gx
        >>> gx.random.bits(gx.random.key(0), (4,), "uint8").dtype
        'uint8'
    """
    name = as_dtype(dtype)
    if not name.startswith("uint"):
        raise DTypeError(f"bits are unsigned integers, got {name}", remedy="use randint for numbers with a sign")
    return leading(words(key, shape), int(name.removeprefix("uint")), name)


def words(key: Any, shape: Any) -> Expr:
    """Return 64 random bits for each element of a shape, as uint64."""
    return _enciphered(as_key(key), positions(as_shape(shape)), 0)


def leading(word: Expr, count: int, dtype: str) -> Expr:
    """Return the first so many bits of words as integers."""
    return cast(apply("floor_divide", word, constant(1 << (64 - count), WORD)) if count < 64 else word, dtype)


def word(key: Expr, number: Expr) -> Expr:
    """Return 64 random bits for a number."""
    return _enciphered(key, number, 0)


def unit(word: Expr, dtype: str) -> Expr:
    """Return words as numbers in [0, 1)."""
    return cast(leading(word, DIGITS[dtype], "int64"), dtype) * 2.0 ** -DIGITS[dtype]


def tail(word: Expr, dtype: str) -> Expr:
    """Return words but for their last bit as numbers in (0, 1/2], as precise near 0 as floats are."""
    return (cast(leading(word, 63, "int64"), dtype) + 0.5) * 2.0**-64


def is_odd(word: Expr) -> Expr:
    """Return the last bit of words: a fair coin."""
    return apply("equal", apply("mod", word, constant(2, WORD)), constant(1, WORD))


def normal_of(word: Expr, dtype: str) -> Expr:
    """Return words as standard normal numbers."""
    z = apply("ndtri", tail(word, dtype))
    return apply("where", is_odd(word), -z, z)


def _enciphered(key: Expr, numbers: Expr, offset: int) -> Expr:
    """Return what a key makes of counters: numbers from 0 to 2**62 and an offset that tells what they are for."""
    counter = cast(numbers, WORD)
    return elementwise(THREEFRY, key, apply("add", counter, constant(offset, WORD)) if offset else counter)


def as_key(key: Any) -> Expr:
    """Return a key.

    Raises:
        DTypeError: it is no uint64.
        ShapeError: it is an array, of keys perhaps.
    """
    node = as_expr(key)
    if node.dtype != WORD:
        raise DTypeError(
            f"a key has dtype uint64, got {node.dtype}",
            remedy='make one with gx.random.key(seed), or declare gx.symbol("key", dtype="uint64")',
        )
    if node.shape:
        raise ShapeError(
            f"one key expected, got an array of shape {format_shape(node.shape)}",
            remedy="index it, or use vmap to draw for each key",
        )
    return node
