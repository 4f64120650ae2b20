"""F: a recurrent network over T steps: states h = tanh(x W + h U + b), the mean of their squares, its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """Inputs (steps, batch, features), and the weights of inputs, states, and biases."""

    inputs: Array
    weights: tuple[Array, Array, Array]


def make(parameters: tuple[int, int, int]) -> Problem:
    """Return the problem of (steps, batch, width), where inputs are as wide as states."""
    steps, batch, width = parameters
    generator = np.random.default_rng(0)
    square = [generator.standard_normal((width, width)) / np.sqrt(2 * width) for _ in range(2)]
    inputs = generator.standard_normal((steps, batch, width))
    return Problem(inputs, (square[0], square[1], generator.standard_normal(width)))


def value_and_grad(inputs: Array, weights: Array, recurrent: Array, biases: Array) -> tuple[float, Array, Array, Array]:
    """Return the value and its gradient for the weights, by hand; products with known sides are done at once."""
    steps, batch, width = inputs.shape
    states = np.zeros((steps + 1, batch, width))
    linear = (inputs.reshape(-1, width) @ weights + biases).reshape(steps, batch, width)
    for step in range(steps):
        states[step + 1] = np.tanh(linear[step] + states[step] @ recurrent)
    bars = 2.0 / linear.size * states[1:]
    for step in range(steps - 1, -1, -1):
        if step < steps - 1:
            bars[step] += bars[step + 1] @ recurrent.T
        bars[step] *= 1.0 - states[step + 1] ** 2
    flat = bars.reshape(-1, width)
    before = states[:-1].reshape(-1, width)
    return float(np.mean(states[1:] ** 2)), inputs.reshape(-1, width).T @ flat, before.T @ flat, flat.sum(axis=0)


WORKLOAD = Workload(
    name="f_recurrent",
    title="F: a recurrent network over T steps, value and gradient",
    sizes={"T=10": (10, 16, 32), "T=100": (100, 16, 32)},
    tiny=(3, 2, 4),
    make=make,
    expected=lambda problem: {"value_and_grad": value_and_grad(problem.inputs, *problem.weights)},
    quick=("T=10",),
)

if __name__ == "__main__":
    main(WORKLOAD)
