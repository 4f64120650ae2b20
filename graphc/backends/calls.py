"""Calls: a kernel for given sizes as a Python function ``call(*inputs, *targets)`` in native code."""

from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.backends.binder import binder
from graphc.backends.call_table import LANES, Head, Kind, Row
from graphc.backends.cpu import Native
from graphc.backends.result_memory import SMALLEST, handler, release
from graphc.backends.source import array_arguments, returned_values
from graphc.graph.dimensions import concrete
from graphc.kernel.ir import Buffer, Kernel
from graphc.kernel.parallel import is_threaded

ALIGNMENT = 64
FASTCALL = 0x80
"""How Python calls it: `METH_FASTCALL`."""
KINDS = {"float64": Kind.FLOAT64, "int64": Kind.INT64, "bool": Kind.BOOL, "float32": Kind.FLOAT32}


class _Method(ctypes.Structure):
    """What Python knows of a native function: `PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    )  # fmt: skip


_methods: list[_Method] = []


def make_call(kernel: Kernel, native: Native, sizes: Mapping[str, int], threads: int = 1) -> Callable[..., Any]:
    """Return a kernel as a function of the inputs, which returns the tuple of results, arrays before numbers.

    It takes the inputs as they are: arrays of the exact dtype and sizes, contiguous and aligned; numbers of the
    exact type, Python's where they fit. With arrays for all results, which overlap nothing, it returns None.
    It raises `TypeError` or `OverflowError` where something does not fit.

    Args:
        native: what the kernel was compiled to; plain Python takes all targets always.
        sizes: the size of each named dimension.
        threads: how many threads it may use.
    """
    if not native.function:
        return _plain_call(kernel, native.kernel, sizes)
    table, pool = _table(kernel, native.function, sizes, threads)
    if not _methods:
        _methods.append(_Method(b"call", binder(), FASTCALL, None))
    weakref.finalize(table, _free, pool).atexit = False
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.POINTER(_Method), ctypes.py_object, ctypes.c_void_p]
    call: Callable[..., Any] = make(_methods[0], table, None)
    return call


def _plain_call(kernel: Kernel, function: Callable[..., Any], sizes: Mapping[str, int]) -> Callable[..., Any]:
    """Return the call of a kernel that is plain Python."""
    arrays = array_arguments(kernel)
    constants = [kernel.constants[each.name] for each in arrays if each.role == "constant"]
    outputs = sum(each.role == "output" for each in arrays)
    temporary = [each for each in arrays if each.role == "workspace"]

    def call(*given: Any) -> None:
        inputs, targets = given[: len(kernel.inputs)], given[len(kernel.inputs) :]
        workspaces = [np.empty(concrete(each.shape, sizes), each.dtype) for each in temporary]
        returned = function(*inputs, *constants, *targets[:outputs], *workspaces)
        for target, value in zip(targets[outputs:], returned or (), strict=True):
            target[...] = value

    return call


def _table(kernel: Kernel, function: int, sizes: Mapping[str, int], threads: int) -> tuple[Any, Any]:
    """Return the table of a call, and the word that leads to the memory which calls leave to each other."""
    inputs, outputs, workspaces, frame = _rows(kernel, sizes, threads)
    room = -(-len(inputs + outputs) // LANES) * LANES
    frame += [0] * 2 * room
    taken = 8 * len(frame)
    for row in workspaces:
        taken += -taken % ALIGNMENT
        row[Row.BYTES], taken = taken, taken + row[Row.BYTES]
    rows = inputs + outputs + workspaces
    pool = np.zeros(1, np.int64)
    head = {
        Head.FUNCTION: function,
        Head.WORDS: len(frame),
        Head.TEMPLATE: 8 * (len(Head) + len(rows) * len(Row)),
        Head.ROOM: room,
        Head.POOL: pool.ctypes.data,
        Head.BYTES: taken + 8 + ALIGNMENT,
        Head.INPUTS: len(inputs),
        Head.OUTPUTS: len(outputs),
        Head.WORKSPACES: len(workspaces),
    }
    words = [*(head[field] for field in Head), *(word for row in rows for word in row), *frame]
    return np.array(words, np.int64), pool


def _rows(
    kernel: Kernel, sizes: Mapping[str, int], threads: int
) -> tuple[list[list[int]], list[list[int]], list[list[int]], list[int]]:
    """Return the rows of inputs, outputs and workspaces, and the frame as it is before anything is bound."""
    rows: dict[str, list[list[int]]] = {role: [] for role in ("input", "constant", "output", "workspace")}
    frame: list[int] = []
    for entry in (*kernel.inputs, *array_arguments(kernel)):
        dtype, at = np.dtype(entry.dtype), len(frame)
        if isinstance(entry, Buffer):
            shape = concrete(entry.shape, sizes)
            size = math.prod(shape) * dtype.itemsize
            kept = id(handler()) if entry.role == "output" and size >= SMALLEST else 0
            rows[entry.role].append([Kind.ARRAY, at, id(dtype), len(shape), size, kept])
            frame += [kernel.constants[entry.name].ctypes.data if entry.role == "constant" else 0, *shape]
        else:
            rows["input"].append(_number_row(at, dtype))
            frame.append(0)
    frame += [threads] * is_threaded(kernel)
    for value in returned_values(kernel):
        dtype = np.dtype(value.dtype)
        kind = KINDS[value.dtype] if value.dtype in ("float64", "int64", "bool") else Kind.OTHER
        rows["output"].append([kind, len(frame), id(dtype), 0, dtype.itemsize, 0])
        frame += [0, 0]
    return rows["input"], rows["output"], rows["workspace"], frame


def _number_row(position: int, dtype: np.dtype[Any]) -> list[int]:
    """Return the row of an input that is a number, with the one or two types of the same bits."""
    if dtype == "float64":
        return [Kind.FLOAT64, position, id(float), id(np.float64), 0, 0]
    return [KINDS.get(dtype.name, Kind.OTHER), position, id(dtype.type), 0, 0, 0]


def _free(pool: Any) -> None:
    """Let go of the memory that calls left, and of that of large results."""
    release()
    address = int(pool[0])
    while address:
        memory = ctypes.cast(address, ctypes.py_object).value
        following = int(memory[:8].view(np.int64)[0])
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(memory))
        address = following
