"""Newton's method for logistic regression: gradient, Hessian and the solution of its system in one native function."""

from __future__ import annotations

from typing import Any

import numpy as np
from _timing import best_times, print_ratio
from scipy.optimize import minimize
from scipy.special import expit

import graphc as gx

Array = np.ndarray[Any, Any]
ROWS, COLUMNS, PENALTY = 1_000, 20, 1e-3


def make_data() -> tuple[Array, Array]:
    """Return points, the last column all ones, and labels 0 or 1 drawn with the probabilities of a known model."""
    generator = np.random.default_rng(0)
    points = generator.standard_normal((ROWS, COLUMNS))
    points[:, -1] = 1.0
    chances = expit(points @ generator.standard_normal(COLUMNS))
    return points, (generator.random(ROWS) < chances).astype("float64")


def logistic_loss(weights: gx.Expr, points: gx.Expr, labels: gx.Expr) -> gx.Expr:
    """Return the mean loss of labels 0 or 1, and a penalty on large weights."""
    logits = points @ weights
    return gx.mean(gx.softplus(logits) - labels * logits) + PENALTY / 2 * gx.sum(weights**2)


def step_by_hand(weights: Array, points: Array, labels: Array) -> Array:
    """Return Newton's step with NumPy, derivatives by hand."""
    chances = expit(points @ weights)
    gradient = points.T @ (chances - labels) / len(labels) + PENALTY * weights
    curvature = chances * (1 - chances) / len(labels)
    hessian = points.T @ (curvature[:, None] * points) + PENALTY * np.eye(len(weights))
    step: Array = np.linalg.solve(hessian, gradient)
    return weights - step


def main() -> None:
    points, labels = gx.tensor("points", ("rows", COLUMNS)), gx.tensor("labels", ("rows",))
    weights = gx.parameter("weights", (COLUMNS,))
    loss = logistic_loss(weights, points, labels)
    gradient, hessian = gx.grad(loss, weights), gx.hessian(loss, weights)
    following = weights - gx.linalg.solve(hessian, gradient)
    step = gx.compile([following, loss, gx.norm(gradient)], inputs=[weights, points, labels])

    data = make_data()
    now, norms = np.zeros(COLUMNS), []
    print("step  loss            norm of the gradient")
    for number in range(9):
        then, value, norm = step(now, *data)
        print(f"{number:4}  {value:.12f}  {norm:.1e}")
        np.testing.assert_allclose(then, step_by_hand(now, *data), rtol=1e-9, atol=1e-12)
        now = then
        norms.append(norm)
    # Quadratic: near the end a norm is some constant times the square of the one before, until rounding.
    order = np.log(norms[6] / norms[5]) / np.log(norms[5] / norms[4])
    assert order > 1.8
    assert norms[-1] < 1e-14
    print(f"order of convergence {order:.2f}")

    fn = gx.compile(loss, inputs=[weights, points, labels])
    print(fn.check(points=1))

    def value_and_grad(given: Array) -> tuple[float, Array]:
        value, slopes = fn.value_and_grad(given, *data)
        return value, slopes["weights"]

    rival = minimize(value_and_grad, np.zeros(COLUMNS), jac=True, method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(now, rival.x, rtol=1e-6, atol=1e-8)
    print(f"BFGS finds the same weights in {rival.nit} steps, to {np.abs(now - rival.x).max():.0e}")

    print_ratio(lambda: fn(now, *data), lambda: fn.value_and_grad(now, *data))
    own, by_hand = best_times(lambda: step(now, *data), lambda: step_by_hand(now, *data))
    print(f"a step of Newton's: {own * 1e6:.0f} us; by hand with NumPy {by_hand * 1e6:.0f} us")


if __name__ == "__main__":
    main()
