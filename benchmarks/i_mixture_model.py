"""I: the log-likelihood of a Gaussian mixture with a Wishart prior, its gradient in all parameters.

Source: Srajer, Kukelova & Fitzgibbon, A benchmark of selected algorithmic differentiation tools on some problems
in computer vision and machine learning (2018), arXiv:1807.10129; the suite ADBench, whose prior has the other sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main

GAMMA, M = 1.0, 0
"""The prior: scale 1/GAMMA**2, M + 1 degrees of freedom more than dimensions."""


@dataclass(frozen=True)
class Problem:
    """Points (n, d), and of k components log weights (k,), means (k, d), and the factors Q of inverse covariances.

    A factor is the logarithm of its diagonal (k, d), and what is below it, row after row (k, d(d-1)/2).
    """

    points: Array
    parameters: tuple[Array, Array, Array, Array]


def make(parameters: tuple[int, int, int]) -> Problem:
    """Return the problem of (points, dimensions, components)."""
    n, d, k = parameters
    generator = np.random.default_rng(0)
    shapes = [(k,), (k, d), (k, d), (k, d * (d - 1) // 2)]
    log_weights, means, log_diagonals, lower = (generator.standard_normal(shape) for shape in shapes)
    return Problem(generator.standard_normal((n, d)), (log_weights, means, log_diagonals / 4, lower / np.sqrt(d)))


def constant(n: int, d: int, k: int) -> float:
    """Return what depends on no parameter: of the normal densities, and of the prior."""
    freedom = d + M + 1
    gammas = sum(math.lgamma(0.5 * (freedom - j)) for j in range(d)) + 0.25 * d * (d - 1) * math.log(math.pi)
    prior = freedom * d * (math.log(GAMMA) - 0.5 * math.log(2)) - gammas
    return k * prior - 0.5 * n * d * math.log(2 * math.pi)


def places(d: int) -> tuple[Array, Array]:
    """Return rows and columns of what is below the diagonal, row after row."""
    return np.tril_indices(d, -1)


def factors(log_diagonals: Array, lower: Array) -> Array:
    """Return the factors as matrices."""
    k, d = log_diagonals.shape
    found = np.zeros((k, d, d))
    rows, columns = places(d)
    found[:, rows, columns] = lower
    found[:, np.arange(d), np.arange(d)] = np.exp(log_diagonals)
    return found


def log_sum_exp(x: Array) -> tuple[Array, Array]:
    """Return log(sum(exp(x))) along the last axis, and the shares of the sum."""
    top = x.max(axis=-1, keepdims=True)
    powers = np.exp(x - top)
    total = powers.sum(axis=-1, keepdims=True)
    return (np.log(total) + top)[..., 0], powers / total


def forward(points: Array, *parameters: Array) -> tuple[float, Array, Array, Array, Array]:
    """Return the value, the factors, centred and whitened points (k, n, d), and whose each point is (n, k)."""
    log_weights, means, log_diagonals, lower = parameters
    (n, d), k = points.shape, len(means)
    matrices = factors(log_diagonals, lower)
    centred = points - means[:, None, :]
    whitened = centred @ matrices.transpose(0, 2, 1)
    each = log_weights + log_diagonals.sum(axis=1) - 0.5 * np.sum(whitened**2, axis=2).T
    levels, shares = log_sum_exp(each)
    likelihood = levels.sum() - n * log_sum_exp(log_weights)[0]
    squares = np.sum(np.exp(2 * log_diagonals)) + np.sum(lower**2)
    prior = M * log_diagonals.sum() - 0.5 * GAMMA**2 * squares
    return float(likelihood + prior + constant(n, d, k)), matrices, centred, whitened, shares


def value(points: Array, *parameters: Array) -> float:
    """Return the log density."""
    return forward(points, *parameters)[0]


def value_and_grad(points: Array, *parameters: Array) -> tuple[float, Array, Array, Array, Array]:
    """Return the log density and its gradient, by hand."""
    log_weights, _, log_diagonals, lower = parameters
    n, d = points.shape
    found, matrices, centred, whitened, shares = forward(points, *parameters)
    counts = shares.sum(axis=0)
    bars = -shares.T[:, :, None] * whitened
    means_bar = -np.einsum("ki,kij->kj", bars.sum(axis=1), matrices)
    matrices_bar = bars.transpose(0, 2, 1) @ centred
    rows, columns = places(d)
    diagonals = np.exp(log_diagonals)
    diagonals_bar = matrices_bar[:, np.arange(d), np.arange(d)] * diagonals - GAMMA**2 * diagonals**2 + M
    lower_bar = matrices_bar[:, rows, columns] - GAMMA**2 * lower
    return found, counts - n * log_sum_exp(log_weights)[1], means_bar, diagonals_bar + counts[:, None], lower_bar


WORKLOAD = Workload(
    name="i_mixture_model",
    title="I: a Gaussian mixture with a Wishart prior, value and gradient in all parameters",
    sizes={"d=10 k=25": (1000, 10, 25), "d=32 k=25": (1000, 32, 25), "d=64 k=50": (1000, 64, 50)},
    tiny=(7, 3, 2),
    make=make,
    expected=lambda problem: {
        "value": (value(problem.points, *problem.parameters),),
        "value_and_grad": value_and_grad(problem.points, *problem.parameters),
    },
    quick=("d=10 k=25",),
)

if __name__ == "__main__":
    main(WORKLOAD)
