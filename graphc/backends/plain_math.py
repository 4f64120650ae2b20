"""What generated modules import in place of ``math`` and `mathlib` when they run as plain Python.

Python's own ``math`` raises where native code gives inf or NaN (``exp(1000)``, ``log(0)``); these do not.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
from scipy import special

from graphc.backends import formulas


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives inf and NaN without a warning."""

    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arguments)

    return wrapper


_FUNCTIONS = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "exp": np.exp, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "sqrt": np.sqrt, "hypot": np.hypot, "copysign": np.copysign,
    "isinf": np.isinf, "isfinite": np.isfinite, "isnan": np.isnan, "floor": np.floor, "ceil": np.ceil,
    "erf": special.erf, "erfc": special.erfc, "gamma": special.gamma, "lgamma": special.gammaln,
}  # fmt: skip

math = SimpleNamespace(**{name: _quiet(function) for name, function in _FUNCTIONS.items()}, pi=np.pi, inf=np.inf)
"""Stands in for the module ``math``."""


def _rebound(function: Any) -> Callable[..., Any]:
    """Return a formula whose ``math`` is the one above."""
    return _quiet(FunctionType(function.__code__, {**vars(formulas), "math": math}, function.__name__))


NAMES: dict[str, Callable[..., Any]] = {
    function.__name__: _rebound(function) for function in (*formulas.ROUNDING, *formulas.SHORT, *formulas.LONG)
}
"""The functions that the code of rows may name, for plain Python; `mathlib.NAMES` has the same keys."""
