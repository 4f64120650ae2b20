"""M: predators and prey by Runge and Kutta's method: the mean square of what is wrong with all states, its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main

STEP = 0.05


@dataclass(frozen=True)
class Problem:
    """The first state, the rates of Lotka and Volterra, and a state observed after every step."""

    start: Array
    rates: Array
    observed: Array

    @property
    def arguments(self) -> tuple[Array, Array, Array]:
        """What functions of the loss are called with."""
        return self.start, self.rates, self.observed


def make(steps: int) -> Problem:
    """Return the problem of so many steps."""
    observed = np.random.default_rng(0).uniform(1.0, 9.0, (steps, 2))
    return Problem(np.array([10.0, 5.0]), np.array([1.1, 0.4, 0.1, 0.4]), observed)


def flow(state: Any, rates: Any) -> tuple[Any, Any]:
    """Return how fast prey and predators grow: of any numbers, arrays or symbols."""
    prey, predators = state[0], state[1]
    return prey * (rates[0] - rates[1] * predators), predators * (rates[2] * prey - rates[3])


def next_state(slope: Any, state: Any) -> Any:
    """Return the state after a step, where ``slope(state)`` says how it changes."""
    first = slope(state)
    second = slope(state + STEP / 2 * first)
    third = slope(state + STEP / 2 * second)
    fourth = slope(state + STEP * third)
    return state + STEP / 6 * (first + 2.0 * second + 2.0 * third + fourth)


def next_pair(state: tuple[Any, Any], rates: Any) -> tuple[Any, Any]:
    """Return prey and predators after a step, as numbers of their own."""
    moved = lambda slope, size: tuple(value + size * each for value, each in zip(state, slope, strict=True))
    first = flow(state, rates)
    second = flow(moved(first, STEP / 2), rates)
    third = flow(moved(second, STEP / 2), rates)
    fourth = flow(moved(third, STEP), rates)
    total = [a + 2.0 * b + 2.0 * c + e for a, b, c, e in zip(first, second, third, fourth, strict=True)]
    prey, predators = moved(total, STEP / 6)
    return prey, predators


def flow_with_sensitivities(both: Array, rates: Array) -> Array:
    """Return how a state changes, and its derivatives for the first state and the rates: columns 1 to 6."""
    prey, predators = both[:, 0]
    by_state = np.array([[rates[0] - rates[1] * predators, -rates[1] * prey],
                         [rates[2] * predators, rates[2] * prey - rates[3]]])  # fmt: skip
    by_rates = np.array([[prey, -prey * predators, 0.0, 0.0], [0.0, 0.0, prey * predators, -predators]])
    change = by_state @ both[:, 1:]
    change[:, 2:] += by_rates
    return np.column_stack([flow(both[:, 0], rates), change])


def value_and_grad(start: Array, rates: Array, observed: Array) -> tuple[float, Array, Array]:
    """Return the value and its gradient for start and rates: the method's steps for the sensitivity equations."""
    both = np.column_stack([start, np.eye(2, 6)])
    value, gradient = 0.0, np.zeros(6)
    for row in observed:
        both = next_state(lambda given: flow_with_sensitivities(given, rates), both)
        wrong = both[:, 0] - row
        value += float(wrong @ wrong) / observed.size
        gradient += 2.0 / observed.size * wrong @ both[:, 1:]
    return value, gradient[:2], gradient[2:]


def expected(problem: Problem) -> dict[str, tuple[Any, ...]]:
    """Return the value, and the value with its gradient."""
    both = value_and_grad(*problem.arguments)
    return {"value": both[:1], "value_and_grad": both}


WORKLOAD = Workload(
    name="m_ode",
    title="M: an ordinary differential equation by Runge and Kutta's method",
    sizes={"400": 400, "10000": 10_000},
    tiny=3,
    make=make,
    expected=expected,
    quick=("400",),
)

if __name__ == "__main__":
    main(WORKLOAD)
