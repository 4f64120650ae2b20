"""The binder: one native function through which Python calls every kernel.

It is the code of a Python function ``call(*inputs, *targets)`` whose ``self`` is a table (an int64 array, see
`graphc.backends.call_table`) that says what the kernel takes. It checks each argument against its row of the table,
makes the frame of the call, allocates results if no targets are given, runs the kernel without Python's lock,
and returns the tuple of results, or None where there are targets. What does not fit raises `TypeError` before
anything is written: the caller converts, or explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from graphc.backends.call_table import LANES, Head, Kind, Row
from graphc.backends.failing import FIRST_CODE
from graphc.backends.kernel_compiler import KernelLibrary
from graphc.backends.unfinished import Unfinished
from graphc.backends.words import BYTE, DTYPE_MASK, INT, NARROW, READABLE, REAL, WORD, WRITABLE, Field, Words

NAME = "graphc_binder"
PYTHON = {Kind.FLOAT64: int, Kind.INT64: int, Kind.BOOL: bool, Kind.FLOAT32: float}
"""The Python type that is converted to a dtype; a float64 is taken as it is."""


@cache
def binder() -> int:
    """Return the address of the binder, compiled when it is first asked for in a process."""
    with global_compiler_lock:
        library = _Library(cpu_target.target_context.codegen(), NAME)
        library.add_ir_module(_Binder().written())
        library.finalize()
    _libraries.append(library)
    address: int = library.get_pointer_to_function(NAME)
    return address


class _Library(KernelLibrary):
    """The binder's machine code, not optimised: it is as fast and made in a third of the time."""

    def _optimize_final_module(self) -> None:
        """Leave it as it is."""


_libraries: list[Any] = []


class _Binder(Words):
    """The function being written."""

    def __init__(self) -> None:
        super().__init__(NAME, 3)
        own, self.given, self.count = self.function.args
        self.table = self.load(own, Field.DATA)
        self.rows = self.b.add(self.table, WORD(8 * len(Head)))
        self.result = cgutils.alloca_once_value(self.b, WORD(0))
        self.wrong_count, self.misfit, self.failed = map(
            self.function.append_basic_block, ("wrong_count", "misfit", "failed")
        )

    def head(self, field: Head) -> Any:
        """Return a word of the table's head."""
        return self.load(self.table, 8 * field)

    def row(self, number: Any) -> Any:
        """Return the address of a row."""
        return self.b.add(self.rows, self.b.mul(number, WORD(8 * len(Row))))

    def require(self, condition: Any) -> None:
        """Leave with `TypeError` where something does not fit."""
        with self.b.if_then(self.b.not_(condition), likely=False):
            self.b.branch(self.misfit)

    def check(self, condition: Any) -> None:
        """Leave with the error that is set where something went wrong."""
        with self.b.if_then(self.b.not_(condition), likely=False):
            self.b.branch(self.failed)

    def written(self) -> ir.Module:
        """Return the module of the function."""
        inputs, outputs = self.head(Head.INPUTS), self.head(Head.OUTPUTS)
        allocates = self.is_equal(self.count, inputs)
        fits = self.b.or_(allocates, self.is_equal(self.count, self.b.add(inputs, outputs)))
        with self.b.if_then(self.b.not_(fits), likely=False):
            self.b.branch(self.wrong_count)
        self.take_memory()
        with self.loop(inputs) as number:
            self.bind_input(self.row(number), self.argument(number), number)
        with self.b.if_else(allocates) as (new, given):
            with new:
                self.b.store(self.call("PyTuple_New", WORD, outputs), self.result)
                self.check(self.b.not_(self.is_equal(self.b.load(self.result), 0)))
                with self.loop(outputs) as number:
                    self.allocate(self.row(self.b.add(inputs, number)), number)
            with given, self.loop(outputs) as number:
                place = self.b.add(inputs, number)
                self.bind_target(self.row(place), self.argument(place), place)
        with self.loop(self.head(Head.WORKSPACES)) as number:
            row = self.row(self.b.add(number, self.b.add(inputs, outputs)))
            self.put(row, self.b.add(self.memory, self.load(row, 8 * Row.BYTES)))
        self.run()
        with self.b.if_then(allocates), self.loop(outputs) as number:
            self.box(self.row(self.b.add(inputs, number)), number)
        self.give_memory_back()
        with self.b.if_then(allocates):
            self.b.ret(self.b.load(self.result))
        self.b.ret(self.new_reference(WORD(id(None))))
        self.write_exits()
        return self.module

    def argument(self, number: Any) -> Any:
        """Return an argument of the call."""
        return self.load(self.at(self.given, number))

    def take_memory(self) -> None:
        """Take memory for the frame and workspaces: what an earlier call left, or new; lay out the frame."""
        self.pool = self.head(Head.POOL)
        owner = cgutils.alloca_once_value(self.b, self.load(self.pool))
        with self.b.if_else(self.is_equal(self.b.load(owner), 0), likely=False) as (none, some):
            with none:
                made = self.new_array(WORD(id(np.dtype("uint8"))), INT(1), self.b.add(self.table, WORD(8 * Head.BYTES)))
                with self.b.if_then(self.is_equal(made, 0), likely=False):
                    self.b.ret(WORD(0))
                self.b.store(made, owner)
            with some:
                self.store(self.load(self.load(self.b.load(owner), Field.DATA)), self.pool)
        self.owner = self.b.load(owner)
        after_link = self.b.add(self.load(self.owner, Field.DATA), WORD(8 + 63))
        self.memory = self.b.and_(after_link, WORD(-64))
        words = self.head(Head.WORDS)
        template = self.b.add(self.table, self.head(Head.TEMPLATE))
        cgutils.raw_memcpy(self.b, self.pointer(self.memory, 0, WORD), self.pointer(template, 0, WORD), words, 8)
        room = self.head(Head.ROOM)
        self.ends = self.at(self.memory, self.b.sub(words, room))
        self.starts = self.at(self.ends, self.b.neg(room))

    def give_memory_back(self) -> None:
        """Leave the memory to a later call."""
        self.store(self.load(self.pool), self.load(self.owner, Field.DATA))
        self.store(self.owner, self.pool)

    def word_of(self, row: Any) -> Any:
        """Return the address of a row's word in the frame."""
        return self.at(self.memory, self.load(row, 8 * Row.POSITION))

    def put(self, row: Any, value: Any) -> None:
        """Write a row's word into the frame."""
        self.store(value, self.word_of(row))

    @contextmanager
    def case(self, row: Any, kind: Kind) -> Iterator[None]:
        """Write what is done for rows of a kind."""
        with self.b.if_then(self.is_equal(self.load(row, 8 * Row.KIND), kind)):
            yield

    def bind_input(self, row: Any, given: Any, number: Any) -> None:
        """Check an input and write it into the frame."""
        with self.b.if_else(self.is_equal(self.load(row, 8 * Row.KIND), Kind.ARRAY)) as (array, scalar):
            with array:
                self.note_memory(number, *self.bind_array(row, given, READABLE))
            with scalar:
                self.bind_number(row, given)

    def bind_array(self, row: Any, given: Any, flags: int) -> tuple[Any, Any]:
        """Check an array and write its address into the frame; return where its memory begins and ends.

        What takes no memory is at 0. The sizes it must have are in the frame already.
        """
        self.require(self.is_equal(self.load(given, Field.TYPE), id(np.ndarray)))
        self.require(self.is_same_dtype(self.load(given, Field.DTYPE), self.load(row, 8 * Row.TYPE)))
        self.require(self.is_equal(self.b.and_(self.load(given, Field.FLAGS, INT), INT(flags)), flags))
        rank = self.load(row, 8 * Row.RANK)
        self.require(self.is_equal(self.b.zext(self.load(given, Field.RANK, INT), WORD), rank))
        sizes, expected = self.load(given, Field.SHAPE), self.b.add(self.word_of(row), WORD(8))
        with self.loop(rank) as axis:
            self.require(self.is_equal(self.load(self.at(sizes, axis)), self.load(self.at(expected, axis))))
        address = self.load(given, Field.DATA)
        self.put(row, address)
        size = self.load(row, 8 * Row.BYTES)
        start = self.b.select(self.is_equal(size, 0), WORD(0), address)
        return start, self.b.add(start, size)

    def is_same_dtype(self, left: Any, right: Any) -> Any:
        """Return whether two dtypes are the same object, or equal as one is that has been pickled."""
        words = [self.b.and_(self.load(each, Field.DTYPE_WORD), WORD(DTYPE_MASK)) for each in (left, right)]
        return self.b.or_(self.is_equal(left, right), self.is_equal(*words))

    def note_memory(self, number: Any, start: Any, end: Any) -> None:
        """Write down which memory an argument takes."""
        self.store(start, self.at(self.starts, number))
        self.store(end, self.at(self.ends, number))

    def bind_number(self, row: Any, given: Any) -> None:
        """Check a number and write it into the frame: one of the exact type as it is, Python's where it fits."""
        kind = self.load(given, Field.TYPE)
        same = self.b.or_(
            self.is_equal(kind, self.load(row, 8 * Row.TYPE)), self.is_equal(kind, self.load(row, 8 * Row.RANK))
        )
        with self.b.if_else(same, likely=True) as (as_it_is, other):
            with as_it_is:
                self.put(row, self.load(given, Field.VALUE))
            with other:
                self.require(self.b.icmp_signed("!=", self.load(row, 8 * Row.KIND), WORD(Kind.OTHER)))
                for form, source in PYTHON.items():
                    with self.case(row, form):
                        self.require(self.is_equal(kind, id(source)))
                        self.put(row, self.converted(form, given))

    def converted(self, form: Kind, given: Any) -> Any:
        """Return the bits of a Python number as one of another kind; it must fit."""
        if form is Kind.BOOL:
            return self.b.zext(self.is_equal(given, id(True)), WORD)
        if form is Kind.FLOAT32:
            value = self.load(given, Field.VALUE, REAL)
            narrow = self.b.fptrunc(value, NARROW)
            overflows = self.b.and_(self.b.not_(self.is_finite(narrow)), self.is_finite(value))
            self.require(self.b.not_(overflows))
            return self.b.zext(self.b.bitcast(narrow, INT), WORD)
        if form is Kind.INT64:
            number = self.call("PyLong_AsLongLong", WORD, given)
        else:
            number = self.b.bitcast(self.call("PyLong_AsDouble", REAL, given), WORD)
        self.check(self.is_equal(self.call("PyErr_Occurred", WORD), 0))
        return number

    def bind_target(self, row: Any, given: Any, number: Any) -> None:
        """Check an array for a result, which no other argument's memory may overlap, and write it into the frame."""
        start, end = self.bind_array(row, given, WRITABLE)
        many = ir.VectorType(WORD, LANES)
        starts, ends = (self.repeated(each, LANES) for each in (start, end))
        overlaps = cgutils.alloca_once_value(self.b, BYTE(0))
        with self.loop(self.b.udiv(self.head(Head.ROOM), WORD(LANES))) as block:
            place = self.b.mul(block, WORD(8 * LANES))
            before_end = self.b.icmp_unsigned("<", self.load(self.b.add(self.starts, place), kind=many), ends)
            after_start = self.b.icmp_unsigned(">", self.load(self.b.add(self.ends, place), kind=many), starts)
            found = self.b.bitcast(self.b.and_(before_end, after_start), BYTE)
            self.b.store(self.b.or_(self.b.load(overlaps), found), overlaps)
        self.require(self.is_equal(self.b.load(overlaps), 0))
        self.note_memory(number, start, end)

    def allocate(self, row: Any, number: Any) -> None:
        """Make an array for a result, or point to the frame's place for a number."""
        with self.b.if_else(self.is_equal(self.load(row, 8 * Row.KIND), Kind.ARRAY)) as (array, scalar):
            with array:
                rank = self.b.trunc(self.load(row, 8 * Row.RANK), INT)
                sizes = self.b.add(self.word_of(row), WORD(8))
                made = self.new_result(self.load(row, 8 * Row.TYPE), rank, sizes, self.load(row, 8 * Row.HANDLER))
                self.hand_over(made, number)
                self.put(row, self.load(made, Field.DATA))
            with scalar:
                self.put(row, self.b.add(self.word_of(row), WORD(8)))

    def hand_over(self, made: Any, number: Any) -> None:
        """Put a new object, if it is one, into the tuple of results, which owns it."""
        self.check(self.b.not_(self.is_equal(made, 0)))
        self.call("PyTuple_SetItem", INT, self.b.load(self.result), number, made)

    def run(self) -> None:
        """Call the kernel without Python's lock; it may come back with the number of a loop that did not end."""
        state = self.call("PyEval_SaveThread", WORD)
        status = self.call(self.head(Head.FUNCTION), INT, self.memory)
        self.call("PyEval_RestoreThread", ir.VoidType(), state)
        with self.b.if_then(self.b.not_(self.is_equal(status, 0)), likely=False):
            number = self.call("PyLong_FromLongLong", WORD, self.b.sext(self.b.sub(status, INT(FIRST_CODE)), WORD))
            unfinished = self.b.icmp_signed(">=", status, INT(FIRST_CODE))
            error = self.b.select(unfinished, WORD(id(Unfinished)), WORD(id(SystemError)))
            self.call("PyErr_SetObject", ir.VoidType(), error, number)
            self.call("Py_DecRef", ir.VoidType(), number)
            self.b.branch(self.failed)

    def box(self, row: Any, number: Any) -> None:
        """Put a number the kernel returned into the tuple of results."""
        place = self.b.add(self.word_of(row), WORD(8))
        with self.case(row, Kind.FLOAT64):
            self.hand_over(self.call("PyFloat_FromDouble", WORD, self.load(place, kind=REAL)), number)
        with self.case(row, Kind.INT64):
            self.hand_over(self.call("PyLong_FromLongLong", WORD, self.load(place)), number)
        with self.case(row, Kind.BOOL):
            truth = self.b.zext(self.load(place, kind=BYTE), WORD)
            self.hand_over(self.call("PyBool_FromLong", WORD, truth), number)
        with self.case(row, Kind.OTHER):
            scalar = self.new_scalar(self.load(row, 8 * Row.TYPE), place)
            self.hand_over(scalar, number)

    def write_exits(self) -> None:
        """Write the ways out without a result."""
        error = WORD(id(TypeError))
        with self.b.goto_block(self.wrong_count):
            self.call("PyErr_SetNone", ir.VoidType(), error)
            self.b.ret(WORD(0))
        with self.b.goto_block(self.misfit):
            self.call("PyErr_SetNone", ir.VoidType(), error)
            self.b.branch(self.failed)
        with self.b.goto_block(self.failed):
            self.give_memory_back()
            with self.b.if_then(self.b.not_(self.is_equal(self.b.load(self.result), 0))):
                self.call("Py_DecRef", ir.VoidType(), self.b.load(self.result))
            self.b.ret(WORD(0))
