"""The CPU backend: a kernel's source compiled by Numba into one native function, kept on disk."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit, types
from numba.np import numpy_support

from graphc.backends import cache, plain_runtime
from graphc.backends.chunked import LOOP
from graphc.backends.frames import SUFFIX
from graphc.backends.kernel_compiler import KernelCompiler, LoopCompiler
from graphc.backends.module import module_text
from graphc.backends.source import FUNCTION, array_arguments, render, returned_values
from graphc.backends.vector_runtime import with_vector_math
from graphc.errors import InternalError
from graphc.kernel.ir import Buffer, Kernel
from graphc.kernel.parallel import is_threaded
from graphc.settings import Settings, read_settings

KEPT = 512
"""How many compiled kernels a process keeps: each holds about 0.7 MB."""
STRICT: frozenset[str] = frozenset({"contract"})
FAST: frozenset[str] = frozenset({"contract", "reassoc", "arcp", "nsz"})
RENDER, COMPILE, LOAD, SHARE = (
    "render: the kernel as a Python module",
    "compile: Numba and LLVM",
    "load: native code from the disk cache",
    "share: an equal kernel was compiled before",
)


@dataclass(frozen=True, slots=True)
class Native:
    """A compiled kernel.

    Attributes:
        kernel: inputs, constants, results and workspaces to a tuple of the scalar results, or None: what Numba
            compiled, for compiled code to call; or plain Python.
        function: the address of its function of a frame, 0 if it is plain Python.
        text: the source it was compiled from.
        seconds: how long compiling or loading took.
        cache_hits: how many functions came from the disk cache.
    """

    kernel: Callable[..., Any]
    function: int
    text: str
    seconds: float
    cache_hits: int


_compiled: OrderedDict[str, Native] = OrderedDict()
_compiled_lock = threading.Lock()
_compile_lock = threading.RLock()


def compile_kernel(
    kernel: Kernel,
    fast_math: bool = False,
    cached: bool = True,
    seconds: dict[str, float] | None = None,
    precise: bool = False,
) -> Native:
    """Return a kernel's native function: from this process, from disk, or compiled now.

    Args:
        seconds: where the time of each step is added.
        precise: whether elementary functions come from the C library, also in loops.

    Raises:
        InternalError: the generated source does not compile.
    """
    settings = read_settings()
    noted = {} if seconds is None else seconds
    start = time.perf_counter()
    if not settings.jit:
        return _plain(render(kernel).text())
    text = with_vector_math(module_text(kernel), kernel, precise)
    noted[RENDER] = noted.get(RENDER, 0.0) + time.perf_counter() - start
    signature = _signature(kernel)
    name = cache.module_name(text, f"{signature} fast={fast_math}")
    with _compiled_lock:
        found = _compiled.get(name)
        if found is not None:
            _compiled.move_to_end(name)
            noted[SHARE] = 0.0
            return found
    with _compile_lock:
        native = _compiled.get(name) or _compile(name, text, signature, fast_math, cached and settings.cache, settings)
    step = LOAD if native.cache_hits else COMPILE
    noted[step] = noted.get(step, 0.0) + native.seconds
    with _compiled_lock:
        _compiled[name] = native
        while len(_compiled) > KEPT:
            _compiled.popitem(last=False)
    return native


def _signature(kernel: Kernel) -> Any:
    """Return the Numba type of a kernel's function."""
    found = []
    for entry in [*kernel.inputs, *array_arguments(kernel)]:
        scalar = numpy_support.from_dtype(np.dtype(entry.dtype))
        if isinstance(entry, Buffer):
            written = entry.role in ("output", "workspace")
            found.append(types.Array(scalar, len(entry.shape), "C", readonly=not written))
        else:
            found.append(scalar)
    found += [types.int64] * is_threaded(kernel)
    returned = [numpy_support.from_dtype(np.dtype(value.dtype)) for value in returned_values(kernel)]
    return (types.Tuple(returned) if returned else types.none)(*found)


def _compile(name: str, text: str, signature: Any, fast_math: bool, cached: bool, settings: Settings) -> Native:
    """Compile a module's function, or load what was compiled before."""
    start = time.perf_counter()
    text = text.replace(f"def {FUNCTION}(", f"def {name}(")
    if settings.keep is not None:
        settings.keep.mkdir(parents=True, exist_ok=True)
        (settings.keep / f"{name}.py").write_text(text)
    try:
        dispatcher = (_through_cache if cached else _in_memory)(name, text, signature, fast_math)
    except (InternalError, Warning):
        raise
    except Exception as error:
        raise _failure(name, text, error) from error
    dispatcher.disable_compile()
    hits = sum(dispatcher.stats.cache_hits.values())
    (overload,) = dispatcher.overloads.values()
    function = overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name + SUFFIX)
    return Native(dispatcher, function, text, time.perf_counter() - start, hits)


def _through_cache(name: str, text: str, signature: Any, fast_math: bool) -> Any:
    """Return the compiled dispatcher of an entry of the disk cache, which is made if it is missing."""
    try:
        with cache.entry(name, text) as path:
            module = cache.load_module(name, path)
            dispatcher = _dispatcher(module, name, fast_math, cached=True)
            dispatcher.compile(signature)
            if not dispatcher.stats.cache_hits:
                cache.record(name)
            return dispatcher
    except OSError as error:
        cache.warn_unusable(error)
        return _in_memory(name, text, signature, fast_math)
    except RuntimeError:  # Numba found no place for its files: another process cleared the cache meanwhile
        return _in_memory(name, text, signature, fast_math)


def _in_memory(name: str, text: str, signature: Any, fast_math: bool) -> Any:
    """Return a dispatcher compiled for this process alone."""
    dispatcher = _dispatcher(_temporary_module(name, text), name, fast_math, cached=False)
    dispatcher.compile(signature)
    return dispatcher


def _dispatcher(module: ModuleType, name: str, fast_math: bool, cached: bool) -> Any:
    """Return Numba's dispatcher of a module's function."""
    flags = set(FAST if fast_math else STRICT)
    options = {"nogil": True, "error_model": "numpy", "fastmath": flags, "no_cfunc_wrapper": True}
    for each, function in list(vars(module).items()):
        if each.startswith(LOOP) and isinstance(function, FunctionType):
            setattr(module, each, njit(pipeline_class=LoopCompiler, **options)(function))
    return njit(cache=cached, pipeline_class=KernelCompiler, **options)(getattr(module, name))


def _temporary_module(name: str, text: str) -> ModuleType:
    """Return a module that lives in memory alone."""
    module = ModuleType(name)
    exec(compile(text, f"<{name[:20]}>", "exec"), module.__dict__)
    return module


def _plain(text: str) -> Native:
    """Return a module's function as plain Python, on NumPy scalars so that 1/0 is infinite."""
    module = ModuleType("graphc_plain_kernel")
    text = text.replace("graphc.backends.runtime", plain_runtime.__name__)
    exec(compile(text, "<graphc kernel>", "exec"), module.__dict__)
    function = module.__dict__[FUNCTION]

    def call(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*(a if isinstance(a, np.ndarray) else np.asarray(a)[()] for a in arguments))

    return Native(call, 0, text, 0.0, 0)


def _failure(name: str, text: str, error: Exception) -> InternalError:
    """Return the error for generated code that does not compile, with a file that shows it."""
    folder = Path(tempfile.mkdtemp(prefix="graphc-"))
    path = folder / f"{name[:20]}.py"
    path.write_text(text)
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return InternalError(
        f"the generated kernel does not compile: {first}",
        remedy=f"please report it with {path}; backend='reference' works meanwhile",
    )
