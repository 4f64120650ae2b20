"""What each operand of a repeated group of statements is, from one repetition to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.graph.types import DType
from graphc.kernel.ir import Const, Extent, Load, Name
from graphc.kernel.repeats import Numbers
from graphc.kernel.statement_table import Leaf, StatementTable

LONGEST_DELAY = 8
"""Values from so many repetitions before are kept in variables; a group that needs older ones is left alone."""


@dataclass(frozen=True, slots=True)
class Own:
    """The value of a statement of the group: of this repetition, or of ``delay`` repetitions before."""

    slot: int
    delay: int


@dataclass(frozen=True, slots=True)
class Same:
    """The same name or number in every repetition."""

    leaf: Name | Const | Extent


@dataclass(frozen=True, slots=True)
class Earlier:
    """A value of another group rolled before: of its repetition ``offset + step * repetition``."""

    group: Group
    slot: int
    offset: int
    step: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """A number for each repetition."""

    values: tuple[Any, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a buffer at indices that are offset + step * repetition."""

    buffer: str
    index: tuple[tuple[int, int], ...]
    dtype: DType


Operand = Own | Same | Earlier | Numbered | Element


@dataclass(slots=True, eq=False)
class Group:
    """A group of statements that is repeated: ``count`` times ``period`` statements from ``start`` on.

    operands: for each statement of the group what it reads, from left to right.
    delays: for each statement how many of its older values are needed.
    """

    start: int
    period: int
    count: int
    operands: list[list[Operand]] = field(default_factory=list)
    delays: dict[int, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The position behind the last repetition."""
        return self.start + self.period * self.count


def regular_group(
    table: StatementTable, owner: Sequence[Group | None], start: int, period: int, count: int, fewest: int
) -> Group | None:
    """Return the longest part of a repeated group in which every operand follows a rule; None if it is short.

    Args:
        owner: for each position of the body the group that was rolled there.
    """
    first, last = _regular_part(table, owner, start, period, count)
    if last - first < fewest:
        return None
    group = Group(start + first * period, period, last - first)
    delay = _classify(table, owner, group)
    if delay > first:
        group = Group(start + delay * period, period, last - delay)
        if delay > LONGEST_DELAY or group.count < fewest:
            return None
        _classify(table, owner, group)
    return group if delay <= LONGEST_DELAY else None


def _column(table: StatementTable, start: int, period: int, count: int, slot: int, number: int) -> list[Leaf]:
    """Return one operand of one statement of a group, in every repetition."""
    return [table.leaves[start + repetition * period + slot][number] for repetition in range(count)]


def _regular_part(
    table: StatementTable, owner: Sequence[Group | None], start: int, period: int, count: int
) -> tuple[int, int]:
    """Return the repetitions, around the middle one, in which every operand follows the rule it has there."""
    first, last, middle = 0, count, count // 2
    for slot in range(period):
        for number, leaf in enumerate(table.leaves[start + slot]):
            if isinstance(leaf, (Const, Extent)):
                continue
            column = _column(table, start, period, count, slot, number)
            good = _follows(table, owner, column, middle, start, period)
            wrong = np.flatnonzero(~good)
            cut = int(np.searchsorted(wrong, middle))
            first = max(first, int(wrong[cut - 1]) + 1 if cut else 0)
            last = min(last, int(wrong[cut]) if cut < len(wrong) else count)
    return first, last


def _follows(
    table: StatementTable, owner: Sequence[Group | None], column: list[Leaf], middle: int, start: int, period: int
) -> np.ndarray[Any, Any]:
    """Tell for each repetition whether an operand follows the rule it has in the middle."""
    if isinstance(column[0], Load):
        indices = np.array([[int(i.value) for i in leaf.index] for leaf in column])  # type: ignore[union-attr]
        lines = [_on_line(indices[:, axis], middle) for axis in range(indices.shape[1])]
        on_lines: np.ndarray[Any, Any] = np.logical_and.reduce([np.ones(len(column), bool), *lines])
        return on_lines
    sources = table.sources(column)
    good = _on_line(sources, middle)
    source, step = int(sources[middle]), int(sources[middle + 1] - sources[middle])
    if step == 0:
        return good if source < start else np.zeros(len(column), bool)
    if source < 0:
        return np.zeros(len(column), bool)
    if step == period and source >= start:
        return good
    group = owner[source]
    if group is None or step % group.period:
        return np.zeros(len(column), bool)
    inside: np.ndarray[Any, Any] = good & (sources >= group.start) & (sources < group.end)
    return inside


def _on_line(values: Numbers, middle: int) -> np.ndarray[Any, Any]:
    """Tell which values are on the line through the middle one and the next."""
    step = values[middle + 1] - values[middle]
    found: np.ndarray[Any, Any] = values == values[middle] + step * (np.arange(len(values)) - middle)
    return found


def _classify(table: StatementTable, owner: Sequence[Group | None], group: Group) -> int:
    """Find the rule of every operand of a regular group; return how many repetitions back the oldest value is."""
    group.operands, group.delays = [], {}
    for slot in range(group.period):
        operands: list[Operand] = []
        for number in range(len(table.leaves[group.start + slot])):
            operand = _operand(table, owner, group, slot, number)
            if isinstance(operand, Own):
                group.delays[operand.slot] = max(group.delays.get(operand.slot, 0), operand.delay)
            operands.append(operand)
        group.operands.append(operands)
    return max(group.delays.values(), default=0)


def _operand(table: StatementTable, owner: Sequence[Group | None], group: Group, slot: int, number: int) -> Operand:
    """Return the rule of one operand of a regular group."""
    first = table.leaves[group.start + slot][number]
    if isinstance(first, Extent):
        return Same(first)
    if isinstance(first, Const):
        column = _column(table, group.start, group.period, group.count, slot, number)
        values = tuple(leaf.value for leaf in column if isinstance(leaf, Const))
        return Same(first) if all(leaf == first for leaf in column) else Numbered(values, first.dtype)
    second = table.leaves[group.start + group.period + slot][number]
    if isinstance(first, Load):
        assert isinstance(second, Load)
        pairs = zip(first.index, second.index, strict=True)
        lines = tuple((int(a.value), int(b.value) - int(a.value)) for a, b in pairs)  # type: ignore[union-attr]
        return Element(first.buffer, lines, first.dtype)
    final = table.leaves[group.end - group.period + slot][number]
    source, following, last = (int(value) for value in table.sources([first, second, final]))
    if source == following:
        return Same(first)
    if last >= group.start:
        before, other = divmod(source - group.start, group.period)
        return Own(other, -before)
    earlier = owner[source]
    assert earlier is not None
    repetition, other = divmod(source - earlier.start, earlier.period)
    return Earlier(earlier, other, repetition, (following - source) // earlier.period)
