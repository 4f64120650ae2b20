"""What holds for every graph: modes agree, differences agree, rewriting and compiling keep values.

Tolerances are units in the last place of the coarsest dtype in the graph, times the largest value the
graph computes on the way (at least 1): the rounding error of a sum is that of its largest term.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from graphc import compile
from graphc.autodiff.transforms import grad, jvp, vjp
from graphc.backends.reference import evaluate
from graphc.check.derivatives import check_grad
from graphc.graph.leaf import symbol_name
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import is_float
from graphc.graph.walk import topological_order
from graphc.rewrite.engine import simplify
from tests.strategies import Graph, graphs

ULPS = 300.0


def examples(number: int) -> settings:
    """Return settings for that many graphs, each as slow as it is."""
    return settings(
        max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )


def with_gradients(graph: Graph) -> list[Expr]:
    """Return the loss and its gradients by every input."""
    return [graph.loss, *grad(graph.loss, wrt=list(graph.inputs))]


def tolerance(outputs: Sequence[Expr], values: Any) -> float:
    """Return the absolute error that rounding explains; see the top of the file."""
    order = [node for node in topological_order(outputs) if is_float(node.dtype)]
    largest = max((float(np.abs(array).max(initial=1.0)) for array in evaluate(order, values)), default=1.0)
    coarsest = max(float(np.finfo(node.dtype).eps) for node in order)
    return ULPS * coarsest * largest


def assert_close(got: Sequence[Any], expected: Sequence[Any], nodes: Sequence[Expr], allowed: float) -> None:
    """Check values, shapes and dtypes."""
    for actual, wanted, node in zip(got, expected, nodes, strict=True):
        array = np.asarray(actual)
        assert array.shape == wanted.shape == node.shape
        assert array.dtype == node.dtype
        np.testing.assert_allclose(array, wanted, rtol=0, atol=allowed)


@examples(100)
@given(graphs())
def test_reference_values_have_the_shape_and_dtype_the_graph_says(graph: Graph) -> None:
    for node, value in zip(graph.pool, evaluate(graph.pool, graph.inputs), strict=True):
        assert value.shape == node.shape
        assert value.dtype == node.dtype
        assert np.isfinite(value).all()


@examples(100)
@given(graphs())
def test_forward_and_reverse_mode_are_adjoint(graph: Graph) -> None:
    """<adjoint, J tangent> = <J^T adjoint, tangent>."""
    generator = np.random.default_rng(1)
    wrt = list(graph.inputs)
    tangents = [np.asarray(generator.uniform(-1, 1, node.shape)).astype(node.dtype) for node in wrt]  # type: ignore[arg-type]
    adjoint = np.asarray(generator.uniform(-1, 1, graph.output.shape)).astype(graph.output.dtype)  # type: ignore[arg-type]
    pushed, pulled = jvp(graph.output, wrt, tangents), vjp(graph.output, wrt, adjoint)
    left, *right = evaluate([pushed, *pulled], graph.inputs)
    forward = float(np.sum(left.astype(float) * adjoint))
    reverse = sum(float(np.sum(g.astype(float) * t)) for g, t in zip(right, tangents, strict=True))
    count = max(1, sum(value.size for value in (left, *right)))
    assert abs(forward - reverse) <= count * tolerance([graph.output, pushed, *pulled], graph.inputs)


@examples(100)
@given(graphs())
def test_gradients_agree_with_differences_and_every_other_method(graph: Graph) -> None:
    named = {symbol_name(node): value for node, value in graph.inputs.items()}
    report = check_grad(graph.loss, wrt=list(graph.inputs), at=named)
    assert report.ok, str(report)


@examples(40)
@given(graphs(max_nodes=6))
def test_second_derivatives_agree_with_differences_of_the_first(graph: Graph) -> None:
    wrt = list(graph.inputs)
    gradients = [apply("sum", apply("sin", each)) for each in grad(graph.loss, wrt=wrt)]
    report = check_grad(gradients, wrt=wrt, at={symbol_name(node): value for node, value in graph.inputs.items()})
    assert report.ok, str(report)


@examples(100)
@given(graphs())
def test_simplify_keeps_values(graph: Graph) -> None:
    nodes = with_gradients(graph)
    simple = simplify(nodes)
    expected = evaluate(nodes, graph.inputs)
    assert_close(evaluate(simple, graph.inputs), expected, nodes, tolerance(nodes, graph.inputs))


def check_compiled(graph: Graph) -> None:
    """Compare a compiled function and its gradient with the reference backend."""
    nodes = with_gradients(graph)
    expected = evaluate(nodes, graph.inputs)
    wrt = {symbol_name(node): node for node in graph.inputs}
    function = compile(graph.loss, inputs=list(graph.inputs), wrt=wrt, cache=False)
    value, gradients = function.value_and_grad(*graph.inputs.values())
    found = [value, *(gradients[name] for name in wrt)]
    assert_close(found, expected, nodes, tolerance(nodes, graph.inputs))
    assert_close([function(*graph.inputs.values())], expected[:1], nodes[:1], tolerance(nodes, graph.inputs))


@examples(100)
@given(graphs())
def test_compiled_functions_equal_the_reference(graph: Graph) -> None:
    check_compiled(graph)


@pytest.mark.slow
@examples(400)
@given(graphs(max_nodes=15))
def test_many_compiled_functions_equal_the_reference(graph: Graph) -> None:
    check_compiled(graph)
