"""L: how high a surface is at most, by steps of gradient ascent, and the gradient of that through all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main

RATE = 0.2


@dataclass(frozen=True)
class Problem:
    """Where the maximum is sought, the matrix of the surface, and how many steps are taken."""

    point: Array
    twist: Array
    steps: int


def make(parameters: tuple[int, int]) -> Problem:
    """Return the problem of (dimensions, steps)."""
    size, steps = parameters
    generator = np.random.default_rng(0)
    return Problem(generator.standard_normal(size), generator.standard_normal((size, size)) / size, steps)


def expected(problem: Problem) -> dict[str, tuple[Any, ...]]:
    """Return the height after the steps and its gradient: every step is linear, dy/dx a number times the matrix.

    The surface is sum((x - 1)**2) + x @ twist @ y - 2 * sum((y - 0.5)**2).
    """
    x, twist = problem.point, problem.twist
    y, factor = np.zeros_like(x), 0.0
    for _ in range(problem.steps):
        y, factor = y + RATE * (x @ twist - 4.0 * (y - 0.5)), factor + RATE * (1.0 - 4.0 * factor)
    height = float(np.sum((x - 1.0) ** 2) + x @ twist @ y - 2.0 * np.sum((y - 0.5) ** 2))
    slope_of_y = x @ twist - 4.0 * (y - 0.5)
    return {"value": (height,), "value_and_grad": (height, 2.0 * (x - 1.0) + twist @ (y + factor * slope_of_y))}


WORKLOAD = Workload(
    name="l_min_max",
    title="L: the maximum of a surface by gradient ascent, and its gradient",
    sizes={"2, 60 steps": (2, 60), "20, 200 steps": (20, 200)},
    tiny=(3, 4),
    make=make,
    expected=expected,
)

if __name__ == "__main__":
    main(WORKLOAD)
