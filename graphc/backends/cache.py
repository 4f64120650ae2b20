"""The disk cache: generated modules, named by their content, with Numba's compiled code beside them.

An entry is ``kernel_<sha256>.py``, Numba's index and object files, and a list of their checksums. One
process compiles an entry while others wait for its lock, one of 256; damaged entries are compiled again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from filelock import FileLock

from graphc.errors import CacheWarning
from graphc.settings import read_settings

PREFIX = "kernel_"
_module_lock = threading.RLock()
_warned: set[str] = set()


@cache
def environment() -> str:
    """Return what compiled code depends on besides its source: versions, processor, our own runtime."""
    here = Path(__file__).parent
    runtime = "".join(path.read_text() for path in sorted(here.rglob("*.py")))
    versions = (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version())
    processor = (llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten())
    return "|".join([*versions, *processor, hashlib.sha256(runtime.encode()).hexdigest()])


def module_name(text: str, options: str) -> str:
    """Return the name of the module for a source: a hash of it and of all that its compiled code depends on."""
    return PREFIX + hashlib.sha256("\n".join([text, options, environment()]).encode()).hexdigest()


def directory() -> Path:
    """Return the cache's folder, made readable for its owner alone if it is new."""
    folder = read_settings().cache_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def entry_files(name: str) -> list[Path]:
    """Return the files Numba keeps for an entry."""
    return sorted((directory() / "__pycache__").glob(f"{name}.*.nb[ic]"))


def discard(name: str) -> None:
    """Remove what was compiled for an entry."""
    for path in [*entry_files(name), _checksum_path(name)]:
        path.unlink(missing_ok=True)


@contextmanager
def entry(name: str, text: str) -> Iterator[Path]:
    """Hold an entry's lock, its source written and its compiled files checked; yield the source's path.

    Warns:
        CacheWarning: compiled files did not match their checksums and were removed.
    """
    folder = directory()
    with FileLock(folder / f"{name[: len(PREFIX) + 2]}.lock"):
        path = folder / f"{name}.py"
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != text:
            write_atomically(path, text)
        if entry_files(name) and _checksums(name) != _recorded_checksums(name):
            discard(name)
            warnings.warn(f"the cached code of {name} was damaged; it is compiled again", CacheWarning, stacklevel=2)
        yield path


def warn_unusable(error: OSError) -> None:
    """Warn, once in a process, that the cache cannot be used.

    Warns:
        CacheWarning: with the folder and what is wrong with it.
    """
    folder = str(read_settings().cache_dir)
    if folder not in _warned:
        _warned.add(folder)
        message = f"the kernel cache in {folder} cannot be used ({error}): kernels are compiled in every process"
        warnings.warn(message, CacheWarning, stacklevel=2)


def record(name: str) -> None:
    """Write down the checksums of an entry's compiled files."""
    write_atomically(_checksum_path(name), json.dumps(_checksums(name)))


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that no reader ever sees a part of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem[:20], suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_module(name: str, path: Path) -> ModuleType:
    """Return the module of a source file, known by its name so that Numba can cache what is in it."""
    return _once(name, lambda: _execute(name, path))


def _execute(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _once(name: str, make: Callable[[], ModuleType]) -> ModuleType:
    with _module_lock:
        module = sys.modules.get(name)
        return make() if module is None else module


def _checksum_path(name: str) -> Path:
    return directory() / f"{name}.sums"


def _checksums(name: str) -> dict[str, str]:
    """Return the checksum of each compiled file of an entry."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in entry_files(name)}


def _recorded_checksums(name: str) -> dict[str, str] | None:
    """Return the checksums written down for an entry, None when there are none to read."""
    try:
        found = json.loads(_checksum_path(name).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def info() -> tuple[Path, int, int]:
    """Return the cache's folder, its number of kernels and its size in bytes."""
    folder = directory()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return folder, sum(path.suffix == ".py" for path in files), sum(map(_bytes_in, files))


def _bytes_in(path: Path) -> int:
    """Return the size of a file, 0 where another process has removed it meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def clear() -> int:
    """Remove every entry; return how many kernels there were. Locks stay: others may hold them."""
    folder, count, _ = info()
    for path in folder.glob(f"{PREFIX}*"):
        if path.suffix != ".lock":
            path.unlink(missing_ok=True)
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    return count
