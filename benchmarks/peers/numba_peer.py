"""Numba, derivatives written by hand: fused loops, and for C a polynomial exp that LLVM vectorises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import e_training_step as e
from benchmarks import g_rosenbrock as g
from benchmarks import limits as machine
from benchmarks import overhead as calls
from benchmarks.common import Array, Call, Ways
from benchmarks.peers import numba_network
from benchmarks.peers.numba_cameras import n_bundle_adjustment

__all__ = ["n_bundle_adjustment"]
FUSED = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}}
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
SHIFT = 6755399441055744.0


def prime() -> None:
    """Compile once, so that the process's first compilation is not counted."""
    nb.njit(lambda x: x + 1.0)(1.0)


def a_small_calls(problem: a.Problem) -> Ways:
    """Return the hand-written functions, compiled as they are."""

    def f3() -> Call:
        return Call(nb.njit(a.f3), problem.arguments)

    def net9() -> Call:
        sigmoid = nb.njit(a.sigmoid)
        scope = {"sigmoid": sigmoid}
        function = type(a.net9)(a.net9.__code__, scope)
        return Call(nb.njit(function), problem.arguments)

    return {"value_and_grad": f3 if problem.name == "f3" else net9}


def chain_value(before: float, now: float, steps: int) -> float:
    """Return the last state of the chain."""
    for _ in range(steps):
        before, now = now, 0.5 * math.sin(now) - before
    return now


def chain_gradient(before: float, now: float, steps: int) -> tuple[float, float, float]:
    """Return the last state and its derivatives, the states stored."""
    states = np.empty(steps)
    for step in range(steps):
        states[step] = now
        before, now = now, 0.5 * math.sin(now) - before
    bar_now, bar_before = 1.0, 0.0
    for step in range(steps - 1, -1, -1):
        bar_now, bar_before = bar_before + bar_now * 0.5 * math.cos(states[step]), -bar_now
    return now, bar_before, bar_now


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return loops: nobody unrolls by hand."""
    arguments = (*problem.start, problem.steps)
    return {
        "value_and_grad": lambda: Call(nb.njit(error_model="numpy")(chain_gradient), arguments),
        "value": lambda: Call(nb.njit(error_model="numpy")(chain_value), arguments),
    }


def fused_c(exp: Callable[[float], float], tanh: Callable[[float], float]) -> Callable[..., Any]:
    """Return C in one pass over the data."""

    @nb.njit(**FUSED)
    def value_and_grad(x: Array, a: float, b: float, gradient: Array) -> tuple[float, Array, float, float]:
        value, bar_a, bar_b = 0.0, 0.0, 0.0
        for place in range(x.size):
            item = x[place]
            hidden, weight = tanh(a * item + b), exp(-item * item)
            product = hidden * weight
            bar = 2.0 * product * (1.0 - hidden * hidden)
            gradient[place] = bar * a - 2.0 * item * hidden * product
            value += hidden * product
            bar_a += bar * item
            bar_b += bar
        return value, gradient, bar_a, bar_b

    compiled: Callable[..., Any] = value_and_grad
    return compiled


@nb.njit(**FUSED)
def polynomial_exp(x: float) -> float:
    """Return exp without a branch: x = n ln 2 + r, Taylor's polynomial of 12 terms in r, 2ⁿ by its bits."""
    x = min(max(x, -708.0), 709.0)
    shifted = x * LOG2_E + SHIFT
    n = shifted - SHIFT
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    high = 1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r * (1 / 479001600))))
    middle = 1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * high)))
    value = 1.0 + r * (1.0 + r * (1 / 2 + r * (1 / 6 + r * middle)))
    return value * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@nb.njit(**FUSED)
def polynomial_tanh(x: float) -> float:
    """Return tanh by way of exp; it cancels near 0, which this workload's tolerance allows."""
    power = polynomial_exp(2.0 * min(max(x, -20.0), 20.0))
    return (power - 1.0) / (power + 1.0)


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return the fused loop with the C library's functions, and with polynomials."""
    arguments = (problem.x, problem.a, problem.b, np.empty_like(problem.x))
    return {
        "value_and_grad": lambda: Call(fused_c(math.exp, math.tanh), arguments),
        "value_and_grad:polynomial": lambda: Call(fused_c(polynomial_exp, polynomial_tanh), arguments),
    }


@nb.njit(**FUSED)
def logistic(weights: Array, matrix: Array, labels: Array) -> tuple[float, Array]:
    """Return loss and gradient: each row read once."""
    rows, columns = matrix.shape
    loss, gradient = 0.0, np.zeros(columns)
    for row in range(rows):
        logit = 0.0
        for column in range(columns):
            logit += matrix[row, column] * weights[column]
        small = math.exp(-abs(logit))
        loss += math.log1p(small) + max(logit, 0.0) - labels[row] * logit
        residual = ((1.0 if logit >= 0.0 else small) / (1.0 + small) - labels[row]) / rows
        for column in range(columns):
            gradient[column] += residual * matrix[row, column]
    return loss / rows, gradient


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return the loop over rows."""
    return {"value_and_grad": lambda: Call(logistic, (problem.weights, problem.matrix, problem.labels))}


def e_training_step(problem: e.Problem) -> Ways:
    """Return a whole epoch in one native call."""
    return {"step:epoch in one call": lambda: numba_network.train(problem)}


@nb.njit(**FUSED)
def rosenbrock(x: Array) -> tuple[float, Array]:
    """Return value and gradient in one pass."""
    value, gradient = 0.0, np.zeros_like(x)
    for place in range(x.size - 1):
        left = x[place]
        valley, slope = x[place + 1] - left * left, 1.0 - left
        value += 100.0 * valley * valley + slope * slope
        gradient[place] += -400.0 * left * valley - 2.0 * slope
        gradient[place + 1] = 200.0 * valley
    return value, gradient


@nb.njit(**FUSED)
def rosenbrock_product(x: Array, vector: Array) -> Array:
    """Return the product of the Hessian with a vector in one pass."""
    product = np.zeros_like(x)
    for place in range(x.size - 1):
        left, beside = x[place], -400.0 * x[place]
        diagonal = 1200.0 * left * left - 400.0 * x[place + 1] + 2.0
        product[place] += diagonal * vector[place] + beside * vector[place + 1]
        product[place + 1] = 200.0 * vector[place + 1] + beside * vector[place]
    return product


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return single loops."""
    return {
        "value_and_grad": lambda: Call(rosenbrock, (problem.x,)),
        "hessian_product": lambda: Call(rosenbrock_product, (problem.x, problem.vector)),
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return the scaled matrix in a loop, and a product of matrices."""

    @nb.njit(**FUSED)
    def hessian(weights: Array, matrix: Array) -> Array:
        logits = matrix @ weights
        scaled = np.empty_like(matrix)
        for row in range(len(logits)):
            sigmoid = 1.0 / (1.0 + math.exp(-logits[row]))
            curvature = sigmoid * (1.0 - sigmoid) / len(logits)
            for column in range(matrix.shape[1]):
                scaled[row, column] = curvature * matrix[row, column]
        return matrix.T @ scaled

    return {"hessian": lambda: Call(hessian, (problem.weights, problem.matrix))}


@nb.njit(**FUSED)
def triad(first: Array, second: Array, scale: float, out: Array) -> Array:
    """Return first + scale * second, written to an array that exists."""
    for place in range(first.size):
        out[place] = first[place] + scale * second[place]
    return out


def limits(problem: machine.Problem) -> Ways:
    """Return the triad."""
    if problem.is_matrix:
        return {}
    return {"triad": lambda: Call(triad, (problem.first, problem.second, problem.scale, np.empty_like(problem.first)))}


def overhead(problem: calls.Problem) -> Ways:
    """Return the additions in one compiled expression, arrays added an operation at a time."""
    names = ", ".join(problem.names)
    function = eval(f"lambda {names}: {' + '.join(problem.names)}")
    return {"value": lambda: Call(nb.njit(function), problem.arguments)}
