"""Data kept beside rows: JSON, compressed. What is never searched is never a JSONField (it costs ten times as much)."""

from typing import Any

import orjson
import zstandard

from apps.core.errors import DomainError
from apps.engine.json_values import why_unkeepable

MAX_PAYLOAD = 256 * 1024 * 1024


class UnkeepableError(DomainError):
    """Data that is no JSON text: nested too deeply, half a character, a number beyond 64 bits."""

    code = "unkeepable"


def pack(value: Any, *, what: str = "The data") -> bytes:
    """Raises UnkeepableError."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise UnkeepableError(f"{what} {why_unkeepable(value) or error}.") from None
    # Level 1: pages are written once and mostly never read again.
    return zstandard.ZstdCompressor(level=1).compress(text)


def unpack(data: bytes | memoryview, default: Any = None) -> Any:
    raw = bytes(data)
    if not raw:
        return default
    return orjson.loads(zstandard.ZstdDecompressor().decompress(raw, max_output_size=MAX_PAYLOAD))
