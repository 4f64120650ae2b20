"""NumPy, derivatives written by hand: what `expected` of each workload computes, timed."""

from __future__ import annotations

import numpy as np

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import e_training_step as e
from benchmarks import f_lstm as lstm
from benchmarks import f_recurrent as f
from benchmarks import g_rosenbrock as g
from benchmarks import h_dense_hessian as h
from benchmarks import i_mixture_model as i
from benchmarks import j_newton as j
from benchmarks import k_leapfrog as k
from benchmarks import l_min_max as l_
from benchmarks import limits as machine
from benchmarks import m_ode as m
from benchmarks import n_bundle_adjustment as n
from benchmarks import overhead as calls
from benchmarks.common import Array, Call, Ways


def prime() -> None:
    """Do nothing: there is nothing to warm up."""


def a_small_calls(problem: a.Problem) -> Ways:
    """Return plain Python's value and gradient: numbers alone gain nothing from NumPy."""
    return {"value_and_grad": lambda: Call(a.f3 if problem.name == "f3" else a.net9, problem.arguments)}


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return plain Python's loops."""
    arguments = (*problem.start, problem.steps)
    return {
        "value_and_grad": lambda: Call(b.value_and_grad, arguments),
        "value": lambda: Call(lambda *start: b.chain(*start)[-1], arguments),
    }


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient, an operation at a time."""
    return {"value_and_grad": lambda: Call(c.value_and_grad, (problem.x, problem.a, problem.b))}


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient by two products with the matrix."""
    return {"value_and_grad": lambda: Call(d.value_and_grad, (problem.weights, problem.matrix, problem.labels))}


def e_training_step(problem: e.Problem) -> Ways:
    """Return a loop over mini-batches."""

    def build() -> Call:
        optimiser = e.Optimiser(problem.network, problem.parameters)
        return Call(e.train_epoch, (optimiser, problem), steps=problem.network.batches)

    return {"step": build}


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian."""
    return {
        "value_and_grad": lambda: Call(g.value_and_grad, (problem.x,)),
        "hessian_product": lambda: Call(g.hessian_product, (problem.x, problem.vector)),
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return the Hessian by one product of matrices."""
    return {"hessian": lambda: Call(h.hessian, (problem,))}


def m_ode(problem: m.Problem) -> Ways:
    """Return value and gradient, a Python loop over the steps."""
    return {"value_and_grad": lambda: Call(m.value_and_grad, problem.arguments)}


def j_newton(problem: d.Problem) -> Ways:
    """Return the step."""
    return {"step": lambda: Call(j.newton_step, (problem,))}


def k_leapfrog(problem: k.Problem) -> Ways:
    """Return the leaps, a Python loop."""
    return {"trajectory": lambda: Call(k.trajectory, problem.arguments)}


def l_min_max(problem: l_.Problem) -> Ways:
    """Return value and gradient, a Python loop over the steps."""
    return {"value_and_grad": lambda: Call(lambda: l_.expected(problem)["value_and_grad"])}


def limits(problem: machine.Problem) -> Ways:
    """Return copies and products by NumPy's own functions, into an array that exists."""
    out = np.empty_like(problem.first)

    def copy(target: Array, source: Array) -> Array:
        np.copyto(target, source)
        return target

    if problem.is_matrix:
        return {"matmul": lambda: Call(np.matmul, (problem.first, problem.second, out))}
    return {"copy": lambda: Call(copy, (out, problem.first))}


def f_recurrent(problem: f.Problem) -> Ways:
    """Return loops over the steps, the other products done at once."""
    return {"value_and_grad": lambda: Call(f.value_and_grad, (problem.inputs, *problem.weights))}


def f_lstm(problem: lstm.Problem) -> Ways:
    """Return loops over the steps, the other products done at once."""
    arguments = (problem.inputs, *problem.weights)
    return {
        "value": lambda: Call(lstm.value, arguments),
        "value_and_grad": lambda: Call(lstm.value_and_grad, arguments),
    }


def i_mixture_model(problem: i.Problem) -> Ways:
    """Return value and gradient by products of stacked matrices."""
    arguments = (problem.points, *problem.parameters)
    return {"value": lambda: Call(i.value, arguments), "value_and_grad": lambda: Call(i.value_and_grad, arguments)}


def overhead(problem: calls.Problem) -> Ways:
    """Return plain additions."""
    return {"value": lambda: Call(calls.add, problem.arguments)}


def n_bundle_adjustment(problem: n.Problem) -> Ways:
    """Return residuals and blocks, an operation at a time."""
    return {
        "residuals": lambda: Call(n.residuals, problem.arguments),
        "jacobian": lambda: Call(n.jacobian, problem.arguments),
    }
