"""The engine ends, is deterministic and linear, keeps origins, and says what it did."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.backends.reference import evaluate
from graphc.errors import InternalError
from graphc.graph.leaf import constant, symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.origin import locate
from graphc.graph.table import apply as op
from graphc.graph.walk import topological_order
from graphc.rewrite.engine import Trace, simplify
from graphc.rewrite.measure import is_lower, measure
from graphc.rewrite.rule import ALGEBRAIC, EXACT, STABILISE, Rewriter

x, y = symbol("x"), symbol("y")
ALL = (EXACT, STABILISE, ALGEBRAIC)

UNARY = ["negative", "exp", "log", "log1p", "sqrt", "square", "abs", "expit", "softplus", "reciprocal", "expm1"]
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "guarded_multiply"]


@st.composite
def graphs(draw: st.DrawFn) -> Expr:
    """Draw a small graph of scalars and rows with sharing."""
    dtype = draw(st.sampled_from(["float32", "float64"]))
    nodes = [symbol("p", (), dtype), tensor("q", (3,), dtype), constant(1.0, dtype), constant(2.0, dtype)]
    nodes.append(constant(0.0, dtype))
    for _ in range(draw(st.integers(3, 14))):
        name = draw(st.sampled_from([*UNARY, *BINARY, "sum", "where", "spread"]))
        pick = st.integers(max(0, len(nodes) - 8), len(nodes) - 1)
        first, second = nodes[draw(pick)], nodes[draw(pick)]
        if name in UNARY:
            nodes.append(op(name, first))
        elif name in BINARY:
            nodes.append(op(name, first, second))
        elif name == "sum":
            nodes.append(op("sum", first, keepdims=draw(st.booleans())) if first.ndim < 3 else first)
        elif name == "spread":
            nodes.append(op("broadcast_to", first, (2, 3)) if first.shape in ((), (3,), (1,)) else first)
        else:
            nodes.append(op("where", op("less", first, second), first, second))
    return nodes[-1]


@given(graphs())
@settings(max_examples=200)
def test_every_step_lowers_the_measure_and_the_end_is_a_fixpoint(expression: Expr) -> None:
    for groups in ((EXACT,), (EXACT, STABILISE), ALL):
        trace = Trace()
        (simplified,) = simplify([expression], groups, trace)
        assert simplify([simplified], groups)[0] is simplified
        for step in trace.steps:
            assert is_lower(measure(step.after), measure(step.before)), step
            assert (step.after.dtype, step.after.shape) == (step.before.dtype, step.before.shape)


@given(graphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_exact_rules_keep_the_bits_of_random_graphs(expression: Expr, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = {node: generator.normal(size=node.shape) for node in topological_order([expression]) if not node.args}
    values = {node: value.astype(node.dtype) for node, value in values.items() if node.op.name == "symbol"}
    simplified = simplify([expression], (EXACT,))[0]
    before, after = evaluate([expression, simplified], values)
    np.testing.assert_array_equal(before, after)


@given(graphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_stable_rules_keep_the_values_of_random_graphs(expression: Expr, seed: int) -> None:
    generator = np.random.default_rng(seed)
    leaves = [node for node in topological_order([expression]) if node.op.name == "symbol"]
    wide = {node: generator.uniform(0.5, 1.5, node.shape).astype(node.dtype) for node in leaves}
    before, after = evaluate([expression, simplify([expression])[0]], wide)
    if expression.dtype == "float32" or not np.isfinite(before).all() or np.abs(before).max(initial=0) > 1e6:
        return
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)


def test_deep_chains_need_no_stack_and_grow_linearly(run_python: Callable[..., str]) -> None:
    text = """
import sys
import graphc
from graphc.graph.leaf import symbol
from graphc.rewrite.engine import Trace, simplify
x = symbol("x")
steps = []
for length in (25_000, 100_000):
    node = x
    for i in range(length // 2):
        node = (x - -node) * 1
    sys.setrecursionlimit(200)
    trace = Trace()
    simplify([node], trace=trace)
    sys.setrecursionlimit(1000)
    steps.append(len(trace.steps))
print(*steps)
"""
    small, large = (int(count) for count in run_python(text).split())
    assert large == 4 * small


def test_the_result_is_the_same_in_every_process(run_python: Callable[..., str]) -> None:
    text = (
        "from graphc.graph.leaf import symbols\nimport graphc\nfrom graphc.ops.elementary import exp, log\n"
        "from graphc.rewrite.engine import simplify\nx, y = symbols('x y')\n"
        "print(simplify([log(exp(x) + exp(y)) + log(1 + exp(x * y)) - -x]))"
    )
    assert run_python(text, PYTHONHASHSEED="1") == run_python(text, PYTHONHASHSEED="2")


def test_new_nodes_point_at_the_line_of_what_they_replace() -> None:
    frame = inspect.currentframe()
    assert frame is not None
    node = op("log", 1 + x * y * 1.25)
    line = frame.f_lineno - 1
    (simplified,) = simplify([node])
    assert simplified.op.name == "log1p"
    assert locate(simplified.origin) == (__file__, line)


def test_the_trace_tells_what_became_of_a_node_and_where_one_came_from() -> None:
    trace = Trace()
    node = op("log", 1 + op("exp", x) * 1)
    (simplified,) = simplify([node], trace=trace)
    assert simplified is op("softplus", x)
    assert [step.rule.name for step in trace.why(node)] == ["log1p", "softplus"]
    assert [step.rule.name for step in trace.why(simplified)] == ["softplus"]
    assert trace.why(y) == []


def test_adjoints_times_one_vanish() -> None:
    row = tensor("row", ("batch", 4))
    seed = op("broadcast_to", constant(1.0), row.shape)
    assert simplify([seed * row, op("guarded_multiply", seed, row)]) == [row, row]


def test_integers_are_simplified_too_but_not_by_rules_for_floats() -> None:
    whole = symbol("whole", (), "int64")
    assert simplify([whole * 1 + 0, op("negative", -whole)]) == [whole, whole]
    assert simplify([x + 0])[0] is not x


def test_shared_parts_are_simplified_once() -> None:
    node = x
    for _ in range(60):
        node = (node + node * 1) - -node
    trace = Trace()
    simplify([node], trace=trace)
    assert len(trace.steps) <= 60 * 4


def test_a_rule_that_changes_the_shape_is_a_fault() -> None:
    broken = Rewriter("broken", ("exp",), "exp(a) -> [a]", lambda node: op("expand_dims", node, 0), EXACT)
    with pytest.raises(InternalError, match="rule broken"):
        simplify([op("exp", x)], rules=(broken,))
