"""The GRAPHC_* switches, read from the environment; docs/debugging.md shows the same table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import platformdirs

from graphc.errors import ArgumentError

BACKENDS = ("cpu", "reference")
STAGES = ("graph", "rules", "kernels", "source", "memory")
DEFAULTS = {"cache_dir": "the user's cache folder", "threads": "every core the process may use"}
"""Defaults that are found out, in words."""
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("", "0", "false", "no", "off")


def _switch(text: str) -> bool:
    """Return the truth value of a switch's text."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither {'/'.join(_TRUE)} nor {'/'.join(_FALSE[1:])}")


def _backend(text: str) -> str:
    """Return the name of a backend, if there is one so named."""
    if text not in BACKENDS:
        raise ValueError(f"{text!r} is not one of {', '.join(BACKENDS)}")
    return text


def _stages(text: str) -> tuple[str, ...]:
    """Return the stages named in a comma-separated list."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(STAGES)}")
    return names


def _count(text: str) -> int:
    """Return a number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is no number above zero")
    return int(text)


def _path(text: str) -> Path:
    """Return the path with ``~`` expanded."""
    return Path(text).expanduser()


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches of one process; each field's metadata holds its variable, reader and meaning."""

    show: tuple[str, ...] = field(
        default=(),
        metadata={
            "variable": "GRAPHC_SHOW",
            "read": _stages,
            "help": "print these stages of every compilation: " + ", ".join(STAGES),
        },
    )
    check: bool = field(
        default=False,
        metadata={"variable": "GRAPHC_CHECK", "read": _switch, "help": "verify the kernel IR after every pass"},
    )
    jit: bool = field(
        default=True,
        metadata={
            "variable": "GRAPHC_JIT",
            "read": _switch,
            "help": "0 runs the generated module as plain Python, for a debugger",
        },
    )
    backend: str = field(
        default="cpu",
        metadata={
            "variable": "GRAPHC_BACKEND",
            "read": _backend,
            "help": "the backend when `compile` names none: " + " or ".join(BACKENDS),
        },
    )
    threads: int | None = field(
        default=None,
        metadata={
            "variable": "GRAPHC_THREADS",
            "read": _count,
            "help": "how many threads a function may use when `compile` names no number",
        },
    )
    keep: Path | None = field(
        default=None,
        metadata={
            "variable": "GRAPHC_KEEP",
            "read": _path,
            "help": "a folder that gets a copy of every generated module",
        },
    )
    cache: bool = field(
        default=True,
        metadata={
            "variable": "GRAPHC_CACHE",
            "read": _switch,
            "help": "0 keeps compiled kernels out of the disk cache",
        },
    )
    cache_dir: Path = field(
        default_factory=lambda: platformdirs.user_cache_path("graphc"),
        metadata={"variable": "GRAPHC_CACHE_DIR", "read": _path, "help": "the folder of the disk cache"},
    )


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings the environment asks for.

    Raises:
        ArgumentError: a variable holds a text its switch does not take.
    """
    environment = os.environ if environment is None else environment
    values = {}
    for entry in fields(Settings):
        variable, read = entry.metadata["variable"], entry.metadata["read"]
        if variable in environment:
            try:
                values[entry.name] = read(environment[variable])
            except ValueError as error:
                raise ArgumentError(f"{variable}: {error}", remedy=f"{variable}: {entry.metadata['help']}") from None
    return Settings(**values)


def settings_table() -> list[tuple[str, str, str]]:
    """Return (variable, default, meaning) of each switch, for the documentation."""
    rows = []
    for entry in fields(Settings):
        default = "none" if entry.default in ((), None) else str(entry.default)
        default = DEFAULTS.get(entry.name, default)
        rows.append((entry.metadata["variable"], default, entry.metadata["help"]))
    return rows
