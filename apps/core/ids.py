"""Ids: 96 time-ordered bits, held as a UUID (version 8), shown as 24 hex digits or as that UUID.

The surprise: the last 24 bits of the UUID are always zero, so the two spellings convert by cutting text.
"""

import hashlib
import os
import threading
import time
import uuid
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0


def new_id() -> uuid.UUID:
    """A new id, greater than every earlier one of this process."""
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 bits of their fraction, as UUID version 7 proposes.
        ns = time.time_ns()
        stamp = (ns // 1_000_000 << 12) | (ns % 1_000_000 << 12) // 1_000_000
        _last = stamp = max(stamp, _last + 1)
    return from_hex24(f"{stamp:015x}{int.from_bytes(os.urandom(5), 'big') >> 4:09x}")


def id_like(other: uuid.UUID) -> uuid.UUID:
    """A new id with the time of another, so that it sorts as that one does."""
    return from_hex24(f"{hex24(other)[:15]}{int.from_bytes(os.urandom(5), 'big') >> 4:09x}")


def id_floor(moment: datetime) -> uuid.UUID:
    """Not greater than any id made at or after a moment: retention goes by the key, without an index on the time."""
    return from_hex24(f"{int(moment.timestamp() * 1000) << 12:015x}{0:09x}")


def time_of(row_id: uuid.UUID) -> datetime:
    """When an id was made."""
    return datetime.fromtimestamp(int(hex24(row_id)[:12], 16) / 1000, tz=UTC)


def from_hex24(text: str) -> uuid.UUID:
    return uuid.UUID(hex=f"{text[:12]}8{text[12:15]}8{text[15:]}000000")


def hex24(value: uuid.UUID) -> str:
    text = value.hex
    return text[:12] + text[13:16] + text[17:26]


def parse_id(text: object) -> uuid.UUID | None:
    """The id that a client's text spells in either form, or None: an unreadable id is an unknown one."""
    if isinstance(text, uuid.UUID):
        return text
    if not isinstance(text, str):
        return None
    try:
        if len(text) == 24:
            return from_hex24(f"{int(text, 16):024x}")
        if len(text) == 36:
            return uuid.UUID(text)
    except ValueError:
        return None
    return None


def whole_number(value: uuid.UUID) -> int:
    """Stands for an id where a convention knows only whole numbers: always the same one, below 2**53, as JSON needs."""
    return int.from_bytes(hashlib.sha256(value.bytes).digest()[:8]) >> 11
