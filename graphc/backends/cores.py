"""Cores: how many threads a kernel may use."""

from __future__ import annotations

import os

from graphc.settings import read_settings


def thread_count(wanted: int | None = None) -> int:
    """Return the number of threads asked for, by the function or GRAPHC_THREADS; else of the cores we may use.

    On Windows it is one: helpers are started by POSIX's function.
    """
    if os.name != "posix":
        return 1
    return wanted or read_settings().threads or usable_cores()


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
