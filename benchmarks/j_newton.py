"""J: a step of Newton's method for logistic regression: gradient, dense Hessian, and the solution of its system."""

from __future__ import annotations

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.d_logistic_regression import Problem, make, value_and_grad
from benchmarks.driver import main
from benchmarks.h_dense_hessian import hessian

PENALTY = 1e-3


def newton_step(problem: Problem) -> Array:
    """Return the weights after a step, by hand; half the penalty times their squares is part of the loss."""
    _, gradient = value_and_grad(problem.weights, problem.matrix, problem.labels)
    curvature = hessian(problem) + PENALTY * np.eye(len(problem.weights))
    step: Array = np.linalg.solve(curvature, gradient + PENALTY * problem.weights)
    return problem.weights - step


WORKLOAD = Workload(
    name="j_newton",
    title="J: a step of Newton's method for logistic regression",
    sizes={"1000x20": (1_000, 20), "10000x50": (10_000, 50)},
    tiny=(11, 4),
    make=make,
    expected=lambda problem: {"step": (newton_step(problem),)},
    quick=("1000x20",),
)

if __name__ == "__main__":
    main(WORKLOAD)
