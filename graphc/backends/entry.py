"""The call path: for each program a Python function of its own, with as little as possible before the kernel.

It takes values out of dicts, lists and tuples and hands them to native code (`graphc.backends.binder`), which
takes what fits as it comes: numbers, contiguous arrays of the right dtype and sizes. Anything else (lists of
numbers, other dtypes, wrong shapes, missing names, arrays that overlap) goes the slow way, which converts or
explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any

from graphc.backends.program import CpuProgram, Program
from graphc.backends.unfinished import Unfinished, explained
from graphc.graph import tree
from graphc.settings import read_settings

MISSING: Any = object()


def make_entry(
    program: Program,
    arguments: Sequence[tuple[str, tree.Structure]],
    explicit: bool,
    structure: tree.Structure,
    slow: Callable[..., Any],
) -> Callable[..., Any] | None:
    """Return the function that calls a program, or None where it needs the slow way always.

    Args:
        program: what is called.
        arguments: name and structure of each argument.
        explicit: whether they may be passed by position.
        structure: the structure of the result.
        slow: called with all arguments when they do not fit as they are.
    """
    if not isinstance(program, CpuProgram) or not read_settings().jit:
        return None
    if not all(_is_plain(each) for each in (structure, *(of for _, of in arguments))):
        return None

    def given(*positional: Any, **named: Any) -> Any:
        return slow(*(value for value in positional if value is not MISSING), **named)

    writer = _Writer(program, arguments, explicit, structure)
    text = writer.text()
    scope: dict[str, Any] = {**_calls_of(program), "slow": given, "MISSING": MISSING, "Unfinished": Unfinished}
    scope["explained"] = partial(explained, kernel=program.job.kernel)
    exec(compile(text, "<graphc call>", "exec"), scope)
    entry: Callable[..., Any] = scope["entry"]
    return entry


class _Writer:
    """The text of one entry function and the objects it refers to."""

    def __init__(
        self,
        program: CpuProgram,
        arguments: Sequence[tuple[str, tree.Structure]],
        explicit: bool,
        structure: tree.Structure,
    ) -> None:
        self.program = program
        self.names = [name for name, _ in arguments]
        self.structures = [of for _, of in arguments]
        self.explicit = explicit
        self.structure = structure
        self.arguments = [f"a{number}" for number in range(len(arguments))]
        self.leaves: list[str] = []

    def text(self) -> str:
        """Return the function: take the arguments, call, arrange; the slow way where anything does not fit."""
        positional = "".join(f"{name}=MISSING, " for name in self.arguments) + "/, " * bool(self.arguments)
        lines = [f"def entry({positional}*rest, out=None, **named):", *self._by_name(), "    try:"]
        lines += ["        " + line for line in (*self._unpacking(), *self._new_results(), *self._into_out())]
        lines += [
            "    except (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError):",
            "        pass",
            "    except Unfinished as error:",
            "        raise explained(error) from None",
            "    options = {} if out is None else {'out': out}",
            "    if named:",
            "        return slow(**named, **options)",
            f"    return slow({''.join(f'{name}, ' for name in self.arguments)}**options)",
        ]
        return "\n".join(lines) + "\n"

    def _by_name(self) -> list[str]:
        """Return the lines that take arguments from their names."""
        given = "".join(f"{name}, " for name in self.arguments)
        options = "**named, **({} if out is None else {'out': out})"
        again = f"slow({given}*rest, {options})"
        if not self.arguments:
            return ["    if rest or named:", f"        return {again}"]
        wrong = "rest" if self.explicit else f"rest or {self.arguments[0]} is not MISSING"
        return [
            f"    if {wrong}:",
            f"        return {again}",
            "    if named:",
            f"        if {self.arguments[0]} is not MISSING or len(named) != {len(self.arguments)}:",
            f"            return {again}",
            "        try:",
            *(f"            {a} = named[{name!r}]" for a, name in zip(self.arguments, self.names, strict=True)),
            "        except KeyError:",
            f"            return slow({options})",
        ]

    def _unpacking(self) -> list[str]:
        """Return the lines that take the leaves out of the arguments' containers."""
        lines: list[str] = []
        for argument, structure in zip(self.arguments, self.structures, strict=True):
            if isinstance(structure, tree.Slot):
                self.leaves.append(argument)
            else:
                number_of_leaves = len(tree.leaves(structure))
                leaves = [f"x{len(self.leaves) + number}" for number in range(number_of_leaves)]
                lines += _unpacked(argument, structure, iter(leaves))
                self.leaves += leaves
        return lines

    def _places(self) -> list[int]:
        """Return the place of each output among what the call returns: arrays before numbers."""
        arrays = [name for name, _, _ in self.program.allocated]
        numbers = count(len(arrays))
        return [arrays.index(r) if isinstance(r, str) else next(numbers) for r in self.program.job.kernel.results]

    def _new_results(self) -> list[str]:
        """Return the lines that call the kernel for new results and return them; the same array twice is copied."""
        places = self._places()
        texts = [f"r{place}.copy()" if place in places[:n] else f"r{place}" for n, place in enumerate(places)]
        returned = "".join(f"r{place}, " for place in range(max(places) + 1))
        return [
            "if out is None:",
            *("    " + line for line in self._call(f"{returned}= ", [])),
            f"    return {_literal(self.structure, iter(texts))}",
        ]

    def _into_out(self) -> list[str]:
        """Return the lines that call the kernel for the arrays of ``out``, where each result is one of its own."""
        places = self._places()
        if len(set(places)) < len(places):
            return ["raise TypeError"]
        leaves = iter([f"r{place}" for place in places])
        targets = [f"r{place}" for place in range(len(places))]
        return [*_unpacked("out", self.structure, leaves), *self._call("", targets), "return out"]

    def _call(self, bind: str, targets: list[str]) -> list[str]:
        """Return the lines that call the kernel, where sizes have names that of the last call's sizes at first."""
        given = ", ".join([*self.leaves, *targets])
        if not self.program.sizes.binders:
            return [f"{bind}call({given})"]
        return [
            "try:",
            f"    {bind}current[0]({given})",
            "except TypeError:",
            f"    {bind}fitting({', '.join(self.leaves)})({given})",
        ]


def _calls_of(program: CpuProgram) -> dict[str, Any]:
    """Return what an entry calls: the kernel, or that of the last sizes and a function that finds the fitting one."""
    if not program.sizes.binders:
        return {"call": program.call_for(())}
    current: list[Any] = [None]

    def fitting(*leaves: Any) -> Callable[..., Any]:
        sizes = tuple(leaves[position].shape[axis] for _, position, axis in program.sizes.binders)
        current[0] = program.call_for(sizes)
        found: Callable[..., Any] = current[0]
        return found

    return {"current": current, "fitting": fitting}


def _is_plain(structure: tree.Structure) -> bool:
    """Tell whether a structure is made of dicts, lists and tuples alone, and leaves."""
    if type(structure) is dict:
        return all(_is_plain(child) for child in structure.values())
    if type(structure) in (list, tuple):
        return all(_is_plain(child) for child in structure)
    return isinstance(structure, tree.Slot)


def _unpacked(variable: str, structure: tree.Structure, leaves: Iterator[str]) -> list[str]:
    """Return the lines that bind the leaves of a container, whose keys and length must be the structure's."""
    if isinstance(structure, tree.Slot):
        return [f"{next(leaves)} = {variable}"]
    kind = type(structure).__name__
    lines = [f"if type({variable}) is not {kind} or len({variable}) != {len(structure)}: raise TypeError"]
    keys = sorted(structure) if isinstance(structure, dict) else range(len(structure))
    for key in keys:
        child = structure[key]
        if isinstance(child, tree.Slot):
            lines.append(f"{next(leaves)} = {variable}[{key!r}]")
        else:
            inner = f"{variable}_{len(lines)}"
            lines += [f"{inner} = {variable}[{key!r}]", *_unpacked(inner, child, leaves)]
    return lines


def _literal(structure: tree.Structure, texts: Iterator[str]) -> str:
    """Return the text that builds a structure with the given leaves, taken in the order of the tree."""
    if isinstance(structure, tree.Slot):
        return next(texts)
    if isinstance(structure, dict):
        made = {key: _literal(structure[key], texts) for key in sorted(structure)}
        return "{" + ", ".join(f"{key!r}: {made[key]}" for key in structure) + "}"
    children = "".join(_literal(child, texts) + ", " for child in structure)
    return f"[{children}]" if isinstance(structure, list) else f"({children})"
