"""Bayesian linear regression by Hamiltonian Monte Carlo: random numbers, leapfrog, all draws in one native function."""

from __future__ import annotations

from typing import Any

import numpy as np
from _timing import best_times, print_ratio

import graphc as gx

Array = np.ndarray[Any, Any]
NOISE, PRIOR = 0.7, 2.0  # standard deviations: of observations, and of weights before there are any
STEP, LEAPS, DRAWS, WARM_UP = 0.03, 16, 20_000, 100


def make_data() -> tuple[Array, Array]:
    """Return points and observations of a known line."""
    generator = np.random.default_rng(0)
    points = generator.standard_normal((200, 4))
    return points, points @ [1.0, -2.0, 0.5, 0.0] + NOISE * generator.standard_normal(200)


def posterior(points: Array, observed: Array) -> tuple[Array, Array]:
    """Return the mean and standard deviation of the weights, which are normal here, in closed form."""
    covariance = np.linalg.inv(points.T @ points / NOISE**2 + np.eye(points.shape[1]) / PRIOR**2)
    return covariance @ points.T @ observed / NOISE**2, np.sqrt(np.diag(covariance))


class Sampler:
    """The chain of Duane, Kennedy, Pendleton & Roweth, Hybrid Monte Carlo (1987), as expressions."""

    def __init__(self, points: gx.Expr, observed: gx.Expr) -> None:
        self.points, self.observed = points, observed

    def potential(self, weights: gx.Expr) -> gx.Expr:
        """Return the negative logarithm of the posterior, without its constant."""
        misfit = gx.sum((self.observed - self.points @ weights) ** 2) / NOISE**2
        return 0.5 * (misfit + gx.sum(weights**2) / PRIOR**2)

    def energy(self, weights: gx.Expr, momentum: gx.Expr) -> gx.Expr:
        """Return what exact motion would keep."""
        return self.potential(weights) + 0.5 * gx.sum(momentum**2)

    def leapfrog(self, weights: gx.Expr, momentum: gx.Expr, size: Any) -> tuple[gx.Expr, gx.Expr]:
        """Return both after some steps of a size."""
        slope = gx.grad(self.potential)

        def step(_: gx.Expr, state: tuple[gx.Expr, gx.Expr]) -> tuple[gx.Expr, gx.Expr]:
            weights = state[0] + size * state[1]
            return weights, state[1] - size * slope(weights)

        # The momentum is half a step ahead of the weights, in the end half a step back.
        ahead = momentum - size / 2 * slope(weights)
        weights, ahead = gx.fori_loop(0, LEAPS, step, (weights, ahead))
        return weights, ahead + size / 2 * slope(weights)

    def draw(self, state: tuple[gx.Expr, gx.Expr], _: None) -> tuple[Any, Any]:
        """Return the next key and weights; and the weights with whether they were accepted."""
        key, weights = state
        key, of_momentum, of_size, of_coin = gx.random.split(key, 4)
        momentum = gx.random.normal(of_momentum, weights.shape)
        # Steps of one size may come back to where they began, again and again.
        size = STEP * gx.random.uniform(of_size, minval=0.5, maxval=1.5)
        proposed, last = self.leapfrog(weights, momentum, size)
        gain = self.energy(weights, momentum) - self.energy(proposed, last)
        accepted = gx.log(gx.random.uniform(of_coin)) < gain
        weights = gx.where(accepted, proposed, weights)
        return (key, weights), (weights, accepted)


def main() -> None:
    points, observed = gx.tensor("points", ("rows", 4)), gx.tensor("observed", ("rows",))
    start, key = gx.tensor("start", (4,)), gx.symbol("key", dtype="uint64")
    sampler = Sampler(points, observed)
    data = make_data()

    potential = gx.compile(sampler.potential(start), inputs=[start, points, observed], wrt=start)
    print(potential.check(points=1))

    _, (draws, accepted) = gx.scan(sampler.draw, (key, start), length=DRAWS)
    results = [draws, gx.mean(accepted.astype("float64"))]
    chain = gx.compile(results, inputs=[key, start, points, observed])
    found, rate = chain(42, np.zeros(4), *data)
    found = found[WARM_UP:]

    mean, deviation = posterior(*data)
    print(f"{DRAWS} draws, {rate:.1%} accepted")
    print(f"mean       {found.mean(axis=0).round(4)}, closed form {mean.round(4)}")
    print(f"deviation  {found.std(axis=0).round(4)}, closed form {deviation.round(4)}")
    np.testing.assert_allclose(found.mean(axis=0), mean, atol=0.1 * deviation.min())
    np.testing.assert_allclose(found.std(axis=0), deviation, rtol=0.05)
    assert 0.8 < rate < 1.0

    zero = np.zeros(4)
    (seconds,) = best_times(lambda: chain(42, zero, *data))
    print(f"{seconds / DRAWS * 1e6:.2f} us a draw of {LEAPS} leaps")
    print_ratio(lambda: potential(zero, *data), lambda: potential.value_and_grad(zero, *data))


if __name__ == "__main__":
    main()
