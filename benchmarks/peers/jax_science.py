"""JAX's equations, Newton's steps, leaps and ascents: `scan` and `fori_loop` under `jit`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import d_logistic_regression as d
from benchmarks import j_newton as j
from benchmarks import k_leapfrog as k
from benchmarks import l_min_max as l_
from benchmarks import m_ode as m
from benchmarks.common import Ways
from benchmarks.peers.jax_calls import awaited


def loss_by_vectors(start: Any, rates: Any, observed: Any) -> Any:
    """Return the loss of the steps, states as vectors."""

    def step(state: Any, row: Any) -> Any:
        state = m.next_state(lambda at: jnp.stack(m.flow(at, rates)), state)
        return state, jnp.sum((state - row) ** 2)

    return jnp.sum(jax.lax.scan(step, start, observed)[1]) / observed.size


def loss_by_numbers(start: Any, rates: Any, observed: Any) -> Any:
    """Return the loss of the steps, states as pairs of numbers."""

    def step(state: Any, row: Any) -> Any:
        prey, predators = m.next_pair(state, rates)
        return (prey, predators), (prey - row[0]) ** 2 + (predators - row[1]) ** 2

    return jnp.sum(jax.lax.scan(step, (start[0], start[1]), observed)[1]) / observed.size


def m_ode(problem: m.Problem) -> Ways:
    """Return the steps by `scan`, states as vectors or as pairs of numbers."""
    derived = lambda loss: jax.value_and_grad(loss, (0, 1))
    return {
        "value": lambda: awaited(loss_by_vectors, *problem.arguments),
        "value:by number": lambda: awaited(loss_by_numbers, *problem.arguments),
        "value_and_grad": lambda: awaited(derived(loss_by_vectors), *problem.arguments),
        "value_and_grad:by number": lambda: awaited(derived(loss_by_numbers), *problem.arguments),
    }


def j_newton(problem: d.Problem) -> Ways:
    """Return the step with `jax.hessian`, and with reverse over reverse."""

    def loss(weights: Any, matrix: Any, labels: Any) -> Any:
        logits = matrix @ weights
        return jnp.mean(jax.nn.softplus(logits) - labels * logits) + j.PENALTY / 2 * jnp.sum(weights**2)

    def step(hessian: Any) -> Any:
        return lambda weights, *data: (
            weights - jnp.linalg.solve(hessian(weights, *data), jax.grad(loss)(weights, *data))
        )

    arguments = (problem.weights, problem.matrix, problem.labels)
    return {
        "step": lambda: awaited(step(jax.hessian(loss)), *arguments),
        "step:reverse over reverse": lambda: awaited(step(jax.jacrev(jax.grad(loss))), *arguments),
    }


def k_leapfrog(problem: k.Problem) -> Ways:
    """Return the leaps by `fori_loop`."""

    def potential(weights: Any, matrix: Any, labels: Any) -> Any:
        logits = matrix @ weights
        return jnp.sum(jax.nn.softplus(logits) - labels * logits) + jnp.sum(weights**2) / 2

    def trajectory(weights: Any, momentum: Any, *data: Any) -> Any:
        slope = lambda at: jax.grad(potential)(at, *data)

        def leap(_: Any, state: Any) -> Any:
            position = state[0] + k.STEP * state[1]
            return position, state[1] - k.STEP * slope(position)

        position, ahead = jax.lax.fori_loop(0, k.LEAPS, leap, (weights, momentum - k.STEP / 2 * slope(weights)))
        return position, ahead + k.STEP / 2 * slope(position)

    return {"trajectory": lambda: awaited(trajectory, *problem.arguments)}


def l_min_max(problem: l_.Problem) -> Ways:
    """Return the height after the ascent, its slope by `jax.grad` inside `fori_loop`."""

    def height(point: Any, twist: Any) -> Any:
        surface = lambda x, y: jnp.sum((x - 1.0) ** 2) + x @ twist @ y - 2.0 * jnp.sum((y - 0.5) ** 2)
        slope = jax.grad(surface, argnums=1)
        climb = lambda _, y: y + l_.RATE * slope(point, y)
        return surface(point, jax.lax.fori_loop(0, problem.steps, climb, jnp.zeros_like(point)))

    return {
        "value": lambda: awaited(height, problem.point, problem.twist),
        "value_and_grad": lambda: awaited(jax.value_and_grad(height), problem.point, problem.twist),
    }
