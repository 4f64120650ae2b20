"""Reading: the value of a node at an index, through index maps and recomputed elementwise nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.graph.dimensions import Shape, product
from graphc.graph.leaf import POSITIONS, SIZE, constant_value, is_constant
from graphc.graph.node import Expr
from graphc.kernel.ir import Call, Const, Extent, Index, Load, Value, as_value
from graphc.ops.lookup_row import GATHER, Places
from graphc.ops.movement_row import MovementOperation


@dataclass(frozen=True, slots=True)
class Part:
    """Where an array is: a buffer, or the part of one at leading indices, as a loop's element of a sequence."""

    buffer: str
    lead: Index = ()


Location: TypeAlias = "Part | Value"
"""Where the value of a node is: in memory, or as a scalar."""


class Reader:
    """Reads nodes, given where the stored ones are and what is already computed at one index.

    ``bind`` gives a value a name in the nest that reads it; the plain reader leaves values as they are.
    """

    def __init__(self, locations: Mapping[Expr, Location]) -> None:
        self.locations = locations
        self.computed: dict[Expr, Value] = {}
        self.index: Index | None = None
        self._bound: dict[tuple[Expr, Index], Value] = {}
        self._names: dict[Value, Value] = {}

    def bind(self, value: Value, node: Expr) -> Value:
        """Return the value itself; nests override it to name the value once."""
        return value

    def read(self, node: Expr, index: Index, lazy: bool = False) -> Value:
        """Return the value of a node at an index; a lazy one is evaluated only under its guard."""
        while True:
            if node in self.computed and index == self.index:
                return self.computed[node]
            location = self.locations.get(node)
            if location is not None:
                return self._at(node, location, index, lazy)
            if not isinstance(node.op, MovementOperation):
                break
            sources = node.op.sources(node, index, *self._looked_up(node, index, lazy))
            if len(sources) > 1 or sources[0].guard is not None or sources[0].argument is None:
                return self._guarded(node, sources)
            index = tuple(as_value(i) for i in sources[0].index)
            node = node.args[sources[0].argument or 0]
        if is_constant(node):
            return Const(constant_value(node).item(), node.dtype)
        if node.op is SIZE:
            size = Extent(node.attribute("size"))
            return size if node.dtype == "int64" else Call("astype", (size,), node.dtype, (("dtype", node.dtype),))
        if node.op is POSITIONS:
            return _number_of(index, node.shape)
        return self._recompute(node, index, lazy)

    def _at(self, node: Expr, location: Location, index: Index, lazy: bool) -> Value:
        """Return the value of a node that is stored or named."""
        if not isinstance(location, Part):
            return location
        load = Load(location.buffer, (*location.lead, *index), node.dtype)
        if lazy:
            return load
        return self._remember(node, index, load)

    def _looked_up(self, node: Expr, index: Index, lazy: bool) -> list[Value]:
        """Return the values of a gather's index arrays where they are needed for one element; of others none."""
        if node.op is not GATHER:
            return []
        x, *indices = node.args
        found = self.positions(node, x.shape, indices, index, lazy)
        if node.attribute("places").drops:
            return found
        return [self.clamped(node, x.shape, number, value, lazy) for number, value in enumerate(found)]

    def positions(
        self, node: Expr, whole: Shape, indices: Sequence[Expr], index: Index, lazy: bool = False
    ) -> list[Value]:
        """Return the values of the index arrays of a look-up for one element, those from the end from the front."""
        places: Places = node.attribute("places")
        at = tuple(index[axis] for axis in places.spread)
        found: list[Value] = [Const(0, "int64")] * len(indices)
        for number, (_, which, _, _) in enumerate(places.axes):
            if which >= 0:
                value = self.read(indices[which], at, lazy)
                value = Call("where", (value < 0, value + whole[number], value), "int64")
                found[which] = value if lazy else self._named(value, indices[which])
        return found

    def clamped(self, node: Expr, whole: Shape, which: int, value: Value, lazy: bool = False) -> Value:
        """Return the value of an index array of a look-up, or the nearest that is within the array."""
        places: Places = node.attribute("places")
        number = next(n for n, axis in enumerate(places.axes) if axis[1] == which)
        limit = as_value(places.limit(number, whole[number]))
        below = Call("where", (value < limit, value, limit - 1), "int64")
        value = Call("where", (value < 0, Const(0, "int64"), below), "int64")
        return value if lazy else self._named(value, node.args[which - places.count])

    def _named(self, value: Value, node: Expr) -> Value:
        """Return a value bound to a name, the same one for equal values."""
        if value not in self._names:
            self._names[value] = self.bind(value, node)
        return self._names[value]

    def _recompute(self, node: Expr, index: Index, lazy: bool) -> Value:
        """Return a cheap elementwise node computed again at an index (partition bounds the depth)."""
        known = self._bound.get((node, index))
        if known is not None:
            return known
        arguments = tuple(self.read(argument, index, lazy) for argument in node.args)
        value = Call(node.op.name, arguments, node.dtype, node.attributes)
        return value if lazy else self._remember(node, index, value)

    def _remember(self, node: Expr, index: Index, value: Value) -> Value:
        known = self._bound.get((node, index))
        if known is None:
            known = self._bound[node, index] = self.bind(value, node)
        return known

    def _guarded(self, node: Expr, sources: list[Any]) -> Value:
        """Return the first source whose guard holds, as nested conditionals that load lazily."""
        result: Value | None = None
        for source in reversed(sources):
            if source.argument is None:
                value: Value = Const(_typed(source.fill, node.dtype), node.dtype)
            else:
                index = tuple(as_value(i) for i in source.index)
                value = self.read(node.args[source.argument], index, lazy=True)
            result = (
                value
                if result is None or source.guard is None
                else Call("where", (source.guard, value, result), node.dtype)
            )
        assert result is not None
        return result


def _number_of(index: Index, shape: Shape) -> Value:
    """Return the number of an element in the order of memory, the last axes summed first, as loops collapse."""
    number: Value = Const(0, "int64")
    for axis in reversed(range(len(shape))):
        number = as_value(index[axis]) * product(shape[axis + 1 :]) + number
    return number


def _typed(value: Any, dtype: str) -> bool | int | float:
    """Return a fill value as the Python number of a dtype."""
    if dtype == "bool":
        return bool(value)
    return float(value) if dtype.startswith("float") else int(value)
