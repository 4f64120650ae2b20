"""Lowering of choices: each branch is a loop of at most one step, which it takes where it is chosen."""

from __future__ import annotations

from graphc.graph.block import block_of, items_of
from graphc.graph.node import Expr
from graphc.kernel.control import LowerBlock, copy, place_outside
from graphc.kernel.draft import Draft
from graphc.kernel.ir import Assign, Call, Const, Let, Loop, Name, Statement, Stop, zero_of
from graphc.kernel.read import Location, Part, Reader
from graphc.ops.branch_row import split_branches


def lower_choice(node: Expr, draft: Draft, lower_block: LowerBlock) -> list[Statement]:
    """Return the statements of a switch."""
    block = block_of(node)
    index = Reader(draft.locations).read(node.args[0], ())
    locations = {p: place_outside(argument, draft) for p, argument in zip(block.parameters, node.args[1:], strict=True)}
    places: dict[int, Location] = {}
    statements: list[Statement] = []
    for position, result in items_of(node, draft.plan.order).items():
        statements += _begin(result, draft)
        places[position] = draft.locations[result]
    for number, outputs in enumerate(split_branches(node, block.outputs)):
        wanted = [output for n, output in enumerate(outputs) if n in places]
        body, found = lower_block(wanted, draft, locations)
        for place, value, output in zip((places[n] for n in sorted(places)), found, wanted, strict=True):
            body += _give(place, value, output, node)
        taken = Stop(Call("equal", (index, Const(number, "int64")), "bool"), node.origin)
        statements.append(Loop(draft.fresh("step"), 1, (taken, *body), ordered=True))
    return statements


def _begin(result: Expr, draft: Draft) -> list[Statement]:
    """Give a result a place: memory, or a name that the branch taken gives its value."""
    if result.shape:
        draft.allocate(result)
        return []
    name = draft.fresh("acc")
    draft.locations[result] = Name(name, result.dtype)
    return [Let(name, zero_of(result.dtype), result.origin)]


def _give(place: Location, value: Location, output: Expr, node: Expr) -> list[Statement]:
    """Return the statements that give a result its value."""
    if isinstance(place, Part):
        return copy(place, value, output, node.origin)
    assert isinstance(place, Name)
    assert not isinstance(value, Part)
    return [Assign(place.name, value, node.origin)]
