"""CasADi: graphs of scalars (SX) or matrices (MX) in its interpreter; the natural call, and its buffers."""

from __future__ import annotations

from typing import Any

import casadi as ca
import numpy as np

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import g_rosenbrock as g
from benchmarks import m_ode as m
from benchmarks import n_bundle_adjustment as n
from benchmarks import overhead as calls
from benchmarks.common import Call, Ways

LONGEST_UNROLLED = 1_000
"""More steps than this take minutes to unroll."""


def prime() -> None:
    """Do nothing: nothing is compiled."""


def buffered(function: Any, arguments: tuple[Any, ...]) -> Call:
    """Return a call through CasADi's buffers, which copies nothing: its best case."""
    buffer, trigger = function.buffer()
    inputs = [np.array(value, "float64").reshape(-1) for value in arguments]
    outputs = [np.zeros(function.nnz_out(place)) for place in range(function.n_out())]
    for place, value in enumerate(inputs):
        buffer.set_arg(place, memoryview(value))
    for place, value in enumerate(outputs):
        buffer.set_res(place, memoryview(value))

    def run(kept: Any = (buffer, inputs)) -> list[Any]:
        trigger()
        return outputs

    return Call(run)


def both(quantity: str, function: Any, arguments: tuple[Any, ...]) -> Ways:
    """Return the natural call and the one through buffers."""
    return {
        quantity: lambda: Call(function(), arguments),
        f"{quantity}:buffer": lambda: buffered(function(), arguments),
    }


def sigmoid(value: Any) -> Any:
    """Return 1 / (1 + exp(-value))."""
    return 1.0 / (1.0 + ca.exp(-value))


def net9(weights: Any, x: Any, y: Any, target: Any) -> Any:
    """Return the loss of the network 2-2-1."""
    first = sigmoid(weights[0] * x + weights[1] * y + weights[4])
    second = sigmoid(weights[2] * x + weights[3] * y + weights[5])
    return (sigmoid(weights[6] * first + weights[7] * second + weights[8]) - target) ** 2


def a_small_calls(problem: a.Problem) -> Ways:
    """Return calls with numbers."""

    def build() -> Any:
        inputs = [ca.SX.sym(f"x{place}") for place in range(len(problem.arguments))]
        value = inputs[0] * (inputs[1] ** 2 + inputs[2]) if problem.name == "f3" else net9(inputs[:9], *inputs[9:])
        gradient = ca.gradient(value, ca.vertcat(*inputs[: problem.weights]))
        return ca.Function("f", inputs, [value, gradient])

    return both("value_and_grad", build, problem.arguments)


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain built by a Python loop, as scalars."""

    def build(differentiate: bool) -> Any:
        start = ca.SX.sym("start", 2)
        before, now = start[0], start[1]
        for _ in range(problem.steps):
            before, now = now, 0.5 * ca.sin(now) - before
        return ca.Function("f", [start], [now, ca.gradient(now, start)] if differentiate else [now])

    value = both("value", lambda: build(False), (problem.start,))
    return both("value_and_grad", lambda: build(True), (problem.start,)) | value


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient for the vector and both numbers."""

    def build() -> Any:
        inputs = [ca.MX.sym("x", len(problem.x)), ca.MX.sym("a"), ca.MX.sym("b")]
        x, a, b = inputs
        value = ca.sum1(ca.tanh(a * x + b) ** 2 * ca.exp(-(x**2)))
        return ca.Function("f", inputs, [value, *(ca.gradient(value, entry) for entry in inputs)])

    return both("value_and_grad", build, (problem.x, problem.a, problem.b))


def logistic_loss(problem: d.Problem) -> tuple[Any, list[Any]]:
    """Return the mean logistic loss, and its weights, matrix and labels."""
    rows, columns = problem.matrix.shape
    inputs = [ca.MX.sym("weights", columns), ca.MX.sym("matrix", rows, columns), ca.MX.sym("labels", rows)]
    logits = inputs[1] @ inputs[0]
    softplus = ca.log1p(ca.exp(-ca.fabs(logits))) + ca.fmax(logits, 0)
    return ca.sum1(softplus - inputs[2] * logits) / rows, inputs


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient through buffers: the matrix is stored by columns, as CasADi does."""

    def build() -> Call:
        loss, inputs = logistic_loss(problem)
        function = ca.Function("f", inputs, [loss, ca.gradient(loss, inputs[0])])
        return buffered(function, (problem.weights, problem.matrix.T, problem.labels))

    return {"value_and_grad:buffer": build}


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian, as matrices."""
    x, vector = ca.MX.sym("x", len(problem.x)), ca.MX.sym("vector", len(problem.x))
    left, right = x[:-1], x[1:]
    value = ca.sum1(100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2)

    def gradient() -> Any:
        return ca.Function("f", [x], [value, ca.gradient(value, x)])

    def product() -> Any:
        return ca.Function("f", [x, vector], [ca.jtimes(ca.gradient(value, x), x, vector)])

    return both("value_and_grad", gradient, (problem.x,)) | both(
        "hessian_product", product, (problem.x, problem.vector)
    )


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return `casadi.hessian` through buffers."""

    def build() -> Call:
        loss, inputs = logistic_loss(problem)
        function = ca.Function("f", inputs, [ca.densify(ca.hessian(loss, inputs[0])[0])])
        return buffered(function, (problem.weights, problem.matrix.T, problem.labels))

    return {"hessian:buffer": build}


def m_ode(problem: m.Problem) -> Ways:
    """Return the steps as a map of one function that accumulates, and unrolled as scalars, through buffers."""
    steps = len(problem.observed)
    state, rates = ca.SX.sym("state", 2), ca.SX.sym("rates", 4)
    step = ca.Function("step", [state, rates], [next_state(state, rates)])

    def mapped(differentiate: bool) -> Call:
        inputs = [ca.MX.sym("start", 2), ca.MX.sym("rates", 4), ca.MX.sym("observed", 2, steps)]
        states = step.mapaccum(steps)(inputs[0], ca.repmat(inputs[1], 1, steps))
        return called(inputs, ca.sumsqr(states - inputs[2]) / problem.observed.size, differentiate)

    def unrolled(differentiate: bool) -> Call:
        inputs = [ca.SX.sym("start", 2), ca.SX.sym("rates", 4), ca.SX.sym("observed", 2, steps)]
        now, total = inputs[0], ca.SX(0)
        for number in range(steps):
            now = next_state(now, inputs[1])
            total += ca.sumsqr(now - inputs[2][:, number])
        return called(inputs, total / problem.observed.size, differentiate)

    def called(inputs: list[Any], loss: Any, differentiate: bool) -> Call:
        gradient = [ca.gradient(loss, given) for given in inputs[:2]] if differentiate else []
        return buffered(ca.Function("f", inputs, [loss, *gradient]), problem.arguments)

    ways: Ways = {"value:mapped": lambda: mapped(False), "value_and_grad:mapped": lambda: mapped(True)}
    if steps <= LONGEST_UNROLLED:
        ways |= {"value:unrolled": lambda: unrolled(False), "value_and_grad:unrolled": lambda: unrolled(True)}
    return ways


def next_state(state: Any, rates: Any) -> Any:
    """Return the state after a step of Runge and Kutta's method."""
    return m.next_state(lambda at: ca.vertcat(*m.flow(at, rates)), state)


def n_bundle_adjustment(problem: n.Problem) -> Ways:
    """Return the functions of one sight, graphs of scalars, mapped over columns gathered before the call."""
    sight = ca.SX.sym("sight", 17)
    rotation, moved = sight[:3], sight[11:14] - sight[3:6]
    square = ca.dot(rotation, rotation)
    angle = ca.sqrt(ca.if_else(square > 0, square, 1.0))
    axis, cosine = rotation / angle, ca.cos(angle)
    far = cosine * moved + ca.sin(angle) * ca.cross(axis, moved) + (1 - cosine) * ca.dot(axis, moved) * axis
    local = ca.if_else(square > 0, far, moved + ca.cross(rotation, moved))
    ratio = local[:2] / local[2]
    square = ca.dot(ratio, ratio)
    stretch = 1 + sight[9] * square + sight[10] * square**2
    residual = sight[14] * (ratio * stretch * sight[6] + sight[7:9] - sight[15:])
    block = ca.densify(ca.jacobian(residual, sight)[:, :15])
    cameras, points, weights, seen, who, what = problem.arguments
    columns = np.concatenate([cameras[who], points[what], weights[:, None], seen], axis=1)

    def over(result: Any) -> Call:
        """Return the buffered call: items are columns, so that their numbers lie side by side; rows are last."""
        return buffered(ca.Function("over", [sight], [result]).map(len(who)), (columns,))

    return {"residuals:buffer": lambda: over(residual), "jacobian:buffer": lambda: over(ca.vec(block.T))}


def overhead(problem: calls.Problem) -> Ways:
    """Return the natural call, and the one through buffers."""
    inputs = [ca.MX.sym(name, problem.length or 1) for name in problem.names]
    return both("value", lambda: ca.Function("f", inputs, [calls.add(*inputs)]), problem.arguments)
