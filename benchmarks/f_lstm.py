"""F: an LSTM over T steps, four gates from x W + h U + b, the mean square of its outputs, its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """Inputs (steps, batch, width), and the weights of inputs, outputs, and biases, for all gates side by side."""

    inputs: Array
    weights: tuple[Array, Array, Array]


def make(parameters: tuple[int, int, int]) -> Problem:
    """Return the problem of (steps, batch, width), where inputs are as wide as outputs."""
    steps, batch, width = parameters
    generator = np.random.default_rng(0)
    matrices = [generator.standard_normal((width, 4 * width)) / np.sqrt(2 * width) for _ in range(2)]
    inputs = generator.standard_normal((steps, batch, width))
    return Problem(inputs, (matrices[0], matrices[1], generator.standard_normal(4 * width)))


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x))."""
    found: Array = 1.0 / (1.0 + np.exp(-x))
    return found


def forward(inputs: Array, weights: Array, recurrent: Array, biases: Array) -> tuple[Array, Array, Array]:
    """Return outputs and memories, the first ones before any step, and the gates: entry, keep, fresh, shown."""
    steps, batch, width = inputs.shape
    outputs, memories = np.zeros((2, steps + 1, batch, width))
    gates = np.empty((steps, 4, batch, width))
    linear = (inputs.reshape(-1, width) @ weights + biases).reshape(steps, batch, 4 * width)
    for step in range(steps):
        parts = np.split(linear[step] + outputs[step] @ recurrent, 4, axis=1)
        gates[step] = [sigmoid(parts[0]), sigmoid(parts[1]), np.tanh(parts[2]), sigmoid(parts[3])]
        entry, keep, fresh, shown = gates[step]
        memories[step + 1] = keep * memories[step] + entry * fresh
        outputs[step + 1] = shown * np.tanh(memories[step + 1])
    return outputs, memories, gates


def value(inputs: Array, weights: Array, recurrent: Array, biases: Array) -> float:
    """Return the mean square of the outputs."""
    return float(np.mean(forward(inputs, weights, recurrent, biases)[0][1:] ** 2))


def value_and_grad(inputs: Array, weights: Array, recurrent: Array, biases: Array) -> tuple[float, Array, Array, Array]:
    """Return the value and its gradient for the weights, by hand; products with known sides are done at once."""
    steps, batch, width = inputs.shape
    outputs, memories, gates = forward(inputs, weights, recurrent, biases)
    bars = np.empty((steps, batch, 4 * width))
    output_bar, memory_bar = np.zeros((2, batch, width))
    for step in range(steps - 1, -1, -1):
        entry, keep, fresh, shown = gates[step]
        output_bar = output_bar + 2.0 / (steps * batch * width) * outputs[step + 1]
        seen = np.tanh(memories[step + 1])
        memory_bar = memory_bar + output_bar * shown * (1.0 - seen**2)
        bars[step] = np.concatenate(
            [
                memory_bar * fresh * entry * (1.0 - entry),
                memory_bar * memories[step] * keep * (1.0 - keep),
                memory_bar * entry * (1.0 - fresh**2),
                output_bar * seen * shown * (1.0 - shown),
            ],
            axis=1,
        )
        memory_bar = memory_bar * keep
        output_bar = bars[step] @ recurrent.T
    flat = bars.reshape(-1, 4 * width)
    before = outputs[:-1].reshape(-1, width)
    found = float(np.mean(outputs[1:] ** 2))
    return found, inputs.reshape(-1, width).T @ flat, before.T @ flat, flat.sum(axis=0)


WORKLOAD = Workload(
    name="f_lstm",
    title="F: an LSTM over T steps, value and gradient",
    sizes={"T=10": (10, 16, 32), "T=100": (100, 16, 32)},
    tiny=(3, 2, 4),
    make=make,
    expected=lambda problem: {
        "value": (value(problem.inputs, *problem.weights),),
        "value_and_grad": value_and_grad(problem.inputs, *problem.weights),
    },
    quick=("T=100",),
)

if __name__ == "__main__":
    main(WORKLOAD)
