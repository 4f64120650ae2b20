"""`cost` counts what the chain rule does, with a table of adjoints and without."""

from __future__ import annotations

import pytest

import graphc as gx
from graphc.graph.node import Expr


def steps_without_memory(root: Expr, target: Expr) -> int:
    """Return the chain-rule steps of the recursion without a table, counted by running it (small graphs only)."""
    users: dict[Expr, list[Expr]] = {}
    pending, seen = [root], {root}
    while pending:
        node = pending.pop()
        for argument in node.args:
            users.setdefault(argument, []).append(node)
            if argument not in seen:
                seen.add(argument)
                pending.append(argument)

    def steps(node: Expr) -> int:
        return sum(1 + steps(user) for user in users.get(node, ()))

    return steps(target)


def chain(length: int) -> tuple[Expr, list[Expr]]:
    weights = [gx.symbol(f"w{layer}") for layer in range(length)]
    value = gx.symbol("x")
    for weight in weights:
        value = gx.sin(weight * value)
    return value, weights


def shared(depth: int) -> tuple[Expr, list[Expr]]:
    value = x = gx.symbol("x")
    for _ in range(depth):
        value = gx.sin(value) * value
    return value, [x]


@pytest.mark.parametrize("example", [chain(1), chain(7), shared(1), shared(6)])
def test_steps_without_memoisation_are_those_of_the_recursion(example) -> None:
    expression, targets = example
    assert gx.cost(expression, targets).unmemoised_steps == sum(steps_without_memory(expression, t) for t in targets)


def test_a_chain_costs_its_length_with_memoisation_and_its_square_without() -> None:
    lengths = (50, 100, 200)
    costs = [gx.cost(*chain(length)) for length in lengths]
    assert [cost.memoised_steps for cost in costs] == [3 * length - 1 for length in lengths]
    assert [cost.unmemoised_steps for cost in costs] == [length * (length + 1) for length in lengths]


def test_sharing_costs_exponentially_only_without_memoisation() -> None:
    costs = [gx.cost(*shared(depth)) for depth in (10, 20, 40)]
    assert [cost.memoised_steps for cost in costs] == [30, 60, 120]
    assert costs[2].unmemoised_steps > 2**40


def test_only_the_way_to_the_targets_counts() -> None:
    x, y = gx.symbols("x y")
    expression = gx.exp(gx.exp(gx.exp(y))) * x
    assert gx.cost(expression, x).memoised_steps == 1
    assert gx.cost(expression, y).memoised_steps == 4


def test_flops_and_bytes_of_named_dimensions_are_sizes() -> None:
    X = gx.tensor("X", ("batch", 3), "float32")
    cost = gx.cost(gx.sum(X * X))
    assert "batch" in str(cost.function.flops)
    assert str(cost).startswith(" ")
    assert cost.gradient.nodes == cost.function.nodes + cost.gradient_nodes_added
