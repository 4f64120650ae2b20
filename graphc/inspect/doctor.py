"""What `graphc doctor` prints: the facts a report of a fault should have."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

import numpy as np

from graphc.backends import machine
from graphc.settings import read_settings, settings_table

PACKAGES = ("graphc", "numpy", "numba", "llvmlite", "scipy", "sympy", "scikit-learn", "tqdm", "matplotlib")


def diagnosis() -> dict[str, str]:
    """Return the facts by name, in the order they are printed."""
    return {
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{name: version(name) for name in PACKAGES},
        "processor": machine.processor(),
        "cores": str(os.cpu_count()),
        "BLAS": blas(),
        "threading": machine.threading_layer(),
        "cuda": machine.cuda_devices(),
        "cache": cache_folder(),
        "switches": switches(),
    }


def version(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def blas() -> str:
    """Return the BLAS NumPy was built with."""
    config: Any = np.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {})
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()


def cache_folder() -> str:
    """Return the cache's folder and whether it can be written to."""
    folder = read_settings().cache_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return f"{folder} ({'writable' if os.access(existing, os.W_OK) else 'not writable'})"


def switches() -> str:
    """Return the GRAPHC_* variables that are set."""
    found = [f"{name}={os.environ[name]}" for name, _, _ in settings_table() if name in os.environ]
    return " ".join(found) or "all at their defaults"
