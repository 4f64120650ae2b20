"""graphc's equations, Newton's steps, leaps and ascents: derivatives inside loops and loops inside derivatives."""

from __future__ import annotations

from typing import Any

import graphc as gx
from benchmarks import d_logistic_regression as d
from benchmarks import j_newton as j
from benchmarks import k_leapfrog as k
from benchmarks import l_min_max as l_
from benchmarks import m_ode as m
from benchmarks.common import Call, Ways


def m_ode(problem: m.Problem) -> Ways:
    """Return the steps as a loop, states as vectors or as pairs of numbers."""
    start, rates = gx.tensor("start", (2,)), gx.tensor("rates", (4,))
    observed = gx.tensor("observed", ("steps", 2))

    def by_vectors() -> gx.Expr:
        def step(state: gx.Expr, row: gx.Expr) -> tuple[gx.Expr, gx.Expr]:
            state = m.next_state(lambda at: gx.stack(m.flow(at, rates)), state)
            return state, gx.sum((state - row) ** 2)

        return gx.sum(gx.scan(step, start, observed)[1]) / observed.size

    def by_numbers() -> gx.Expr:
        def step(state: tuple[gx.Expr, gx.Expr], row: gx.Expr) -> tuple[Any, gx.Expr]:
            prey, predators = m.next_pair(state, rates)
            return (prey, predators), (prey - row[0]) ** 2 + (predators - row[1]) ** 2

        return gx.sum(gx.scan(step, (start[0], start[1]), observed)[1]) / observed.size

    def called(loss: gx.Expr, method: str = "") -> Call:
        function = gx.compile(loss, [start, rates, observed], wrt=[start, rates])
        return Call(function, problem.arguments, method=method)

    return {
        "value": lambda: called(by_vectors()),
        "value:by number": lambda: called(by_numbers()),
        "value_and_grad": lambda: called(by_vectors(), "value_and_grad"),
        "value_and_grad:by number": lambda: called(by_numbers(), "value_and_grad"),
    }


def penalised_loss(weights: gx.Expr, matrix: gx.Expr, labels: gx.Expr) -> gx.Expr:
    """Return the mean logistic loss and half the penalty times the squares of the weights."""
    logits = matrix @ weights
    return gx.mean(gx.softplus(logits) - labels * logits) + j.PENALTY / 2 * gx.sum(weights**2)


def j_newton(problem: d.Problem) -> Ways:
    """Return the step with `graphc.hessian` and `linalg.solve`."""
    weights, matrix = gx.tensor("weights", problem.weights.shape), gx.tensor("matrix", ("rows", len(problem.weights)))
    labels = gx.tensor("labels", ("rows",))

    def build() -> Call:
        loss = penalised_loss(weights, matrix, labels)
        step = gx.linalg.solve(gx.hessian(loss, weights), gx.grad(loss, weights))
        function = gx.compile(weights - step, [weights, matrix, labels])
        return Call(function, (problem.weights, problem.matrix, problem.labels))

    return {"step": build}


def k_leapfrog(problem: k.Problem) -> Ways:
    """Return the leaps as a loop, the slope by `graphc.grad` in it."""
    columns = len(problem.weights)
    weights, momentum = gx.tensor("weights", (columns,)), gx.tensor("momentum", (columns,))
    matrix, labels = gx.tensor("matrix", ("rows", columns)), gx.tensor("labels", ("rows",))

    def potential(weights: gx.Expr) -> gx.Expr:
        logits = matrix @ weights
        return gx.sum(gx.softplus(logits) - labels * logits) + gx.sum(weights**2) / 2

    def build() -> Call:
        slope = gx.grad(potential)

        def leap(_: gx.Expr, state: tuple[gx.Expr, gx.Expr]) -> tuple[gx.Expr, gx.Expr]:
            position = state[0] + k.STEP * state[1]
            return position, state[1] - k.STEP * slope(position)

        position, ahead = gx.fori_loop(0, k.LEAPS, leap, (weights, momentum - k.STEP / 2 * slope(weights)))
        moved = [position, ahead + k.STEP / 2 * slope(position)]
        return Call(gx.compile(moved, [weights, momentum, matrix, labels]), problem.arguments)

    return {"trajectory": build}


def l_min_max(problem: l_.Problem) -> Ways:
    """Return the height after the ascent, whose slope is `graphc.grad` inside a loop."""
    point, twist = gx.tensor("point", problem.point.shape), gx.tensor("twist", problem.twist.shape)

    def surface(x: gx.Expr, y: gx.Expr) -> gx.Expr:
        return gx.sum((x - 1.0) ** 2) + x @ twist @ y - 2.0 * gx.sum((y - 0.5) ** 2)

    def called(method: str) -> Call:
        slope = gx.grad(surface, argnums=1)
        climb = lambda _, y: y + l_.RATE * slope(point, y)
        height = surface(point, gx.fori_loop(0, problem.steps, climb, gx.zeros_like(point)))
        return Call(gx.compile(height, [point, twist], wrt=point), (problem.point, problem.twist), method=method)

    return {"value": lambda: called(""), "value_and_grad": lambda: called("value_and_grad")}
