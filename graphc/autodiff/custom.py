"""Derivatives of values with a rule: the rule in its own mode, its transpose in the other; values computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.autodiff.loops import Adjoints, or_zero, summed
from graphc.errors import NotDifferentiable
from graphc.graph.block import block_of, placeholder_like
from graphc.graph.node import Expr, Gradient, build
from graphc.graph.origin import describe_origin
from graphc.graph.walk import reaching, topological_order
from graphc.ops.control_row import instantiate
from graphc.ops.custom_row import AGAIN, ANEW, PULL, PUSH, Parts, parts_of

_WORDS = {PULL: ("custom_vjp", "adjoint", "forward"), PUSH: ("custom_jvp", "tangent", "reverse")}
"""The name of a kind of rule, what it is linear in, and the mode its transpose serves."""


def push_custom(node: Expr, given: Sequence[Gradient], adjoints: Adjoints) -> list[Gradient]:
    """Return the tangent of each value from those of the node's arguments (forward mode)."""
    parts, meaning = parts_of(node), node.attribute("meaning")
    count = len(parts.values)
    if meaning == AGAIN:
        return list(given[:count])
    moving = given[count : count + len(parts.arguments)]
    if all(tangent is None for tangent in moving):
        return [None] * count
    if meaning == PUSH:
        return list(instantiate(block_of(node), [*_filled(parts.arguments, moving), *parts.captured]))
    return _transposed(node, parts, parts.values, moving, adjoints)


def pull_custom(
    node: Expr, results: Mapping[int, Expr], wanted: Sequence[bool], adjoints: Adjoints
) -> Sequence[Gradient]:
    """Return what the adjoints of the values contribute to each of the node's arguments (reverse mode)."""
    parts, meaning = parts_of(node), node.attribute("meaning")
    bars = [results.get(number) for number in range(len(parts.values))]
    nothing: list[Gradient] = [None] * len(parts.values)
    if meaning == AGAIN:
        return [*nothing, *_pulled_again(node, parts, bars, wanted[len(nothing) :], adjoints)]
    if meaning == PULL:
        found: Sequence[Gradient] = instantiate(block_of(node), [*_filled(parts.values, bars), *parts.captured])
    else:
        found = _transposed(node, parts, parts.arguments, bars, adjoints)
    moved = [part if a.is_differentiable else None for part, a in zip(found, parts.arguments, strict=True)]
    return [*nothing, *moved, *[None] * len(parts.captured)]


def _pulled_again(
    node: Expr, parts: Parts, bars: Sequence[Gradient], wanted: Sequence[bool], adjoints: Adjoints
) -> list[Gradient]:
    """Return the contributions to arguments and what was captured, the values being computed again of these."""
    after = next(bar for bar in bars if bar is not None)
    anew = [build(ANEW, argument, after) for argument in (*parts.arguments, *parts.captured)]
    values = instantiate(block_of(node), anew)
    targets = [each for each, want in zip(anew, wanted, strict=True) if want and each.is_differentiable]
    table = adjoints(_seeded(values, bars), targets)
    return [table.get(each) for each in anew]


def _transposed(
    node: Expr, parts: Parts, likes: Sequence[Expr], given: Sequence[Gradient], adjoints: Adjoints
) -> list[Gradient]:
    """Return the transpose of a rule, which is linear in its first parameters, for seeds of its outputs.

    Raises:
        NotDifferentiable: the rule is not linear.
    """
    seeds = [placeholder_like(like) for like in likes]
    outputs = instantiate(block_of(node), [*seeds, *parts.captured])
    table = adjoints(_seeded(outputs, given), [seed for seed in seeds if seed.is_differentiable])
    found = [table.get(seed) for seed in seeds]
    order = topological_order([part for part in found if part is not None])
    if not reaching(order, seeds).isdisjoint(order):
        name, seed, mode = _WORDS[node.attribute("meaning")]
        raise NotDifferentiable(
            f"{name}: the rule is not linear in the {seed}, so that there is no {mode} mode of it",
            remedy="differentiate in the other mode, or give a rule that is linear",
            origin=describe_origin(node.origin),
        )
    return found


def _filled(likes: Sequence[Expr], given: Sequence[Gradient]) -> list[Expr]:
    """Return gradients, zeros where there are none."""
    return [or_zero(gradient, like) for like, gradient in zip(likes, given, strict=True)]


def _seeded(nodes: Sequence[Expr], given: Sequence[Gradient]) -> dict[Expr, Expr]:
    """Return the nodes that have a seed with the sum of theirs."""
    pairs = zip(nodes, given, strict=True)
    return summed([(node, seed) for node, seed in pairs if seed is not None and node.is_differentiable])
