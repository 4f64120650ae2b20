"""Lowering of look-ups: indices that are values stay within their arrays, loops write to places, functions sort."""

from __future__ import annotations

from graphc.graph.node import Expr
from graphc.kernel.draft import Draft
from graphc.kernel.ir import (
    Accumulate,
    Call,
    Library,
    Load,
    Loop,
    Name,
    Operand,
    Statement,
    Store,
    Value,
    as_value,
)
from graphc.kernel.nest import Nest, neutral, set_each
from graphc.kernel.partition import Group
from graphc.kernel.read import Part, Reader
from graphc.ops.lookup_row import Places, positions
from graphc.ops.native_row import NativeOperation


class ScatterNest(Nest):
    """The loops over the values of one scatter, each written where its indices say."""

    def __init__(self, group: Group, draft: Draft) -> None:
        (self.node,) = group.nodes
        super().__init__(Group(group.kind, self.node.args[1].shape, group.level), draft)

    def statements(self) -> list[Statement]:
        """Return the loops that copy the base, then those that write: in memory order, as the last value stays."""
        node, (base, values) = self.node, self.node.args[:2]
        outside = Reader(self.draft.locations)
        place = Part(self.draft.allocate(node))
        begun = set_each(place, base, lambda index: outside.read(base, index), node.origin)
        assert self.index is not None
        places: Places = node.attribute("places")
        found = self.positions(node, base.shape, node.args[2:], self.index)
        guard = _within(places, base, found)
        kept = [self.clamped(node, base.shape, number, value) for number, value in enumerate(found)]
        target = tuple(as_value(positions(places, n, self.index, kept)) for n in range(base.ndim))
        self._place(_write(node, place.buffer, target, guard, self.read(values, self.index)), len(self.axes))
        return [*begun, *self._assemble()]


def _within(places: Places, base: Expr, found: list[Value]) -> Value | None:
    """Return the condition that every index is within the array; None where there is no index."""
    guard: Value | None = None
    for number, (_, which, _, _) in enumerate(places.axes):
        if which >= 0:
            here = (found[which] >= 0) & (found[which] < places.limit(number, base.shape[number]))
            guard = here if guard is None else guard & here
    return guard


def _write(node: Expr, buffer: str, target: tuple[Value, ...], guard: Value | None, value: Value) -> Statement:
    """Return the statement that writes a value, or what changes nothing where its index is out of range."""
    fold, dtype = node.attribute("fold"), node.dtype
    if fold == "set":
        here = value if guard is None else Call("where", (guard, value, Load(buffer, target, dtype)), dtype)
        return Store(buffer, target, here, node.origin)
    here = value if guard is None else Call("where", (guard, value, neutral(fold, dtype)), dtype)
    return Accumulate(buffer, target, fold, here, dtype, node.origin)


def lower_native(node: Expr, draft: Draft) -> list[Statement]:
    """Return the call of a function of its own, in a loop for each axis it does not run along."""
    operation = node.op
    assert isinstance(operation, NativeOperation)
    places = [draft.place_of(argument) for argument in node.args]
    result = Part(draft.allocate(node))
    index = tuple(Name(f"k{axis}") for axis in range(len(node.shape) - 1)) if operation.along_last else ()
    operands = [Operand(place.buffer, (*place.lead, *index)) for place in (*places, result)]
    if operation.scratch:
        operands.append(Operand(draft.workspace(node.dtype, node.shape[-1:]).buffer))
    count = len(node.args)
    flags = (node.attribute("flag"),)
    statement: Statement = Library(operation.name, tuple(operands[count:]), tuple(operands[:count]), flags, node.origin)
    for axis in reversed(range(len(index))):
        statement = Loop(f"k{axis}", node.shape[axis], (statement,))
    return [statement]
