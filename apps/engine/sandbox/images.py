"""Loaded scripts kept as memory images: oldest use out first, bounded in number and bytes, never shared by tenants."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple

from apps.engine.sandbox.guest import Image


class ImageKey(NamedTuple):
    tenant: str
    source: bytes
    modules: bytes
    memory_bytes: int


class ImageCache:
    def __init__(self, *, max_images: int, max_bytes: int) -> None:
        self._max_images = max_images
        self._max_bytes = max_bytes
        self._images: OrderedDict[ImageKey, Image] = OrderedDict()
        self._bytes = 0
        self.reset_lock()

    def reset_lock(self) -> None:
        """For the child of a fork: another thread may have held the lock."""
        self._lock = threading.Lock()

    def get(self, key: ImageKey) -> Image | None:
        with self._lock:
            image = self._images.get(key)
            if image is not None:
                self._images.move_to_end(key)
            return image

    def put(self, key: ImageKey, image: Image) -> None:
        if image.cost > self._max_bytes // 4:
            return
        with self._lock:
            before = self._images.pop(key, None)
            self._bytes += image.cost - (before.cost if before else 0)
            self._images[key] = image
            while len(self._images) > self._max_images or self._bytes > self._max_bytes:
                _, dropped = self._images.popitem(last=False)
                self._bytes -= dropped.cost

    def stats(self) -> tuple[int, int]:
        """Number of images, and their bytes."""
        with self._lock:
            return len(self._images), self._bytes
