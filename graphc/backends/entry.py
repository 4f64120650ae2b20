"""The call path: for each program a Python function of its own, with as little as possible before the kernel.

It takes what fits as it comes: Python numbers, contiguous arrays of the right dtype and sizes, in dicts,
lists and tuples. Anything else (lists of numbers, other dtypes, wrong shapes, missing names, arrays that
overlap) goes the slow way, which converts or explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphc.backends.program import CpuProgram, Program
from graphc.graph import tree
from graphc.graph.dimensions import Size
from graphc.kernel.names import unique_names

MISSING: Any = object()
PYTHON_TYPES = {"float64": "float", "int64": "int", "bool": "bool"}


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
    if not isinstance(program, CpuProgram) or not program.native.compiled:
        return None
    if not all(_is_plain(each) for each in (structure, *(of for _, of in arguments))):
        return None

    def given(*positional: Any, **named: Any) -> Any:
        return slow(*(value for value in positional if value is not MISSING), **named)

    writer = _Writer(program, arguments, explicit, structure)
    text = writer.text()
    scope = {**writer.scope, "slow": given, "MISSING": MISSING, "empty": np.empty, "ndarray": np.ndarray}
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
        self.scope: dict[str, Any] = {}
        self.arguments = [f"a{number}" for number in range(len(arguments))]
        self.leaves = [f"x{number}" for number in range(len(program.job.inputs))]
        binders = [name for name, _, _ in program.sizes.binders]
        self.sizes = dict(zip(binders, unique_names([f"size_{name}" for name in binders]), strict=True))

    def text(self) -> str:
        """Return the function: bind, check, allocate, call, arrange; the slow way where anything does not fit."""
        positional = "".join(f"{name}=MISSING, " for name in self.arguments) + "/, " * bool(self.arguments)
        lines = [f"def entry({positional}*rest, out=None, **named):", *self._by_name(), "    try:"]
        body = [*self._unpacking(), *self._scalar_checks(), *self._size_lines(), *self._call_lines()]
        lines += ["        " + line for line in body]
        lines += [
            "    except (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError):",
            "        pass",
            "    else:",
            "        if out is not None:",
            *("            " + line for line in self._scalars_to_out()),
            "            return out",
            f"        return {self._result()}",
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
        leaves = iter(self.leaves)
        for argument, structure in zip(self.arguments, self.structures, strict=True):
            lines += _unpacked(argument, structure, leaves)
        return lines

    def _scalar_checks(self) -> list[str]:
        """Return the lines that convert Python's numbers and refuse other scalars that are not of the exact type."""
        lines, checks = [], []
        for leaf, node in zip(self.leaves, self.program.job.inputs, strict=True):
            if node.shape:
                continue
            kind = PYTHON_TYPES.get(node.dtype) or self._type(node.dtype)
            weak = {"float64": "int", "float32": "float"}.get(node.dtype)
            if weak:
                lines.append(f"if type({leaf}) is {weak}: {leaf} = {kind}({leaf})")
            checks.append(f"type({leaf}) is not {kind}")
        return [*lines, f"if {' or '.join(checks)}: raise TypeError"] if checks else []

    def _type(self, dtype: str) -> str:
        """Return the name by which the text calls NumPy's type of a dtype."""
        self.scope[f"type_{dtype}"] = np.dtype(dtype).type
        return f"type_{dtype}"

    def _dtype(self, dtype: str) -> str:
        """Return the name by which the text calls a dtype."""
        self.scope[f"dtype_{dtype}"] = np.dtype(dtype)
        return f"dtype_{dtype}"

    def _size_lines(self) -> list[str]:
        """Return the lines that read the sizes of dimensions and check every dtype and shape.

        Numba's dispatcher must see no array in foreign byte order: once it has met an array that is not
        aligned, it takes such a one for native.
        """
        unpacked, checked = [], []
        binders = {(position, axis): name for name, position, axis in self.program.sizes.binders}
        for position, (leaf, node) in enumerate(zip(self.leaves, self.program.job.inputs, strict=True)):
            parts = []
            for axis, size in enumerate(node.shape):
                name = binders.get((position, axis))
                parts.append(f"{leaf}_{axis}" if name is None else self.sizes[name])
                if name is None:
                    checked.append(f"{parts[-1]} != {self._size(size)}")
            if parts:
                unpacked.append(f"{', '.join(parts)}, = {leaf}.shape")
                checked.append(f"{leaf}.dtype is not {self._dtype(node.dtype)}")
        wrong = [f"if {' or '.join(checked)}: raise ValueError"] if checked else []
        return [*unpacked, *wrong, *self._requirement_lines()]

    def _requirement_lines(self) -> list[str]:
        """Return the lines that check the sizes against the graph, whenever they are not those of the last call."""
        if not self.program.sizes.required:
            return []
        self.scope.update(require=self.program.sizes.require, fitting=[None])
        sizes = "".join(f"{size}, " for size in self.sizes.values())
        return [f"if fitting[0] != ({sizes}):", f"    require(({sizes}))", f"    fitting[0] = ({sizes})"]

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
        """Return the lines that allocate the results, or take them from ``out``, and call the kernel."""
        lines = self._allocation()
        passed = list(self.leaves)
        for number, array in enumerate(self.program.constants):
            self.scope[f"constant{number}"] = array
            passed.append(f"constant{number}")
        passed += [name for name, _, _ in self.program.allocated]
        if self.program.workspace:
            self.scope["workspace"] = self.program.workspace_of
            lines.append(f"work = workspace(({''.join(f'{name}, ' for name in self.sizes.values())}))")
            passed.append("*work")
        arrays = self.program.allocated or any(node.shape for node in self.program.job.inputs)
        self.scope["kernel"] = self.program.native.call if arrays else self.program.native.direct
        return [*lines, f"returned = kernel({', '.join(passed)})"]

    def _allocation(self) -> list[str]:
        """Return the lines that bind the arrays for the results."""
        shapes = {n: f"({''.join(self._size(s) + ', ' for s in shape)})" for n, shape, _ in self.program.allocated}
        dtypes = {name: self._dtype(dtype.name) for name, _, dtype in self.program.allocated}
        new = [f"{name} = empty({shape}, {dtypes[name]})" for name, shape in shapes.items()]
        if not self._out_can_be_direct():
            return ["if out is not None: raise TypeError", *new]
        targets = _unpacked("out", self.structure, iter(self._targets()))
        taken = [f"if out is None: {line}" for line in new]
        for node, name in zip(self.program.job.outputs, self._targets(), strict=True):
            shapes.setdefault(name, "()")
            dtypes.setdefault(name, self._dtype(node.dtype))
        checks = [
            f"if type({n}) is not ndarray or {n}.base is not None or {n}.shape != {s} "
            f"or {n}.dtype is not {dtypes[n]} or not {n}.flags.writeable: raise ValueError"
            for n, s in shapes.items()
        ]
        return [*taken, "if out is not None:", *("    " + line for line in (*targets, *checks, *self._overlaps()))]

    def _out_can_be_direct(self) -> bool:
        """Tell whether each result is one array of the caller's: none stands twice."""
        arrays = [result for result in self.program.job.kernel.results if isinstance(result, str)]
        return len(set(arrays)) == len(arrays) and len(arrays) == len(self.program.allocated)

    def _targets(self) -> list[str]:
        """Return a variable for each leaf of ``out``: the buffer's name, or one for a scalar's array."""
        results = self.program.job.kernel.results
        return [result if isinstance(result, str) else f"scalar{n}" for n, result in enumerate(results)]

    def _overlaps(self) -> list[str]:
        """Return the lines that refuse ``out`` where it may share memory with an input or stands twice.

        An array that owns its memory overlaps another only if that is it or a view of it.
        """
        targets = [name for name, _, _ in self.program.allocated]
        arrays = [leaf for leaf, node in zip(self.leaves, self.program.job.inputs, strict=True) if node.shape]
        lines = [f"targets = {{{', '.join(f'id({name})' for name in targets)}}}"] if targets else []
        if len(targets) > 1:
            lines.append(f"if len(targets) != {len(targets)}: raise ValueError")
        for leaf in arrays if targets else []:
            base = f"{leaf}.base"
            lines.append(f"if id({leaf}) in targets: raise ValueError")
            lines.append(
                f"if {base} is not None and (type({base}) is not ndarray or id({base}) in targets): raise ValueError"
            )
        return lines

    def _scalars_to_out(self) -> list[str]:
        """Return the lines that put scalar results into the caller's arrays."""
        scalars = [name for name in self._targets() if name.startswith("scalar")]
        if not self._out_can_be_direct():
            return []
        return [f"{name}[...] = returned[{number}]" for number, name in enumerate(scalars)]

    def _result(self) -> str:
        """Return the expression of the result."""
        texts, scalars, handed = [], 0, set()
        for node, result in zip(self.program.job.outputs, self.program.job.kernel.results, strict=True):
            if isinstance(result, str):
                texts.append(f"{result}.copy()" if result in handed else result)
                handed.add(result)
            else:
                number = f"returned[{scalars}]"
                texts.append(number if node.dtype in PYTHON_TYPES else f"{self._type(node.dtype)}({number})")
                scalars += 1
        return _literal(self.structure, iter(texts))


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
