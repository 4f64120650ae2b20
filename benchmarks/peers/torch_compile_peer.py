"""PyTorch, compiled: `torch.compile` of `torch.func`'s value and gradient in one function, its fastest form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks import a_small_calls as a
from benchmarks import b_unrolled_chain as b
from benchmarks import c_fused_elementwise as c
from benchmarks import d_logistic_regression as d
from benchmarks import e_training_step as e
from benchmarks import f_recurrent as f
from benchmarks import g_rosenbrock as g
from benchmarks import i_mixture_model as i
from benchmarks import overhead as calls
from benchmarks.common import Call, Ways
from benchmarks.peers import torch_peer as eager


def prime() -> None:
    """Compile once, so that the process's first compilation is not counted."""
    torch.compile(lambda x: x + 1.0)(torch.ones(2))


def compiled(function: Callable[..., Any], count: int, *values: Any) -> Call:
    """Return a call of the compiled value and gradient for the first arguments."""
    both = torch.func.grad_and_value(function, argnums=tuple(range(count)))
    fast = torch.compile(both)

    def value_and_grad(*given: Any) -> tuple[Any, Any]:
        gradient, value = fast(*given)
        return value, gradient

    return Call(value_and_grad, eager.tensors(*values))


def a_small_calls(problem: a.Problem) -> Ways:
    """Return calls with tensors of one number."""
    function = eager.f3 if problem.name == "f3" else eager.net9
    return {"value_and_grad": lambda: compiled(function, problem.weights, *problem.arguments)}


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain, traced step by step."""
    return {"value_and_grad": lambda: compiled(eager.chain(problem.steps), 2, *problem.start)}


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient for the vector and both numbers."""
    return {"value_and_grad": lambda: compiled(eager.fused, 3, problem.x, problem.a, problem.b)}


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient for the weights."""
    arguments = (problem.weights, problem.matrix, problem.labels)
    return {"value_and_grad": lambda: compiled(eager.logistic_loss, 1, *arguments)}


def functional_step(network: e.Network) -> Callable[..., Any]:
    """Return the step of gradient descent or Adam as one function of state and mini-batch."""

    def step(state: Any, inputs: Any, targets: Any, rate: Any, unbias: Any) -> Any:
        loss = lambda values: eager.network_loss(network, values, inputs, targets)
        gradient, value = torch.func.grad_and_value(loss)(state[0])
        if not network.adam:
            return value, [[old - rate * slope for old, slope in zip(state[0], gradient, strict=True)]]
        firsts = [m + (1 - e.FIRST_DECAY) * (slope - m) for m, slope in zip(state[1], gradient, strict=True)]
        seconds = [v + (1 - e.SECOND_DECAY) * (slope**2 - v) for v, slope in zip(state[2], gradient, strict=True)]
        moments = zip(state[0], firsts, seconds, strict=True)
        parameters = [old - rate * m / (torch.sqrt(v * unbias) + e.EPSILON) for old, m, v in moments]
        return value, [parameters, firsts, seconds]

    return step


def train_functional(problem: e.Problem) -> Call:
    """Return an epoch of compiled steps, gradient and update in one function."""
    network = problem.network
    parameters = [torch.tensor(value) for value in problem.parameters]
    zeros = [torch.zeros_like(value) for value in parameters]
    state: list[Any] = [parameters, zeros, [value.clone() for value in zeros]] if network.adam else [parameters]
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in problem.epoch()]
    fast = torch.compile(functional_step(network))
    steps = 0

    def epoch() -> tuple[Any, ...]:
        nonlocal state, steps
        for inputs, targets in batches:
            steps += 1
            scales = e.adam_scales(network, steps) if network.adam else (network.rate, 1.0)
            loss, state = fast(state, inputs, targets, *(torch.tensor(value) for value in scales))
        return (loss, *state[0])

    return Call(epoch, steps=network.batches)


def e_training_step(problem: e.Problem) -> Ways:
    """Return the compiled forward pass in the eager loop, and the whole step compiled."""
    return {
        "step:forward": lambda: eager.train(problem, torch.compile),
        "step": lambda: train_functional(problem),
    }


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian."""
    arguments = eager.tensors(problem.x, problem.vector)
    return {
        "value_and_grad": lambda: compiled(eager.rosenbrock, 1, problem.x),
        "hessian_product": lambda: Call(torch.compile(eager.rosenbrock_product), arguments),
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return `torch.func.hessian`, compiled."""
    arguments = eager.tensors(problem.weights, problem.matrix, problem.labels)
    return {"hessian": lambda: Call(torch.compile(torch.func.hessian(eager.logistic_loss)), arguments)}


def f_recurrent(problem: f.Problem) -> Ways:
    """Return the loop over the steps, traced."""
    return {"value_and_grad": lambda: compiled(eager.recurrent_loss, 3, *problem.weights, problem.inputs)}


def i_mixture_model(problem: i.Problem) -> Ways:
    """Return the log density, and its gradient in all parameters, compiled."""
    arguments = (*problem.parameters, problem.points)
    return {
        "value": lambda: Call(torch.compile(eager.log_density), eager.tensors(*arguments)),
        "value_and_grad": lambda: compiled(eager.log_density, 4, *arguments),
    }


def overhead(problem: calls.Problem) -> Ways:
    """Return the additions in one compiled function."""
    return {"value": lambda: Call(torch.compile(calls.add), eager.tensors(*problem.arguments))}
