"""Outlining: loops of one text but for names become one function, called for each of them.

A network of many equal layers, or of steps that a user unrolled, holds the same loops many times over. Numba and
LLVM then see each once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphc.backends.python_text import WORD, assigned, tuple_text
from graphc.kernel.accesses import Accesses
from graphc.kernel.ir import Accumulate, Assign, Fold, Kernel, Let, Loop, Store
from graphc.kernel.parallel import names_needed
from graphc.kernel.walk import walk_statements

OFTEN = 4
"""Loops become a function if there are so many of one text."""
PLAIN = (Let, Assign, Fold, Store, Accumulate, Loop)
"""What loops hold that may be functions: nothing that makes arrays, hands them on, or ends the kernel."""
_INDEX = re.compile(r" +for (\w+) in ")


@dataclass(frozen=True, slots=True)
class Stretch:
    """The lines of a loop in the text of a kernel's function, and the numbers from outside that it changes."""

    first: int
    end: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A loop's lines in names that do not depend on where it stands, and the names it is given."""

    lines: tuple[str, ...]
    given: tuple[str, ...]
    stretch: Stretch


def changed_numbers(kernel: Kernel, loop: Loop, needed: set[str]) -> tuple[str, ...] | None:
    """Return the numbers from outside that a loop changes; None if it cannot be a function.

    Functions are told that no two arrays overlap, so a loop that writes memory under two names cannot.

    Args:
        needed: names that other statements need.
    """
    inside = list(walk_statements((loop,)))
    own = {each.name for each in inside if isinstance(each, Let)}
    if not all(isinstance(each, PLAIN) for each in inside) or own & needed:
        return None
    if Accesses(loop).writes_under_two_names(kernel):
        return None
    changed = dict.fromkeys(each.name for each in inside if isinstance(each, (Assign, Fold)))
    return tuple(name for name in changed if name not in own)


def needed_elsewhere(kernel: Kernel) -> set[str]:
    """Return the names that statements of a kernel's body read but do not bind."""
    return {name for statement in kernel.body for name in names_needed(statement)}


def outlined(lines: Sequence[str], stretches: Sequence[Stretch], prefix: str) -> tuple[list[str], list[str | None]]:
    """Return the lines of functions, and for each line of the kernel what it becomes, None where it goes.

    Args:
        lines: the kernel's function, from its first line on.
        prefix: how the names of the functions begin.
    """
    groups: dict[tuple[str, ...], list[Outline]] = {}
    for outline in _outlines(lines, stretches):
        groups.setdefault(outline.lines, []).append(outline)
    functions: list[str] = []
    result: list[str | None] = list(lines)
    for group in groups.values():
        if len(group) >= OFTEN:
            name = f"{prefix}{len(functions)}"
            functions.append(_function(name, group[0]))
            for outline in group:
                first, end = outline.stretch.first, outline.stretch.end
                result[first:end] = [_call(name, outline), *(None for _ in range(first + 1, end))]
    return functions, result


def _function(name: str, outline: Outline) -> str:
    """Return the text of the function of a group of loops."""
    given = ", ".join(f"given{number}" for number in range(len(outline.given)))
    return f"def {name}({given}):\n" + "".join(f"{line}\n" for line in outline.lines)


def _call(name: str, outline: Outline) -> str:
    """Return the line that calls the function in the place of a loop."""
    changed = outline.stretch.changed
    return f"    {f'{tuple_text(changed)} = ' * bool(changed)}call_loop({name}, {tuple_text(outline.given)})"


def _outlines(lines: Sequence[str], stretches: Sequence[Stretch]) -> Iterator[Outline]:
    """Yield the outline of each stretch."""
    known = set(WORD.findall(lines[0].partition("(")[2]))
    position = 1
    for stretch in stretches:
        known.update(_bound(lines[position : stretch.first]))
        yield _outline(lines[stretch.first : stretch.end], stretch, known)
        position = stretch.end


def _outline(lines: Sequence[str], stretch: Stretch, known: set[str]) -> Outline:
    """Return the outline of a loop's lines, given the names that have values before it."""
    own = _bound(lines) - set(stretch.changed)
    names: dict[str, str] = {}
    given: list[str] = []

    def renamed(found: re.Match[str]) -> str:
        word = found[0]
        if word not in names and word in own:
            names[word] = f"own{len(names)}"
        elif word not in names and word in known:
            names[word] = f"given{len(given)}"
            given.append(word)
        return names.get(word, word)

    text = [WORD.sub(renamed, line) for line in lines]
    if stretch.changed:
        text.append(f"    return {tuple_text([names[name] for name in stretch.changed])}")
    return Outline(tuple(text), tuple(given), stretch)


def _bound(lines: Sequence[str]) -> set[str]:
    """Return the names that lines give values to."""
    return assigned(lines).keys() | {found[1] for line in lines if (found := _INDEX.match(line))}
