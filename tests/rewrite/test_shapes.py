"""Rules about shapes fire where they should, keep every bit, and leave alone what they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.backends.reference import evaluate
from graphc.graph.leaf import constant, tensor
from graphc.graph.node import Expr
from graphc.graph.table import OPERATIONS
from graphc.graph.table import apply as op
from graphc.rewrite.engine import Trace, simplify
from graphc.rewrite.folding import FOLDING_RULES
from graphc.rewrite.rule import ALGEBRAIC, ANY_ELEMENTWISE, EXACT, STABILISE, Rewriter
from graphc.rewrite.rules import RULES
from tests.rewrite.rule_tools import names_of, same_bits, values_of

X = tensor("x", (3, 1, 4))
ROW = tensor("row", (4,))
WIDE = tensor("wide", (2, 3, 4))
LEFT, RIGHT = tensor("left", (3, 4)), tensor("right", (5, 4))
WHOLE = tensor("whole", (3, 4), "int32")


def _softmax(z: Expr, axis: int, shift: bool = False) -> Expr:
    if shift:
        z = z - op("max", z, axis=axis, keepdims=True)
    return op("exp", z) / op("sum", op("exp", z), axis=axis, keepdims=True)


CASES: list[tuple[str, Callable[[], Expr], str]] = [
    ("fold_constants", lambda: ROW + (constant(2.0) + 3.0), "x"),
    ("fold_constants", lambda: ROW + constant([1.0, 2.0, 3.0, 4.0]) * 2, "array"),
    ("choose_branch", lambda: op("where", constant(True), ROW, 0.0), "true"),
    ("choose_branch", lambda: op("where", op("broadcast_to", constant(False), (4,)), 0.0, ROW), "false"),
    ("multiply_by_reciprocal", lambda: ROW / 8, "eighth"),
    ("fold_cast", lambda: op("astype", op("broadcast_to", constant(2.5), (4,)), "int32") + WHOLE, "integer"),
    ("simplest_number", lambda: op("expand_dims", op("broadcast_to", 2.0, (4,)), 0) * ROW, "number"),
    ("fuse_transposes", lambda: op("transpose", op("transpose", WIDE, (1, 2, 0)), (0, 2, 1)), "two"),
    ("fuse_reshapes", lambda: op("reshape", op("reshape", WIDE, (6, 4)), (2, 12)), "two"),
    ("fuse_reshapes", lambda: op("reshape", op("expand_dims", WIDE, 1), (24,)), "expanded"),
    ("fuse_ones", lambda: op("squeeze", op("expand_dims", WIDE, 1), 1), "cancel"),
    ("fuse_ones", lambda: op("expand_dims", op("expand_dims", ROW, 0), 2), "both"),
    ("fuse_ones", lambda: op("squeeze", op("expand_dims", WIDE, (0, 3)), 0), "one left"),
    ("fuse_broadcasts", lambda: op("broadcast_to", op("broadcast_to", ROW, (3, 4)), (2, 3, 4)), "two"),
    ("fuse_broadcasts", lambda: op("broadcast_to", op("expand_dims", ROW, 0), (3, 4)), "in front"),
    ("squeeze_broadcast", lambda: op("squeeze", op("broadcast_to", ROW, (1, 3, 4)), 0), "new axis"),
    ("expand_broadcast", lambda: op("expand_dims", op("broadcast_to", ROW, (3, 4)), 0), "in front"),
    ("fuse_casts", lambda: op("astype", op("astype", WHOLE, "int64"), "float64"), "widened"),
    ("fuse_casts", lambda: op("astype", op("astype", WHOLE, "float64"), "int32"), "there and back"),
    ("compute_before_repeating", lambda: op("exp", op("broadcast_to", ROW, (3, 4))), "one"),
    ("compute_before_repeating", lambda: op("maximum", op("broadcast_to", X, (3, 2, 4)) * 3, 1), "number"),
    ("compute_before_repeating", lambda: op("broadcast_to", X, (3, 2, 4)) - op("broadcast_to", -X, (3, 2, 4)), "two"),
    ("compute_before_repeating", lambda: op("log", op("expand_dims", ROW, 1)), "expanded"),
    ("compute_before_repeating", lambda: op("power", op("broadcast_to", ROW, (3, 4)), 11), "a row made later"),
    ("reduce_one", lambda: op("max", X, axis=1), "max"),
    ("extreme_of_repeated", lambda: op("min", op("broadcast_to", X, (3, 2, 4)), axis=1), "min"),
    ("contract_transposed", lambda: op("matmul", LEFT, op("transpose", RIGHT)), "right"),
    ("transpose_contraction", lambda: op("transpose", op("einsum", "ij,kj->ik", LEFT, RIGHT)), "product"),
    ("contract_repeated", lambda: op("matmul", LEFT, op("transpose", op("broadcast_to", ROW, (5, 4)))), "own axis"),
    ("contract_repeated", lambda: op("matmul", WIDE, op("broadcast_to", op("transpose", RIGHT), (2, 4, 5))), "batch"),
    ("contract_identity", lambda: op("matmul", op("eye", 3), LEFT), "left"),
    ("contract_identity", lambda: op("einsum", "ijk,kl->lij", WIDE, op("eye", 4)), "moved"),
    ("sum_of_one", lambda: op("sum", X, axis=1), "sum"),
    ("sum_of_repeated", lambda: op("sum", op("broadcast_to", X, (2, 3, 5, 4)), axis=(0, 2)), "twice"),
    ("log_softmax", lambda: op("log", _softmax(WIDE, 2)), "last"),
    ("log_softmax", lambda: op("log", _softmax(WIDE, 0)), "first"),
    ("log_softmax", lambda: op("log", _softmax(WIDE, 1, shift=True)), "shifted"),
    ("log_softmax", lambda: op("log", op("softmax", WIDE, axis=1)), "by name"),
    ("log_softmax", lambda: op("log", op("softmax", ROW)), "a row"),
    ("sum_of_multiple", lambda: op("sum", WIDE * 3.0, axis=1), "three"),
    ("sum_of_multiple", lambda: op("sum", -WIDE, axis=1), "minus"),
    ("sum_of_sum", lambda: op("sum", op("sum", WIDE, axis=1), axis=1), "axes"),
]  # fmt: skip


def _values(dtype: str, shape: Any) -> Any:
    generator = np.random.default_rng(7)
    return generator.integers(-4, 5, shape).astype(dtype)


INPUTS = (X, ROW, WIDE, LEFT, RIGHT, WHOLE)


@pytest.mark.parametrize(("name", "make", "note"), CASES, ids=[f"{name}-{note}" for name, _, note in CASES])
def test_the_rule_fires_and_keeps_the_value(name: str, make: Callable[[], Expr], note: str) -> None:
    expression, trace = make(), Trace()
    (simplified,) = simplify([expression], (EXACT, STABILISE, ALGEBRAIC), trace)
    fired = [step.rule for step in trace.steps]
    assert name in names_of(fired)
    # Small integers, so that sums of products are exact in any order.
    before, after = evaluate([expression, simplified], {node: _values(node.dtype, node.shape) for node in INPUTS})
    if all(rule.group is EXACT for rule in fired):
        assert same_bits(before, after).all()
    else:
        np.testing.assert_allclose(after, before, rtol=1e-13, atol=1e-13)


def test_every_rule_about_shapes_has_a_case() -> None:
    assert {name for name, _, _ in CASES} == {rule.name for rule in RULES if isinstance(rule, Rewriter)}


def test_every_rule_is_about_operations_that_exist() -> None:
    assert {name for rule in RULES for name in rule.operations} <= {*OPERATIONS, ANY_ELEMENTWISE}


@pytest.mark.parametrize(
    "expression",
    [
        op("sum", op("broadcast_to", ROW, ("n", 4)), axis=0),
        op("sum", op("sum", WIDE, axis=1), axis=1),
        op("astype", op("astype", WHOLE, "float32"), "float64"),
        op("astype", op("astype", X, "float32"), "float64"),
        op("exp", op("broadcast_to", ROW, (3, 4)) + LEFT),
        op("squeeze", op("broadcast_to", X, (3, 1, 4)), 1),
        op("matmul", constant(np.diag([1.0, 1.0, 2.0])), LEFT),
        X / 3,
        X / 5e-324,
        X + 0,
        X * 0,
        X - X,
        X / X,
    ],
    ids=str,
)
def test_what_is_not_exact_is_left_alone(expression: Expr) -> None:
    assert simplify([expression])[0] is expression


@pytest.mark.parametrize("rule", FOLDING_RULES, ids=names_of(FOLDING_RULES))
def test_folding_gives_the_bits_of_the_reference_backend(rule: Rewriter) -> None:
    specials = np.array([0.0, -0.0, 1.5, -3.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, 2.0, 0.25, -(2.0**-1073)])
    for dtype in ("float32", "float64"):
        with np.errstate(all="ignore"):
            numbers = specials.astype(dtype)
        for name in set(rule.operations) & {
            "add",
            "subtract",
            "multiply",
            "divide",
            "sqrt",
            "abs",
            "square",
            "less",
            "negative",
            "reciprocal",
            "floor",
        }:
            arity = OPERATIONS[name].arity  # type: ignore[attr-defined]
            for first in numbers:
                left = tensor("t", (len(numbers),), dtype)
                arguments = [constant(first), left][:arity] if arity == 2 else [left]
                expression = op(name, *arguments)
                folded = simplify([op(name, *[constant(first), constant(numbers)][2 - arity :])])[0]
                assert not folded.args
                before, after = values_of(expression, folded, {"t": numbers}, dtype)
                assert same_bits(before, after).all(), (name, first, dtype)


SIZES = st.sampled_from([0, 1, 1, 2, 3])


@st.composite
def movements(draw: st.DrawFn) -> Expr:
    """Draw a chain of movements of a tensor."""
    node = tensor("m", tuple(draw(st.lists(SIZES, max_size=3))))
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["transpose", "expand", "squeeze", "broadcast", "reshape", "cast", "scale"]))
        if kind == "transpose":
            node = op("transpose", node, tuple(draw(st.permutations(range(node.ndim)))))
        elif kind == "expand":
            node = op("expand_dims", node, draw(st.integers(0, node.ndim)))
        elif kind == "squeeze" and 1 in node.shape:
            node = op("squeeze", node, node.shape.index(1))
        elif kind == "broadcast":
            front = (draw(SIZES),) if node.ndim < 5 else ()
            node = op("broadcast_to", node, (*front, *(draw(SIZES) if size == 1 else size for size in node.shape)))
        elif kind == "reshape":
            node = op("reshape", node, tuple(size for size in node.shape if size != 1)[::-1])
        elif kind == "scale":
            node = op("abs", node) * 2
        else:
            node = op("astype", op("astype", node, "float32"), "float64")
    return node


@given(movements())
@settings(max_examples=150)
def test_chains_of_movements_keep_every_bit_and_reach_a_fixpoint(expression: Expr) -> None:
    (simplified,) = simplify([expression])
    assert simplify([simplified])[0] is simplified
    assert (simplified.shape, simplified.dtype) == (expression.shape, expression.dtype)
    source = next(iter(_symbols(expression)))
    value = np.random.default_rng(3).normal(size=source.shape)
    before, after = evaluate([expression, simplified], {source: value})
    assert same_bits(before, after).all()


def _symbols(expression: Expr) -> list[Expr]:
    found = expression
    while found.args:
        found = found.args[0]
    return [found]
