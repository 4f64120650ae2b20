"""H: the dense Hessian of a logistic loss of 50 weights over 1000 rows."""

from __future__ import annotations

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.d_logistic_regression import Problem, make
from benchmarks.driver import main


def hessian(problem: Problem) -> Array:
    """Return Xᵀ diag(s (1 - s) / rows) X, where s are the sigmoids of the logits."""
    sigmoids = 1.0 / (1.0 + np.exp(-(problem.matrix @ problem.weights)))
    curvature = sigmoids * (1.0 - sigmoids) / len(sigmoids)
    product: Array = problem.matrix.T @ (curvature[:, None] * problem.matrix)
    return product


WORKLOAD = Workload(
    name="h_dense_hessian",
    title="H: the dense Hessian of a logistic loss",
    sizes={"1000x50": (1_000, 50)},
    tiny=(11, 4),
    make=make,
    expected=lambda problem: {"hessian": (hessian(problem),)},
)

if __name__ == "__main__":
    main(WORKLOAD)
