"""Derivatives of scans: a tangent rides along in the same loop, an adjoint runs through it backwards.

The backward loop reads what the forward one kept of each step. Sums over the steps of products (the
gradient of a weight matrix used in every step) become one product after the loop.

Source: Griewank & Walther, Evaluating Derivatives (2008), chapter 12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from graphc.autodiff.lifting import Totals
from graphc.autodiff.saving import choose_saved
from graphc.graph.block import is_bundle, placeholder_like
from graphc.graph.node import Expr, Gradient
from graphc.graph.table import apply
from graphc.graph.walk import reaching, substitute, topological_order
from graphc.ops.control_row import Loop, open_loop

Adjoints: TypeAlias = "Callable[[Mapping[Expr, Expr], Sequence[Expr]], Mapping[Expr, Expr]]"
Tangents: TypeAlias = "Callable[[Sequence[Expr], Mapping[Expr, Expr]], Sequence[Gradient]]"


def push_loop(node: Expr, given: Sequence[Gradient], tangents: Tangents) -> list[Gradient]:
    """Return the tangent of each result of a scan from those of its arguments (forward mode)."""
    loop, captured = open_loop(node)
    count, arguments = len(loop.carries), len(loop.carries) + len(loop.elements)
    seeds = dict(_paired(list(captured), given[arguments : arguments + len(captured)]))
    active = _active_carries(loop, [*seeds], [tangent is not None for tangent in given[:arguments]])
    carried = {carry: placeholder_like(carry) for carry in loop.carries if carry in active}
    moving = dict(_paired(loop.elements, given[count:arguments]))
    elements = {element: placeholder_like(element) for element in moving}
    found = tangents((*loop.following, *loop.stacked), {**seeds, **carried, **elements})
    following = [or_zero(found[n], carry) for n, carry in enumerate(loop.carries) if carry in carried]
    stacked = [n for n in range(count, len(found)) if found[n] is not None]
    both = replace(
        loop,
        carries=(*loop.carries, *carried.values()),
        elements=(*loop.elements, *elements.values()),
        following=(*loop.following, *following),
        stacked=(*loop.stacked, *(or_zero(found[n], loop.stacked[n - count]) for n in stacked)),
        initial=(*loop.initial, *(or_zero(given[n], c) for n, c in enumerate(loop.carries) if c in carried)),
        sequences=(*loop.sequences, *moving.values()),
    )
    results = both.build(captured)
    places = [n for n, carry in enumerate(loop.carries) if carry in carried]
    positions = {place: count + n for n, place in enumerate(places)}
    first = count + len(carried) + len(loop.stacked)
    positions |= {place: first + n for n, place in enumerate(stacked)}
    return [results[positions[n]] if n in positions else None for n in range(len(found) + 1)]


def pull_loop(node: Expr, parts: Mapping[int, Expr], wanted: Sequence[bool], adjoints: Adjoints) -> list[Gradient]:
    """Return what the adjoints of a scan's results contribute to each wanted argument (reverse mode)."""
    loop, captured = open_loop(node)
    arguments = len(loop.carries) + len(loop.elements) + len(captured)
    contributions = _Backward(loop, captured, parts, wanted[:arguments], adjoints).contributions()
    return [*contributions, *(None for _ in wanted[arguments:])]


@dataclass(slots=True)
class _Backward:
    """The backward loop of one scan being made."""

    loop: Loop
    captured: dict[Expr, Expr]
    parts: Mapping[int, Expr]
    wanted: Sequence[bool]
    adjoints: Adjoints

    def contributions(self) -> list[Gradient]:
        """Return the adjoint of each wanted argument of the scan."""
        loop, count = self.loop, len(self.loop.carries)
        arguments = count + len(loop.elements)
        outside = [p for p, want in zip(self.captured, self.wanted[arguments:], strict=True) if want]
        active = _active_carries(loop, outside, self.wanted[:arguments])
        live = [n for n, carry in enumerate(loop.carries) if carry in active]
        elements = [e for e, want in zip(loop.elements, self.wanted[count:arguments], strict=True) if want]
        bars = {n: placeholder_like(loop.carries[n]) for n in live}
        kept = {n: loop.stacked[n - count] for n in self.parts if n >= count}
        stacked_bars = {n: placeholder_like(output) for n, output in kept.items()}
        table = self.adjoints(
            summed(
                [*((loop.following[n], bar) for n, bar in bars.items()), *((kept[n], stacked_bars[n]) for n in kept)]
            ),
            [*(loop.carries[n] for n in live), *elements, *outside],
        )
        following = {bars[n]: or_zero(table.get(loop.carries[n]), bars[n]) for n in live}
        slopes = {element: table[element] for element in elements if element in table}
        totals = Totals({p: table[p] for p in outside if p in table}, stacking=not loop.recompute)
        return self._run(bars, stacked_bars, following, slopes, totals)

    def _run(
        self,
        bars: dict[int, Expr],
        stacked_bars: dict[int, Expr],
        following: dict[Expr, Expr],
        slopes: dict[Expr, Expr],
        totals: Totals,
    ) -> list[Gradient]:
        """Return the contributions, given the graphs of one step back."""
        loop, added = self.loop, totals.added()
        saved, kept, steps = self._forward([*following.values(), *added.values(), *slopes.values(), *totals.operands])
        stand_ins = {node: placeholder_like(node) for node in saved}
        ready = {**dict(zip(saved, kept, strict=True)), **dict(zip(loop.elements, loop.sequences, strict=True))}
        stacked = [*slopes.values(), *(operand for operand in totals.operands if operand not in ready)]
        outputs = substitute([*following.values(), *added.values(), *stacked], stand_ins)
        size = len(following) + len(added)
        back = Loop(
            index=loop.index,
            carries=(*following, *added),
            elements=(*loop.elements, *stand_ins.values(), *stacked_bars.values()),
            following=tuple(outputs[:size]),
            stacked=tuple(outputs[size:]),
            initial=(*(or_zero(self.parts.get(n), bar) for n, bar in bars.items()), *(or_zero(None, a) for a in added)),
            sequences=(*loop.sequences, *kept, *(self.parts[n] for n in stacked_bars)),
            length=loop.length,
            reverse=not loop.reverse,
            recompute=loop.recompute,
            steps=steps,
        )
        results = back.build(self.captured)
        firsts = dict(zip(bars, results, strict=False))
        ready |= dict(zip(stacked, results[size:], strict=True))
        whole = totals.whole(results[len(following) : size], ready)
        return [
            *(firsts.get(n) if want else None for n, want in enumerate(self.wanted[: len(loop.carries)])),
            *(ready[slopes[element]] if element in slopes else None for element in loop.elements),
            *(whole.get(p) for p in self.captured),
        ]

    def _forward(self, roots: Sequence[Expr]) -> tuple[list[Expr], list[Expr], Gradient]:
        """Return what the steps keep for some expressions, the arrays of it, and the number of steps if it is open."""
        loop = self.loop
        saved = choose_saved(roots, (*loop.following, *loop.stacked), loop.carries, loop.recompute)
        results = replace(loop, stacked=(*loop.stacked, *saved)).build(self.captured)
        first = len(loop.carries) + len(loop.stacked)
        steps = loop.steps if loop.condition is None else results[-1]
        return saved, results[first : first + len(saved)], steps


def _active_carries(loop: Loop, outside: Sequence[Expr], given: Sequence[bool]) -> set[Expr]:
    """Return the float carries that depend on what is differentiated, at once or steps later."""
    parameters = (*loop.carries, *loop.elements)
    targets = {p for p, wanted in zip(parameters, given, strict=True) if wanted} | set(outside)
    order = [node for node in topological_order(loop.following) if node.is_differentiable or is_bundle(node)]
    while True:
        reached = reaching(order, targets)
        following = {
            c for c, f in zip(loop.carries, loop.following, strict=True) if f in reached and c.is_differentiable
        }
        if following <= targets:
            return {carry for carry in loop.carries if carry in targets}
        targets |= following


def _paired(nodes: Sequence[Expr], tangents: Sequence[Gradient]) -> list[tuple[Expr, Expr]]:
    """Return the nodes that have a tangent, with it."""
    return [(node, tangent) for node, tangent in zip(nodes, tangents, strict=True) if tangent is not None]


def summed(pairs: Sequence[tuple[Expr, Expr]]) -> dict[Expr, Expr]:
    """Return the sum of the adjoints given for each node."""
    table: dict[Expr, Expr] = {}
    for node, bar in pairs:
        table[node] = apply("add", table[node], bar) if node in table else bar
    return table


def or_zero(gradient: Gradient, like: Expr) -> Expr:
    """Return a gradient, zeros where there is none."""
    return apply("zeros_like", like) if gradient is None else gradient
