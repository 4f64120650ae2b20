"""graphc: what this suite is about."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gx
from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import g_rosenbrock as g
from benchmarks import i_mixture_model as i
from benchmarks import limits as machine
from benchmarks import overhead as calls
from benchmarks.common import Array, Call, Ways
from benchmarks.peers.graphc_cameras import n_bundle_adjustment
from benchmarks.peers.graphc_networks import e_training_step, f_lstm, f_recurrent
from benchmarks.peers.graphc_science import j_newton, k_leapfrog, l_min_max, m_ode

__all__ = [
    "e_training_step",
    "f_lstm",
    "f_recurrent",
    "j_newton",
    "k_leapfrog",
    "l_min_max",
    "m_ode",
    "n_bundle_adjustment",
]
NET9_WEIGHTS = "a b c d p q u v w"


def prime() -> None:
    """Compile once, so that the process's first compilation is not counted."""
    x = gx.tensor("x", ("rows", "columns"))
    gx.compile(gx.sum(gx.exp(x @ gx.matrix_transpose(x))), [x])(np.ones((2, 2)))


def net9(weights: Any, x: Any, y: Any, target: Any) -> gx.Expr:
    """Return the loss of the network 2-2-1."""
    first = gx.sigmoid(weights[0] * x + weights[1] * y + weights[4])
    second = gx.sigmoid(weights[2] * x + weights[3] * y + weights[5])
    output = gx.sigmoid(weights[6] * first + weights[7] * second + weights[8])
    loss: gx.Expr = (output - target) ** 2
    return loss


def a_small_calls(problem: a.Problem) -> Ways:
    """Return positional calls with numbers; the network's also with its weights in an array."""
    if problem.name == "f3":
        x, y, z = gx.symbols("x y z")
        return {"value_and_grad": lambda: gradient_of(x * (y**2 + z), [x, y, z], [x, y, z], *problem.arguments)}
    weights, vector, data = gx.symbols(NET9_WEIGHTS), gx.tensor("weights", (9,)), gx.symbols("x y target")

    def by_number() -> Call:
        return gradient_of(net9(weights, *data), [*weights, *data], list(weights), *problem.arguments)

    def by_array() -> Call:
        numbers, rest = np.array(problem.arguments[:9]), problem.arguments[9:]
        return gradient_of(net9(vector, *data), [vector, *data], vector, numbers, *rest)

    return {"value_and_grad": by_number, "value_and_grad:array": by_array}


def gradient_of(loss: gx.Expr, inputs: list[gx.Expr], wrt: Any, *given: Any) -> Call:
    """Return a call of the compiled value and gradient."""
    return Call(gx.compile(loss, inputs, wrt=wrt), given, method="value_and_grad")


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain built by a Python loop."""

    def build() -> gx.Function:
        start = gx.symbols("before now")
        before, now = start
        for _ in range(problem.steps):
            before, now = now, 0.5 * gx.sin(now) - before
        return gx.compile(now, list(start), wrt=list(start))

    return {
        "value_and_grad": lambda: Call(build(), problem.start, method="value_and_grad"),
        "value": lambda: Call(build(), problem.start),
    }


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient for the vector and both numbers."""
    x, a, b = gx.tensor("x", ("n",)), gx.symbol("a"), gx.symbol("b")

    def build() -> Call:
        loss = gx.sum(gx.tanh(a * x + b) ** 2 * gx.exp(-(x**2)))
        return gradient_of(loss, [x, a, b], [x, a, b], problem.x, problem.a, problem.b)

    return {"value_and_grad": build}


def logistic_loss() -> tuple[gx.Expr, list[gx.Expr]]:
    """Return the mean logistic loss, and its weights, matrix and labels."""
    weights, matrix = gx.tensor("weights", ("columns",)), gx.tensor("matrix", ("rows", "columns"))
    labels = gx.tensor("labels", ("rows",))
    logits = matrix @ weights
    return gx.mean(gx.softplus(logits) - labels * logits), [weights, matrix, labels]


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient for the weights."""

    def build() -> Call:
        loss, inputs = logistic_loss()
        return gradient_of(loss, inputs, inputs[0], problem.weights, problem.matrix, problem.labels)

    return {"value_and_grad": build}


def rosenbrock(x: gx.Expr) -> gx.Expr:
    """Return Rosenbrock's function."""
    left, right = x[:-1], x[1:]
    return gx.sum(100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2)


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian: forward over reverse."""
    x, vector = gx.tensor("x", ("n",)), gx.tensor("vector", ("n",))

    def product() -> Call:
        gradient = gx.grad(rosenbrock(x), wrt=x)
        return Call(gx.compile(gx.jvp(gradient, [x], [vector]), [x, vector]), (problem.x, problem.vector))

    return {
        "value_and_grad": lambda: gradient_of(rosenbrock(x), [x], x, problem.x),
        "hessian_product": product,
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return the Hessian by `graphc.hessian`."""

    def build() -> Call:
        count = len(problem.weights)
        weights, matrix = gx.tensor("weights", (count,)), gx.tensor("matrix", ("rows", count))
        hessian = gx.hessian(gx.mean(gx.softplus(matrix @ weights)), weights)
        return Call(gx.compile(hessian, [weights, matrix]), (problem.weights, problem.matrix))

    return {"hessian": build}


def log_density(
    points: gx.Expr, log_weights: gx.Expr, means: gx.Expr, log_diagonals: gx.Expr, lower: gx.Expr
) -> gx.Expr:
    """Return the log density of a mixture model, without its constant."""
    below = gx.pad(gx.unpack_lower(lower), ((0, 0), (1, 0), (0, 1)))
    factors = below + gx.exp(log_diagonals)[:, :, None] * np.eye(means.shape[1])
    whitened = gx.einsum("kij,nkj->nki", factors, points[:, None, :] - means)
    each = log_weights + log_diagonals.sum(axis=1) - 0.5 * gx.sum(whitened**2, axis=2)
    likelihood = gx.sum(gx.logsumexp(each, axis=1) - gx.logsumexp(log_weights))
    squares = gx.sum(gx.exp(2 * log_diagonals)) + gx.sum(lower**2)
    return likelihood + i.M * log_diagonals.sum() - 0.5 * i.GAMMA**2 * squares


def i_mixture_model(problem: i.Problem) -> Ways:
    """Return the log density, and its gradient in all parameters."""
    (n, d), k = problem.points.shape, len(problem.parameters[0])
    names = ("log_weights", "means", "log_diagonals", "lower")
    parameters = [gx.tensor(name, value.shape) for name, value in zip(names, problem.parameters, strict=True)]
    points = gx.tensor("points", (n, d))

    def called(method: str) -> Call:
        density = log_density(points, *parameters) + i.constant(n, d, k)
        function = gx.compile(density, [points, *parameters], wrt=parameters)
        return Call(function, (problem.points, *problem.parameters), method=method)

    return {"value": lambda: called("__call__"), "value_and_grad": lambda: called("value_and_grad")}


def limits(problem: machine.Problem) -> Ways:
    """Return triad and product into an array that exists."""
    shape = ("n", "n") if problem.is_matrix else ("n",)
    dtype = problem.first.dtype.name
    first, second = gx.tensor("first", shape, dtype), gx.tensor("second", shape, dtype)
    out: Array = np.empty_like(problem.first)
    given, out_given = (problem.first, problem.second), {"out": out}
    if problem.is_matrix:
        return {"matmul": lambda: Call(gx.compile(first @ second, [first, second]), given, out_given)}
    triad = first + problem.scale * second
    return {"triad": lambda: Call(gx.compile(triad, [first, second]), given, out_given)}


def overhead(problem: calls.Problem) -> Ways:
    """Return calls by position, by name, and for arrays into one that exists."""
    shape = (problem.length,) if problem.length else ()
    inputs = [gx.tensor(name, shape) for name in problem.names]
    by_name = dict(zip(problem.names, problem.arguments, strict=True))
    ways: Ways = {
        "value": lambda: Call(gx.compile(calls.add(*inputs), inputs), problem.arguments),
        "value:by name": lambda: Call(gx.compile(calls.add(*inputs), inputs), (), by_name),
    }
    if problem.length:
        out = {"out": np.empty(problem.length)}
        ways["value:out"] = lambda: Call(gx.compile(calls.add(*inputs), inputs), problem.arguments, out)
    return ways
