"""Sums over the steps of a loop as one operation after it: products of stacked operands, sums of stacked terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from graphc.graph.block import placeholder_like
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.ops.contraction_row import CONTRACT, unused_label
from graphc.ops.movement import TRANSPOSE


@dataclass(frozen=True, slots=True)
class Lift:
    """A term of each step whose sum over all steps is computed from its stacked operands.

    Attributes:
        operands: nodes of the step.
        after: operand -> stack of it over the steps, to the sum of the term.
    """

    operands: tuple[Expr, ...]
    after: Callable[[Mapping[Expr, Expr]], Expr]


class Totals:
    """The sums over the steps of what each step adds to the adjoints of what a loop captures.

    Terms that can be are summed after the loop, from their stacked operands; the others in a carry for each.
    """

    def __init__(self, parts: Mapping[Expr, Expr], stacking: bool) -> None:
        """Take for each captured parameter what a step adds; without stacking nothing is kept of each step."""
        self.terms = {p: [(term, lifted(term) if stacking else None) for term in terms_of(parts[p])] for p in parts}
        self.sums = {
            p: placeholder_like(p) for p, terms in self.terms.items() if any(lift is None for _, lift in terms)
        }
        lifts = [lift for terms in self.terms.values() for _, lift in terms if lift is not None]
        self.operands = list(dict.fromkeys(operand for lift in lifts for operand in lift.operands))
        """What the steps stack."""

    def added(self) -> dict[Expr, Expr]:
        """Return each carry with what it becomes in a step."""
        found = {p: [term for term, lift in terms if lift is None] for p, terms in self.terms.items()}
        return {carry: _sum([carry, *found[p]]) for p, carry in self.sums.items()}

    def whole(self, carried: Sequence[Expr], stacks: Mapping[Expr, Expr]) -> dict[Expr, Expr]:
        """Return the adjoint of each captured parameter from the last carries and the stacked operands."""
        last = dict(zip(self.sums, carried, strict=True))
        after = {p: [lift.after(stacks) for _, lift in terms if lift is not None] for p, terms in self.terms.items()}
        return {p: _sum([last[p], *after[p]] if p in last else after[p]) for p in self.terms}


def _sum(terms: Sequence[Expr]) -> Expr:
    """Return the sum of one or more expressions."""
    return reduce(lambda total, term: apply("add", total, term), terms)


def terms_of(node: Expr) -> list[Expr]:
    """Return the terms of a sum, in order."""
    found, stack = [], [node]
    while stack:
        current = stack.pop()
        if current.op.name == "add" and current.args[0].shape == current.args[1].shape == node.shape:
            stack.extend(reversed(current.args))
        else:
            found.append(current)
    return found


def lifted(term: Expr) -> Lift | None:
    """Return how a term is summed over the steps after the loop; None where it must be summed step by step."""
    if term.op is TRANSPOSE:
        inner, axes = lifted(term.args[0]), term.attribute("axes")
        return inner and Lift(inner.operands, lambda stacks: apply("transpose", inner.after(stacks), axes))
    if term.op is CONTRACT:
        return Lift(term.args, lambda stacks: _contracted(term, stacks))
    if term.op.name == "sum":
        (argument,) = term.args
        axes = (0, *(axis + 1 for axis in term.attribute("axes")))
        return Lift((argument,), lambda stacks: apply("sum", stacks[argument], axis=axes))
    return None


def _contracted(term: Expr, stacks: Mapping[Expr, Expr]) -> Expr:
    """Return the product of stacked operands, the steps summed over."""
    left, right, out = (term.attribute(name) for name in ("left", "right", "out"))
    step = unused_label(term)
    first, second = (stacks[argument] for argument in term.args)
    return build(CONTRACT, first, second, left=step + left, right=step + right, out=out)
