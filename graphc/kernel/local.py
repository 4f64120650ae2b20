"""Local buffers: where memory begins whose size a loop with a condition finds out."""

from __future__ import annotations

from dataclasses import replace

from graphc.graph.dimensions import Count as SizeFound
from graphc.graph.dimensions import Shape, names
from graphc.kernel.accesses import touched
from graphc.kernel.ir import Allocate, Count, Grow, Kernel, Loop, Statement
from graphc.kernel.sizes import named_sizes
from graphc.kernel.walk import walk_statements


def allocate_locals(kernel: Kernel) -> Kernel:
    """Return the kernel with every local buffer, and view of one, begun where its sizes are known.

    Sizes that nothing needs go, and loops that do nothing else.
    """
    if not any(isinstance(statement, Count) for statement in walk_statements(kernel.body)):
        return kernel
    return kernel.with_body(_Pass(kernel).block(kernel.body, set()))


class _Pass:
    """The pass over one kernel.

    waiting: the local buffers that have not begun, each with the sizes it needs.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.used = set(named_sizes(kernel))
        grown = {statement.buffer for statement in walk_statements(kernel.body) if isinstance(statement, Grow)}
        sizes = {name: _found(buffer.shape) for name, buffer in kernel.buffers.items()}
        self.waiting = {name: needed for name, needed in sizes.items() if needed and name not in grown}

    def block(self, body: tuple[Statement, ...], known: set[str]) -> tuple[Statement, ...]:
        """Return a block with allocations put after the sizes they need."""
        result: list[Statement] = []
        for position, statement in enumerate(body):
            if isinstance(statement, Loop):
                inner = self.block(statement.body, set(known))
                result += [replace(statement, body=inner)] if inner else []
            elif not isinstance(statement, Count):
                result.append(statement)
            elif statement.grown or self.used & set(statement.size.names()):
                known.update(statement.size.names())
                result += [statement, *self._ready(body[position + 1 :], known, statement)]
        return tuple(result)

    def _ready(self, following: tuple[Statement, ...], known: set[str], count: Count) -> list[Statement]:
        """Return the allocations of what the following statements touch and whose sizes are known."""
        needed = touched(self.kernel, *following)
        ready = [name for name, sizes in self.waiting.items() if sizes <= known and name in needed]
        for name in ready:
            del self.waiting[name]
        return [Allocate(name, origin=count.origin) for name in ready]


def _found(shape: Shape) -> set[str]:
    """Return the names of sizes in a shape that loops find out."""
    return {name for size in shape for name in names(size) if isinstance(name, SizeFound)}
