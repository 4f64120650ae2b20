"""The memory of large results: what the user lets go of is kept a while and handed out again, without page faults.

NumPy asks a handler for an array's memory and gives it back when the array dies (NEP 49), so that memory which
anything still looks at (a view, a memoryview, another library's tensor) is never handed out twice. Each block
begins with its size. NumPy calls handlers under Python's lock; docs/decisions/15-result-memory.md.
"""

from __future__ import annotations

import ctypes
from functools import cache
from string import Template
from typing import Any

from graphc.backends.numpy_functions import Place, capsule_content, numpy_function
from graphc.backends.text_library import text_library

SMALLEST = 4 << 20
"""Results of fewer bytes take NumPy's own memory: the C library keeps that itself."""
MOST_KEPT = 256 << 20
"""How many bytes are kept at most in a process."""
BLOCKS = 8
"""How many blocks are kept at most."""
CAPSULE = b"mem_handler"
NAMES = ("malloc", "calloc", "realloc", "free")
_TEXT = """
@kept = internal global [$blocks x ptr] zeroinitializer
@next = internal global i64 0
@bytes = internal global i64 0
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

; the kept block at a place, which is kept no longer; null if there is none
define internal ptr @take(i64 %place) {
  %where = getelementptr ptr, ptr @kept, i64 %place
  %block = load ptr, ptr %where
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %some
some:
  store ptr null, ptr %where
  %size = load i64, ptr %block
  %before = load i64, ptr @bytes
  %after = sub i64 %before, %size
  store i64 %after, ptr @bytes
  br label %end
end:
  ret ptr %block
}

define internal void @drop(ptr %block) {
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %some
some:
  %size = load i64, ptr %block
  %whole = add i64 %size, 64
  call void inttoptr (i64 $free to ptr)(ptr null, ptr %block, i64 %whole)
  br label %end
end:
  ret void
}

define ptr @graphc_malloc(ptr %context, i64 %size) {
entry:
  br label %look
look:
  %place = phi i64 [ 0, %entry ], [ %following, %other ]
  %more = icmp slt i64 %place, $blocks
  br i1 %more, label %see, label %new
see:
  %where = getelementptr ptr, ptr @kept, i64 %place
  %seen = load ptr, ptr %where
  %none = icmp eq ptr %seen, null
  br i1 %none, label %other, label %some
some:
  %its_size = load i64, ptr %seen
  %fits = icmp eq i64 %its_size, %size
  br i1 %fits, label %found, label %other
other:
  %following = add i64 %place, 1
  br label %look
found:
  %kept = call ptr @take(i64 %place)
  br label %end
new:
  %whole = add i64 %size, 64
  %made = call ptr inttoptr (i64 $malloc to ptr)(ptr null, i64 %whole)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %none_left, label %well
well:
  store i64 %size, ptr %made
  br label %end
end:
  %block = phi ptr [ %kept, %found ], [ %made, %well ]
  %data = getelementptr i8, ptr %block, i64 64
  ret ptr %data
none_left:
  ret ptr null
}

define ptr @graphc_calloc(ptr %context, i64 %count, i64 %item) {
  %size = mul i64 %count, %item
  %data = call ptr @graphc_malloc(ptr null, i64 %size)
  %failed = icmp eq ptr %data, null
  br i1 %failed, label %end, label %clear
clear:
  call void @llvm.memset.p0.i64(ptr %data, i8 0, i64 %size, i1 false)
  br label %end
end:
  ret ptr %data
}

define ptr @graphc_realloc(ptr %context, ptr %data, i64 %size) {
  %block = getelementptr i8, ptr %data, i64 -64
  %whole = add i64 %size, 64
  %made = call ptr inttoptr (i64 $realloc to ptr)(ptr null, ptr %block, i64 %whole)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %none_left, label %well
well:
  store i64 %size, ptr %made
  %moved = getelementptr i8, ptr %made, i64 64
  ret ptr %moved
none_left:
  ret ptr null
}

; keep a block in place of the one kept longest, and let go of others while there are too many bytes
define void @graphc_free(ptr %context, ptr %data, i64 %unused) {
entry:
  %block = getelementptr i8, ptr %data, i64 -64
  %size = load i64, ptr %block
  %large = icmp ugt i64 %size, $most
  br i1 %large, label %free, label %keep
free:
  call void @drop(ptr %block)
  ret void
keep:
  %place = load i64, ptr @next
  %oldest = call ptr @take(i64 %place)
  call void @drop(ptr %oldest)
  %where = getelementptr ptr, ptr @kept, i64 %place
  store ptr %block, ptr %where
  %before = load i64, ptr @bytes
  %after = add i64 %before, %size
  store i64 %after, ptr @bytes
  br label %advance
advance:
  %at = phi i64 [ %place, %keep ], [ %following, %let_go ]
  %counted = add i64 %at, 1
  %following = urem i64 %counted, $blocks
  %bytes = load i64, ptr @bytes
  %many = icmp ugt i64 %bytes, $most
  br i1 %many, label %let_go, label %end
let_go:
  %old = call ptr @take(i64 %following)
  call void @drop(ptr %old)
  br label %advance
end:
  %stored = add i64 %place, 1
  %next = urem i64 %stored, $blocks
  store i64 %next, ptr @next
  ret void
}

define void @graphc_release() {
entry:
  br label %next
next:
  %place = phi i64 [ 0, %entry ], [ %following, %some ]
  %more = icmp slt i64 %place, $blocks
  br i1 %more, label %some, label %end
some:
  %block = call ptr @take(i64 %place)
  call void @drop(ptr %block)
  %following = add i64 %place, 1
  br label %next
end:
  ret void
}

define i64 @graphc_kept() {
  %bytes = load i64, ptr @bytes
  ret i64 %bytes
}
"""


class _Handler(ctypes.Structure):
    """NumPy's `PyDataMem_Handler`."""

    _fields_ = (
        ("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("context", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in NAMES),
    )  # fmt: skip


@cache
def handler() -> Any:
    """Return the capsule of the handler for NumPy; it lives as long as the process."""
    own = _Handler(b"graphc", 1, None, *(_library().get_pointer_to_function(f"graphc_{name}") for name in NAMES))
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    capsule = make(ctypes.addressof(own), CAPSULE, None)
    for each in (own, _library(), capsule):  # arrays may die after everything else has
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
    return capsule


def release() -> None:
    """Let go of all memory that is kept."""
    if not handler.cache_info().currsize:
        return
    ctypes.PYFUNCTYPE(None)(_library().get_pointer_to_function("graphc_release"))()


def kept() -> int:
    """Return how many bytes are kept."""
    if not handler.cache_info().currsize:
        return 0
    count: int = ctypes.PYFUNCTYPE(ctypes.c_int64)(_library().get_pointer_to_function("graphc_kept"))()
    return count


@cache
def _library() -> Any:
    """Return the machine code of the handler, which is written around NumPy's own."""
    capsule = ctypes.cast(numpy_function(Place.DEFAULT_HANDLER), ctypes.POINTER(ctypes.py_object))[0]
    default = ctypes.cast(capsule_content(capsule, CAPSULE), ctypes.POINTER(_Handler))[0]
    places = {name: getattr(default, name) for name in NAMES}
    return text_library("graphc_result_memory", Template(_TEXT).substitute(places, blocks=BLOCKS, most=MOST_KEPT))
