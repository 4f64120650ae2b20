"""The types of expressions: dtypes with NumPy 2 promotion, shapes and how they broadcast."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from graphc.errors import DTypeError, ShapeError
from graphc.graph.dimensions import Dimension, Shape, Size, dimension

DType: TypeAlias = str

FLOATS: tuple[DType, ...] = ("float32", "float64")
INTEGERS: tuple[DType, ...] = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES: tuple[DType, ...] = (*FLOATS, *INTEGERS, "bool")


def is_float(dtype: DType) -> bool:
    """Tell whether a dtype is a floating-point one."""
    return dtype in FLOATS


def as_dtype(value: Any) -> DType:
    """Return the name of a dtype given as NumPy, Python or text name it.

    Raises:
        DTypeError: graphc has no such dtype.
    """
    if isinstance(value, str) and value in DTYPES:
        return value
    try:
        name = str(np.dtype(value).name)
    except TypeError:
        name = str(value)
    if name not in DTYPES:
        raise DTypeError(f"graphc has no dtype {name!r}", remedy=f"use one of {', '.join(DTYPES)}")
    return name


def promote(*values: Any) -> DType:
    """Return the dtype NumPy 2 gives a mixture of dtypes (as names) and Python scalars (weak)."""
    return _promote(tuple(value if isinstance(value, str) else type(value) for value in values))


@functools.cache
def _promote(kinds: tuple[Any, ...]) -> DType:
    """Return the promotion of dtype names and types of Python scalars; NumPy 2 ignores a scalar's value."""
    return as_dtype(np.result_type(*(np.dtype(kind) if isinstance(kind, str) else kind(0) for kind in kinds)))


def is_integer(value: Any) -> TypeGuard[int]:
    """Tell whether a value is an integer of Python or NumPy, no boolean."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def as_size(value: Any) -> Size:
    """Return a size given as an integer, a name or a `Dimension`.

    Raises:
        ShapeError: it is none of these, or negative.
    """
    if isinstance(value, str):
        try:
            return dimension(value)
        except ValueError as error:
            raise ShapeError(str(error)) from None
    if isinstance(value, Dimension):
        return value
    if is_integer(value):
        if value < 0:
            raise ShapeError(f"a size is never negative, got {value}")
        return int(value)
    raise ShapeError(
        f"a size is an integer or the name of a dimension, got {value!r}",
        remedy='write for example (3, 4) or ("batch", 784)',
    )


def as_shape(value: Any) -> Shape:
    """Return a shape given as one size or a sequence of sizes.

    Raises:
        ShapeError: it is neither, or the name of a dtype.
    """
    if isinstance(value, (str, type, np.dtype)):
        _refuse_dtype(value)
    if isinstance(value, (str, int, np.integer, Dimension)):
        return (as_size(value),)
    if isinstance(value, np.ndarray) and value.dtype.kind not in "iu":
        raise ShapeError(
            f"a shape expected, got an array of {value.dtype} with shape {value.shape}",
            remedy="symbols hold no value: give the shape here, and the value when the function is called",
        )
    try:
        return tuple(as_size(size) for size in value)
    except TypeError:
        raise ShapeError(f"a shape is a size or a sequence of sizes, got {value!r}") from None


def _refuse_dtype(value: Any) -> None:
    """Refuse a dtype given where a shape belongs.

    Raises:
        ShapeError: it is one.
    """
    if isinstance(value, str):
        name = value if value in DTYPES else {"float": "float64", "int": "int64"}.get(value)
    else:
        name = np.dtype(value).name
    if name in DTYPES:
        raise ShapeError(f"a shape expected, got the dtype {name}", remedy=f'pass dtype="{name}"')


def format_shape(shape: Shape) -> str:
    """Return a shape as the user would write it, names without quotes."""
    return "(" + ", ".join(str(size) for size in shape) + (",)" if len(shape) == 1 else ")")


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the shape several shapes broadcast to, by NumPy's rule; names only match themselves.

    Raises:
        ShapeError: two sizes on one axis differ and neither is the number 1.
    """
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[Size] = []
    for axis in range(-rank, 0):
        sizes = {shape[axis]: None for shape in shapes if len(shape) >= -axis and shape[axis] != 1}
        if len(sizes) > 1:
            listed = " and ".join(format_shape(shape) for shape in shapes)
            first, second, *_ = sizes
            raise ShapeError(
                f"shapes {listed} do not broadcast: sizes {first} and {second} on axis {axis} differ",
                remedy="make the sizes equal, or make one of them 1 with reshape or expand_dims",
            )
        result.append(next(iter(sizes), 1))
    return tuple(result)


def normalise_axis(axis: int, rank: int, operation: str) -> int:
    """Return an axis counted from the front.

    Raises:
        ShapeError: the axis is outside the rank, or no integer.
    """
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise ShapeError(f"{operation}: an axis is an integer, got {axis!r}")
    if not -rank <= axis < rank:
        raise ShapeError(f"{operation}: axis {axis} is out of range for {rank} dimension(s)")
    return int(axis) % rank


def normalise_axes(axis: int | Sequence[int] | None, rank: int, operation: str) -> tuple[int, ...]:
    """Return sorted axes counted from the front; None means all of them.

    Raises:
        ShapeError: an axis is out of range or given twice.
    """
    if axis is None:
        return tuple(range(rank))
    given: Iterable[int] = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = [normalise_axis(each, rank, operation) for each in given]
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{operation}: axis {axis} names one axis twice")
    return tuple(sorted(axes))
