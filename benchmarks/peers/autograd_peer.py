"""HIPS autograd: NumPy calls recorded and differentiated anew at each call."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
from autograd import grad, hessian, value_and_grad

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import e_training_step as e
from benchmarks import f_recurrent as f
from benchmarks import g_rosenbrock as g
from benchmarks.common import Call, Ways


def prime() -> None:
    """Do nothing: nothing is compiled."""


def sigmoid(value: Any) -> Any:
    """Return 1 / (1 + exp(-value))."""
    return 1.0 / (1.0 + anp.exp(-value))


def net9(weights: Any, x: float, y: float, target: float) -> Any:
    """Return the loss of the network 2-2-1."""
    first = sigmoid(weights[0] * x + weights[1] * y + weights[4])
    second = sigmoid(weights[2] * x + weights[3] * y + weights[5])
    return (sigmoid(weights[6] * first + weights[7] * second + weights[8]) - target) ** 2


def a_small_calls(problem: a.Problem) -> Ways:
    """Return calls with a tuple of numbers, which are differentiated together."""
    differentiated, rest = problem.arguments[: problem.weights], problem.arguments[problem.weights :]
    function = (lambda w: w[0] * (w[1] ** 2 + w[2])) if problem.name == "f3" else net9
    return {"value_and_grad": lambda: Call(value_and_grad(function), (differentiated, *rest))}


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain recorded step by step."""

    def chain(start: Any) -> Any:
        before, now = start
        for _ in range(problem.steps):
            before, now = now, 0.5 * anp.sin(now) - before
        return now

    return {
        "value_and_grad": lambda: Call(value_and_grad(chain), (problem.start,)),
        "value": lambda: Call(chain, (problem.start,)),
    }


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient for the vector and both numbers."""

    def loss(given: Any) -> Any:
        x, a, b = given
        return anp.sum(anp.tanh(a * x + b) ** 2 * anp.exp(-(x**2)))

    return {"value_and_grad": lambda: Call(value_and_grad(loss), ((problem.x, problem.a, problem.b),))}


def logistic_loss(weights: Any, matrix: Any, labels: Any) -> Any:
    """Return the mean logistic loss."""
    logits = matrix @ weights
    return anp.mean(anp.logaddexp(0.0, logits) - labels * logits)


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient for the weights."""
    arguments = (problem.weights, problem.matrix, problem.labels)
    return {"value_and_grad": lambda: Call(value_and_grad(logistic_loss), arguments)}


def network_loss(parameters: Any, network: e.Network, inputs: Any, targets: Any) -> Any:
    """Return the loss of a mini-batch."""
    layer = inputs
    for place in range(0, len(parameters), 2):
        layer = anp.dot(layer, parameters[place]) + parameters[place + 1]
        if place < len(parameters) - 2:
            layer = anp.tanh(layer) if network.activation == "tanh" else anp.maximum(layer, 0)
    if not network.classifies:
        return anp.mean((layer - targets) ** 2)
    shifted = layer - anp.max(layer, axis=1, keepdims=True)
    chosen = shifted[anp.arange(len(targets)), targets]
    return anp.mean(anp.log(anp.sum(anp.exp(shifted), axis=1)) - chosen)


class Trainer(e.Optimiser):
    """The hand-written optimiser with the gradient of autograd."""

    def gradient(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """Return loss and gradient of a mini-batch."""
        loss, gradient = value_and_grad(network_loss)(tuple(self.parameters), self.network, inputs, targets)
        return loss, gradient


def e_training_step(problem: e.Problem) -> Ways:
    """Return a loop over mini-batches."""

    def build() -> Call:
        trainer = Trainer(problem.network, problem.parameters)
        return Call(e.train_epoch, (trainer, problem), steps=problem.network.batches)

    return {"step": build}


def rosenbrock(x: Any) -> Any:
    """Return Rosenbrock's function."""
    left, right = x[:-1], x[1:]
    return anp.sum(100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2)


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian: reverse over reverse."""
    product = grad(lambda x, vector: anp.dot(grad(rosenbrock)(x), vector))
    return {
        "value_and_grad": lambda: Call(value_and_grad(rosenbrock), (problem.x,)),
        "hessian_product": lambda: Call(product, (problem.x, problem.vector)),
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return `autograd.hessian`."""
    return {"hessian": lambda: Call(hessian(logistic_loss), (problem.weights, problem.matrix, problem.labels))}


def recurrent_loss(weights: Any, inputs: Any) -> Any:
    """Return the mean square of the states."""
    state, squares = anp.zeros_like(inputs[0]), 0.0
    for row in inputs:
        state = anp.tanh(anp.dot(row, weights[0]) + anp.dot(state, weights[1]) + weights[2])
        squares = squares + anp.sum(state**2)
    return squares / inputs.size


def f_recurrent(problem: f.Problem) -> Ways:
    """Return a loop over the steps, recorded at each call."""
    return {"value_and_grad": lambda: Call(value_and_grad(recurrent_loss), (problem.weights, problem.inputs))}
