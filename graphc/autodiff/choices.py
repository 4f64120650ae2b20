"""Derivatives of choices: a choice of the derivatives of the branches, each computed again from what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphc.autodiff.loops import Adjoints, Tangents, or_zero, summed
from graphc.graph.block import placeholder_like
from graphc.graph.node import Expr, Gradient
from graphc.ops.branch_row import open_choice


def push_choice(node: Expr, given: Sequence[Gradient], tangents: Tangents) -> list[Gradient]:
    """Return the tangent of each result of a choice from those of its arguments (forward mode)."""
    choice = open_choice(node)
    moving = [(p, tangent) for p, tangent in zip(choice.given, given[1:], strict=True) if tangent is not None]
    seeds = {parameter: placeholder_like(parameter) for parameter, _ in moving}
    found = [tangents(branch, seeds) for branch in choice.branches]
    used = [n for n in range(len(found[0])) if any(branch[n] is not None for branch in found)]
    branches = tuple(
        tuple(or_zero(ways[n], outputs[n]) for n in used) for ways, outputs in zip(found, choice.branches, strict=True)
    )
    results = replace(
        choice,
        given=(*choice.given, *seeds.values()),
        outside=(*choice.outside, *(tangent for _, tangent in moving)),
        branches=branches,
    ).build()
    by_position = dict(zip(used, results, strict=True))
    return [by_position.get(n) for n in range(len(found[0]))]


def pull_choice(node: Expr, parts: Mapping[int, Expr], wanted: Sequence[bool], adjoints: Adjoints) -> list[Gradient]:
    """Return what the adjoints of a choice's results contribute to each wanted argument (reverse mode)."""
    choice = open_choice(node)
    targets = [parameter for parameter, want in zip(choice.given, wanted[1:], strict=True) if want]
    bars = {n: placeholder_like(bar) for n, bar in parts.items()}
    tables = [adjoints(summed([(branch[n], bar) for n, bar in bars.items()]), targets) for branch in choice.branches]
    used = [target for target in targets if any(target in table for table in tables)]
    results = replace(
        choice,
        given=(*choice.given, *bars.values()),
        outside=(*choice.outside, *parts.values()),
        branches=tuple(tuple(or_zero(table.get(target), target) for target in used) for table in tables),
    ).build()
    slopes = dict(zip(used, results, strict=True))
    return [None, *(slopes.get(parameter) for parameter in choice.given)]
