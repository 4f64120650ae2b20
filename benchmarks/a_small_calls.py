"""A: value and gradient of tiny functions, called a million times: what a call costs.

f3 is x (y² + z); net9 a network 2-2-1 of sigmoids with square loss, and its 9 weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.common import Workload
from benchmarks.driver import main

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Problem:
    """Which function, and the numbers it is called with; `weights` of them are differentiated."""

    name: str
    arguments: Numbers
    weights: int


F3 = Problem("f3", (1.5, 2.5, 3.5), 3)
NET9 = Problem("net9", (0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8, 0.9, 1.5, -2.5, 0.25), 9)
"""Weights of the two hidden units, their biases, weights and bias of the output; the two inputs, and the target."""


def f3(x: float, y: float, z: float) -> Numbers:
    """Return the value of f3 and its gradient."""
    inner = y * y + z
    return x * inner, inner, 2.0 * x * y, x


def sigmoid(value: float) -> float:
    """Return 1 / (1 + exp(-value))."""
    return 1.0 / (1.0 + math.exp(-value))


def net9(
    a: float, b: float, c: float, d: float, p: float, q: float, u: float, v: float, w: float,
    x: float, y: float, target: float,
) -> Numbers:  # fmt: skip
    """Return the loss of the network and its gradient, by hand."""
    first = sigmoid(a * x + b * y + p)
    second = sigmoid(c * x + d * y + q)
    output = sigmoid(u * first + v * second + w)
    error = output - target
    bar = 2.0 * error * output * (1.0 - output)
    bar_1 = bar * u * first * (1.0 - first)
    bar_2 = bar * v * second * (1.0 - second)
    gradient = (bar_1 * x, bar_1 * y, bar_2 * x, bar_2 * y, bar_1, bar_2, bar * first, bar * second, bar)
    return (error * error, *gradient)


def expected(problem: Problem) -> dict[str, Numbers]:
    """Return the value and the gradient."""
    return {"value_and_grad": (f3 if problem.name == "f3" else net9)(*problem.arguments)}


WORKLOAD = Workload(
    name="a_small_calls",
    title="A: value and gradient of tiny functions",
    sizes={"f3": F3, "net9": NET9},
    tiny=NET9,
    make=lambda problem: problem,
    expected=expected,
)

if __name__ == "__main__":
    main(WORKLOAD)
