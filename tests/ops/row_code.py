"""A row's code as a function: by Numba, as plain Python, and the row's meaning in high precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numba
import numpy as np
from mpmath import mp

import graphc.ops  # noqa: F401 (fills the table)
from graphc.backends import mathlib, plain_math
from graphc.check.elements import NUMBERS
from graphc.check.rows import scalar_rows
from graphc.graph.table import OPERATIONS
from graphc.ops.scalar_row import ARGUMENT_NAMES, ScalarOperation

ROWS = [row for row in scalar_rows(OPERATIONS) if type(row) is ScalarOperation and row.rule != "bits"]
NUMERIC = [row for row in ROWS if row.rule != "logic"]
FLOATS = {"float32": np.float32, "float64": np.float64}
DIGITS = 80


def name_of(row: ScalarOperation) -> str:
    return row.name


@cache
def code_function(row: ScalarOperation, dtype: str, plain: bool = False) -> Callable[..., Any]:
    """Return the row's code as a function of scalars: compiled, or as plain Python."""
    arguments = ARGUMENT_NAMES[: row.arity]
    text = row.code.format(**{name: name for name in ARGUMENT_NAMES}, one="one", zero="zero")
    kind = FLOATS[dtype]
    namespace: dict[str, Any] = {"one": kind(1), "zero": kind(0), "kind": kind}
    namespace |= {"math": plain_math.math, **plain_math.NAMES} if plain else {"math": math, **mathlib.NAMES}
    if row.widens:
        text = f"kind({text})"
    exec(f"def code({', '.join(arguments)}):\n    return {text}", namespace)
    if plain:
        return plain_math._quiet(namespace["code"])
    return numba.njit(error_model="numpy")(namespace["code"])


def cast_point(row: ScalarOperation, point: tuple[Any, ...], dtype: str) -> tuple[Any, ...]:
    """Return a point with its numbers rounded to a dtype; truth values as they are."""
    return tuple(value if isinstance(value, bool) else FLOATS[dtype](value) for value in point)


def exact_value(row: ScalarOperation, point: tuple[Any, ...]) -> Any:
    """Return the row's definition at a point of floats, in high precision."""
    with mp.workdps(DIGITS):
        arguments = (value if isinstance(value, bool) else mpmath.mpf(float(value)) for value in point)
        value = NUMBERS.scalar(row)(*arguments)
        return value if isinstance(value, bool) else +mpmath.mpf(mpmath.re(value))


def unit_in_the_last_place(value: Any, dtype: str) -> Any:
    """Return the distance of neighbouring floats at a value."""
    information = np.finfo(dtype)
    exponent = mpmath.frexp(value)[1] if value != 0 else information.minexp
    return mpmath.mpf(2) ** (max(exponent - 1, information.minexp) - information.nmant)


def error_in_ulp(row: ScalarOperation, found: Any, point: tuple[Any, ...], dtype: str) -> float | None:
    """Return how many units in the last place a result is off; None where the exact one overflows or is subnormal."""
    exact = exact_value(row, point)
    if isinstance(exact, bool) or row.rule in ("compare", "test"):
        return 0.0 if bool(found) == bool(exact) else math.inf
    information = np.finfo(dtype)
    if abs(exact) > float(information.max) or 0 < abs(exact) < float(information.tiny):
        return None
    assert isinstance(found, (float, np.floating)), (row.name, type(found))
    scale = max(abs(exact), *(abs(float(value)) for value in point)) if row.cancels else exact
    with mp.workdps(DIGITS):
        return float(abs(mpmath.mpf(float(found)) - exact) / unit_in_the_last_place(scale, dtype))
