"""K: a trajectory of Hamiltonian Monte Carlo: leapfrog steps along the slope of a logistic regression's posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks import d_logistic_regression as d
from benchmarks.common import Array, Workload
from benchmarks.driver import main

LEAPS = 16
STEP = 0.01


@dataclass(frozen=True)
class Problem:
    """A row of the matrix for each observation, its label 0.0 or 1.0; weights and momentum to start from."""

    matrix: Array
    labels: Array
    weights: Array
    momentum: Array

    @property
    def arguments(self) -> tuple[Array, Array, Array, Array]:
        """What functions of the trajectory are called with."""
        return self.weights, self.momentum, self.matrix, self.labels


def make(shape: tuple[int, int]) -> Problem:
    """Return the problem of (rows, columns)."""
    given = d.make(shape)
    return Problem(given.matrix, given.labels, given.weights, np.random.default_rng(1).standard_normal(shape[1]))


def trajectory(weights: Array, momentum: Array, matrix: Array, labels: Array) -> tuple[Array, Array]:
    """Return weights and momentum after the leaps: the slope is that of the sum of losses and of half the squares."""

    def slope(weights: Array) -> Array:
        return len(labels) * d.value_and_grad(weights, matrix, labels)[1] + weights

    momentum = momentum - STEP / 2 * slope(weights)
    for _ in range(LEAPS):
        weights = weights + STEP * momentum
        momentum = momentum - STEP * slope(weights)
    return weights, momentum + STEP / 2 * slope(weights)


WORKLOAD = Workload(
    name="k_leapfrog",
    title="K: 16 leapfrog steps of Hamiltonian Monte Carlo",
    sizes={"200x4": (200, 4), "1000x20": (1_000, 20)},
    tiny=(7, 3),
    make=make,
    expected=lambda problem: {"trajectory": trajectory(*problem.arguments)},
)

if __name__ == "__main__":
    main(WORKLOAD)
