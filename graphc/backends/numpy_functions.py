"""NumPy's functions for native code, by their places in its table, which its ABI fixes."""

from __future__ import annotations

import ctypes
from enum import IntEnum

from numpy._core import _multiarray_umath  # type: ignore[attr-defined]


class Place(IntEnum):
    """Where `PyArray_NewFromDescr` and others are."""

    NEW_ARRAY, NEW_SCALAR, SET_HANDLER, DEFAULT_HANDLER = 94, 60, 304, 306


def numpy_function(place: Place) -> int:
    """Return the address of a function or variable of NumPy's C interface."""
    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    functions = ctypes.cast(address(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    found: int = functions[place]
    return found
