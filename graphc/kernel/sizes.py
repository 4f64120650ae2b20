"""The named dimensions a kernel needs to know: of its arrays, its loops and its values."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.graph.dimensions import Size, names
from graphc.kernel.ir import Extent, Kernel, Loop, Value
from graphc.kernel.walk import statement_values, values_in, walk_statements


def named_sizes(kernel: Kernel) -> list[str]:
    """Return the names of the dimensions in a kernel, in order of first appearance."""
    found: dict[str, None] = {}
    for size in _sizes(kernel):
        found.update(dict.fromkeys(names(size)))
    return list(found)


def _sizes(kernel: Kernel) -> Iterator[Size]:
    """Yield every size in a kernel."""
    for buffer in kernel.buffers.values():
        yield from buffer.shape
    values: list[Value] = [result for result in kernel.results if not isinstance(result, str)]
    for statement in walk_statements(kernel.body):
        if isinstance(statement, Loop):
            yield statement.extent
        values.extend(statement_values(statement))
    for root in values:
        yield from (value.size for value in values_in(root) if isinstance(value, Extent))
