"""Machine code of functions that are written as text in LLVM's words."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target


def text_library(name: str, text: str) -> Any:
    """Return a library with the machine code of a text; its functions live as long as it does."""
    with global_compiler_lock:
        library = cpu_target.target_context.codegen().create_library(name)
        library.add_llvm_module(llvm.parse_assembly(text))
        library.finalize()
    return library
