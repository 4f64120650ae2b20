"""The LLVM IR of a straight-line block, as text: functions of bounded size that share a row of places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from graphc.backends import llvm_rows
from graphc.backends.straight import Row
from graphc.graph.table import OPERATIONS
from graphc.ops.scalar_row import ARGUMENT_NAMES, ScalarOperation

CHUNK = 2000
"""How many steps one function holds."""


@dataclass(frozen=True)
class BlockText:
    """A block as a generated module describes it; read only when it is compiled.

    Attributes:
        inputs, arrays, constants, rows, results, code: see `graphc.backends.native.straight_block`.
    """

    inputs: tuple[str, ...]
    arrays: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    results: tuple[int, ...]
    code: str

    @cached_property
    def steps(self) -> list[tuple[str, list[int]]]:
        """The steps: "l", "s" or a row's number, then the array and position, then operands."""
        found = []
        for line in self.code.splitlines():
            head, *rest = line.split()
            found.append((head, [int(text) for text in rest]))
        return found

    @cached_property
    def dtypes(self) -> list[str]:
        """The dtype of each value: of inputs, then of what steps make."""
        found = list(self.inputs)
        for head, operands in self.steps:
            if head == "l":
                found.append(self.arrays[operands[0]])
            elif head != "s":
                found.append(self.rows[int(head)][2])
        return found

    def dtype(self, operand: int) -> str:
        """Return the dtype of a value or constant."""
        return self.dtypes[operand] if operand >= 0 else self.constants[-1 - operand][0]

    def result_types(self) -> list[str]:
        """Return the dtypes of the results."""
        return [self.dtype(operand) for operand in self.results]

    def template(self, row: Row, flags: str) -> tuple[str, str] | None:
        """Return the instructions of a row and the declaration they need; None if Numba must compile it."""
        op, given, result, attributes = row
        if op == "astype":
            cast = llvm_rows.cast_template(given[0], str(dict(attributes)["dtype"]))
            return None if cast is None else (cast, "")
        operation = OPERATIONS[op]
        assert isinstance(operation, ScalarOperation)
        if operation.widens or attributes:
            return None
        return llvm_rows.template(operation.code, given[-1], result, flags)

    @cached_property
    def place_of(self) -> dict[int, int]:
        """The place of each value that one function computes and another reads, and of inputs and results."""
        places = {number: number for number in range(len(self.inputs))}
        first = len(self.inputs) + len(self.arrays)
        home: list[int] = [-1] * len(self.inputs)
        for number, (head, operands) in enumerate(self.steps):
            chunk = number // CHUNK
            for operand in _values(head, operands):
                if operand >= 0 and home[operand] != chunk and operand not in places:
                    places[operand] = first + len(places) - len(self.inputs)
            if head != "s":
                home.append(chunk)
        for result in self.results:
            if result >= 0 and result not in places:
                places[result] = first + len(places) - len(self.inputs)
        return places

    @property
    def constant_places(self) -> dict[int, int]:
        """The place of each constant that is a result."""
        first = len(self.arrays) + len(self.place_of)
        found = dict.fromkeys(result for result in self.results if result < 0)
        return {result: first + number for number, result in enumerate(found)}

    @property
    def places(self) -> int:
        """How many places the block needs."""
        return len(self.arrays) + len(self.place_of) + len(self.constant_places)

    @property
    def result_places(self) -> list[int]:
        """The places of the results."""
        constants = self.constant_places
        return [self.place_of[result] if result >= 0 else constants[result] for result in self.results]

    def module(self, name: str, flags: str, functions: Mapping[int, str]) -> str:
        """Return the module that defines the function ``name`` of a pointer to the places.

        Args:
            flags: fast-math flags in LLVM's words.
            functions: for rows that are not instructions the names of functions that compute them.
        """
        writer = _Writer(self, flags, functions)
        chunks = -(-len(self.steps) // CHUNK)
        whole = [f'define void @"{name}"(ptr %m) nounwind {{']
        for chunk in range(chunks):
            writer.chunk(f"{name}.{chunk}", chunk, alone=chunks == 1)
            whole.append(f'call void @"{name}.{chunk}"(ptr %m)')
        for result, place in self.constant_places.items():
            kind, text = llvm_rows.TYPES[self.dtype(result)], writer.constants[-1 - result]
            whole += [f"%p{place} = getelementptr i64, ptr %m, i64 {place}", f"store {kind} {text}, ptr %p{place}"]
        return "\n".join([*sorted(writer.declarations), *writer.lines, *whole, "ret void", "}"]) + "\n"


def _values(head: str, operands: list[int]) -> list[int]:
    """Return the operands of a step that are values or constants."""
    return [] if head == "l" else operands[2:] if head == "s" else operands


@dataclass(slots=True)
class _Loaded:
    """What one function has read from the places so far."""

    values: set[int] = field(default_factory=set)
    arrays: set[int] = field(default_factory=set)


class _Writer:
    """The functions of one block being written."""

    def __init__(self, block: BlockText, flags: str, functions: Mapping[int, str]) -> None:
        self.block = block
        self.kinds = [llvm_rows.TYPES[dtype] for dtype in block.dtypes]
        self.constants = [llvm_rows.literal(dtype, text) for dtype, text in block.constants]
        self.lines: list[str] = []
        self.declarations: set[str] = set()
        self.home: list[int] = [-1] * len(block.inputs)
        self.loaded = _Loaded()
        self.templates = [self._template(number, row, flags, functions) for number, row in enumerate(block.rows)]

    def _template(self, number: int, row: Row, flags: str, functions: Mapping[int, str]) -> str:
        """Return the instructions of a row, with a function's call for one that has none."""
        found = self.block.template(row, flags)
        if found is not None:
            if found[1]:
                self.declarations.add(found[1])
            return found[0]
        _, given, result, _ = row
        kinds = [llvm_rows.TYPES[dtype] for dtype in given]
        called = f'{llvm_rows.TYPES[result]} @"{functions[number]}"'
        self.declarations.add(f"declare {called}({', '.join(kinds)})")
        arguments = ", ".join(f"{kind} {{{name}}}" for kind, name in zip(kinds, ARGUMENT_NAMES, strict=False))
        return f"{{r}} = call {called}({arguments})"

    def chunk(self, name: str, chunk: int, alone: bool) -> None:
        """Write one function."""
        block, lines = self.block, self.lines
        self.loaded = _Loaded()
        lines.append(f'define internal void @"{name}"(ptr noalias %m) nounwind {"" if alone else "noinline "}{{')
        for head, operands in block.steps[chunk * CHUNK : (chunk + 1) * CHUNK]:
            if head == "s":
                self._store(operands, chunk)
                continue
            result = len(self.home)
            self.home.append(chunk)
            if head == "l":
                self._load(operands, result)
            else:
                texts = [self._operand(operand, chunk) for operand in operands]
                named = dict(zip(ARGUMENT_NAMES, texts, strict=False))
                lines.append(self.templates[int(head)].format(r=f"%v{result}", **named))
            place = block.place_of.get(result)
            if place is not None:
                self._address(f"%p{result}", place)
                lines.append(f"store {self.kinds[result]} %v{result}, ptr %p{result}")
        lines += ["ret void", "}"]

    def _address(self, name: str, place: int) -> None:
        self.lines.append(f"{name} = getelementptr i64, ptr %m, i64 {place}")

    def _operand(self, operand: int, chunk: int) -> str:
        """Return the text of an operand, reading it first if another function computed it."""
        if operand < 0:
            return self.constants[-1 - operand]
        if self.home[operand] != chunk and operand not in self.loaded.values:
            self.loaded.values.add(operand)
            self._address(f"%q{operand}", self.block.place_of[operand])
            self.lines.append(f"%v{operand} = load {self.kinds[operand]}, ptr %q{operand}")
        return f"%v{operand}"

    def _element(self, array: int, position: int, step: str) -> tuple[str, str]:
        """Write the address of an element; return its name and the type in memory."""
        if array not in self.loaded.arrays:
            self.loaded.arrays.add(array)
            self._address(f"%b{array}", len(self.block.inputs) + array)
            self.lines.append(f"%a{array} = load ptr, ptr %b{array}")
        dtype = self.block.arrays[array]
        kind = "i8" if dtype == "bool" else llvm_rows.TYPES[dtype]
        self.lines.append(f"{step} = getelementptr {kind}, ptr %a{array}, i64 {position}")
        return step, kind

    def _load(self, operands: list[int], result: int) -> None:
        """Write the step that reads an element."""
        pointer, kind = self._element(operands[0], operands[1], f"%e{result}")
        if self.block.arrays[operands[0]] == "bool":
            self.lines.append(f"%t{result} = load i8, ptr {pointer}\n%v{result} = icmp ne i8 %t{result}, 0")
        else:
            self.lines.append(f"%v{result} = load {kind}, ptr {pointer}")

    def _store(self, operands: list[int], chunk: int) -> None:
        """Write the step that writes an element."""
        array, position, operand = operands
        text, number = self._operand(operand, chunk), len(self.lines)
        pointer, kind = self._element(array, position, f"%s{number}")
        if self.block.arrays[array] == "bool":
            self.lines.append(f"%t{number} = zext i1 {text} to i8\nstore i8 %t{number}, ptr {pointer}")
        else:
            self.lines.append(f"store {kind} {text}, ptr {pointer}")
