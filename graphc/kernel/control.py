"""Lowering of scans: a loop whose carries are kept in place, sequences read and outputs written step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from graphc.graph.block import block_of, items_of
from graphc.graph.node import Expr
from graphc.graph.origin import Origin
from graphc.kernel.draft import Draft
from graphc.kernel.ir import (
    Allocate,
    Assign,
    Call,
    Const,
    Count,
    Fail,
    Grow,
    Let,
    Load,
    Loop,
    Name,
    Statement,
    Stop,
    Store,
    Value,
    as_value,
)
from graphc.kernel.nest import set_each
from graphc.kernel.read import Location, Part, Reader

ENDLESS = 2**62
"""The steps that a loop with a condition and no limit may take."""
BlockBody: TypeAlias = "tuple[list[Statement], list[Location]]"
LowerBlock: TypeAlias = "Callable[[Sequence[Expr], Draft, Mapping[Expr, Location]], BlockBody]"


def lower_loop(node: Expr, draft: Draft, lower_block: LowerBlock) -> list[Statement]:
    """Return the statements of a scan: first carries copied, then the loop over its steps."""
    block, length = block_of(node), node.attribute("length")
    carries, elements = node.attribute("carries"), node.attribute("elements")
    index, *parameters = block.parameters
    step = Name(draft.fresh("step"))
    at = Name(draft.fresh("back")) if node.attribute("reverse") else step
    places = _places(node, draft)
    kept = [places[number] for number in range(carries)]
    first = [s for place, initial in zip(kept, node.args, strict=False) for s in _begin(place, initial, draft)]
    sequences = [draft.place_of(sequence) for sequence in node.args[carries : carries + elements]]
    captured = node.args[carries + elements : len(node.args) - node.attribute("counted")]
    outside = [place_outside(argument, draft) for argument in captured]
    locations = {index: at, **dict(zip(parameters, kept, strict=False))}
    for parameter, place in zip(parameters[carries:], sequences, strict=False):
        locations[parameter] = _element(Part(place.buffer, (*place.lead, at)), parameter)
    locations.update(zip(parameters[carries + elements :], outside, strict=True))
    outputs = block.outputs[: len(block.outputs) - node.attribute("conditional")]
    opening: list[Statement] = []
    if at is not step:
        opening.append(Let(at.name, as_value(length) - 1 - step, node.origin))
    body, following = lower_block(outputs, draft, locations)
    for number in range(carries, len(outputs)):
        stacked = places.get(number)
        if isinstance(stacked, Part):
            target = Part(stacked.buffer, (*stacked.lead, at))
            body += copy(target, following[number], block.outputs[number], node.origin)
    body += _advance(kept, following[:carries], outputs, draft, node.origin)
    if node.attribute("conditional"):
        test, (going_on,) = lower_block(block.outputs[-1:], draft, locations)
        tapes = [p.buffer for n, p in places.items() if n >= carries and isinstance(p, Part)]
        steps = _scalar(places.get(len(outputs)) or Name(draft.fresh("acc")))
        assert isinstance(steps, Name)
        loop = _until(node, [*test, Stop(_scalar(going_on), node.origin)], body, step, tapes, steps)
        if node.attribute("limit") is not None:
            loop += _require_end(node, lower_block(block.outputs[-1:], draft, locations), steps, draft)
        return [*first, *loop]
    if node.attribute("counted"):
        first.append(Count(length, Reader(draft.locations).read(node.args[-1], ()), (), node.origin))
    return [*first, Loop(step.name, length, (*opening, *body), ordered=True)]


def _until(
    node: Expr, test: list[Statement], body: list[Statement], step: Name, tapes: list[str], steps: Name
) -> list[Statement]:
    """Return the loop that runs while its test holds, counts its steps and keeps room on its tapes."""
    limit = node.attribute("limit")
    room = [Grow(tape, step, node.origin) for tape in tapes]
    counted = Assign(steps.name, step + 1, node.origin)
    return [
        *(Allocate(tape, grows=True, origin=node.origin) for tape in tapes),
        Let(steps.name, Const(0, "int64"), node.origin),
        Loop(step.name, ENDLESS if limit is None else limit, (*test, *room, *body, counted), ordered=True),
        Count(node.attribute("length"), steps, tuple(tapes), node.origin),
    ]


def _require_end(node: Expr, again: BlockBody, steps: Name, draft: Draft) -> list[Statement]:
    """Return what fails where a loop has taken all the steps it may, and its test, made once more, still holds."""
    limit, (test, (going_on,)) = node.attribute("limit"), again
    all_taken = Stop(Call("equal", (steps, Const(limit, "int64")), "bool"), node.origin)
    failure = Fail(_scalar(going_on), draft.number(), limit, node.origin)
    return [Loop(draft.fresh("step"), 1, (all_taken, *test, failure), ordered=True)]


def _scalar(location: Location) -> Value:
    """Return a location that is a scalar."""
    assert not isinstance(location, Part)
    return location


def _places(node: Expr, draft: Draft) -> dict[int, Location]:
    """Return where each carry and each output that is used is kept."""
    found: dict[int, Location] = {}
    for number, result in items_of(node, draft.plan.order).items():
        if result.shape:
            draft.allocate(result)
        else:
            draft.locations[result] = Name(draft.fresh("acc"), result.dtype)
        found[number] = draft.locations[result]
    for number, carry in enumerate(block_of(node).outputs[: node.attribute("carries")]):
        if number not in found:
            name = Name(draft.fresh("acc"), carry.dtype)
            found[number] = draft.workspace(carry.dtype, carry.shape) if carry.shape else name
    return found


def _begin(place: Location, initial: Expr, draft: Draft) -> list[Statement]:
    """Return the statements that give a carry its first value."""
    reader = Reader(draft.locations)
    if isinstance(place, Name):
        return [Let(place.name, reader.read(initial, ()), initial.origin)]
    assert isinstance(place, Part)
    return set_each(place, initial, lambda index: reader.read(initial, index), initial.origin)


def place_outside(argument: Expr, draft: Draft) -> Location:
    """Return where something captured is."""
    return draft.place_of(argument) if argument.shape else Reader(draft.locations).read(argument, ())


def _element(place: Part, parameter: Expr) -> Location:
    """Return an element of a sequence: part of its memory, or the number there."""
    return place if parameter.shape else Load(place.buffer, place.lead, parameter.dtype)


def copy(target: Part, value: Location, like: Expr, origin: Origin) -> list[Statement]:
    """Return the statements that write an output's value where it is kept."""
    if not isinstance(value, Part):
        return [Store(target.buffer, target.lead, value, origin)]
    return set_each(target, like, lambda index: Load(value.buffer, (*value.lead, *index), like.dtype), origin)


def _advance(
    kept: Sequence[Location], following: Sequence[Location], outputs: Sequence[Expr], draft: Draft, origin: Origin
) -> list[Statement]:
    """Return the statements that give every carry its next value, all read before any is written."""
    reads: list[Statement] = []
    writes: list[Statement] = []
    for place, value, output in zip(kept, following, outputs, strict=False):
        if isinstance(place, Part):
            writes += copy(place, value, output, origin)
            continue
        assert isinstance(place, Name)
        assert not isinstance(value, Part)
        name = draft.fresh("v")
        reads.append(Let(name, value, origin))
        writes.append(Assign(place.name, Name(name, output.dtype), origin))
    return [*reads, *writes]
