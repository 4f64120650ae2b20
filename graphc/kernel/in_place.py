"""In place: what a loop computes only to copy it is written where it belongs, carries over their old values.

``n = f(c); ...; c = n`` becomes ``c = f(c)`` where nothing else needs the old ``c`` afterwards; what computes
``n`` is moved to the end of the loop's body if that makes it so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from graphc.kernel.ir import Accumulate, Kernel, Library, Load, Loop, Name, Statement, Store
from graphc.kernel.loops import Effects, can_swap, effects
from graphc.kernel.placing import placed
from graphc.kernel.read import Part
from graphc.kernel.walk import statement_values, values_in, walk_statements


@dataclass(frozen=True, slots=True)
class Copy:
    """A nest that does nothing but copy an array: all of a buffer, to all of another or to a part of it."""

    source: str
    target: Part


def write_in_place(kernel: Kernel) -> Kernel:
    """Return the kernel with copies at the ends of ordered loops dropped where their sources can go there at once."""
    return kernel.with_body(_Pass(kernel).block(kernel.body))


def as_copy(statement: Statement) -> Copy | None:
    """Return what a nest copies, None if it does anything else."""
    indices: list[str] = []
    while isinstance(statement, Loop) and len(statement.body) == 1 and statement.step == 1:
        indices.append(statement.index)
        (statement,) = statement.body
    if not isinstance(statement, Store) or not isinstance(statement.value, Load):
        return None
    source = statement.value
    lead = statement.index[: len(statement.index) - len(source.index)]
    names = [value.name for value in source.index if isinstance(value, Name)]
    if statement.index[len(lead) :] != source.index or names != indices:
        return None
    return Copy(source.buffer, Part(statement.buffer, lead))


class _Pass:
    """The pass over one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.bases = kernel.bases
        self.viewed = set(self.bases.values())
        self.around: tuple[str, ...] = ()

    @cached_property
    def homes(self) -> dict[str, tuple[str, ...]]:
        """For each buffer the ordered loops, from the outermost, that are around all that reads or writes it."""
        return _homes(self.kernel.body)

    def block(self, body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """Return a block with its ordered loops, and those inside them, written in place."""
        result: list[Statement] = []
        for statement in body:
            if isinstance(statement, Loop) and statement.ordered:
                outside, self.around = self.around, (*self.around, statement.index)
                statement = replace(statement, body=self._loop(list(self.block(statement.body))))
                self.around = outside
            result.append(statement)
        return tuple(result)

    def _loop(self, body: list[Statement]) -> tuple[Statement, ...]:
        """Return the body of an ordered loop without the copies it can do without."""
        copies = [(statement, found) for statement in body if (found := as_copy(statement)) is not None]
        for statement, found in reversed(copies):
            if any(each is statement for each in body):
                body = self._without(body, statement, found) or body
        return tuple(body)

    def _without(self, body: list[Statement], last: Statement, copy: Copy) -> list[Statement] | None:
        """Return the body without one copy, None where the source cannot be the target."""
        source, target = copy.source, copy.target
        buffer = self.kernel.buffers[source]
        if buffer.role != "workspace" or source in self.viewed or target.buffer in self.bases:
            return None
        if self.homes[source][: len(self.around)] != self.around:
            return None
        whole = self.kernel.buffers[target.buffer].shape[len(target.lead) :]
        position = next(number for number, each in enumerate(body) if each is last)
        known = [effects((each,), self.bases) for each in body]
        mine = [number for number, found in enumerate(known) if source in found.reads or source in found.writes]
        mine.remove(position)
        if whole != buffer.shape or not mine or mine[-1] > position:
            return None
        if not all(self._may_write(body[number], known[number], copy) for number in mine):
            return None
        others = [number for number in range(mine[0], position) if number not in mine]
        blocked = [number for number in others if _touches(known[number], target.buffer)]
        if blocked and not self._can_sink(known, mine, others):
            return None
        kept = [body[number] for number in mine if as_copy(body[number]) != Copy(target.buffer, Part(source))]
        chosen = [placed(each, {source: target}) for each in kept]
        rest = [body[number] for number in others]
        return [*body[: mine[0]], *(rest + chosen if blocked else self._interleaved(body, mine, position, copy)),
                *body[position + 1 :]]  # fmt: skip

    def _interleaved(self, body: list[Statement], mine: list[int], position: int, copy: Copy) -> list[Statement]:
        """Return the statements up to the copy in their order, the source written where it belongs."""
        result: list[Statement] = []
        for number in range(mine[0], position):
            statement = body[number]
            if number not in mine:
                result.append(statement)
            elif as_copy(statement) != Copy(copy.target.buffer, Part(copy.source)):
                result.append(placed(statement, {copy.source: copy.target}))
        return result

    def _may_write(self, statement: Statement, found: Effects, copy: Copy) -> bool:
        """Tell whether a statement that computes or reads the source can do so in the target's memory."""
        target = copy.target.buffer
        if not _touches(found, target) or as_copy(statement) == Copy(target, Part(copy.source)):
            return True
        if isinstance(statement, Library) or target in found.writes or copy.target.lead:
            return False
        written = found.writes.get(copy.source, set())
        return len(written) == 1 and found.reads[target] == written and _reads_first((statement,), copy)

    def _can_sink(self, known: list[Effects], mine: list[int], others: list[int]) -> bool:
        """Tell whether some statements can run after others that follow them now."""
        return all(can_swap(known[first], known[second]) for first in mine for second in others if second > first)


def _homes(body: tuple[Statement, ...]) -> dict[str, tuple[str, ...]]:
    """Return for each buffer the ordered loops that are around all its accesses."""
    homes: dict[str, tuple[str, ...]] = {}
    pending: list[tuple[Statement, tuple[str, ...]]] = [(statement, ()) for statement in body]
    while pending:
        statement, around = pending.pop()
        if isinstance(statement, Loop):
            inner = (*around, statement.index) if statement.ordered else around
            pending += [(each, inner) for each in statement.body]
            continue
        for buffer in effects((statement,), {}).buffers:
            shared = takewhile(lambda pair: pair[0] == pair[1], zip(homes.get(buffer, around), around, strict=False))
            homes[buffer] = tuple(index for index, _ in shared)
    return homes


def _touches(found: Effects, buffer: str) -> bool:
    """Tell whether something reads or writes a buffer."""
    return buffer in found.reads or buffer in found.writes


def _reads_first(body: tuple[Statement, ...], copy: Copy) -> bool:
    """Tell whether the target is never read once the source is stored."""
    stored = False
    for statement in walk_statements(body):
        loads = {v.buffer for root in statement_values(statement) for v in values_in(root) if isinstance(v, Load)}
        if stored and copy.target.buffer in loads:
            return False
        stored = stored or (isinstance(statement, (Store, Accumulate)) and statement.buffer == copy.source)
    return True
