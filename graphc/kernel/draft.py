"""A kernel being made: its buffers, and where the value of each node is found so far."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from graphc.errors import InternalError
from graphc.graph.dimensions import Shape, is_open
from graphc.graph.leaf import constant_value, is_constant, is_symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.types import DType
from graphc.kernel.ir import Buffer, Name, as_value
from graphc.kernel.names import unique_names
from graphc.kernel.partition import Partition, is_part, is_view
from graphc.kernel.read import Location, Part, Reader
from graphc.ops.lookup_row import positions


class Draft:
    """What lowering the groups of a partition shares.

    locations: for each node computed so far the memory it is in, or the scalar value it is.
    """

    def __init__(self, plan: Partition, outputs: Sequence[Expr], inputs: Sequence[Expr]) -> None:
        self.plan = plan
        self.outputs = frozenset(outputs)
        self.buffers: dict[str, Buffer] = {}
        self.constants: dict[str, Any] = {}
        self.locations: dict[Expr, Location] = {}
        self._numbers = itertools.count(1)
        self.inputs = tuple(self._enter_inputs(inputs))
        self._enter_leaves()

    def inside(self, plan: Partition, locations: Mapping[Expr, Location]) -> Draft:
        """Return the draft of a block inside this one: the same buffers, locations of its own."""
        inner = copy.copy(self)
        inner.plan, inner.outputs, inner.locations = plan, frozenset(), dict(locations)
        inner._enter_leaves()
        return inner

    def _enter_leaves(self) -> None:
        """Enter the arrays of numbers the plan uses; every symbol has a place by now."""
        for node in self.plan.order:
            if is_constant(node) and node.shape:
                self._enter_constant(node)
            elif is_symbol(node) and node not in self.locations:
                raise InternalError(f"symbol {symbol_name(node)} is no input")

    def fresh(self, prefix: str) -> str:
        """Return a name not used before."""
        return f"{prefix}{self.number()}"

    def number(self) -> int:
        """Return a number not used before."""
        return next(self._numbers)

    def enter(self, buffer: Buffer) -> str:
        """Add a buffer; return its name."""
        self.buffers[buffer.name] = buffer
        return buffer.name

    def workspace(self, dtype: DType, shape: Shape) -> Part:
        """Return new memory that no node stands for."""
        return Part(self.enter(Buffer(self.fresh("w"), dtype, shape, "workspace")))

    def allocate(self, node: Expr) -> str:
        """Return a new buffer for a node's value: an output's if it is one, or becomes one in place."""
        becomes = self.plan.becomes.get(node, node)
        role, prefix = ("output", "out") if becomes in self.outputs else ("workspace", "w")
        if any(is_open(size) for size in node.shape):
            role = "local"
        name = self.enter(Buffer(self.fresh(prefix), node.dtype, node.shape, role))
        self.locations[node] = Part(name)
        return name

    def place_of(self, node: Expr) -> Part:
        """Return where a stored node is, making views of it where needed."""
        chain = [node]
        while chain[-1] not in self.locations and is_view(chain[-1]):
            chain.append(chain[-1].args[0])
        place = self.locations.get(chain.pop())
        if not isinstance(place, Part):
            raise InternalError(f"{node.op.name} has no buffer")
        for view in reversed(chain):
            place = self._part(place, view) if is_part(view) else self.view(place, view.shape)
            self.locations[view] = place
        return place

    def _part(self, place: Part, node: Expr) -> Part:
        """Return an element of an array along leading axes."""
        reader = Reader(self.locations)
        places, (x, *indices) = node.attribute("places"), node.args
        found = reader.positions(node, x.shape, indices, ())
        kept = [reader.clamped(node, x.shape, number, value) for number, value in enumerate(found)]
        lead = (as_value(positions(places, number, (), kept)) for number in range(x.ndim - node.ndim))
        return Part(place.buffer, (*place.lead, *lead))

    def view(self, place: Part, shape: Shape) -> Part:
        """Return a part of a buffer in another shape."""
        base = self.buffers[place.buffer]
        whole = (*base.shape[: len(place.lead)], *shape)
        return Part(self.enter(Buffer(self.fresh("view"), base.dtype, whole, "view", base.name)), place.lead)

    def _enter_inputs(self, inputs: Sequence[Expr]) -> list[Buffer | Name]:
        """Return the inputs as buffers and scalar names, and remember where they are."""
        entered: list[Buffer | Name] = []
        for node, name in zip(inputs, unique_names([symbol_name(node) for node in inputs]), strict=True):
            if node.shape:
                self.locations[node] = Part(self.enter(Buffer(name, node.dtype, node.shape, "input")))
                entered.append(self.buffers[name])
            else:
                self.locations[node] = Name(name, node.dtype)
                entered.append(Name(name, node.dtype))
        return entered

    def _enter_constant(self, node: Expr) -> None:
        name = self.enter(Buffer(self.fresh("c"), node.dtype, node.shape, "constant"))
        self.constants[name] = constant_value(node)
        self.locations[node] = Part(name)
