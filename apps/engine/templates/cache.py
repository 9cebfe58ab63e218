"""A cache of compiled templates, bounded by the text it holds: one body may weigh as much as a thousand paths."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")

_OVERHEAD = 200


class TextCache(Generic[Value]):
    """Least recently used goes first. Errors are not kept: they carry no work worth saving."""

    def __init__(self, *, most_characters: int) -> None:
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()
        self._characters = 0
        self._most = most_characters

    def get(self, key: Hashable, *, size: int, make: Callable[[], Value]) -> Value:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry[0]
        value, cost = make(), size + _OVERHEAD
        with self._lock:
            if key not in self._entries and cost <= self._most:
                self._entries[key] = (value, cost)
                self._characters += cost
                while self._characters > self._most:
                    _, (_, freed) = self._entries.popitem(last=False)
                    self._characters -= freed
        return value

    def __len__(self) -> int:
        return len(self._entries)
