"""Batching of choices that are the same for every item: a choice of the branches of all items."""

from __future__ import annotations

from dataclasses import replace

from graphc.batching.loops import Batch
from graphc.batching.rules import Batched, array_of, spread
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr
from graphc.ops.branch_row import open_choice


def batch_choice(node: Expr, given: Batched, count: Size, batch: Batch) -> list[Expr]:
    """Return the results of a choice for all items, which all take the same branch."""
    choice = open_choice(node)
    arrays = {
        parameter: array_of(parameter, count)
        for parameter, array in zip(choice.given, given[1:], strict=True)
        if array is not None
    }
    return replace(
        choice,
        given=tuple(arrays.get(parameter, parameter) for parameter in choice.given),
        outside=tuple(o if array is None else array for o, array in zip(choice.outside, given[1:], strict=True)),
        branches=tuple(
            tuple(spread(one, array, count) for one, array in zip(branch, batch(branch, arrays, count), strict=True))
            for branch in choice.branches
        ),
    ).build()
