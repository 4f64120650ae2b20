"""Batches of graphs: every row over an array of items is the row over each item, stacked."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from tensor_cases import CASES, Case

import graphc as gx
from graphc.backends.reference import evaluate
from graphc.batching.transform import batch
from graphc.graph.block import is_bundle
from graphc.graph.leaf import symbol
from graphc.graph.node import Expr, build
from graphc.graph.table import OPERATIONS
from graphc.graph.walk import topological_order
from graphc.ops.scalar_row import ScalarOperation
from tests.strategies import Graph, graphs

COUNT = 3


def assert_batch_is_stack_of_items(output: Expr, values: dict[Expr, Any], batched: list[Expr]) -> None:
    """Compare the batch of a graph with its values for each item; ``values`` hold the items along the first axis."""
    arrays = {node: symbol(f"all_{node.attribute('name')}", (COUNT, *node.shape), node.dtype) for node in batched}
    (found,) = batch([output], arrays, COUNT)
    expected = [evaluate([output], {n: v[k] if n in arrays else v for n, v in values.items()})[0] for k in range(COUNT)]
    if found is None:
        np.testing.assert_array_equal(expected, np.stack([expected[0]] * COUNT))
        return
    assert (found.shape, found.dtype) == ((COUNT, *output.shape), output.dtype)
    (result,) = evaluate([found], {arrays.get(node, node): value for node, value in values.items()})
    np.testing.assert_allclose(
        result, np.stack(expected), rtol=1e-6 if output.dtype == "float32" else 1e-13, atol=1e-14
    )


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("which", ["all", "first", "last"])
def test_the_batch_of_a_function_is_the_stack_of_its_items(case: Case, which: str) -> None:
    generator = np.random.default_rng(0)
    inputs = [symbol(f"x{number}", shape) for number, shape in enumerate(case.shapes)]
    batched = {"all": inputs, "first": inputs[:1], "last": inputs[-1:]}[which]
    values = {node: generator.standard_normal((COUNT,) * (node in batched) + node.shape) for node in inputs}
    assert_batch_is_stack_of_items(case.function(*inputs), values, batched)


@pytest.mark.parametrize("row", [row for row in OPERATIONS.values() if isinstance(row, ScalarOperation)], ids=str)
def test_scalar_rows_take_a_batch_as_they_are(row: ScalarOperation) -> None:
    kinds = {"logic": ["bool"], "select": ["bool", "float64", "float64"]}.get(row.rule, ["float64"])
    kinds = (kinds * row.arity)[: row.arity]
    inputs = [symbol(f"x{number}", (2,), kind) for number, kind in enumerate(kinds)]
    attributes = {"dtype": "float32"} if row.name == "astype" else {}
    node = build(row, *inputs, **attributes)
    whole = [symbol(f"all{number}", (COUNT, 2), kind) for number, kind in enumerate(kinds)]
    (found,) = batch([node], dict(zip(inputs, whole, strict=True)), COUNT)
    assert found is build(row, *whole, **attributes)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.data())
def test_batches_of_random_graphs_are_stacks_of_items(graph: Graph, data: st.DataObject) -> None:
    batched = [node for node in graph.inputs if data.draw(st.booleans())]
    generator = np.random.default_rng(1)
    values = {
        node: generator.uniform(-1.5, 1.5, (COUNT,) * (node in batched) + value.shape).astype(value.dtype)
        for node, value in graph.inputs.items()
    }
    assert_batch_is_stack_of_items(graph.output, values, batched)


def loop_with_everything(first: Expr, elements: Expr, outside: Expr) -> Expr:
    """Return a number of a loop whose second carry gets to depend on the items only after a step."""

    def step(carry: Any, element: Expr) -> tuple[Any, Any]:
        one, two, still = carry
        return (gx.sin(one + outside * element), one * two + element, still + 1.0), (two.sum(), one)

    (one, two, still), (sums, ones) = gx.scan(step, (first, gx.constant(1.0), gx.constant(0.0)), elements)
    return one + two * still + (sums * ones).sum()


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_loops_become_loops_of_all_items(which: tuple[int, ...]) -> None:
    inputs = [symbol("first"), symbol("elements", (4,)), symbol("outside")]
    output = loop_with_everything(*inputs)
    batched = [inputs[number] for number in which]
    generator = np.random.default_rng(0)
    values = {node: generator.standard_normal((COUNT,) * (node in batched) + node.shape) for node in inputs}
    assert_batch_is_stack_of_items(output, values, batched)
    assert_batch_is_stack_of_items(gx.grad(output, inputs[2]), values, batched)
    arrays = {node: symbol("all_" + node.attribute("name"), (COUNT, *node.shape)) for node in batched}
    (found,) = batch([output], arrays, COUNT)
    assert found is not None
    assert sum(is_bundle(node) for node in topological_order([found])) == 1


def test_a_row_without_a_rule_is_run_item_by_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphc.batching.transform.find_rule", lambda node: None)
    x, y = symbol("x", (2,)), symbol("y", (2,))
    values = {x: np.arange(6.0).reshape(3, 2), y: np.ones(2)}
    assert_batch_is_stack_of_items(gx.sin(x * y).sum(), values, [x])
