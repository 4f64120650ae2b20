"""A loop nest: the statements of one group, each at the outermost loop where what it needs is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.graph.dimensions import Shape
from graphc.graph.node import Expr
from graphc.graph.origin import Origin
from graphc.graph.types import is_float
from graphc.kernel.assembly import ASSEMBLE, places_of
from graphc.kernel.draft import Draft
from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Call,
    Const,
    Fold,
    Index,
    Let,
    Loop,
    Name,
    Statement,
    Store,
    Value,
    as_value,
)  # fmt: skip
from graphc.kernel.partition import Group
from graphc.kernel.read import Location, Part, Reader
from graphc.kernel.walk import values_in
from graphc.ops.movement_row import MovementOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation


class Nest(Reader):
    """The loops over a group's space and what is in and around each."""

    def __init__(self, group: Group, draft: Draft) -> None:
        super().__init__(draft.locations)
        self.group = group
        self.draft = draft
        self.axes = [axis for axis, size in enumerate(group.space) if size != 1]
        self.index = tuple(
            Name(f"i{axis}") if size != 1 else Const(0, "int64") for axis, size in enumerate(group.space)
        )
        depth = len(self.axes)
        self.before: list[list[Statement]] = [[] for _ in range(depth + 1)]
        self.after: list[list[Statement]] = [[] for _ in range(depth + 1)]
        self.depth_of = {f"i{axis}": position + 1 for position, axis in enumerate(self.axes)}
        self.prologue: list[Statement] = []

    def statements(self) -> list[Statement]:
        """Return the group's statements, and enter in the locations what they compute."""
        finished: list[tuple[Expr, Location]] = []
        for node in self._local_order():
            if isinstance(node.op, ReductionOperation):
                finished.append((node, self._reduce(node)))
            elif node.op is ASSEMBLE:
                self._assemble_array(node)
            elif node in self.draft.plan.placed:
                self._store(node)
            else:
                self.computed[node] = self._value(node)
        for node, location in finished:
            self.draft.locations[node] = location
        return [*self.prologue, *self._assemble()]

    def _local_order(self) -> list[Expr]:
        """Return the group's nodes and the cheap ones they read elementwise, arguments first."""
        placed, order, done = set(self.group.nodes), [], set()
        stack = [(node, False) for node in reversed(self.group.nodes)]
        while stack:
            node, ready = stack.pop()
            if node in done:
                continue
            if ready:
                done.add(node)
                order.append(node)
                continue
            stack.append((node, True))
            if isinstance(node.op, MovementOperation):
                continue
            stack.extend((a, False) for a in reversed(node.args) if self._is_local(a, placed) and a not in done)
        return order

    def _is_local(self, node: Expr, placed: set[Expr]) -> bool:
        """Tell whether a node is computed inside this nest: of this group, or cheap and of its shape."""
        if node in placed:
            return not isinstance(node.op, ReductionOperation) and node.op is not ASSEMBLE
        elementwise = isinstance(node.op, ScalarOperation)
        return elementwise and node not in self.draft.plan.placed and node.shape == self.group.space

    def _value(self, node: Expr) -> Value:
        """Return a node's value at the nest's index."""
        assert self.index is not None
        if isinstance(node.op, MovementOperation):
            return self.bind(self.read(node, self.index), node)
        arguments = tuple(self.read(argument, self.index) for argument in node.args)
        return self.bind(Call(node.op.name, arguments, node.dtype, node.attributes), node)

    def _store(self, node: Expr) -> None:
        """Compute a node and keep it: in a buffer, or as a variable when it is a scalar."""
        assert self.index is not None
        value = self._value(node)
        self.computed[node] = value
        if node.shape:
            buffer = self.draft.allocate(node)
            self._place(Store(buffer, self.index, value, node.origin), len(self.axes))
        else:
            self.draft.locations[node] = value

    def _assemble_array(self, node: Expr) -> None:
        """Store each element of an array that is put together."""
        assert self.index is not None
        (item,) = self.index
        buffer, axis = self.draft.allocate(node), node.attribute("axis")
        for place, argument in zip(places_of(node.shape, axis), node.args, strict=True):
            index = (*place[:axis], item, *place[axis:])
            value = self.read(argument, self.index)
            self._place(Store(buffer, tuple(map(as_value, index)), value, node.origin), len(self.axes))

    def bind(self, value: Value, node: Expr) -> Value:
        """Give a value a name at the outermost loop where it is known."""
        if isinstance(value, (Name, Const)):
            return value
        name = self.draft.fresh("v")
        depth = self._depth(value) if self.axes else 0
        self.depth_of[name] = depth
        self._place(Let(name, value, node.origin), depth)
        return Name(name, node.dtype)

    def _depth(self, value: Value) -> int:
        """Return how many of the nest's loops must run before a value is known."""
        return max((self.depth_of.get(v.name, 0) for v in values_in(value) if isinstance(v, Name)), default=0)

    def _place(self, statement: Statement, depth: int) -> None:
        self.before[depth].append(statement)

    def _reduce(self, node: Expr) -> Location:
        """Emit a reduction's statements; return where its result is once the nest has run."""
        operation = node.op
        assert isinstance(operation, ReductionOperation)
        assert self.index is not None
        axes = node.attribute("axes")
        value = self.read(node.args[0], self.index)
        reduced = [axis for axis in self.axes if axis in axes]
        kept = tuple(i for axis, i in enumerate(self.index) if axis not in axes)
        outer = len(self.axes) - len(reduced)
        if operation.fold in ("argmax", "argmin"):
            return self._search(node, value, kept, outer, reduced)
        value = cast(value, node.args[0].dtype, node.dtype)
        if self.axes[outer:] != reduced:
            return self._accumulate(node, value, kept)
        accumulated = accumulator_dtype(operation.fold, node.dtype)
        value = cast(value, node.dtype, accumulated)
        identity = Const(start_of(operation, accumulated), accumulated)
        name = self.draft.fresh("acc")
        self.depth_of[name] = outer
        self.before[outer].append(Let(name, identity, node.origin))
        self.before[-1].append(Fold(name, operation.fold, value, accumulated, node.origin))
        result = cast(Name(name, accumulated), accumulated, node.dtype)
        if node.shape == ():
            if accumulated == node.dtype:
                return result
            final = self.draft.fresh("v")
            self.after[0].append(Let(final, result, node.origin))
            return Name(final, node.dtype)
        buffer = self.draft.allocate(node)
        self.after[outer].append(Store(buffer, kept, result, node.origin))
        return Part(buffer)

    def _accumulate(self, node: Expr, value: Value, kept: tuple[Value, ...]) -> Part:
        """Emit a reduction over outer axes: into memory, row by row, so that loops stay contiguous."""
        operation = node.op
        assert isinstance(operation, ReductionOperation)
        buffer = self.draft.allocate(node)
        identity = Const(start_of(operation, node.dtype), node.dtype)
        self.prologue.extend(fill(buffer, node.shape, identity, node.origin))
        self.before[-1].append(Accumulate(buffer, kept, operation.fold, value, node.dtype, node.origin))
        return Part(buffer)

    def _search(self, node: Expr, value: Value, kept: tuple[Value, ...], outer: int, reduced: list[int]) -> Location:
        """Emit an argmax or argmin: the best value so far and its position among the reduced elements."""
        operation = node.op
        dtype = node.args[0].dtype
        best, at = self.draft.fresh("best"), self.draft.fresh("at")
        self.depth_of[best] = self.depth_of[at] = outer
        smallest = operation.name == "argmin"
        self.before[outer].append(Let(best, Const(worst(dtype, smallest), dtype), node.origin))
        self.before[outer].append(Let(at, Const(0, "int64"), node.origin))
        better = _beats(value, Name(best, dtype), smallest)
        position: Value = Const(0, "int64")
        for axis in node.attribute("axes"):
            position = position * self.group.space[axis] + self.index[axis]  # type: ignore[index]
        take = self.draft.fresh("v")
        self.before[-1].append(Let(take, better, node.origin))
        taken = Name(take, "bool")
        self.before[-1].append(Assign(at, Call("where", (taken, position, Name(at)), "int64"), node.origin))
        self.before[-1].append(Assign(best, Call("where", (taken, value, Name(best, dtype)), dtype), node.origin))
        if node.shape == ():
            return Name(at)
        buffer = self.draft.allocate(node)
        self.after[outer].append(Store(buffer, kept, Name(at), node.origin))
        return Part(buffer)

    def _assemble(self) -> list[Statement]:
        """Return the nested loops with the statements around and inside each."""
        inner: list[Statement] = [*self.before[-1], *self.after[-1]]
        for depth in range(len(self.axes) - 1, -1, -1):
            axis = self.axes[depth]
            loop = [Loop(f"i{axis}", self.group.space[axis], tuple(inner))] if inner else []
            inner = [*self.before[depth], *loop, *self.after[depth]]
        return inner


def _beats(value: Value, best: Name, smallest: bool) -> Value:
    """Return whether a value is better than the best so far; the first NaN is better than any number."""
    wins: Value = Call("less" if smallest else "greater", (value, best), "bool")
    if not is_float(best.dtype):
        return wins
    best_is_number = Call("logical_not", (Call("isnan", (best,), "bool"),), "bool")
    first_nan = Call("logical_and", (Call("isnan", (value,), "bool"), best_is_number), "bool")
    return Call("logical_or", (wins, first_nan), "bool")


def start_of(operation: ReductionOperation, dtype: str) -> bool | int | float:
    """Return what a fold starts from: the identity, or for extremes what every element is as good as."""
    if operation.identity is None:
        return worst(dtype, operation.fold == "minimum")
    value: bool | int | float = operation.identity(dtype)
    return float(value) if is_float(dtype) else value


def accumulator_dtype(fold: str, dtype: str) -> str:
    """Return the dtype a fold accumulates in: sums and products of float32 in float64, for accuracy."""
    return "float64" if dtype == "float32" and fold in ("add", "multiply") else dtype


def cast(value: Value, given: str, wanted: str) -> Value:
    """Return a value in another dtype."""
    return value if given == wanted else Call("astype", (value,), wanted, (("dtype", wanted),))


def worst(dtype: str, smallest: bool) -> bool | int | float:
    """Return what every element is at least as good as."""
    if is_float(dtype):
        return float("inf") if smallest else float("-inf")
    if dtype == "bool":
        return smallest
    limits = np.iinfo(dtype)
    return int(limits.max if smallest else limits.min)


def neutral(op: str, dtype: str) -> Const:
    """Return what a fold of no values is."""
    starts: dict[str, bool | int] = {"add": 0, "multiply": 1, "logical_or": False, "logical_and": True}
    return Const(starts[op] if op in starts else worst(dtype, op == "minimum"), dtype)


def fill(buffer: str, shape: Shape, value: Value, origin: Origin | None) -> list[Statement]:
    """Return loops that set every element of a buffer."""
    return over_elements("k", shape, lambda index: Store(buffer, index, value, origin))


def set_each(place: Part, like: Expr, value: Callable[[Index], Value], origin: Origin | None) -> list[Statement]:
    """Return the loops that set every element of an array that has the shape of a node."""
    return over_elements(
        "i", like.shape, lambda index: Store(place.buffer, (*place.lead, *index), value(index), origin)
    )


def over_elements(letter: str, shape: Shape, make: Callable[[Index], Statement]) -> list[Statement]:
    """Return loops over the elements of an array around the statement made for an index; its names begin alike."""
    index = tuple(Name(f"{letter}{axis}") if size != 1 else Const(0, "int64") for axis, size in enumerate(shape))
    body = [make(index)]
    for axis in reversed(range(len(shape))):
        if shape[axis] != 1:
            body = [Loop(f"{letter}{axis}", shape[axis], tuple(body))]
    return body
