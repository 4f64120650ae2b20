"""E: training steps of small networks in float32, in each framework's natural loop over mini-batches.

small: 2-16-16-1, tanh, mean square, gradient descent, batch 32; mid: 64-128-128-10, tanh, softmax
cross-entropy, gradient descent, batch 32; big: 784-256-128-10, ReLU, softmax cross-entropy, Adam, batch 128.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main

FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Network:
    """A network, how it is trained, and the number of mini-batches in an epoch."""

    widths: tuple[int, ...]
    batch: int
    activation: str
    adam: bool
    rate: float
    batches: int

    @property
    def classifies(self) -> bool:
        """Whether the loss is the cross-entropy of classes; the mean square otherwise."""
        return self.widths[-1] > 1


@dataclass(frozen=True)
class Problem:
    """A network, its parameters (weights, biases, layer by layer), inputs and targets of an epoch."""

    network: Network
    parameters: tuple[Array, ...]
    inputs: Array
    targets: Array

    def epoch(self) -> Iterator[tuple[Array, Array]]:
        """Yield the mini-batches of the epoch."""
        size = self.network.batch
        for start in range(0, len(self.inputs), size):
            yield self.inputs[start : start + size], self.targets[start : start + size]


SMALL = Network((2, 16, 16, 1), 32, "tanh", False, 0.05, 64)
MID = Network((64, 128, 128, 10), 32, "tanh", False, 0.05, 32)
BIG = Network((784, 256, 128, 10), 128, "relu", True, 1e-3, 8)
TINY = Network((5, 4, 3, 3), 6, "relu", True, 1e-3, 2)


def make(network: Network) -> Problem:
    """Return the problem of a network: parameters, inputs and targets drawn at random."""
    generator = np.random.default_rng(0)
    parameters: list[Array] = []
    for inputs, outputs in zip(network.widths, network.widths[1:], strict=False):
        weights = generator.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        parameters += [weights.astype("float32"), np.zeros(outputs, "float32")]
    rows = network.batch * network.batches
    data = generator.standard_normal((rows, network.widths[0])).astype("float32")
    if network.classifies:
        return Problem(network, tuple(parameters), data, generator.integers(0, network.widths[-1], rows))
    return Problem(network, tuple(parameters), data, np.sin(data[:, :1] * data[:, 1:2]))


def forward(network: Network, parameters: list[Array], inputs: Array) -> list[Array]:
    """Return what each layer gives, the inputs first."""
    layers = [inputs]
    last = len(parameters) - 2
    for place in range(0, len(parameters), 2):
        linear = layers[-1] @ parameters[place] + parameters[place + 1]
        hidden = np.tanh(linear) if network.activation == "tanh" else np.maximum(linear, 0)
        layers.append(linear if place == last else hidden)
    return layers


def loss_and_bar(network: Network, outputs: Array, targets: Array) -> tuple[Array, Array]:
    """Return the loss, and its derivative for the outputs of the network."""
    if not network.classifies:
        difference = outputs - targets
        return np.mean(difference * difference), difference * np.float32(2 / difference.size)
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    rows = np.arange(len(targets))
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, targets])
    bar = powers / sums
    bar[rows, targets] -= 1
    return loss, bar / np.float32(len(targets))


def loss_and_gradient(
    network: Network, parameters: list[Array], inputs: Array, targets: Array
) -> tuple[Array, list[Array]]:
    """Return the loss of a mini-batch and its gradient for the parameters, by hand."""
    layers = forward(network, parameters, inputs)
    loss, bar = loss_and_bar(network, layers[-1], targets)
    gradient: list[Array] = []
    for place in range(len(parameters) - 2, -1, -2):
        below = layers[place // 2]
        gradient = [below.T @ bar, bar.sum(axis=0), *gradient]
        if place:
            slope = 1 - below * below if network.activation == "tanh" else below > 0
            bar = (bar @ parameters[place].T) * slope
    return loss, gradient


class Optimiser:
    """Gradient descent, or Adam (Kingma & Ba, 2015, algorithm 1), in place."""

    def __init__(self, network: Network, parameters: tuple[Array, ...]) -> None:
        self.network = network
        self.parameters = [value.copy() for value in parameters]
        self.first = [np.zeros_like(value) for value in parameters]
        self.second = [np.zeros_like(value) for value in parameters]
        self.steps = 0

    def gradient(self, inputs: Array, targets: Array) -> tuple[Array, list[Array]]:
        """Return loss and gradient of a mini-batch."""
        return loss_and_gradient(self.network, self.parameters, inputs, targets)

    def step(self, inputs: Array, targets: Array) -> Array:
        """Update the parameters for a mini-batch; return its loss."""
        loss, gradient = self.gradient(inputs, targets)
        if not self.network.adam:
            for value, slope in zip(self.parameters, gradient, strict=True):
                value -= np.float32(self.network.rate) * slope
            return loss
        self.steps += 1
        rate, unbias = adam_scales(self.network, self.steps)
        for value, slope, first, second in zip(self.parameters, gradient, self.first, self.second, strict=True):
            first += np.float32(1 - FIRST_DECAY) * (slope - first)
            second += np.float32(1 - SECOND_DECAY) * (slope * slope - second)
            value -= rate * first / (np.sqrt(second * unbias) + np.float32(EPSILON))
        return loss


def adam_scales(network: Network, step: int) -> tuple[np.float32, np.float32]:
    """Return Adam's learning rate corrected for the first moment's bias, and the second moment's correction."""
    return np.float32(network.rate / (1 - FIRST_DECAY**step)), np.float32(1 / (1 - SECOND_DECAY**step))


def train_epoch(optimiser: Optimiser, problem: Problem) -> tuple[Array, ...]:
    """Train on all mini-batches; return the last loss and the parameters."""
    for inputs, targets in problem.epoch():
        loss = optimiser.step(inputs, targets)
    return (loss, *optimiser.parameters)


def expected(problem: Problem) -> dict[str, tuple[Array, ...]]:
    """Return the last loss and the parameters after an epoch."""
    return {"step": train_epoch(Optimiser(problem.network, problem.parameters), problem)}


WORKLOAD = Workload(
    name="e_training_step",
    title="E: a training step, in a loop over mini-batches",
    sizes={"small": SMALL, "mid": MID, "big": BIG},
    tiny=TINY,
    make=make,
    expected=expected,
    dtype="float32",
    stateful=True,
)

if __name__ == "__main__":
    main(WORKLOAD)
