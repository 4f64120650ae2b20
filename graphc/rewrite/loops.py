"""Loops tidied before they are lowered: equal work of two done once, what nobody reads dropped, products moved out.

A loop and its gradient run the same steps: left as separate nodes they would be computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.graph.block import block_of, items_of, runs_block, with_block
from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.table import apply
from graphc.graph.walk import substitute, topological_order
from graphc.ops.branch_row import SWITCH, open_choice
from graphc.ops.control_row import Loop, open_whole
from graphc.ops.movement import BROADCAST
from graphc.rewrite.hoisting import move_products
from graphc.rewrite.merging import merge_loops


def tidy_loops(roots: Sequence[Expr]) -> list[Expr]:
    """Return the roots with every loop in them, and in the bodies of loops, in the form to lower."""
    current = merge_loops(roots)
    tidied: set[Expr] = set()
    while True:
        bundles = [node for node in topological_order(current) if runs_block(node) and node not in tidied]
        if not bundles:
            return current
        bundle = bundles[-1]
        used = items_of(bundle, topological_order(current))
        with inherit_origin(bundle.origin):
            results = _tidied(bundle, sorted(used))
        current = substitute(current, {used[position]: node for position, node in results.items()})
        tidied |= {node for node in topological_order(results.values()) if runs_block(node)} - set(bundles) | {bundle}


def _tidied(bundle: Expr, used: Sequence[int]) -> dict[int, Expr]:
    """Return the used results of a bundle, made by a loop or choice that does no more than it must."""
    if bundle.op is SWITCH:
        return _used_branches(bundle, used)
    loop = _with_constants(open_whole(with_block(bundle, tidy_loops(block_of(bundle).outputs))))
    loop, positions = _pruned(loop, used)
    results = move_products(loop)
    return {old: results[new] for old, new in positions.items()}


def _used_branches(bundle: Expr, used: Sequence[int]) -> dict[int, Expr]:
    """Return the used results of a choice, its branches tidied and without the others."""
    choice = open_choice(bundle)
    branches = tuple(tuple(tidy_loops([branch[n] for n in used])) for branch in choice.branches)
    read = set(topological_order(output for branch in branches for output in branch))
    kept = [n for n, parameter in enumerate(choice.given) if parameter in read]
    smaller = replace(
        choice,
        given=tuple(choice.given[n] for n in kept),
        outside=tuple(choice.outside[n] for n in kept),
        branches=branches,
    )
    return dict(zip(used, smaller.build(), strict=True))


def _with_constants(loop: Loop) -> Loop:
    """Return a loop with its unchanging carries, and sequences of one repeated element, as outside nodes."""
    known = {c: first for c, f, first in zip(loop.carries, loop.following, loop.initial, strict=True) if f is c}
    for element, sequence in zip(loop.elements, loop.sequences, strict=True):
        repeated = _repeated(sequence)
        if repeated is not None:
            known[element] = repeated
    return loop.with_outputs(known) if known else loop


def _repeated(sequence: Expr) -> Expr | None:
    """Return the element that a sequence repeats, if it is a broadcast along its first axis."""
    if sequence.op is not BROADCAST:
        return None
    (argument,) = sequence.args
    if len(argument.shape) == len(sequence.shape):
        if argument.shape[0] != 1:
            return None
        argument = apply("squeeze", argument, (0,))
    return apply("broadcast_to", argument, sequence.shape[1:])


def _pruned(loop: Loop, used: Sequence[int]) -> tuple[Loop, dict[int, int]]:
    """Return a loop without the carries and outputs that the used results do not need; old to new positions."""
    count = len(loop.carries)
    kept = {position for position in used if position < count}
    end = count + len(loop.stacked)
    stacked = [position for position in used if count <= position < end]
    while True:
        outputs = [loop.following[n] for n in sorted(kept)] + [loop.stacked[n - count] for n in stacked]
        outputs += [] if loop.condition is None else [loop.condition]
        read = set(topological_order(outputs))
        following = kept | {n for n, carry in enumerate(loop.carries) if carry in read}
        if following == kept:
            break
        kept = following
    carries = sorted(kept)
    elements = [n for n, element in enumerate(loop.elements) if element in read]
    smaller = replace(
        loop,
        carries=tuple(loop.carries[n] for n in carries),
        following=tuple(loop.following[n] for n in carries),
        initial=tuple(loop.initial[n] for n in carries),
        stacked=tuple(loop.stacked[n - count] for n in stacked),
        elements=tuple(loop.elements[n] for n in elements),
        sequences=tuple(loop.sequences[n] for n in elements),
    )
    positions = {old: new for new, old in enumerate([*carries, *stacked, end])}
    return smaller, {old: positions[old] for old in used}
