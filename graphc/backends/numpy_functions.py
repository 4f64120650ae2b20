"""NumPy's functions for native code, by their places in its table, which its ABI fixes."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from typing import Any

from numpy._core import _multiarray_umath  # type: ignore[attr-defined]


class Place(IntEnum):
    """Where `PyArray_NewFromDescr` and others are."""

    NEW_ARRAY, NEW_SCALAR, SET_HANDLER, DEFAULT_HANDLER = 94, 60, 304, 306


def numpy_function(place: Place) -> int:
    """Return the address of a function or variable of NumPy's C interface."""
    table = capsule_content(_multiarray_umath._ARRAY_API, None)
    found: int = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[place]
    return found


def capsule_content(capsule: Any, name: bytes | None) -> int:
    """Return the address that a capsule of that name holds."""
    content = ctypes.pythonapi.PyCapsule_GetPointer
    content.restype, content.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address: int = content(capsule, name)
    return address
