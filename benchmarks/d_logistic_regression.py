"""D: the mean logistic loss of a linear model, and its gradient for the weights: bound by reading the matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """A row of the matrix for each observation, its label 0.0 or 1.0, and the weights."""

    matrix: Array
    labels: Array
    weights: Array


def make(shape: tuple[int, int]) -> Problem:
    """Return the problem of (rows, columns)."""
    generator = np.random.default_rng(0)
    rows, columns = shape
    weights = generator.standard_normal(columns) / np.sqrt(columns)
    matrix = generator.standard_normal((rows, columns))
    return Problem(matrix, (generator.random(rows) < 0.5).astype("float64"), weights)


def value_and_grad(weights: Array, matrix: Array, labels: Array) -> tuple[float, Array]:
    """Return the loss and its gradient, by hand: stable for logits of any size."""
    logits = matrix @ weights
    small = np.exp(-np.abs(logits))
    loss = np.log1p(small) + np.maximum(logits, 0.0) - labels * logits
    residual = np.where(logits >= 0, 1.0, small) / (1.0 + small) - labels
    return float(loss.mean()), (residual @ matrix) / len(labels)


WORKLOAD = Workload(
    name="d_logistic_regression",
    title="D: logistic regression, value and gradient",
    sizes={"10000x100": (10_000, 100), "100000x20": (100_000, 20)},
    tiny=(13, 5),
    make=make,
    expected=lambda problem: {"value_and_grad": value_and_grad(problem.weights, problem.matrix, problem.labels)},
)

if __name__ == "__main__":
    main(WORKLOAD)
