"""The pool of threads that kernels share: native, and our own, so that it meets no other library's.

Numba's threading layers cannot be shared with a user's code in every case: one of them (``workqueue``)
ends the process when two threads use it at once. Here one call at a time has the helpers; who finds them
taken computes alone. Helpers are started when a loop first wants them, never touch Python, take the numbers
of chunks from a counter, look for more work for some microseconds, then sleep on one of Python's locks,
which need no GIL. A caller never waits for a helper that has not begun: it takes the work back.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache
from string import Template
from typing import Any

import llvmlite.binding as llvm

from graphc.backends.pool_text import TEXT
from graphc.backends.text_library import text_library

MOST_HELPERS = 255
SPINS = 1000
"""How often a thread looks for work before it sleeps: for some 10 to 50 microseconds."""
LINE = 64
"""Bytes between words that different threads change."""
WORDS = ("region", "next", "running", "waiting", "helpers", "chunks", "function", "context", "done", "boxes")
SIZE = LINE * (len(WORDS) + MOST_HELPERS)
PAUSE = "@llvm.x86.sse2.pause" if platform.machine() in ("x86_64", "AMD64") else "@nothing"
"""What a waiting thread does meanwhile."""
RUN = "graphc_parallel_for"
"""The function that runs chunks."""
SYMBOLS = ("PyThread_allocate_lock", "PyThread_acquire_lock", "PyThread_release_lock")


def _text() -> str:
    """Return the pool in LLVM's words."""
    place = "@{} = internal alias i64, getelementptr (i8, ptr @pool, i64 {})"
    pause, start = f"void {PAUSE}()", "i32 @pthread_create(ptr, ptr, ptr, ptr)"
    return Template(TEXT).substitute(
        size=SIZE,
        line=LINE,
        spins=SPINS,
        most=MOST_HELPERS,
        pause=PAUSE,
        places="\n".join(place.format(word, LINE * number) for number, word in enumerate(WORDS)),
        define_pause=f"declare {pause}" if PAUSE.startswith("@llvm") else f"define internal {pause} {{\nret void\n}}",
        define_start=f"declare {start}" if os.name == "posix" else f"define internal {start} {{\nret i32 1\n}}",
    )


@cache
def load() -> Any:
    """Make the pool known to compiled code, by the name of its function; return the library that holds it."""
    for name in SYMBOLS:
        llvm.add_symbol(name, address_of(getattr(ctypes.pythonapi, name)))
    if os.name == "posix":
        llvm.add_symbol("pthread_create", address_of(ctypes.CDLL(None).pthread_create))
    library = text_library("graphc_pool", _text())
    llvm.add_symbol(RUN, library.get_pointer_to_function(RUN))
    memory = ctypes.CFUNCTYPE(ctypes.c_void_p)(library.get_pointer_to_function("graphc_pool"))()
    if os.name == "posix":
        os.register_at_fork(after_in_child=lambda: ctypes.memset(memory, 0, SIZE))
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))  # helpers run its code to the end of the process
    return library


def address_of(function: Any) -> int:
    """Return where a C function is."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address
