"""Unpacks gzip and deflate bodies piece by piece, within memory that does not grow with what the answer holds.

A gzip body may have several members one behind the other, and zeros behind the last; anything else behind it is damage.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from .errors import BadResponse, ClosedMidBody

PACKINGS = frozenset(("gzip", "x-gzip", "deflate"))
_OUT = 256 * 1024
_IN = 16 * 1024  # what follows a member is copied each time, so little is given at once
_MAX_MEMBERS = 10_000  # each costs some ten microseconds, be it empty
_GZIP_BEGINS = 0x1F


class Unpacker:
    def __init__(self, packing: str, *, url: object) -> None:
        self._packing = packing
        self._url = url
        self._gzip = packing != "deflate"
        self._inner: Any = None
        self._members = 0
        self._held = b""
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, in pieces of at most 256 KB. Raises BadResponse and zlib.error."""
        for start in range(0, len(data), _IN):
            piece = self._held + data[start : start + _IN]
            self._held = b""
            full = False
            while piece or full:
                self._begun = True
                if self._inner is None and not (piece := self._opened(piece)):
                    break
                out = self._inner.decompress(piece, _OUT)
                piece, full = self._inner.unconsumed_tail, len(out) >= _OUT
                if self._inner.eof:
                    full = False
                    piece, self._inner = self._inner.unused_data, None
                if out:
                    yield out

    def finish(self) -> None:
        """Raises ClosedMidBody where the body ends before its data does."""
        if self._inner is not None or (self._begun and not self._members):
            raise ClosedMidBody(f"The {self._packing} body of {self._url} ends before its data does.")

    def _opened(self, piece: bytes) -> bytes:
        """Begins the member at the head of `piece`; gives what is to be unpacked, nothing when only padding is left."""
        if self._members:
            piece = piece.lstrip(b"\0")
            if piece and (not self._gzip or piece[0] != _GZIP_BEGINS):
                raise BadResponse(
                    f"Behind the {self._packing} data of {self._url} is something that is not part of it."
                )
        elif not self._gzip and len(piece) < 2:
            self._held = piece
            return b""
        if piece:
            self._members += 1
            if self._members > _MAX_MEMBERS:
                raise BadResponse(f"The gzip body of {self._url} has more than {_MAX_MEMBERS} members.")
            self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16 if self._gzip else _deflate_bits(piece))
        return piece


def _deflate_bits(head: bytes) -> int:
    """`deflate` means zlib, but some servers send it raw: the first bytes decide."""
    raw = head[0] & 0x0F != 8 or ((head[0] << 8) | head[1]) % 31 != 0
    return -zlib.MAX_WBITS if raw else zlib.MAX_WBITS
