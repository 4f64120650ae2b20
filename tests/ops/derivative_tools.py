"""Derivatives of graphs, computed by the reference backend, against differences and against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.autodiff.forward import tangents
from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate
from graphc.graph.leaf import symbol
from graphc.graph.node import Expr


def make_symbols(arrays: Sequence[np.ndarray[Any, Any]]) -> list[Expr]:
    return [symbol(f"x{number}", array.shape, array.dtype) for number, array in enumerate(arrays)]


def value_of(function: Callable[..., Any], arrays: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Return what the graph the function builds computes."""
    inputs = make_symbols(arrays)
    (result,) = evaluate([function(*inputs)], dict(zip(inputs, arrays, strict=True)))
    return result


def gradients(
    output: Expr, inputs: Sequence[Expr], seed: np.ndarray[Any, Any], arrays: Sequence[np.ndarray[Any, Any]]
) -> list[np.ndarray[Any, Any]]:
    """Return the adjoint of each input for an adjoint of the output; zeros where there is none."""
    adjoint = symbol("seed", output.shape, output.dtype)
    table = adjoints({output: adjoint}, inputs)
    known = [node for node in inputs if node in table]
    found = evaluate([table[node] for node in known], {**dict(zip(inputs, arrays, strict=True)), adjoint: seed})
    by_input = dict(zip(known, found, strict=True))
    return [by_input.get(node, np.zeros_like(array)) for node, array in zip(inputs, arrays, strict=True)]


def directional(
    output: Expr, inputs: Sequence[Expr], directions: Sequence[np.ndarray[Any, Any]], arrays: Sequence[Any]
) -> np.ndarray[Any, Any]:
    """Return the tangent of the output for tangents of the inputs."""
    seeds = {node: symbol(f"t{number}", node.shape, node.dtype) for number, node in enumerate(inputs)}
    (tangent,) = tangents([output], seeds)
    values = dict(zip(inputs, arrays, strict=True)) | dict(zip(seeds.values(), directions, strict=True))
    if tangent is None:
        (value,) = evaluate([output], values)
        return np.zeros_like(value)
    assert (tangent.shape, tangent.dtype) == (output.shape, output.dtype)
    return evaluate([tangent], values)[0]


def difference(function: Callable[..., Any], arrays: Sequence[Any], directions: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return the derivative along a direction by central differences, Richardson extrapolated."""

    def central(step: float) -> Any:
        ahead = value_of(function, [a + step * d for a, d in zip(arrays, directions, strict=True)])
        behind = value_of(function, [a - step * d for a, d in zip(arrays, directions, strict=True)])
        return (ahead - behind) / (2 * step)

    return (4 * central(5e-5) - central(1e-4)) / 3


def assert_derivatives(function: Callable[..., Any], arrays: Sequence[np.ndarray[Any, Any]]) -> None:
    """Check forward mode against differences, and reverse mode against forward: <J t, g> = <t, J^T g>."""
    generator = np.random.default_rng(len(arrays))
    inputs = make_symbols(arrays)
    output = function(*inputs)
    directions = [generator.standard_normal(array.shape).astype(array.dtype) for array in arrays]
    forward = directional(output, inputs, directions, arrays)
    np.testing.assert_allclose(forward, difference(function, arrays, directions), rtol=2e-7, atol=2e-8)
    seed = generator.standard_normal(forward.shape)
    reverse = gradients(output, inputs, seed, arrays)
    for found, array in zip(reverse, arrays, strict=True):
        assert (found.shape, found.dtype) == (array.shape, array.dtype)
    left = np.sum(forward * seed)
    right = sum(np.sum(direction * found) for direction, found in zip(directions, reverse, strict=True))
    np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-12)
