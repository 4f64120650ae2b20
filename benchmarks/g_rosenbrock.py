"""G: Rosenbrock's function of n variables: value and gradient, product of the Hessian with a vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """Where the derivatives are taken, and the vector that the Hessian is multiplied with."""

    x: Array
    vector: Array


def make(length: int) -> Problem:
    """Return the problem of a length."""
    generator = np.random.default_rng(0)
    return Problem(generator.standard_normal(length), generator.standard_normal(length))


def value_and_grad(x: Array) -> tuple[float, Array]:
    """Return sum(100 (x[1:] - x[:-1]²)² + (1 - x[:-1])²) and its gradient, by hand."""
    left, right = x[:-1], x[1:]
    valley, slope = right - left * left, 1.0 - left
    gradient = np.zeros_like(x)
    gradient[:-1] = -400.0 * left * valley - 2.0 * slope
    gradient[1:] += 200.0 * valley
    return float(100.0 * (valley @ valley) + slope @ slope), gradient


def hessian_product(x: Array, vector: Array) -> Array:
    """Return the product of the Hessian, a band of three diagonals, with a vector."""
    left, right = x[:-1], x[1:]
    beside = -400.0 * left
    product = np.zeros_like(x)
    product[:-1] = (1200.0 * left * left - 400.0 * right + 2.0) * vector[:-1] + beside * vector[1:]
    product[1:] += 200.0 * vector[1:] + beside * vector[:-1]
    return product


def expected(problem: Problem) -> dict[str, tuple[float | Array, ...]]:
    """Return value and gradient, and the product."""
    return {
        "value_and_grad": value_and_grad(problem.x),
        "hessian_product": (hessian_product(problem.x, problem.vector),),
    }


WORKLOAD = Workload(
    name="g_rosenbrock",
    title="G: Rosenbrock's function, gradient and product with the Hessian",
    sizes={"1000": 1_000, "100000": 100_000},
    tiny=9,
    make=make,
    expected=expected,
)

if __name__ == "__main__":
    main(WORKLOAD)
