"""graphc's networks: training steps one by one and whole epochs in one call, recurrent networks as loops."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx
from benchmarks import e_training_step as e
from benchmarks import f_lstm as lstm
from benchmarks import f_recurrent as f
from benchmarks.common import Call, Ways


class Trainer:
    """A compiled training step; parameters and moments live in two sets of arrays that trade places."""

    def __init__(self, problem: e.Problem) -> None:
        self.problem = problem
        network = problem.network
        zeros = [np.zeros_like(value) for value in problem.parameters]
        moments = [zeros, [value.copy() for value in zeros]] if network.adam else []
        self.state = [[value.copy() for value in problem.parameters], *moments]
        self.following = [[np.empty_like(value) for value in values] for values in self.state]
        self.loss = np.empty((), "float32")
        self.steps = 0
        self.step = self.compiled()

    def compiled(self) -> gx.Function:
        """Return loss and next state as a function of state, mini-batch and learning rate."""
        network = self.problem.network
        state = state_symbols(self.problem)
        inputs = gx.tensor("inputs", ("batch", network.widths[0]), "float32")
        targets = gx.tensor("targets", ("batch",), "int64")
        if not network.classifies:
            targets = gx.tensor("targets", ("batch", 1), "float32")
        rate, unbias = gx.symbol("rate", dtype="float32"), gx.symbol("unbias", dtype="float32")
        loss = network_loss(network, state[0], inputs, targets)
        gradient = gx.grad(loss, wrt=state[0])
        scales = [rate, unbias] if network.adam else [rate]
        following = updated(state, gradient, scales)
        return gx.compile([loss, following], [state, inputs, targets, *scales])

    def epoch(self) -> tuple[Any, ...]:
        """Train on all mini-batches; return the last loss and the parameters."""
        for inputs, targets in self.problem.epoch():
            self.steps += 1
            network = self.problem.network
            scales = e.adam_scales(network, self.steps) if network.adam else (network.rate,)
            self.step(self.state, inputs, targets, *scales, out=[self.loss, self.following])
            self.state, self.following = self.following, self.state
        return (self.loss, *self.state[0])


def state_symbols(problem: e.Problem) -> list[list[gx.Expr]]:
    """Return symbols for the parameters, and for their moments where there are any."""
    return [
        [gx.tensor(f"{name}_{place}", value.shape, "float32") for place, value in enumerate(problem.parameters)]
        for name in ["parameter", "first", "second"][: 3 if problem.network.adam else 1]
    ]


def network_loss(network: e.Network, parameters: list[gx.Expr], inputs: gx.Expr, targets: gx.Expr) -> gx.Expr:
    """Return the loss of a mini-batch."""
    activation = gx.tanh if network.activation == "tanh" else gx.relu
    layer = inputs
    for place in range(0, len(parameters), 2):
        layer = layer @ parameters[place] + parameters[place + 1]
        layer = activation(layer) if place < len(parameters) - 2 else layer
    return gx.softmax_cross_entropy_with_logits(layer, targets) if network.classifies else gx.mse(layer, targets)


def updated(state: list[list[gx.Expr]], gradient: list[gx.Expr], scales: list[gx.Expr]) -> list[list[gx.Expr]]:
    """Return the next parameters (and moments) by gradient descent or Adam."""
    if len(state) == 1:
        return [[value - scales[0] * slope for value, slope in zip(state[0], gradient, strict=True)]]
    rate, unbias = scales
    following: list[list[gx.Expr]] = [[], [], []]
    for value, first, second, slope in zip(*state, gradient, strict=True):
        first = first + (1 - e.FIRST_DECAY) * (slope - first)
        second = second + (1 - e.SECOND_DECAY) * (slope**2 - second)
        following[0].append(value - rate * first / (gx.sqrt(second * unbias) + e.EPSILON))
        following[1].append(first)
        following[2].append(second)
    return following


def epoch_function(problem: e.Problem) -> gx.Function:
    """Return the last loss and state after all mini-batches as one function: the steps are a loop inside it."""
    network = problem.network
    state = state_symbols(problem)
    inputs = gx.tensor("inputs", ("batches", network.batch, network.widths[0]), "float32")
    targets = gx.tensor("targets", ("batches", network.batch), "int64")
    if not network.classifies:
        targets = gx.tensor("targets", ("batches", network.batch, 1), "float32")

    def step(carry: Any, batch: Any) -> tuple[Any, None]:
        state, _, count = carry
        loss = network_loss(network, state[0], *batch)
        gradient = gx.grad(loss, wrt=state[0])
        count = count + 1
        scales = [gx.constant(network.rate, "float32")]
        if network.adam:
            scales = [network.rate / (1 - e.FIRST_DECAY**count), 1 / (1 - e.SECOND_DECAY**count)]
        return (updated(state, gradient, scales), loss, count), None

    zero = gx.constant(0, "float32")
    (last, loss, _), _ = gx.scan(step, (state, zero, zero), (inputs, targets))
    return gx.compile([loss, *last[0]], [state, inputs, targets])


def whole_epoch(problem: e.Problem) -> Call:
    """Return a call that trains on all mini-batches."""
    network = problem.network
    zeros = [np.zeros_like(value) for value in problem.parameters]
    state = [list(problem.parameters), *([zeros, zeros] if network.adam else [])]
    batched = [
        array.reshape(network.batches, network.batch, *array.shape[1:]) for array in (problem.inputs, problem.targets)
    ]
    return Call(epoch_function(problem), (state, *batched), steps=network.batches)


def e_training_step(problem: e.Problem) -> Ways:
    """Return a step at a time, called from Python, writing to arrays that exist; and a whole epoch in one call."""
    return {
        "step": lambda: Call(Trainer(problem).epoch, steps=problem.network.batches),
        "step:epoch in one call": lambda: whole_epoch(problem),
    }


def f_recurrent(problem: f.Problem) -> Ways:
    """Return the steps as a loop of the graph, and unrolled in it."""
    names = ("weights", "recurrent", "biases")
    parameters = [gx.tensor(name, value.shape) for name, value in zip(names, problem.weights, strict=True)]
    inputs = gx.tensor("inputs", problem.inputs.shape)

    def called(squares: gx.Expr) -> Call:
        function = gx.compile(squares / problem.inputs.size, [inputs, *parameters], wrt=parameters)
        return Call(function, (problem.inputs, *problem.weights), method="value_and_grad")

    return {
        "value_and_grad": lambda: called(looped(inputs, *parameters)),
        "value_and_grad:unrolled": lambda: called(unrolled(inputs, *parameters)),
    }


def looped(inputs: gx.Expr, weights: gx.Expr, recurrent: gx.Expr, biases: gx.Expr) -> gx.Expr:
    """Return the sum of the squares of all states, the steps a loop."""

    def step(state: gx.Expr, element: gx.Expr) -> tuple[gx.Expr, gx.Expr]:
        state = gx.tanh(element @ weights + biases + state @ recurrent)
        return state, gx.sum(state**2)

    return gx.sum(gx.scan(step, gx.zeros(inputs.shape[1:]), inputs)[1])


def unrolled(inputs: gx.Expr, weights: gx.Expr, recurrent: gx.Expr, biases: gx.Expr) -> gx.Expr:
    """Return the sum of the squares of all states, step after step in the graph."""
    linear, state, squares = inputs @ weights + biases, None, gx.constant(0.0)
    for step in range(inputs.shape[0]):
        state = gx.tanh(linear[step] if state is None else linear[step] + state @ recurrent)
        squares = squares + gx.sum(state**2)
    return squares


def f_lstm(problem: lstm.Problem) -> Ways:
    """Return the steps as a loop of the graph."""
    names = ("weights", "recurrent", "biases")
    parameters = [gx.tensor(name, value.shape) for name, value in zip(names, problem.weights, strict=True)]
    inputs = gx.tensor("inputs", problem.inputs.shape)
    weights, recurrent, biases = parameters
    nothing = gx.zeros(inputs.shape[1:])

    def step(state: tuple[gx.Expr, gx.Expr], element: gx.Expr) -> tuple[Any, gx.Expr]:
        output, memory = state
        entry, keep, fresh, shown = gx.split(element @ weights + output @ recurrent + biases, 4, axis=1)
        memory = gx.sigmoid(keep) * memory + gx.sigmoid(entry) * gx.tanh(fresh)
        output = gx.sigmoid(shown) * gx.tanh(memory)
        return (output, memory), gx.sum(output**2)

    def called(method: str) -> Call:
        _, squares = gx.scan(step, (nothing, nothing), inputs)
        function = gx.compile(gx.sum(squares) / problem.inputs.size, [inputs, *parameters], wrt=parameters)
        return Call(function, (problem.inputs, *problem.weights), method=method)

    return {"value": lambda: called("__call__"), "value_and_grad": lambda: called("value_and_grad")}
