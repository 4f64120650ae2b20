"""Peeling: the interior of a loop, where conditions on its index are decided, runs apart from the ends.

The adjoint of a slice reads "if the index is inside"; such a condition keeps a loop from using vectors.
Neighbouring loops whose sizes differ by a few iterations (``x[1:] - x[:-1]`` and its gradient) are peeled
together: their interiors become one loop, and what passes between them stays in registers.

    for i0 in range(n):       ->    for i0_nth in range(n - middle):
        body                            i0_edge = i0_nth if i0_nth < first else i0_nth + middle
                                        body at i0_edge, as it was
                                    for i0 in range(middle):
                                        body at i0 + first, its conditions decided

where ``middle = max(last - first, 0)``: of a short array every iteration is an edge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from graphc.graph.dimensions import Size
from graphc.kernel.affine import as_sum, bound_of, least
from graphc.kernel.ends import (
    Body,
    Interior,
    comparisons,
    difference,
    edge_loop,
    edge_name,
    interior_body,
    moved,
    truth,
    without_loads,
)
from graphc.kernel.ir import Assign, Kernel, Let, Library, Load, Loop, Statement
from graphc.kernel.loops import Effects, aligned, can_merge, can_swap, effects, fuse_block
from graphc.kernel.walk import statement_values, values_in, walk_statements

EDGE = 64
"""How many iterations at either end of a loop can be peeled."""
SHORTEST = 16
"""Interiors known to be shorter are not worth a second copy of the loop."""
LONGEST = 200
"""Loops of more statements are not copied."""
REACH = 16
"""How many statements back a loop is looked for to be peeled with."""
INDEX = re.compile(r"[ik]\d+")


@dataclass(frozen=True, slots=True)
class Member:
    """A loop of a group; ``body`` is in terms of the group's index, which is the loop's own plus ``shift``."""

    loop: Loop
    shift: int
    body: Body
    effects: Effects


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring loops that are peeled together: no iteration needs more of another loop than the same one."""

    index: str
    members: tuple[Member, ...]

    @property
    def statements(self) -> Body:
        """The loops as they were."""
        return tuple(member.loop for member in self.members)


def peel(kernel: Kernel) -> Kernel:
    """Return the kernel with the interiors of loops apart from their ends, wherever that decides conditions."""
    peeler = _Peeler(kernel)
    body = peeler.block(kernel.body, frozenset())
    return replace(kernel, body=body, buffers=peeler.buffers)


class _Peeler:
    """A kernel being peeled: its buffers so far."""

    def __init__(self, kernel: Kernel) -> None:
        self.buffers = dict(kernel.buffers)
        self.bases = kernel.bases

    def block(self, body: Body, outside: frozenset[str]) -> Body:
        """Return a block with its loops peeled, given the buffers that are accessed outside of it."""
        items = self._grouped(body)
        each = (item.statements if isinstance(item, Group) else (item,) for item in items)
        touched = [effects(statements, self.bases).buffers for statements in each]
        result: list[Statement] = []
        for number, item in enumerate(items):
            others = outside.union(*touched[:number], *touched[number + 1 :])
            if isinstance(item, Group):
                result.extend(self._peeled(item, others))
            elif isinstance(item, Loop):
                result.append(replace(item, body=self.block(item.body, others)))
            else:
                result.append(item)
        return tuple(result)

    def _grouped(self, body: Body) -> list[Statement | Group]:
        """Return the statements with the loops that can be peeled in groups."""
        items: list[Statement | Group] = []
        known: list[Effects] = []
        for statement in body:
            mine = effects((statement,), self.bases)
            if isinstance(statement, Loop) and _can_be_cut(statement, mine):
                position, group = self._place(statement, mine, items, known)
                items[position : position + 1] = [group]
                known[position : position + 1] = [effects(group.statements, self.bases)]
            else:
                items.append(statement)
                known.append(mine)
        return items

    def _place(
        self, loop: Loop, mine: Effects, items: list[Statement | Group], known: list[Effects]
    ) -> tuple[int, Group]:
        """Return the position of the last group that a loop can join and the group with it, or a new one at the end."""
        for position in range(len(items) - 1, max(-1, len(items) - 1 - REACH), -1):
            other = items[position]
            joined = self._joined(other, loop, mine) if isinstance(other, Group) else None
            if joined is not None:
                return position, joined
            if not can_swap(known[position], mine):
                break
        return len(items), Group(loop.index, (self._member(loop, loop.index, 0),))

    def _member(self, loop: Loop, index: str, shift: int) -> Member:
        body = moved(loop.body, loop.index, index, -shift)
        return Member(loop, shift, body, effects(body, self.bases))

    def _joined(self, group: Group, loop: Loop, mine: Effects) -> Group | None:
        """Return a group with a loop added, None where they share nothing or an iteration needs other ones."""
        apart = difference(group.members[0].loop.extent, loop.extent)
        if apart is None or abs(apart) > EDGE or not any(m.effects.buffers & mine.buffers for m in group.members):
            return None
        if any(isinstance(inner, Loop) and inner.index == group.index for inner in walk_statements(loop.body)):
            return None  # renamed, its index would be mistaken for that of the loop inside it
        for shift in self._shifts(group, loop, mine):
            member = self._member(loop, group.index, shift)
            if all(can_merge(group.index, other.effects, member.effects) for other in group.members):
                return Group(group.index, (*group.members, member))
        return None

    def _shifts(self, group: Group, loop: Loop, mine: Effects) -> list[int]:
        """Return by how much a loop may have to be moved so that it reads what the same iteration has written."""
        found = {0: None}
        for member in group.members:
            for buffer in member.effects.writes.keys() & mine.reads.keys():
                written, read = (next(iter(each[buffer])) for each in (member.effects.writes, mine.reads))
                for one, other in zip(written or (), read or (), strict=False):
                    first, second = as_sum(one, group.index), as_sum(other, loop.index)
                    shift = difference(second[1], first[1]) if first and second and first[0] == second[0] == 1 else None
                    if shift is not None and abs(shift) <= EDGE:
                        found[shift] = None
        return list(found)

    def _peeled(self, group: Group, outside: frozenset[str]) -> Iterator[Statement]:
        """Yield the statements of a group: its ends loop by loop, then its interior as one loop."""
        interior = _interior(group)
        if interior is None:
            for loop in group.statements:
                yield replace(loop, body=self.block(loop.body, outside)) if isinstance(loop, Loop) else loop
            return
        axes = self._private_axes(group, outside)
        start = min(member.shift for member in group.members)
        ends = [member.loop.extent + member.shift for member in group.members]
        width = interior.first - start + max(difference(end, interior.end) or 0 for end in ends)
        edges = [edge_loop(m.body, interior, m.loop.extent, m.shift, m.shift - start, axes) for m in group.members]
        edges = [loop for loop in edges if loop.extent != 0]
        written = effects(tuple(edges), self.bases).writes
        for name, axis in axes.items():
            edge = edge_name(name, group.index)
            self._resize(name, name, axis, interior.size)
            if edge in written:
                self._resize(name, edge, axis, width)
            else:
                edges = [replace(loop, body=without_loads(loop.body, edge)) for loop in edges]
        yield from edges
        body = tuple(s for member in group.members for s in interior_body(member.body, interior, axes))
        outside = outside.union(*(member.effects.buffers for member in group.members)) - axes.keys()
        yield Loop(group.index, interior.size, self.block(fuse_block(body, self.bases), outside))

    def _resize(self, name: str, new: str, axis: int, size: Size) -> None:
        """Enter a buffer like another, with another size along an axis."""
        shape = self.buffers[name].shape
        self.buffers[new] = replace(self.buffers[name], name=new, shape=(*shape[:axis], size, *shape[axis + 1 :]))

    def _private_axes(self, group: Group, outside: frozenset[str]) -> dict[str, int]:
        """Return the workspaces that only this group accesses, and the axis that the group's index runs along."""
        writes: set[str] = set().union(*(member.effects.writes for member in group.members))
        axes = {}
        for name in writes - outside:
            tables = (table for member in group.members for table in (member.effects.reads, member.effects.writes))
            axis = aligned(group.index, *(table.get(name, set()) for table in tables))
            if self.buffers[name].role == "workspace" and axis is not None:
                axes[name] = axis
        return axes


def _can_be_cut(loop: Loop, found: Effects) -> bool:
    """Tell whether a loop's iterations can run in any order: each writes, or adds to, elements no other reads."""
    inside = list(walk_statements(loop.body))
    if loop.step != 1 or loop.within or loop.ordered or not INDEX.fullmatch(loop.index) or len(inside) > LONGEST:
        return False
    if any(isinstance(statement, (Assign, Library)) for statement in inside):
        return False
    bound = {statement.name for statement in inside if isinstance(statement, Let)}
    if (found.names_folded & found.names_read) - bound:
        return False
    roots = (root for statement in inside for root in statement_values(statement))
    loaded = {value.buffer for root in roots for value in values_in(root) if isinstance(value, Load)}
    return all(
        (buffer in found.accumulated and buffer not in loaded)
        or aligned(loop.index, indices | found.reads.get(buffer, set())) is not None
        for buffer, indices in found.writes.items()
    )


def _interior(group: Group) -> Interior | None:
    """Return the iterations in which as many conditions as possible are decided, None if that is not worth while."""
    starts = [member.shift for member in group.members]
    start, first = min(starts), max(starts)
    extents = [least(member.loop.extent) for member in group.members]
    end = min((e + s for e, s in zip(extents, starts, strict=True)), key=lambda each: difference(each, extents[0]) or 0)
    found = [condition for member in group.members for condition in comparisons(member.body)]
    for bound in filter(None, (bound_of(condition, group.index) for condition in found)):
        limit = bound.limit
        if isinstance(limit, int) and (not isinstance(end, int) or limit - first <= end - limit):
            first = max(first, limit) if limit - start <= EDGE else first
        else:
            over = difference(end, limit)
            end = end - over if over is not None and 0 < over <= EDGE else end
    interior = Interior(group.index, first, end)
    short = isinstance(interior.size, int) and interior.size < SHORTEST
    useful = len(group.members) > 1 or any(truth(condition, interior) is not None for condition in found)
    return interior if useful and not short else None
