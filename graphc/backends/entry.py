"""The call path: for each program a Python function of its own, with as little as possible before the kernel.

It takes what fits as it comes: Python numbers, contiguous arrays of the right dtype and sizes. Anything
else (lists, other dtypes, wrong shapes, missing names) goes the slow way, which converts or explains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.backends.program import CpuProgram, Program
from graphc.graph import tree
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr
from graphc.kernel.names import unique_names

MISSING: Any = object()
PYTHON_TYPES = {"float64": "float", "int64": "int", "bool": "bool"}


def make_entry(
    program: Program, inputs: tuple[str, ...], explicit: bool, structure: tree.Structure, slow: Callable[..., Any]
) -> Callable[..., Any] | None:
    """Return the function that calls a program, or None where it needs the slow way always.

    Args:
        program: what is called.
        inputs: the arguments' names, one for each symbol.
        explicit: whether they may be passed by position.
        structure: the structure of the result: dicts, lists and tuples of outputs.
        slow: called with all arguments when they do not fit as they are.
    """
    if not isinstance(program, CpuProgram) or program.sizes.required or not program.native.compiled:
        return None
    writer = _Writer(program, inputs, explicit)
    result = writer.result(structure)
    if result is None:
        return None

    def given(*positional: Any, **named: Any) -> Any:
        return slow(*(value for value in positional if value is not MISSING), **named)

    text = writer.text(result)
    scope = {**writer.scope, "slow": given, "MISSING": MISSING, "empty": np.empty}
    exec(compile(text, "<graphc call>", "exec"), scope)
    entry: Callable[..., Any] = scope["entry"]
    return entry


class _Writer:
    """The text of one entry function and the objects it refers to."""

    def __init__(self, program: CpuProgram, inputs: tuple[str, ...], explicit: bool) -> None:
        self.program = program
        self.names = inputs
        self.explicit = explicit
        self.scope: dict[str, Any] = {}
        self.arguments = [f"a{number}" for number in range(len(inputs))]
        self.sizes = dict(
            zip(
                (name for name, _, _ in program.sizes.binders),
                unique_names([f"size_{name}" for name, _, _ in program.sizes.binders]),
                strict=True,
            )
        )

    def text(self, result: str) -> str:
        """Return the function: bind, check sizes, allocate, call, arrange."""
        positional = "".join(f"{name}=MISSING, " for name in self.arguments) + "/, " * bool(self.arguments)
        lines = [f"def entry({positional}*rest, **named):"]
        lines += self._by_name()
        again = f"slow(**named) if named else slow({', '.join(self.arguments)})"
        checks = self._scalar_checks()
        if checks:
            lines += [f"    if {' or '.join(checks)}:", f"        return {again}"]
        lines.append("    try:")
        body = [*self._size_lines(again), *self._call_lines()]
        lines += ["        " + line for line in body]
        lines += ["    except (TypeError, ValueError, AttributeError):", f"        return {again}"]
        lines.append(f"    return {result}")
        return "\n".join(lines) + "\n"

    def _by_name(self) -> list[str]:
        """Return the lines that take arguments from their names."""
        given = "".join(f"{name}, " for name in self.arguments)
        if not self.arguments:
            return ["    if rest or named:", "        return slow(*rest, **named)"]
        wrong = "rest" if self.explicit else f"rest or {self.arguments[0]} is not MISSING"
        lines = [f"    if {wrong}:", f"        return slow({given}*rest, **named)", "    if named:"]
        lines += [
            f"        if {self.arguments[0]} is not MISSING or len(named) != {len(self.arguments)}:",
            f"            return slow({given}**named)",
            "        try:",
            *(f"            {a} = named[{name!r}]" for a, name in zip(self.arguments, self.names, strict=True)),
            "        except KeyError:",
            "            return slow(**named)",
        ]
        return lines

    def _scalar_checks(self) -> list[str]:
        """Return the conditions under which a scalar argument is not what the kernel takes as it is."""
        checks = []
        for argument, node in zip(self.arguments, self.program.job.inputs, strict=True):
            if node.shape:
                continue
            if node.dtype in PYTHON_TYPES:
                checks.append(f"type({argument}) is not {PYTHON_TYPES[node.dtype]}")
            else:
                self.scope[node.dtype] = np.dtype(node.dtype).type
                checks.append(f"type({argument}) is not {node.dtype}")
        return checks

    def _size_lines(self, again: str) -> list[str]:
        """Return the lines that read the sizes of dimensions and check every shape."""
        unpacked, checked = [], []
        binders = {(position, axis): name for name, position, axis in self.program.sizes.binders}
        for position, (argument, node) in enumerate(zip(self.arguments, self.program.job.inputs, strict=True)):
            parts = []
            for axis, size in enumerate(node.shape):
                name = binders.get((position, axis))
                parts.append(f"{argument}_{axis}" if name is None else self.sizes[name])
                if name is None:
                    checked.append((parts[-1], size))
            if parts:
                unpacked.append(f"{', '.join(parts)}, = {argument}.shape")
        wrong = " or ".join(f"{variable} != {self._size(size)}" for variable, size in checked)
        return [*unpacked, f"if {wrong}:", f"    return {again}"] if wrong else unpacked

    def _size(self, size: Size) -> str:
        """Return a size as an expression of the local variables."""
        if isinstance(size, int):
            return str(size)
        if str(size) in self.sizes:
            return self.sizes[str(size)]
        key = f"dimension{len(self.scope)}"
        self.scope[key] = size
        pairs = ", ".join(f"{name!r}: {self.sizes[name]}" for name in size.names())
        return f"{key}.evaluate({{{pairs}}})"

    def _call_lines(self) -> list[str]:
        """Return the lines that allocate the results and call the kernel."""
        lines = []
        passed = list(self.arguments)
        for number, array in enumerate(self.program.constants):
            self.scope[f"constant{number}"] = array
            passed.append(f"constant{number}")
        for name, shape, dtype in self.program.allocated:
            self.scope[f"type_{name}"] = dtype
            sizes = ", ".join(self._size(size) for size in shape)
            lines.append(f"{name} = empty(({sizes},), type_{name})")
            passed.append(name)
        if self.program.workspace:
            self.scope["workspace"] = self.program.workspace_of
            lines.append(f"work = workspace(({''.join(f'{name}, ' for name in self.sizes.values())}))")
            passed.append("*work")
        self.scope["kernel"] = self._callee()
        lines.append(f"returned = kernel({', '.join(passed)})")
        return lines

    def _callee(self) -> Callable[..., Any]:
        """Return what is called: Numba's dispatcher checks arrays; numbers alone need no more checks."""
        only_numbers = not any(node.shape for node in self.program.job.inputs) and not self.program.allocated
        return self.program.native.direct if only_numbers else self.program.native.call

    def result(self, structure: tree.Structure) -> str | None:
        """Return the expression of the result, or None for containers that have no literal."""
        if not _is_plain(structure):
            return None
        texts, scalars, handed = [], 0, set()
        for node, result in zip(self.program.job.outputs, self.program.job.kernel.results, strict=True):
            if isinstance(result, str):
                texts.append(f"{result}.copy()" if result in handed else result)
                handed.add(result)
            else:
                texts.append(self._number(node, f"returned[{scalars}]"))
                scalars += 1
        return _literal(structure, iter(texts))

    def _number(self, node: Expr, text: str) -> str:
        """Return a returned number in the type of its dtype."""
        if node.dtype in ("float64", "int64", "bool"):
            return text
        self.scope[node.dtype] = np.dtype(node.dtype).type
        return f"{node.dtype}({text})"


def _is_plain(structure: tree.Structure) -> bool:
    """Tell whether a structure is made of dicts, lists and tuples alone."""
    if type(structure) is dict:
        return all(_is_plain(child) for child in structure.values())
    if type(structure) in (list, tuple):
        return all(_is_plain(child) for child in structure)
    return isinstance(structure, tree.Slot)


def _literal(structure: tree.Structure, texts: Any) -> str:
    """Return the text that builds a structure with the given leaves, taken in the order of the tree."""
    if isinstance(structure, tree.Slot):
        return str(next(texts))
    if isinstance(structure, dict):
        made = {key: _literal(structure[key], texts) for key in sorted(structure)}
        return "{" + ", ".join(f"{key!r}: {made[key]}" for key in structure) + "}"
    children = "".join(_literal(child, texts) + ", " for child in structure)
    return f"[{children}]" if isinstance(structure, list) else f"({children})"
