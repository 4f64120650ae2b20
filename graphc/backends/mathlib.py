"""The functions that the code of rows may name, compiled by Numba; they inline into the kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from graphc.backends import formulas

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


def _like(x: Any, value: Any) -> Callable[..., Any]:
    """Return how native code makes a constant of the type of ``x``."""
    target = x

    def make(x: Any, value: Any) -> Any:
        return target(value)

    return make


overload(formulas.like)(_like)


def _rounding(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the native form of a rounding function: integers as they are."""
    rounded = getattr(np, function.__name__)

    def keep(x: Any) -> Any:
        return x

    def change(x: Any) -> Any:
        return rounded(x)

    def choose(x: Any) -> Callable[..., Any]:
        return keep if isinstance(x, types.Integer) else change

    overload(function)(choose)

    def call(x: Any) -> Any:
        return function(x)

    return call


def _call_like(x: Any, value: Any) -> Any:
    return formulas.like(x, value)


NAMES: dict[str, Callable[..., Any]] = {
    **{function.__name__: njit(forceinline=True, **OPTIONS)(_rounding(function)) for function in formulas.ROUNDING},
    **{function.__name__: njit(forceinline=True, **OPTIONS)(function) for function in formulas.SHORT},
    "like": njit(forceinline=True, **OPTIONS)(_call_like),
    **{function.__name__: njit(**OPTIONS)(function) for function in formulas.LONG},
}
"""By name, callable from compiled code with float32, float64 and, where it has a meaning, integers."""
