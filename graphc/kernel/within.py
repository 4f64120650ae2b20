"""Indices that are known to be within their arrays: what keeps others there goes.

The index of a loop over an array's length needs no check, so that ``W[i]`` in a loop is a plain load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from graphc.graph.dimensions import Size
from graphc.kernel.affine import settled
from graphc.kernel.ir import Assign, Call, Const, Extent, Fold, Kernel, Let, Loop, Name, Statement, Value
from graphc.kernel.walk import map_values, walk_statements

Range = tuple[Size, Size]
"""The least value, and what is above the greatest."""


def settle_indices(kernel: Kernel) -> Kernel:
    """Return the kernel with the comparisons of integers decided whose truth is known from the loops around them."""
    changed = {s.name for s in walk_statements(kernel.body) if isinstance(s, (Assign, Fold))}
    loops = [statement for statement in kernel.body if isinstance(statement, Loop)]
    return kernel.with_body(_Settler(changed).block(kernel.body)) if loops else kernel


@dataclass(slots=True)
class _Settler:
    """What is known of names so far.

    Attributes:
        changed: the names that change: nothing is known of them.
    """

    changed: set[str]
    ranges: dict[str, Range] = field(default_factory=dict)

    def block(self, body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """Return the statements of a block with what is decided gone."""
        result: list[Statement] = []
        for statement in body:
            if isinstance(statement, Loop):
                if not statement.within and statement.step == 1:
                    self.ranges[statement.index] = (0, statement.extent)
                result.append(replace(statement, body=self.block(statement.body)))
                self.ranges.pop(statement.index, None)
                continue
            statement = map_values(statement, self._settled)
            if isinstance(statement, Let) and statement.name not in self.changed:
                found = range_of(statement.value, self.ranges)
                if found is not None:
                    self.ranges[statement.name] = found
            result.append(statement)
        return tuple(result)

    def _settled(self, value: Value) -> Value:
        """Return a value, decided if it is a comparison whose truth is known or a choice by one."""
        match value:
            case Call(op="less" | "less_equal" as op, arguments=(left, right)):
                known = self._truth(left, right, op == "less_equal")
                return value if known is None else Const(known, "bool")
            case _:
                return settled(value)

    def _truth(self, left: Value, right: Value, equal: bool) -> bool | None:
        """Return whether one value is always, or never, below another (or equal to it)."""
        first, second = range_of(left, self.ranges), range_of(right, self.ranges)
        if first is None or second is None:
            return None
        if is_positive(second[0] - first[1] + 1 + equal):
            return True
        return False if is_positive(first[0] - second[1] + 2 - equal) else None


def range_of(value: Value, ranges: Mapping[str, Range]) -> Range | None:
    """Return the range of an integer, given those of names; None where it is not known."""
    match value:
        case Const(value=number, dtype="int64"):
            return int(number), int(number) + 1
        case Extent(size=size):
            return size, size + 1
        case Name(name=name):
            return ranges.get(name)
        case Call(op="mod", dtype="int64", arguments=(_, Const(value=number))) if number > 0:
            return 0, int(number)
        case Call(op="mod", dtype="int64", arguments=(_, Extent(size=size))):
            return 0, size
        case Call(op="add" | "subtract" as op, dtype="int64", arguments=(left, right)):
            first, second = range_of(left, ranges), range_of(right, ranges)
            if first is None or second is None:
                return None
            if op == "add":
                return first[0] + second[0], first[1] + second[1] - 1
            return first[0] - second[1] + 1, first[1] - second[0]
        case _:
            return None


def is_positive(size: Size) -> bool:
    """Tell whether a size is above 0 whatever its names stand for."""
    if isinstance(size, int):
        return size > 0
    known = sum(number for factors, number in size.terms if not factors)
    return known > 0 and all(
        number > 0 and all(isinstance(factor, str) for factor in factors) for factors, number in size.terms
    )
