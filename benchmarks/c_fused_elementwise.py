"""C: sum(tanh(a x + b)² exp(-x²)), value and gradient for the vector x and the numbers a and b."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """The vector and the two numbers."""

    x: Array
    a: float = 1.3
    b: float = 0.2


def make(length: int) -> Problem:
    """Return the problem of a length."""
    return Problem(np.random.default_rng(0).standard_normal(length))


def value_and_grad(x: Array, a: float, b: float) -> tuple[float, Array, float, float]:
    """Return the value and its derivatives for x, a, b, by hand."""
    hidden = np.tanh(a * x + b)
    weight = np.exp(-x * x)
    product = hidden * weight
    bar = 2.0 * product * (1.0 - hidden * hidden)
    gradient = bar * a - 2.0 * x * hidden * product
    return float(hidden @ product), gradient, float(bar @ x), float(bar.sum())


WORKLOAD = Workload(
    name="c_fused_elementwise",
    title="C: a fused element-wise function, summed",
    sizes={"1e3": 1_000, "1e5": 100_000, "1e7": 10_000_000},
    tiny=37,
    make=make,
    expected=lambda problem: {"value_and_grad": value_and_grad(problem.x, problem.a, problem.b)},
    quick=("1e3", "1e5"),
)

if __name__ == "__main__":
    main(WORKLOAD)
