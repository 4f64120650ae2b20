"""The table of living nodes: it holds them weakly, and lets a graph of any depth die without recursion."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Entry(weakref.ref[T]):
    """A weak reference that knows its key."""

    __slots__ = ("key",)

    key: Hashable


class InternTable(Generic[T]):
    """A weak dictionary from what a node is made of to the one node made of it.

    The keys hold the arguments of their nodes, so the arguments of a dead node die when its key goes.
    Keys go one after the other from a queue: the last reference to a chain of any length may be dropped.
    """

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry[T]] = {}
        self._dead: deque[_Entry[T]] = deque()
        self._sweeping = False
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._entries)

    def find_or_make(self, key: Hashable, make: Callable[..., T], *parts: object) -> T:
        """Return the living value of a key, or enter ``make(*parts)`` as it."""
        with self._lock:
            entry = self._entries.get(key)
            found = None if entry is None else entry()
            if found is not None:
                return found
            value = make(*parts)
            entry = _Entry(value, self._forget)
            entry.key = key
            self._entries[key] = entry
            return value

    def _forget(self, entry: _Entry[T]) -> None:
        """Drop the key of a dead value, and then those of the values that die with it."""
        with self._lock:
            self._dead.append(entry)
            del entry
            if self._sweeping:
                return
            self._sweeping = True
            try:
                while self._dead:
                    self._drop(self._dead.popleft())
            finally:
                self._sweeping = False

    def _drop(self, entry: _Entry[T]) -> None:
        """Remove an entry, unless its key has a new value already."""
        if self._entries.get(entry.key) is entry:
            del self._entries[entry.key]
