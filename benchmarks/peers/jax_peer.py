"""JAX: `jit` of what `jax.grad` gives; inputs on the device already, results awaited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import e_training_step as e
from benchmarks import f_lstm as lstm
from benchmarks import f_recurrent as f
from benchmarks import g_rosenbrock as g
from benchmarks import i_mixture_model as i
from benchmarks import limits as machine
from benchmarks import overhead as calls
from benchmarks.common import Call, Ways
from benchmarks.peers.jax_calls import awaited
from benchmarks.peers.jax_cameras import n_bundle_adjustment
from benchmarks.peers.jax_science import j_newton, k_leapfrog, l_min_max, m_ode

__all__ = ["j_newton", "k_leapfrog", "l_min_max", "m_ode", "n_bundle_adjustment"]


def prime() -> None:
    """Compile once, so that the process's first compilation is not counted."""
    jax.jit(lambda x: x + 1.0)(jnp.ones(2)).block_until_ready()


def f3(x: Any, y: Any, z: Any) -> Any:
    """Return x (y² + z)."""
    return x * (y**2 + z)


def net9(*numbers: Any) -> Any:
    """Return the loss of the network 2-2-1."""
    weights, (x, y, target) = numbers[:9], numbers[9:]
    first = jax.nn.sigmoid(weights[0] * x + weights[1] * y + weights[4])
    second = jax.nn.sigmoid(weights[2] * x + weights[3] * y + weights[5])
    return (jax.nn.sigmoid(weights[6] * first + weights[7] * second + weights[8]) - target) ** 2


def a_small_calls(problem: a.Problem) -> Ways:
    """Return calls with numbers that are on the device."""
    function = jax.value_and_grad(f3 if problem.name == "f3" else net9, argnums=tuple(range(problem.weights)))
    return {"value_and_grad": lambda: awaited(function, *problem.arguments)}


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain traced step by step."""

    def chain(before: Any, now: Any) -> Any:
        for _ in range(problem.steps):
            before, now = now, 0.5 * jnp.sin(now) - before
        return now

    return {
        "value_and_grad": lambda: awaited(jax.value_and_grad(chain, (0, 1)), *problem.start),
        "value": lambda: awaited(chain, *problem.start),
    }


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient for the vector and both numbers."""

    def loss(x: Any, a: Any, b: Any) -> Any:
        return jnp.sum(jnp.tanh(a * x + b) ** 2 * jnp.exp(-(x**2)))

    return {"value_and_grad": lambda: awaited(jax.value_and_grad(loss, (0, 1, 2)), problem.x, problem.a, problem.b)}


def logistic_loss(weights: Any, matrix: Any, labels: Any) -> Any:
    """Return the mean logistic loss."""
    logits = matrix @ weights
    return jnp.mean(jax.nn.softplus(logits) - labels * logits)


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient for the weights."""
    arguments = (problem.weights, problem.matrix, problem.labels)
    return {"value_and_grad": lambda: awaited(jax.value_and_grad(logistic_loss), *arguments)}


def network_loss(network: e.Network, parameters: Any, inputs: Any, targets: Any) -> Any:
    """Return the loss of a mini-batch."""
    activation = jnp.tanh if network.activation == "tanh" else jax.nn.relu
    layer = inputs
    for place in range(0, len(parameters), 2):
        layer = layer @ parameters[place] + parameters[place + 1]
        layer = activation(layer) if place < len(parameters) - 2 else layer
    if not network.classifies:
        return jnp.mean((layer - targets) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(layer), targets[:, None], axis=1))


def make_step(network: e.Network) -> Callable[[Any, Any], Any]:
    """Return the step of gradient descent or Adam: state and mini-batch to state and loss."""

    def step(state: Any, batch: Any) -> Any:
        loss, gradient = jax.value_and_grad(lambda p: network_loss(network, p, *batch))(state[0])
        if not network.adam:
            return ([value - network.rate * slope for value, slope in zip(state[0], gradient, strict=True)],), loss
        parameters, firsts, seconds, count = state
        count = count + 1
        rate = network.rate / (1 - e.FIRST_DECAY**count)
        unbias = 1 / (1 - e.SECOND_DECAY**count)
        firsts = [m + (1 - e.FIRST_DECAY) * (slope - m) for m, slope in zip(firsts, gradient, strict=True)]
        seconds = [v + (1 - e.SECOND_DECAY) * (slope**2 - v) for v, slope in zip(seconds, gradient, strict=True)]
        parameters = [
            value - rate * m / (jnp.sqrt(v * unbias) + e.EPSILON)
            for value, m, v in zip(parameters, firsts, seconds, strict=True)
        ]
        return (parameters, firsts, seconds, count), loss

    return step


class Trainer:
    """The state of training, and an epoch of it: a call for each step, or one `scan` for all."""

    def __init__(self, problem: e.Problem, scanned: bool) -> None:
        network = problem.network
        zeros = [jnp.zeros_like(value) for value in problem.parameters]
        moments = (zeros, [jnp.zeros_like(value) for value in zeros], jnp.float32(0)) if network.adam else ()
        self.state: Any = ([jnp.array(value) for value in problem.parameters], *moments)
        self.batches = [(jnp.asarray(inputs), jnp.asarray(targets)) for inputs, targets in problem.epoch()]
        self.stacked = tuple(jnp.stack(parts) for parts in zip(*self.batches, strict=True))
        step = make_step(network)
        self.scanned = scanned
        epoch = lambda state, batches: jax.lax.scan(step, state, batches)
        self.compiled = jax.jit(epoch if scanned else step, donate_argnums=0)

    def epoch(self) -> Any:
        """Train on all mini-batches; return the last loss and the parameters."""
        if self.scanned:
            self.state, losses = self.compiled(self.state, self.stacked)
            loss = losses[-1]
        else:
            for batch in self.batches:
                self.state, loss = self.compiled(self.state, batch)
        jax.block_until_ready(self.state)
        return (loss, *self.state[0])


def e_training_step(problem: e.Problem) -> Ways:
    """Return a step at a time, and a whole epoch by `scan`."""
    batches = problem.network.batches
    return {
        "step": lambda: Call(Trainer(problem, scanned=False).epoch, steps=batches),
        "step:epoch in one call": lambda: Call(Trainer(problem, scanned=True).epoch, steps=batches),
    }


def rosenbrock(x: Any) -> Any:
    """Return Rosenbrock's function."""
    left, right = x[:-1], x[1:]
    return jnp.sum(100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2)


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian: forward over reverse."""

    def product(x: Any, vector: Any) -> Any:
        return jax.jvp(jax.grad(rosenbrock), (x,), (vector,))[1]

    return {
        "value_and_grad": lambda: awaited(jax.value_and_grad(rosenbrock), problem.x),
        "hessian_product": lambda: awaited(product, problem.x, problem.vector),
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return `jax.hessian`, and reverse over reverse."""
    arguments = (problem.weights, problem.matrix, problem.labels)
    reverse = jax.jacrev(jax.grad(logistic_loss))
    return {
        "hessian": lambda: awaited(jax.hessian(logistic_loss), *arguments),
        "hessian:reverse over reverse": lambda: awaited(reverse, *arguments),
    }


def limits(problem: machine.Problem) -> Ways:
    """Return triad and product, into new arrays."""
    if problem.is_matrix:
        return {"matmul": lambda: awaited(jnp.matmul, problem.first, problem.second)}
    return {"triad": lambda: awaited(lambda x, y: x + problem.scale * y, problem.first, problem.second)}


def recurrent_loss(weights: Any, inputs: Any, unrolled: int) -> Any:
    """Return the mean square of the states, by `scan`."""
    linear = inputs @ weights[0] + weights[2]

    def step(state: Any, row: Any) -> Any:
        state = jnp.tanh(row + state @ weights[1])
        return state, state

    _, states = jax.lax.scan(step, jnp.zeros_like(inputs[0]), linear, unroll=unrolled)
    return jnp.mean(states**2)


def f_recurrent(problem: f.Problem) -> Ways:
    """Return `scan`, and the same unrolled."""
    weights = tuple(jnp.asarray(value) for value in problem.weights)

    def build(unrolled: int) -> Call:
        compiled = jax.jit(jax.value_and_grad(lambda w, inputs: recurrent_loss(w, inputs, unrolled)))
        inputs = jnp.asarray(problem.inputs)
        return Call(lambda: jax.block_until_ready(compiled(weights, inputs)))

    return {"value_and_grad": lambda: build(1), "value_and_grad:unrolled": lambda: build(len(problem.inputs))}


def lstm_loss(weights: Any, inputs: Any) -> Any:
    """Return the mean square of an LSTM's outputs, by `scan`."""
    linear = inputs @ weights[0] + weights[2]

    def step(state: Any, row: Any) -> Any:
        output, memory = state
        entry, keep, fresh, shown = jnp.split(row + output @ weights[1], 4, axis=1)
        memory = jax.nn.sigmoid(keep) * memory + jax.nn.sigmoid(entry) * jnp.tanh(fresh)
        output = jax.nn.sigmoid(shown) * jnp.tanh(memory)
        return (output, memory), output

    nothing = jnp.zeros_like(inputs[0])
    _, outputs = jax.lax.scan(step, (nothing, nothing), linear)
    return jnp.mean(outputs**2)


def f_lstm(problem: lstm.Problem) -> Ways:
    """Return `scan`, and its gradient."""
    weights = tuple(jnp.asarray(value) for value in problem.weights)

    def build(function: Callable[..., Any]) -> Call:
        compiled, inputs = jax.jit(function), jnp.asarray(problem.inputs)
        return Call(lambda: jax.block_until_ready(compiled(weights, inputs)))

    return {"value": lambda: build(lstm_loss), "value_and_grad": lambda: build(jax.value_and_grad(lstm_loss))}


def log_density(log_weights: Any, means: Any, log_diagonals: Any, lower: Any, points: Any) -> Any:
    """Return the log density of a mixture model."""
    (n, d), k = points.shape, len(means)
    rows, columns = i.places(d)
    factors = jnp.zeros((k, d, d)).at[:, rows, columns].set(lower) + jnp.exp(log_diagonals)[:, :, None] * jnp.eye(d)
    whitened = jnp.einsum("kij,nkj->nki", factors, points[:, None, :] - means)
    each = log_weights + log_diagonals.sum(axis=1) - 0.5 * jnp.sum(whitened**2, axis=2)
    likelihood = jnp.sum(jax.nn.logsumexp(each, axis=1) - jax.nn.logsumexp(log_weights))
    squares = jnp.sum(jnp.exp(2 * log_diagonals)) + jnp.sum(lower**2)
    return likelihood + i.M * log_diagonals.sum() - 0.5 * i.GAMMA**2 * squares + i.constant(n, d, k)


def i_mixture_model(problem: i.Problem) -> Ways:
    """Return the log density, and its gradient in all parameters."""
    arguments = (*problem.parameters, problem.points)
    return {
        "value": lambda: awaited(log_density, *arguments),
        "value_and_grad": lambda: awaited(jax.value_and_grad(log_density, (0, 1, 2, 3)), *arguments),
    }


def overhead(problem: calls.Problem) -> Ways:
    """Return the additions, inputs on the device."""
    return {"value": lambda: awaited(calls.add, *problem.arguments)}
