"""Binding: the arguments of a call checked against the inputs' types, and the sizes they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.dimensions import Dimension, evaluate, names
from graphc.graph.leaf import symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import Origin, describe_origin
from graphc.graph.types import DTYPES, format_shape, is_float
from graphc.kernel.requirements import Requirement

Array = np.ndarray[Any, Any]
Converter = Callable[[Any], Any]


def converter(node: Expr) -> Converter:
    """Return the function that checks and converts an argument for a symbol."""
    return _array_converter(node) if node.shape else _scalar_converter(node)


def _scalar_converter(node: Expr) -> Converter:
    """Return the converter of a symbol without dimensions: to a Python number, or a typed one if narrow."""
    kind = np.dtype(node.dtype).type
    plain: type = {"float64": float, "int64": int, "bool": bool}.get(node.dtype, kind)
    exact = None if plain is int else plain

    def convert(value: Any) -> Any:
        if type(value) is exact:
            return value
        array = as_array(value, node)
        if array.shape != ():
            raise ShapeError(
                f"argument {symbol_name(node)!r}: expected a scalar, got shape {format_shape(array.shape)}",
                remedy=f"declare it with gx.tensor({symbol_name(node)!r}, shape) to pass arrays",
            )
        return plain(array[()])

    return convert


def _array_converter(node: Expr) -> Converter:
    """Return the converter of a symbol with dimensions: to a contiguous array of its rank and very dtype."""
    dtype, rank = np.dtype(node.dtype), len(node.shape)

    def convert(value: Any) -> Any:
        if (
            type(value) is np.ndarray
            and value.dtype == dtype
            and value.ndim == rank
            and value.flags.c_contiguous
            and value.flags.aligned
        ):
            return value if value.dtype is dtype else value.view(dtype)
        array = as_array(value, node)
        if array.ndim != rank:
            raise ShapeError(
                f"argument {symbol_name(node)!r}: expected {rank} dimension(s) {format_shape(node.shape)}, "
                f"got {array.ndim} with shape {format_shape(array.shape)}",
                remedy="reshape the array, or declare the symbol with that rank",
            )
        return np.require(array, None, ["C", "A"]).view(dtype)

    return convert


def as_array(value: Any, node: Expr) -> Array:
    """Return an argument as an array of the symbol's dtype, which its values fit without loss.

    Python numbers and lists of them are weak, as in NumPy 2: they take the symbol's dtype.

    Raises:
        DTypeError: they do not fit.
    """
    if isinstance(value, Expr):
        raise ArgumentError(
            f"argument {symbol_name(node)!r}: an expression given where a value is expected",
            remedy="call the function with numbers or arrays; build on expressions with Python operators",
        )
    try:
        array = np.asarray(float(value) if type(value) is int and is_float(node.dtype) else value)
    except (ValueError, OverflowError) as error:
        raise DTypeError(f"argument {symbol_name(node)!r}: no array can be made of it: {error}") from None
    wanted = np.dtype(node.dtype)
    weak = isinstance(value, (int, float, list, tuple)) and not isinstance(value, np.generic)
    if array.size == 0 and isinstance(value, (list, tuple)):
        return array.astype(wanted)
    if not _fits(array.dtype, wanted, weak):
        declare = f", or declare the symbol with dtype {array.dtype}" if array.dtype.name in DTYPES else ""
        raise DTypeError(
            f"argument {symbol_name(node)!r}: expected dtype {node.dtype}, got {array.dtype}",
            remedy=f"convert it to {node.dtype}{declare}",
        )
    if wanted.kind in "iu" and array.dtype != wanted and array.size:
        _require_in_range(array, node)
    return array.astype(wanted, copy=False)


def _require_in_range(array: Array, node: Expr) -> None:
    """Refuse integers that the symbol's dtype cannot hold, as NumPy refuses Python's."""
    limits = np.iinfo(node.dtype)
    for number in (int(array.min()), int(array.max())):
        if not limits.min <= number <= limits.max:
            raise DTypeError(f"argument {symbol_name(node)!r}: {number} is out of range for {node.dtype}")


def _fits(given: np.dtype[Any], wanted: np.dtype[Any], weak: bool) -> bool:
    """Tell whether values of a dtype may be converted to another: nothing is narrowed unless it is weak."""
    if given.kind not in "biuf":
        return False
    if not weak:
        return np.can_cast(given, wanted, "safe")
    order = "biuf"
    kind = "i" if wanted.kind == "u" else wanted.kind
    return order.index(given.kind if given.kind != "u" else "i") <= order.index(kind)


class SizeSolver:
    """Solves the named dimensions from the shapes of arguments and checks all of them."""

    def __init__(self, inputs: Sequence[Expr], used: Mapping[str, Origin], required: Sequence[Requirement]) -> None:
        self.inputs = [(position, node) for position, node in enumerate(inputs) if node.shape]
        self.binders: list[tuple[str, int, int]] = []
        bound: set[str] = set()
        for position, node in self.inputs:
            for axis, size in enumerate(node.shape):
                name = str(size)
                if isinstance(size, Dimension) and names(size) == (name,) and name not in bound:
                    bound.add(name)
                    self.binders.append((name, position, axis))
        unknown = [name for name in used if name not in bound]
        if unknown:
            raise ArgumentError(
                f"the size of dimension {unknown[0]!r} cannot be told from any input's shape",
                remedy="give one input a dimension that is this plain name",
                origin=describe_origin(used[unknown[0]]),
            )
        self.required = required

    def solve(self, values: Sequence[Any]) -> dict[str, int]:
        """Return the size of each name.

        Raises:
            ShapeError: a shape does not fit its symbol's, or the sizes do not fit the graph.
        """
        sizes = {name: values[position].shape[axis] for name, position, axis in self.binders}
        for position, node in self.inputs:
            for axis, (size, number) in enumerate(zip(node.shape, values[position].shape, strict=True)):
                if (size if isinstance(size, int) else size.evaluate(sizes)) != number:
                    raise self._mismatch(node, axis, sizes, values[position].shape)
        self.require(tuple(sizes.values()))
        return sizes

    def require(self, numbers: tuple[int, ...]) -> None:
        """Check sizes, in the order of the binders, against what the graph needs.

        Raises:
            ShapeError: an index is out of range, or there is nothing to reduce.
        """
        sizes = dict(zip((name for name, _, _ in self.binders), numbers, strict=True))
        for requirement in self.required:
            requirement.check(sizes)

    def _mismatch(self, node: Expr, axis: int, sizes: dict[str, int], shape: tuple[int, ...]) -> ShapeError:
        """Return the error for an axis of the wrong size; for a named one it says where its size is from."""
        size = node.shape[axis]
        message = (
            f"argument {symbol_name(node)!r}: expected shape {format_shape(node.shape)}, got {format_shape(shape)}: "
        )
        if isinstance(size, int):
            return ShapeError(message + f"axis {axis} must be {size}")
        sources = []
        for name, position, where in self.binders:
            if name in names(size):
                other = next(n for p, n in self.inputs if p == position)
                sources.append(f"{name} = {sizes[name]} from axis {where} of {symbol_name(other)!r}")
        wanted = f"{size}" if evaluate(size, sizes) == sizes.get(str(size)) else f"{size} = {evaluate(size, sizes)}"
        return ShapeError(message + f"axis {axis} must be {wanted}, with {', '.join(sources)}")
