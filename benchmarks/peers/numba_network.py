"""Training networks of three layers, written by hand for Numba: a whole epoch in one native call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

from benchmarks import e_training_step as e
from benchmarks.common import Array, Call

FUSED = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}}
IDENTITY, TANH, RELU = range(3)
ONE, ZERO = np.float32(1), np.float32(0)


@nb.njit(**FUSED)
def mean_square(outputs: Array, targets: Array, bar: Array) -> float:
    """Return the mean square; its derivative goes to `bar`."""
    loss, scale = ZERO, np.float32(2 / outputs.size)
    for row in range(outputs.shape[0]):
        for column in range(outputs.shape[1]):
            difference = outputs[row, column] - targets[row, column]
            loss += difference * difference
            bar[row, column] = scale * difference
    return loss / np.float32(outputs.size)


@nb.njit(**FUSED)
def cross_entropy(outputs: Array, targets: Array, bar: Array) -> float:
    """Return the mean cross-entropy of the softmax; its derivative goes to `bar`."""
    rows, columns = outputs.shape
    loss = ZERO
    for row in range(rows):
        largest = outputs[row].max()
        total = ZERO
        for column in range(columns):
            bar[row, column] = math.exp(outputs[row, column] - largest)
            total += bar[row, column]
        loss += math.log(total) - (outputs[row, targets[row]] - largest)
        for column in range(columns):
            bar[row, column] /= total * np.float32(rows)
        bar[row, targets[row]] -= ONE / np.float32(rows)
    return loss / np.float32(rows)


@nb.njit(**FUSED)
def ahead(inputs: Array, weights: Array, biases: Array, activation: int, out: Array) -> None:
    """Compute a layer into `out`."""
    np.dot(inputs, weights, out)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            value = out[row, column] + biases[column]
            if activation == TANH:
                value = math.tanh(value)
            elif activation == RELU:
                value = max(value, ZERO)
            out[row, column] = value


@nb.njit(**FUSED)
def backwards(bar: Array, below: Array, slopes: tuple[Array, Array]) -> None:
    """Compute the derivatives for a layer's weights and biases."""
    np.dot(below.T, bar, slopes[0])
    slopes[1][:] = ZERO
    for row in range(bar.shape[0]):
        for column in range(bar.shape[1]):
            slopes[1][column] += bar[row, column]


@nb.njit(**FUSED)
def below_of(bar: Array, weights: Array, below: Array, activation: int, out: Array) -> None:
    """Compute the derivative for what a layer was given, before its activation."""
    np.dot(bar, weights.T, out)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            value = below[row, column]
            slope = ONE - value * value if activation == TANH else (ONE if value > ZERO else ZERO)
            out[row, column] *= slope


@nb.njit(**FUSED)
def adam(values: Array, slopes: Array, first: Array, second: Array, rate: float, unbias: float) -> None:
    """Update parameters and moments by Adam; all arrays are flat."""
    for place in range(values.size):
        slope = slopes[place]
        first[place] += np.float32(1 - e.FIRST_DECAY) * (slope - first[place])
        second[place] += np.float32(1 - e.SECOND_DECAY) * (slope * slope - second[place])
        values[place] -= rate * first[place] / (math.sqrt(second[place] * unbias) + np.float32(e.EPSILON))


@nb.njit(**FUSED)
def descend(values: Array, slopes: Array, rate: float) -> None:
    """Update parameters by gradient descent; both arrays are flat."""
    for place in range(values.size):
        values[place] -= rate * slopes[place]


def make_epoch(network: e.Network) -> Callable[..., Any]:
    """Return the function that trains on all mini-batches."""
    loss_of = cross_entropy if network.classifies else mean_square
    activation = TANH if network.activation == "tanh" else RELU
    batch, use_adam, plain_rate = network.batch, network.adam, np.float32(network.rate)

    @nb.njit(**FUSED)
    def epoch(state: Any, views: Any, inputs: Array, targets: Array, layers: Any, bars: Any, done: int) -> Any:
        values, slopes, first, second = state
        p, s = views
        loss = ZERO
        for start in range(0, len(inputs), batch):
            x, y = inputs[start : start + batch], targets[start : start + batch]
            ahead(x, p[0], p[1], activation, layers[0])
            ahead(layers[0], p[2], p[3], activation, layers[1])
            ahead(layers[1], p[4], p[5], IDENTITY, layers[2])
            loss = loss_of(layers[2], y, bars[2])
            backwards(bars[2], layers[1], (s[4], s[5]))
            below_of(bars[2], p[4], layers[1], activation, bars[1])
            backwards(bars[1], layers[0], (s[2], s[3]))
            below_of(bars[1], p[2], layers[0], activation, bars[0])
            backwards(bars[0], x, (s[0], s[1]))
            done += 1
            rate = np.float32(plain_rate / (1 - e.FIRST_DECAY**done))
            unbias = np.float32(1 / (1 - e.SECOND_DECAY**done))
            if use_adam:
                adam(values, slopes, first, second, rate, unbias)
            else:
                descend(values, slopes, plain_rate)
        return loss

    compiled: Callable[..., Any] = epoch
    return compiled


def views_of(flat: Array, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return parts of a flat array in the shapes of others."""
    ends = np.cumsum([value.size for value in arrays])
    return tuple(flat[end - value.size : end].reshape(value.shape) for end, value in zip(ends, arrays, strict=True))


def train(problem: e.Problem) -> Call:
    """Return an epoch in one call; the parameters are updated in place."""
    network, steps = problem.network, 0
    values = np.concatenate([value.ravel() for value in problem.parameters])
    state = (values, *(np.zeros_like(values) for _ in range(3)))
    views = tuple(views_of(flat, problem.parameters) for flat in state[:2])
    layers, bars = (
        tuple(np.empty((network.batch, width), "float32") for width in network.widths[1:]) for _ in range(2)
    )
    epoch = make_epoch(network)

    def run() -> tuple[Any, ...]:
        nonlocal steps
        loss = epoch(state, views, problem.inputs, problem.targets, layers, bars, steps)
        steps += network.batches
        return (loss, *views[0])

    return Call(run, steps=network.batches)
