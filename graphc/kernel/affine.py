"""Indices as sums: which values are a multiple of a loop's index plus a size, and what conditions on them bound."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from graphc.graph.dimensions import Dimension, Quotient, Size
from graphc.kernel.ir import Call, Const, Extent, Name, Value, as_value, index_call

Sum = tuple[int, Size]
"""A factor of the index, and what is added to it."""

COMPARED = {"less": operator.lt, "less_equal": operator.le, "equal": operator.eq}
INDEX_OPERATIONS = ("add", "subtract", "multiply", "floor_divide", "mod")


@dataclass(frozen=True, slots=True)
class Bound:
    """The condition that an index is below a limit, or (``below`` false) that it is not."""

    limit: Size
    below: bool


def as_sum(value: Value, index: str) -> Sum | None:
    """Return a value as a sum in the index, None if it is none."""
    match value:
        case Name(name=name):
            return (1, 0) if name == index else None
        case Const(value=number, dtype="int64"):
            return 0, int(number)
        case Extent(size=size):
            return 0, size
        case Call(op="add" | "subtract" | "multiply", dtype="int64", arguments=(left, right)):
            first, second = as_sum(left, index), as_sum(right, index)
            return None if first is None or second is None else _combined(value.op, first, second)
        case _:
            return None


def _combined(op: str, first: Sum, second: Sum) -> Sum | None:
    """Return the sum, difference or product of two sums; None for a product that is no sum."""
    if op == "add":
        return first[0] + second[0], first[1] + second[1]
    if op == "subtract":
        return first[0] - second[0], first[1] - second[1]
    for one, other in ((first, second), (second, first)):
        if one[0] == 0 and isinstance(one[1], int):
            return other[0] * one[1], other[1] * one[1]
    return None


def from_sum(index: str, found: Sum) -> Value:
    """Return the shortest value that is a sum in the index."""
    factor, rest = found
    product = index_call("multiply", Name(index), factor)
    if isinstance(rest, int) and rest < 0 and factor:
        return index_call("subtract", product, -rest)
    return index_call("add", product, as_value(rest))


def bound_of(condition: Value, index: str) -> Bound | None:
    """Return the bound that a comparison puts on an index, None for other conditions."""
    if not isinstance(condition, Call) or condition.op not in ("less", "less_equal"):
        return None
    left, right = (as_sum(argument, index) for argument in condition.arguments)
    if left is None or right is None:
        return None
    factor, rest = left[0] - right[0], left[1] - right[1]
    inclusive = condition.op == "less_equal"
    if factor == 1:
        return Bound(rest * -1 + inclusive, below=True)
    return Bound(rest + (not inclusive), below=False) if factor == -1 else None


def settled(value: Value) -> Value:
    """Return a value, or what it is if constants among its arguments decide it."""
    match value:
        case Call(op="less" | "less_equal" | "equal", arguments=(Const(dtype="int64") as left, Const() as right)):
            return Const(COMPARED[value.op](left.value, right.value), "bool")
        case Call(op="logical_and", arguments=(Const() as known, other) | (other, Const() as known)):
            return other if known.value else known
        case Call(op="where", arguments=(Const() as known, yes, no)):
            return yes if known.value else no
        case Call(op=op, arguments=(Const(), Const()), dtype="int64") if op in INDEX_OPERATIONS:
            found = index_call(op, *value.arguments)
            return found if isinstance(found, Const) and abs(found.value) < 2**63 else value
        case _:
            return value


def least(size: Size) -> Size:
    """Return a size without the maxima with 0 in it: never more than the size, and the same where that is above 0."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, coefficient in size.terms:
        term: Size = Dimension(((monomial, coefficient),)) if monomial else coefficient
        if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Quotient):
            atom = monomial[0]
            if atom.function == "max" and 0 in (atom.left, atom.right):
                term = atom.left + atom.right
        total = total + term
    return total
