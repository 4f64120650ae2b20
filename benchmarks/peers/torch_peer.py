"""PyTorch, eager: a backward pass for each call; the formulations are shared with the compiled peer."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

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
from benchmarks import n_bundle_adjustment as n
from benchmarks import overhead as calls
from benchmarks.common import Call, Ways

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def prime() -> None:
    """Run one backward pass, which starts PyTorch's engine."""
    x = torch.ones(2, requires_grad=True)
    (x * x).sum().backward()


def tensors(*values: Any) -> tuple[Any, ...]:
    """Return arguments as tensors of double precision."""
    return tuple(torch.as_tensor(value, dtype=torch.float64) for value in values)


def backward(function: Callable[..., Any], arguments: tuple[Any, ...], count: int) -> Call:
    """Return a call of a function and its backward pass for the first arguments."""
    differentiated = [value.clone().requires_grad_() for value in arguments[:count]]
    rest = arguments[count:]

    def value_and_grad() -> tuple[Any, ...]:
        value = function(*differentiated, *rest)
        return (value.detach(), *torch.autograd.grad(value, differentiated))

    return Call(value_and_grad)


def f3(x: Any, y: Any, z: Any) -> Any:
    """Return x (y² + z)."""
    return x * (y**2 + z)


def net9(*numbers: Any) -> Any:
    """Return the loss of the network 2-2-1."""
    weights, (x, y, target) = numbers[:9], numbers[9:]
    first = torch.sigmoid(weights[0] * x + weights[1] * y + weights[4])
    second = torch.sigmoid(weights[2] * x + weights[3] * y + weights[5])
    return (torch.sigmoid(weights[6] * first + weights[7] * second + weights[8]) - target) ** 2


def a_small_calls(problem: a.Problem) -> Ways:
    """Return calls with tensors of one number."""
    function = f3 if problem.name == "f3" else net9
    return {"value_and_grad": lambda: backward(function, tensors(*problem.arguments), problem.weights)}


def chain(steps: int) -> Callable[[Any, Any], Any]:
    """Return the chain of a number of steps."""

    def function(before: Any, now: Any) -> Any:
        for _ in range(steps):
            before, now = now, 0.5 * torch.sin(now) - before
        return now

    return function


def b_unrolled_chain(problem: b.Problem) -> Ways:
    """Return the chain recorded step by step."""
    start = tensors(*problem.start)
    return {
        "value_and_grad": lambda: backward(chain(problem.steps), start, 2),
        "value": lambda: Call(chain(problem.steps), start),
    }


def fused(x: Any, a: Any, b: Any) -> Any:
    """Return the function of C."""
    return (torch.tanh(a * x + b) ** 2 * torch.exp(-(x**2))).sum()


def c_fused_elementwise(problem: c.Problem) -> Ways:
    """Return value and gradient for the vector and both numbers."""
    return {"value_and_grad": lambda: backward(fused, tensors(problem.x, problem.a, problem.b), 3)}


def logistic_loss(weights: Any, matrix: Any, labels: Any) -> Any:
    """Return the mean logistic loss."""
    return torch.nn.functional.binary_cross_entropy_with_logits(matrix @ weights, labels)


def d_logistic_regression(problem: d.Problem) -> Ways:
    """Return value and gradient for the weights."""
    arguments = tensors(problem.weights, problem.matrix, problem.labels)
    return {"value_and_grad": lambda: backward(logistic_loss, arguments, 1)}


def network_loss(network: e.Network, parameters: Any, inputs: Any, targets: Any) -> Any:
    """Return the loss of a mini-batch."""
    activation = torch.tanh if network.activation == "tanh" else torch.relu
    layer = inputs
    for place in range(0, len(parameters), 2):
        layer = torch.addmm(parameters[place + 1], layer, parameters[place])
        layer = activation(layer) if place < len(parameters) - 2 else layer
    if network.classifies:
        return torch.nn.functional.cross_entropy(layer, targets)
    return torch.nn.functional.mse_loss(layer, targets)


def make_optimiser(network: e.Network, parameters: list[Any]) -> Any:
    """Return PyTorch's own optimiser, its fused version."""
    if network.adam:
        return torch.optim.Adam(parameters, lr=network.rate, eps=e.EPSILON, fused=True)
    return torch.optim.SGD(parameters, lr=network.rate, fused=True)


def train(problem: e.Problem, compiled: Callable[[Any], Any]) -> Call:
    """Return an epoch: zero_grad, forward, backward, step for each mini-batch."""
    network = problem.network
    parameters = [torch.tensor(value, requires_grad=True) for value in problem.parameters]
    optimiser = make_optimiser(network, parameters)
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in problem.epoch()]
    forward = compiled(lambda values, inputs, targets: network_loss(network, values, inputs, targets))

    def epoch() -> tuple[Any, ...]:
        for inputs, targets in batches:
            optimiser.zero_grad(set_to_none=True)
            loss = forward(parameters, inputs, targets)
            loss.backward()
            optimiser.step()
        return (loss.detach(), *(value.detach() for value in parameters))

    return Call(epoch, steps=network.batches)


def e_training_step(problem: e.Problem) -> Ways:
    """Return a loop over mini-batches with the optimiser's fused step."""
    return {"step": lambda: train(problem, lambda function: function)}


def rosenbrock(x: Any) -> Any:
    """Return Rosenbrock's function."""
    left, right = x[:-1], x[1:]
    return (100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2).sum()


def rosenbrock_product(x: Any, vector: Any) -> Any:
    """Return the product of the Hessian with a vector: forward over reverse."""
    return torch.func.jvp(torch.func.grad(rosenbrock), (x,), (vector,))[1]


def g_rosenbrock(problem: g.Problem) -> Ways:
    """Return value and gradient, and the product with the Hessian."""
    x, vector = tensors(problem.x, problem.vector)
    return {
        "value_and_grad": lambda: backward(rosenbrock, (x,), 1),
        "hessian_product": lambda: Call(rosenbrock_product, (x, vector)),
    }


def h_dense_hessian(problem: d.Problem) -> Ways:
    """Return `torch.func.hessian`."""
    arguments = tensors(problem.weights, problem.matrix, problem.labels)
    return {"hessian": lambda: Call(torch.func.hessian(logistic_loss), arguments)}


def limits(problem: machine.Problem) -> Ways:
    """Return triad and product, into a tensor that exists."""
    first, second = torch.from_numpy(problem.first), torch.from_numpy(problem.second)
    out = {"out": torch.empty_like(first)}
    if problem.is_matrix:
        return {"matmul": lambda: Call(torch.matmul, (first, second), out)}
    return {"triad": lambda: Call(torch.add, (first, second), {"alpha": problem.scale, **out})}


def recurrent_loss(weights: Any, recurrent: Any, biases: Any, inputs: Any) -> Any:
    """Return the mean square of the states."""
    linear, states = inputs @ weights + biases, [torch.zeros_like(inputs[0])]
    for step in range(len(inputs)):
        states.append(torch.tanh(torch.addmm(linear[step], states[-1], recurrent)))
    return torch.stack(states[1:]).square().mean()


def f_recurrent(problem: f.Problem) -> Ways:
    """Return a loop over the steps, recorded at each call."""
    return {"value_and_grad": lambda: backward(recurrent_loss, tensors(*problem.weights, problem.inputs), 3)}


def lstm_loss(weights: Any, recurrent: Any, biases: Any, inputs: Any) -> Any:
    """Return the mean square of an LSTM's outputs."""
    linear, outputs, memory = inputs @ weights + biases, [torch.zeros_like(inputs[0])], torch.zeros_like(inputs[0])
    for step in range(len(inputs)):
        entry, keep, fresh, shown = torch.addmm(linear[step], outputs[-1], recurrent).chunk(4, dim=1)
        memory = torch.sigmoid(keep) * memory + torch.sigmoid(entry) * torch.tanh(fresh)
        outputs.append(torch.sigmoid(shown) * torch.tanh(memory))
    return torch.stack(outputs[1:]).square().mean()


def f_lstm(problem: lstm.Problem) -> Ways:
    """Return a loop over the steps, recorded at each call; and PyTorch's own LSTM."""
    arguments = tensors(*problem.weights, problem.inputs)
    return {
        "value": lambda: Call(lstm_loss, arguments),
        "value_and_grad": lambda: backward(lstm_loss, arguments, 3),
        "value_and_grad:nn.LSTM": lambda: backward(own_lstm(problem), arguments, 3),
    }


def own_lstm(problem: lstm.Problem) -> Callable[..., Any]:
    """Return the loss by `torch.nn.LSTM`, whose gates are in the same order, as a function of weights as here."""
    width = problem.inputs.shape[2]
    network = torch.nn.LSTM(width, width, dtype=torch.float64)

    def loss(weights: Any, recurrent: Any, biases: Any, inputs: Any) -> Any:
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        given = dict(zip(names, (weights.T, recurrent.T, biases, torch.zeros_like(biases)), strict=True))
        return torch.func.functional_call(network, given, (inputs,))[0].square().mean()

    return loss


def log_density(log_weights: Any, means: Any, log_diagonals: Any, lower: Any, points: Any) -> Any:
    """Return the log density of a mixture model."""
    (n, d), k = points.shape, len(means)
    rows, columns = (torch.from_numpy(places) for places in i.places(d))
    below = torch.zeros((k, d, d), dtype=torch.float64).index_put((torch.arange(k)[:, None], rows, columns), lower)
    factors = below + torch.diag_embed(torch.exp(log_diagonals))
    whitened = torch.einsum("kij,nkj->nki", factors, points[:, None, :] - means)
    each = log_weights + log_diagonals.sum(dim=1) - 0.5 * whitened.square().sum(dim=2)
    likelihood = (torch.logsumexp(each, dim=1) - torch.logsumexp(log_weights, dim=0)).sum()
    squares = torch.exp(2 * log_diagonals).sum() + lower.square().sum()
    return likelihood + i.M * log_diagonals.sum() - 0.5 * i.GAMMA**2 * squares + i.constant(n, d, k)


def i_mixture_model(problem: i.Problem) -> Ways:
    """Return the log density, and a backward pass for all parameters."""
    arguments = tensors(*problem.parameters, problem.points)
    return {
        "value": lambda: Call(log_density, arguments),
        "value_and_grad": lambda: backward(log_density, arguments, 4),
    }


def residual(camera: Any, point: Any, weight: Any, seen: Any) -> Any:
    """Return the residual of one sight; the guard of Rodrigues' formula stands inside the root too."""
    rotation, moved = camera[:3], point - camera[3:6]
    square = rotation @ rotation
    angle = torch.sqrt(torch.where(square > 0, square, 1.0))
    axis, cosine = rotation / angle, torch.cos(angle)
    cross = torch.linalg.cross
    far = cosine * moved + torch.sin(angle) * cross(axis, moved) + (1 - cosine) * (axis @ moved) * axis
    local = torch.where(square > 0, far, moved + cross(rotation, moved))
    ratio = local[:2] / local[2]
    square = ratio @ ratio
    return weight * (ratio * (1 + camera[9] * square + camera[10] * square**2) * camera[6] + camera[7:9] - seen)


def n_bundle_adjustment(problem: n.Problem) -> Ways:
    """Return `torch.func.vmap` of the residual and of its Jacobian by reverse mode."""
    floats, (who, what) = tensors(*problem.arguments[:4]), map(torch.as_tensor, problem.arguments[4:])
    parts = torch.func.jacrev(residual, argnums=(0, 1, 2))

    def block(*sight: Any) -> Any:
        by_camera, by_point, by_weight = parts(*sight)
        return torch.cat([by_camera, by_point, by_weight[:, None]], dim=1)

    def over(of_one: Callable[..., Any]) -> Call:
        cameras, points, weights, seen = floats
        return Call(lambda: torch.func.vmap(of_one)(cameras[who], points[what], weights, seen))

    return {"residuals": lambda: over(residual), "jacobian": lambda: over(block)}


def overhead(problem: calls.Problem) -> Ways:
    """Return plain additions of tensors."""
    return {"value": lambda: Call(calls.add, tensors(*problem.arguments))}
