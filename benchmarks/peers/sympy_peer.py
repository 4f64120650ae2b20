"""SymPy: `lambdify` with common sub-expressions of what `diff` gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks.common import Array, Call, Ways

LONGEST_CHAIN = 10


def prime() -> None:
    """Do nothing: nothing is compiled to native code."""


def compiled(value: Any, wrt: list[Any], inputs: list[Any], module: str) -> Any:
    """Return the function of value and partial derivatives."""
    return sp.lambdify(inputs, [value, *(sp.diff(value, entry) for entry in wrt)], module, cse=True)


def sigmoid(value: Any) -> Any:
    """Return 1 / (1 + exp(-value))."""
    return 1 / (1 + sp.exp(-value))


def net9(weights: Any, x: Any, y: Any, target: Any) -> Any:
    """Return the loss of the network 2-2-1."""
    first = sigmoid(weights[0] * x + weights[1] * y + weights[4])
    second = sigmoid(weights[2] * x + weights[3] * y + weights[5])
    return (sigmoid(weights[6] * first + weights[7] * second + weights[8]) - target) ** 2


def a_small_calls(problem: a.Problem) -> Ways:
    """Return functions of Python numbers."""

    def build() -> Call:
        inputs = list(sp.symbols(f"x:{len(problem.arguments)}"))
        value = inputs[0] * (inputs[1] ** 2 + inputs[2]) if problem.name == "f3" else net9(inputs[:9], *inputs[9:])
        return Call(compiled(value, inputs[: problem.weights], inputs, "math"), problem.arguments)

    return {"value_and_grad": build}


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain where SymPy can differentiate it: time doubles with every step or two."""

    def build() -> Call:
        if problem.steps > LONGEST_CHAIN:
            raise NotImplementedError(f"diff takes exponential time: {LONGEST_CHAIN} steps at most")
        start = before, now = sp.symbols("before now")
        for _ in range(problem.steps):
            before, now = now, sp.sin(now) / 2 - before
        return Call(compiled(now, list(start), list(start), "math"), problem.start)

    return {"value_and_grad": build}


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return the terms and their derivatives by NumPy, then sums of these."""

    def build() -> Call:
        x, a, b = inputs = list(sp.symbols("x a b"))
        terms = compiled(sp.tanh(a * x + b) ** 2 * sp.exp(-(x**2)), inputs, inputs, "numpy")

        def value_and_grad(*given: Any) -> tuple[Any, Array, Any, Any]:
            value, slope, bar_a, bar_b = terms(*given)
            return np.sum(value), slope, np.sum(bar_a), np.sum(bar_b)

        return Call(value_and_grad, (problem.x, problem.a, problem.b))

    return {"value_and_grad": build}
