"""PyTensor: `pytensor.function` of `pytensor.gradient.grad`, its default mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import e_training_step as e
from benchmarks import g_rosenbrock as g
from benchmarks import overhead as calls
from benchmarks.common import Call, Ways

grad = pytensor.gradient.grad


def prime() -> None:
    """Compile once, so that the process's first compilation is not counted."""
    x = pt.dvector("x")
    pytensor.function([x], x + 1.0)(np.ones(2))


def net9(weights: Any, x: Any, y: Any, target: Any) -> Any:
    """Return the loss of the network 2-2-1."""
    first = pt.sigmoid(weights[0] * x + weights[1] * y + weights[4])
    second = pt.sigmoid(weights[2] * x + weights[3] * y + weights[5])
    return (pt.sigmoid(weights[6] * first + weights[7] * second + weights[8]) - target) ** 2


def trusting(inputs: list[Any], outputs: list[Any], arguments: tuple[Any, ...]) -> Call:
    """Return a call that skips PyTensor's checks of its arguments."""
    function = pytensor.function(inputs, outputs)
    function.trust_input = True
    return Call(function, tuple(np.asarray(value) for value in arguments))


def a_small_calls(problem: a.Problem) -> Ways:
    """Return safe calls with numbers, and calls without checks."""
    inputs = [pt.dscalar(f"x{place}") for place in range(len(problem.arguments))]
    value = inputs[0] * (inputs[1] ** 2 + inputs[2]) if problem.name == "f3" else net9(inputs[:9], *inputs[9:])
    outputs = [value, *grad(value, inputs[: problem.weights])]
    return {
        "value_and_grad": lambda: Call(pytensor.function(inputs, outputs), problem.arguments),
        "value_and_grad:unchecked": lambda: trusting(inputs, outputs, problem.arguments),
    }


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain built by a Python loop."""

    def build() -> tuple[list[Any], Any]:
        start = [pt.dscalar("before"), pt.dscalar("now")]
        before, now = start
        for _ in range(problem.steps):
            before, now = now, 0.5 * pt.sin(now) - before
        return start, now

    def gradient() -> Call:
        start, value = build()
        return Call(pytensor.function(start, [value, *grad(value, start)]), problem.start)

    return {"value_and_grad": gradient, "value": lambda: Call(pytensor.function(*build()), problem.start)}


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient for the vector and both numbers."""

    def build() -> Call:
        x, a, b = pt.dvector("x"), pt.dscalar("a"), pt.dscalar("b")
        loss = pt.sum(pt.tanh(a * x + b) ** 2 * pt.exp(-(x**2)))
        return Call(pytensor.function([x, a, b], [loss, *grad(loss, [x, a, b])]), (problem.x, problem.a, problem.b))

    return {"value_and_grad": build}


def logistic_loss() -> tuple[Any, list[Any]]:
    """Return the mean logistic loss, and its weights, matrix and labels."""
    inputs = [pt.dvector("weights"), pt.dmatrix("matrix"), pt.dvector("labels")]
    logits = inputs[1] @ inputs[0]
    return pt.mean(pt.softplus(logits) - inputs[2] * logits), inputs


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient for the weights."""

    def build() -> Call:
        loss, inputs = logistic_loss()
        function = pytensor.function(inputs, [loss, grad(loss, inputs[0])])
        return Call(function, (problem.weights, problem.matrix, problem.labels))

    return {"value_and_grad": build}


def network_loss(network: e.Network, parameters: list[Any], inputs: Any, targets: Any) -> Any:
    """Return the loss of a mini-batch."""
    layer = inputs
    for place in range(0, len(parameters), 2):
        layer = layer @ parameters[place] + parameters[place + 1]
        if place < len(parameters) - 2:
            layer = pt.tanh(layer) if network.activation == "tanh" else pt.maximum(layer, 0)
    if not network.classifies:
        return pt.mean((layer - targets) ** 2)
    logarithms = pt.special.log_softmax(layer, axis=1)
    return -pt.mean(logarithms[pt.arange(targets.shape[0]), targets])


def updates(network: e.Network, parameters: list[Any], gradient: list[Any], scales: list[Any]) -> list[Any]:
    """Return the pairs of shared variable and next value, by gradient descent or Adam."""
    if not network.adam:
        return [(value, value - scales[0] * slope) for value, slope in zip(parameters, gradient, strict=True)]
    pairs = []
    for value, slope in zip(parameters, gradient, strict=True):
        first, second = (pytensor.shared(np.zeros_like(value.get_value())) for _ in range(2))
        next_first = first + np.float32(1 - e.FIRST_DECAY) * (slope - first)
        next_second = second + np.float32(1 - e.SECOND_DECAY) * (slope**2 - second)
        pairs += [(first, next_first), (second, next_second)]
        root = pt.sqrt(next_second * scales[1]) + np.float32(e.EPSILON)
        pairs.append((value, value - scales[0] * next_first / root))
    return pairs


def train(problem: e.Problem) -> Call:
    """Return an epoch of steps; the parameters are shared variables that each step updates."""
    network = problem.network
    parameters = [pytensor.shared(value.copy()) for value in problem.parameters]
    inputs, targets = pt.fmatrix("inputs"), pt.lvector("targets") if network.classifies else pt.fmatrix("targets")
    scales = [pt.fscalar("rate"), pt.fscalar("unbias")][: 2 if network.adam else 1]
    loss = network_loss(network, parameters, inputs, targets)
    pairs = updates(network, parameters, grad(loss, parameters), scales)
    step = pytensor.function([inputs, targets, *scales], loss, updates=pairs)
    steps = 0

    def epoch() -> tuple[Any, ...]:
        nonlocal steps
        for batch in problem.epoch():
            steps += 1
            given = e.adam_scales(network, steps) if network.adam else (np.float32(network.rate),)
            value = step(*batch, *given)
        return (value, *(parameter.get_value(borrow=True) for parameter in parameters))

    return Call(epoch, steps=network.batches)


def e_training_step(problem: e.Problem) -> Ways:
    """Return a loop over mini-batches."""
    return {"step": lambda: train(problem)}


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian: reverse over reverse."""
    x, vector = pt.dvector("x"), pt.dvector("vector")
    left, right = x[:-1], x[1:]
    value = pt.sum(100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2)
    gradient = grad(value, x)
    product = grad(pt.dot(gradient, vector), x, consider_constant=[vector])
    return {
        "value_and_grad": lambda: Call(pytensor.function([x], [value, gradient]), (problem.x,)),
        "hessian_product": lambda: Call(pytensor.function([x, vector], product), (problem.x, problem.vector)),
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return `pytensor.gradient.hessian`."""

    def build() -> Call:
        loss, inputs = logistic_loss()
        function = pytensor.function(inputs, pytensor.gradient.hessian(loss, inputs[0]), on_unused_input="ignore")
        return Call(function, (problem.weights, problem.matrix, problem.labels))

    return {"hessian": build}


def overhead(problem: calls.Problem) -> Ways:
    """Return safe calls, and calls without checks."""
    inputs = [(pt.dvector if problem.length else pt.dscalar)(name) for name in problem.names]
    return {
        "value": lambda: Call(pytensor.function(inputs, calls.add(*inputs)), problem.arguments),
        "value:unchecked": lambda: trusting(inputs, calls.add(*inputs), problem.arguments),
    }
