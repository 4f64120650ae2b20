"""A Gaussian mixture with a Wishart prior: the gradient in every parameter for about two evaluations of the function.

The objective of the ADBench suite, after Srajer, Kukelova & Fitzgibbon, A benchmark of selected algorithmic
differentiation tools on some problems in computer vision and machine learning (2018), arXiv:1807.10129.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from _timing import print_ratio

import graphc as gx

Array = np.ndarray[Any, Any]


def factors(log_diagonals: gx.Expr, lower: gx.Expr) -> gx.Expr:
    """Return the lower triangular Q of each component, whose inverse covariance is Q.T @ Q.

    Args:
        log_diagonals: shape (k, d), the logarithms of what is on the diagonals.
        lower: shape (k, d(d-1)/2), what is below them, row after row.
    """
    below = gx.pad(gx.unpack_lower(lower), ((0, 0), (1, 0), (0, 1)))
    return below + gx.exp(log_diagonals)[:, :, None] * np.eye(log_diagonals.shape[1])


def log_likelihood(points: gx.Expr, parameters: dict[str, gx.Expr]) -> gx.Expr:
    """Return the sum over points of log(sum over components of weight times normal density)."""
    logs, means, log_diagonals = (parameters[name] for name in ("log_weights", "means", "log_diagonals"))
    centred = points[:, None, :] - means
    whitened = gx.einsum("kij,nkj->nki", factors(log_diagonals, parameters["lower"]), centred)
    each = logs + log_diagonals.sum(axis=1) - 0.5 * gx.sum(whitened**2, axis=2)
    constant = gx.logsumexp(logs) + 0.5 * means.shape[1] * math.log(2 * math.pi)
    return gx.sum(gx.logsumexp(each, axis=1) - constant)


def log_prior(parameters: dict[str, gx.Expr], gamma: float, m: int) -> gx.Expr:
    """Return the log density of the inverse covariances: Wishart, scale 1/gamma**2, d + m + 1 degrees of freedom.

    ADBench adds the prior with its sign turned; the work is the same.
    """
    log_diagonals, lower = parameters["log_diagonals"], parameters["lower"]
    k, d = log_diagonals.shape
    freedom = d + m + 1
    gammas = sum(math.lgamma(0.5 * (freedom - j)) for j in range(d)) + 0.25 * d * (d - 1) * math.log(math.pi)
    constant = freedom * d * (math.log(gamma) - 0.5 * math.log(2)) - gammas
    squares = gx.sum(gx.exp(2 * log_diagonals)) + gx.sum(lower**2)
    return k * constant + m * log_diagonals.sum() - 0.5 * gamma**2 * squares


def compiled(k: int, d: int, gamma: float = 1.0, m: int = 0) -> gx.Function:
    """Return log-likelihood plus log-prior as a function of points, any number of them, and the parameters."""
    points = gx.tensor("points", ("n", d))
    parameters = {
        "log_weights": gx.parameter("log_weights", (k,)),
        "means": gx.parameter("means", (k, d)),
        "log_diagonals": gx.parameter("log_diagonals", (k, d)),
        "lower": gx.parameter("lower", (k, d * (d - 1) // 2)),
    }
    density = log_likelihood(points, parameters) + log_prior(parameters, gamma, m)
    return gx.compile(density, inputs=[points, parameters], threads=1)


def problem(n: int, k: int, d: int) -> tuple[Array, dict[str, Array]]:
    """Return points around k centres, and parameters to begin a fit at."""
    random = np.random.default_rng(0)
    points = 3.0 * random.normal(size=(k, d))[random.integers(k, size=n)] + random.normal(size=(n, d))
    return points, {
        "log_weights": np.zeros(k),
        "means": random.normal(size=(k, d)),
        "log_diagonals": np.zeros((k, d)),
        "lower": np.zeros((k, d * (d - 1) // 2)),
    }


def main(n: int = 1000, k: int = 25, d: int = 10) -> None:
    print(compiled(k=2, d=3, gamma=0.5, m=1).check(points=1), "\n")

    density = compiled(k, d)
    points, parameters = problem(n, k, d)
    value, gradient = density.value_and_grad(points, parameters)
    print(f"{n} points, {d} dimensions, {k} components: log density {value:,.2f}")
    for name, slopes in gradient.items():
        print(f"  d/d {name:<13} {slopes.size:>5} numbers, norm {np.linalg.norm(slopes):,.2f}")

    # A small step along the gradient changes the value by the step times the square of its norm.
    squared = sum(np.sum(slopes**2) for slopes in gradient.values())
    step = 1e-6 / math.sqrt(squared)
    ahead, behind = (
        density(points, {name: parameters[name] + sign * step * slopes for name, slopes in gradient.items()})
        for sign in (1, -1)
    )
    slope = (ahead - behind) / (2 * step)
    print(f"slope along the gradient {slope:,.2f}, square of its norm {squared:,.2f}\n")
    np.testing.assert_allclose(slope, squared, rtol=1e-6)

    ratio = print_ratio(lambda: density(points, parameters), lambda: density.value_and_grad(points, parameters))
    count = sum(slopes.size for slopes in gradient.values())
    print(f"{count:,} derivatives for the time of {ratio:.1f} functions; differences would take {count + 1:,}")


if __name__ == "__main__":
    main()
