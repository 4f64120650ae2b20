"""Loops over the same steps that share work become one: a loop and its gradient, a loop and its tangent."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from graphc.graph.block import is_bundle, items_of
from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.walk import substitute, topological_order
from graphc.ops.control_row import SCAN, Loop, open_whole


def merge_loops(roots: Sequence[Expr]) -> list[Expr]:
    """Return the roots with loops of the same steps merged, where they share a carry or are maps of the same arrays."""
    current = list(roots)
    while True:
        order = topological_order(current)
        for first, second in _pairs(order):
            merged = _merged(open_whole(first), open_whole(second))
            if merged is not None:
                break
        else:
            return current
        loop, positions = merged
        with inherit_origin(first.origin):
            results = loop.build()
        became = {
            node: results[place[position]]
            for bundle, place in zip((first, second), positions, strict=True)
            for position, node in items_of(bundle, order).items()
        }
        current = substitute(current, became)


def _pairs(order: Sequence[Expr]) -> list[tuple[Expr, Expr]]:
    """Return pairs of loops over the same steps, neither of which needs the other or anything that does."""
    level: dict[Expr, int] = {}
    for node in order:
        level[node] = max((level[argument] for argument in node.args), default=0) + is_bundle(node)
    groups: dict[object, list[Expr]] = {}
    for node in order:
        if node.op is SCAN:
            key = (level[node], node.attribute("length"), node.attribute("reverse"))
            groups.setdefault(key, []).append(node)
    return [(first, second) for group in groups.values() for n, first in enumerate(group) for second in group[n + 1 :]]


def _merged(first: Loop, second: Loop) -> tuple[Loop, tuple[dict[int, int], dict[int, int]]] | None:
    """Return two loops as one, and where the results of each are; None if they share nothing."""
    same = _same_carries(first, second)
    elements = dict(zip(first.sequences, first.elements, strict=True))
    shared = [sequence for sequence in second.sequences if sequence in elements]
    if not same and (first.carries or second.carries or not shared):
        return None
    known = {second.index: first.index, **{second.carries[n]: first.carries[m] for n, m in same.items()}}
    known |= {e: elements[s] for e, s in zip(second.elements, second.sequences, strict=True) if s in elements}
    second = second.with_outputs(known)
    if second.condition is not first.condition:
        return None
    own = [n for n in range(len(second.carries)) if n not in same]
    added = [n for n, sequence in enumerate(second.sequences) if sequence not in elements]
    stacked = list(dict.fromkeys((*first.stacked, *second.stacked)))
    count = len(first.carries) + len(own)
    both = replace(
        first,
        carries=(*first.carries, *(second.carries[n] for n in own)),
        following=(*first.following, *(second.following[n] for n in own)),
        initial=(*first.initial, *(second.initial[n] for n in own)),
        elements=(*first.elements, *(second.elements[n] for n in added)),
        sequences=(*first.sequences, *(second.sequences[n] for n in added)),
        stacked=tuple(stacked),
    )
    carried = same | {n: len(first.carries) + place for place, n in enumerate(own)}
    here = {n: n for n in range(len(first.carries))} | _stacked_at(first, stacked, count)
    return both, (here, carried | _stacked_at(second, stacked, count))


def _stacked_at(loop: Loop, stacked: Sequence[Expr], count: int) -> dict[int, int]:
    """Return where the stacked outputs of a loop, and its number of steps, are in a merged one."""
    places = {len(loop.carries) + n: count + stacked.index(output) for n, output in enumerate(loop.stacked)}
    return {**places, len(loop.carries) + len(loop.stacked): count + len(stacked)}


def _same_carries(first: Loop, second: Loop) -> dict[int, int]:
    """Return which carries of the second loop are always equal to which of the first.

    Carries of both are supposed equal where they begin equal; then those whose next values differ are
    told apart, until none do.
    """
    elements = dict(zip(first.sequences, first.elements, strict=True))
    common = {e: elements[s] for e, s in zip(second.elements, second.sequences, strict=True) if s in elements}
    common[second.index] = first.index
    carries = (*first.carries, *second.carries)
    classes = _numbered((*first.initial, *second.initial))
    while True:
        leaders: dict[int, Expr] = {}
        for carry, number in zip(carries, classes, strict=True):
            leaders.setdefault(number, carry)
        equal = {carry: leaders[number] for carry, number in zip(carries, classes, strict=True)}
        following = [*first.with_outputs(equal).following, *second.with_outputs(common | equal).following]
        finer = _numbered(list(zip(classes, following, strict=True)))
        if finer == classes:
            break
        classes = finer
    places = {carry: place for place, carry in enumerate(first.carries)}
    return {n: places[equal[carry]] for n, carry in enumerate(second.carries) if equal[carry] in places}


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    """Return a number for each key, the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
