"""Predators and prey fitted to observations: Runge and Kutta's method is a loop, and has a gradient like any other."""

from __future__ import annotations

from typing import Any

import numpy as np
from _timing import print_ratio
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

import graphc as gx

Array = np.ndarray[Any, Any]
STEP, STEPS_BETWEEN, OBSERVATIONS = 0.05, 10, 40
TRUE_RATES = np.array([1.1, 0.4, 0.1, 0.4])
TRUE_START = np.array([10.0, 5.0])


def flow(state: Any, rates: Any) -> list[Any]:
    """Return how fast prey and predators grow (Lotka & Volterra): births, catches, meals, deaths."""
    prey, predators = state
    births, catches, meals, deaths = rates
    return [prey * (births - catches * predators), predators * (meals * prey - deaths)]


def step(state: gx.Expr, rates: gx.Expr) -> gx.Expr:
    """Return the state after one step of Runge and Kutta's method of order four."""
    slope = lambda at: gx.stack(flow(at, rates))
    first = slope(state)
    second = slope(state + STEP / 2 * first)
    third = slope(state + STEP / 2 * second)
    fourth = slope(state + STEP * third)
    return state + STEP / 6 * (first + 2 * second + 2 * third + fourth)


def trajectory(start: gx.Expr, rates: gx.Expr, length: Any) -> gx.Expr:
    """Return the state at the time of every observation."""

    def until_next(state: gx.Expr, _: None) -> tuple[gx.Expr, gx.Expr]:
        state = gx.fori_loop(0, STEPS_BETWEEN, lambda _, inner: step(inner, rates), state)
        return state, state

    return gx.scan(until_next, start, length=length)[1]


def gradient_by_sensitivities(logarithms: Array, start: Array, observed: Array) -> Array:
    """Return the gradient of the loss for both from the sensitivity equations, solved by SciPy: S' = A S + B."""
    rates = np.exp(logarithms)

    def augmented(_: float, both: Array) -> Array:
        (prey, predators), sensitivities = both[:2], both[2:].reshape(2, 6)
        births, catches, meals, deaths = rates
        by_state = np.array(
            [[births - catches * predators, -catches * prey], [meals * predators, meals * prey - deaths]]
        )
        by_rates = np.array([[prey, -prey * predators, 0, 0], [0, 0, prey * predators, -predators]])
        forced = np.hstack([by_rates * rates, np.zeros((2, 2))])
        return np.concatenate([flow(both[:2], rates), (by_state @ sensitivities + forced).ravel()])

    times = STEP * STEPS_BETWEEN * np.arange(OBSERVATIONS + 1)
    begin = np.concatenate([start, np.eye(2, 6, 4).ravel()])
    solved = solve_ivp(augmented, times[[0, -1]], begin, "DOP853", times[1:], rtol=1e-11, atol=1e-11).y.T
    residuals, sensitivities = solved[:, :2] - observed, solved[:, 2:].reshape(-1, 2, 6)
    gradient: Array = np.einsum("tk,tkp->p", 2 / residuals.size * residuals, sensitivities)
    return gradient


def main() -> None:
    logarithms, start = gx.tensor("logarithms", (4,)), gx.tensor("start", (2,))
    observed = gx.tensor("observed", ("times", 2))
    states = trajectory(start, gx.exp(logarithms), observed.shape[0])
    loss = gx.mean((states - observed) ** 2)
    fn = gx.compile(loss, inputs=[logarithms, start, observed], wrt=[logarithms, start])
    print(fn.check(points=1))

    exact = gx.compile(trajectory(start, gx.exp(logarithms), OBSERVATIONS), [logarithms, start])
    noise = np.random.default_rng(0).normal(0, 0.2, (OBSERVATIONS, 2))
    data = exact(np.log(TRUE_RATES), TRUE_START) + noise

    guess = np.log([1.0, 0.3, 0.15, 0.5]), np.array([9.0, 6.0])
    value, gradient = fn.value_and_grad(*guess, data)
    by_sensitivities = gradient_by_sensitivities(*guess, data)
    error = np.abs(np.concatenate(gradient) / by_sensitivities - 1).max()
    assert error < 1e-4
    print(f"gradient at the guess beside the sensitivity equations: relative error {error:.1e}, of the method's steps")

    def flat(unknown: Array) -> tuple[float, Array]:
        value, gradient = fn.value_and_grad(unknown[:4], unknown[4:], data)
        return value, np.concatenate(gradient)

    fit = minimize(flat, np.concatenate(guess), jac=True, method="BFGS")
    rates = np.exp(fit.x[:4])
    print(f"loss {value:.3f} at the guess, {fit.fun:.4f} after {fit.nit} steps; {np.mean(noise**2):.4f} is noise")
    print(f"rates {rates.round(3)}, true {TRUE_RATES}; start {fit.x[4:].round(2)}, true {TRUE_START}")
    np.testing.assert_allclose(rates, TRUE_RATES, rtol=0.05)
    assert fit.fun < np.mean(noise**2)
    print_ratio(lambda: fn(*guess, data), lambda: fn.value_and_grad(*guess, data))


if __name__ == "__main__":
    main()
