"""The two copies of a peeled loop: its iterations at the ends as they were, its interior with conditions decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphc.graph.dimensions import Size, larger
from graphc.kernel.affine import as_sum, bound_of, from_sum, least, settled
from graphc.kernel.ir import (
    Accumulate,
    Call,
    Const,
    Fold,
    Let,
    Load,
    Loop,
    Name,
    Statement,
    Store,
    Value,
    as_value,
    zero_of,
)
from graphc.kernel.walk import map_values, statement_values, values_in, walk_statements

Body = tuple[Statement, ...]
COMPARISONS = ("less", "less_equal")


@dataclass(frozen=True, slots=True)
class Interior:
    """The iterations of an index from ``first`` to below ``end``."""

    index: str
    first: int
    end: Size

    @property
    def size(self) -> Size:
        """How many iterations it has."""
        return larger(self.end - self.first, 0)


def difference(left: Size, right: Size) -> int | None:
    """Return how much one size is above another if that is known, maxima with 0 aside."""
    found = least(left) - least(right)
    return found if isinstance(found, int) else None


def comparisons(body: Body) -> Iterator[Value]:
    """Yield every comparison in a block."""
    for statement in walk_statements(body):
        for root in statement_values(statement):
            yield from (v for v in values_in(root) if isinstance(v, Call) and v.op in COMPARISONS)


def moved(body: Body, old: str, new: str, shift: int) -> Body:
    """Return a block with one index replaced by another plus a shift, indices in their shortest form."""

    def fix(value: Value) -> Value:
        if value == Name(old):
            return from_sum(new, (1, shift))
        found = as_sum(value, new) if isinstance(value, Call) else None
        return from_sum(new, found) if found is not None and found[0] and isinstance(found[1], int) else value

    return _mapped(body, fix, lambda statement: statement)


def interior_body(body: Body, interior: Interior, axes: Mapping[str, int]) -> Body:
    """Return a block at the interior's own index, which begins at 0; buffers with an axis are private to it."""
    shifted = moved(_decided(body, interior), interior.index, interior.index, interior.first)
    return _relocated(shifted, axes, {name: name for name in axes}, Name(interior.index))


def edge_loop(body: Body, interior: Interior, extent: Size, start: int, place: int, axes: Mapping[str, int]) -> Loop:
    """Return the loop over the iterations of a block that are not in the interior.

    Args:
        extent: the number of all iterations, of which ``start`` is the first.
        place: what is added to the position in the loop for that in private buffers.
        axes: private buffers, whose part for the edges has a name of its own, and the axis they are cut along.
    """
    index, middle = interior.index, interior.size
    position, edge = Name(f"{index}_nth"), f"{index}_edge"
    nth = position + start
    jumped: Value = nth
    if middle != 0:
        jumped = Call("where", (nth < interior.first, nth, nth + as_value(middle)), "int64")
    names = {s.name: edge_name(s.name, index) for s in walk_statements(body) if isinstance(s, Let)}
    body = moved(moved_names(body, names), index, edge, 0)
    body = _relocated(body, axes, {name: edge_name(name, index) for name in axes}, position + place)
    origin = next((s.origin for s in walk_statements(body) if not isinstance(s, Loop)), None)
    return Loop(position.name, extent - middle, (Let(edge, jumped, origin), *body))


def without_loads(body: Body, buffer: str) -> Body:
    """Return a block with zeros for the elements of a buffer: at the edges, where none of them is ever read."""

    def fix(value: Value) -> Value:
        return zero_of(value.dtype) if isinstance(value, Load) and value.buffer == buffer else value

    return _mapped(body, fix, lambda statement: statement)


def edge_name(name: str, index: str) -> str:
    """Return what a name or buffer is called in the loop over the edges of an index."""
    return f"{name}_{index}"


def _mapped(body: Body, function: Callable[[Value], Value], finish: Callable[[Statement], Statement]) -> Body:
    """Return a block with functions applied to every value and every statement that is no loop."""
    return tuple(
        replace(statement, body=_mapped(statement.body, function, finish))
        if isinstance(statement, Loop)
        else finish(map_values(statement, function))
        for statement in body
    )


def moved_names(body: Body, names: Mapping[str, str]) -> Body:
    """Return a block with names that it binds replaced."""

    def fix(value: Value) -> Value:
        return replace(value, name=names[value.name]) if isinstance(value, Name) and value.name in names else value

    def finish(statement: Statement) -> Statement:
        if isinstance(statement, (Let, Fold)) and statement.name in names:
            return replace(statement, name=names[statement.name])
        return statement

    return _mapped(body, fix, finish)


def _relocated(body: Body, axes: Mapping[str, int], names: Mapping[str, str], place: Value) -> Body:
    """Return a block with private buffers under other names and at another place along their axis."""

    def at(item: Load | Store | Accumulate) -> dict[str, Any]:
        axis = axes[item.buffer]
        return {"buffer": names[item.buffer], "index": (*item.index[:axis], place, *item.index[axis + 1 :])}

    def fix(value: Value) -> Value:
        return replace(value, **at(value)) if isinstance(value, Load) and value.buffer in axes else value

    def finish(statement: Statement) -> Statement:
        if isinstance(statement, (Store, Accumulate)) and statement.buffer in axes:
            return replace(statement, **at(statement))
        return statement

    return _mapped(body, fix, finish)


def _decided(body: Body, interior: Interior) -> Body:
    """Return a block with the conditions whose truth is the same in the whole interior as that truth."""

    def fix(value: Value) -> Value:
        known = truth(value, interior)
        return settled(value) if known is None else Const(known, "bool")

    return _mapped(body, fix, lambda statement: statement)


def truth(condition: Value, interior: Interior) -> bool | None:
    """Return whether a condition holds in the whole interior, None if that is not known."""
    bound = bound_of(condition, interior.index)
    if bound is None:
        return None
    above_end = difference(bound.limit, interior.end)
    if above_end is not None and above_end >= 0:
        return bound.below
    if isinstance(bound.limit, int) and bound.limit <= interior.first:
        return not bound.below
    return None
