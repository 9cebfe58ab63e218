"""Notices that a source sends us round in circles, in bounded memory.

The last requests are remembered as hashes; a circle longer than that is met by one more hash, which is moved on after
1, 2, 4, 8 … requests (Brent), so any circle is found sooner or later.
"""

from hashlib import blake2b
from typing import Any

MEMORY = 64


class PagingLoopError(Exception):
    """The source led back to a request that was sent before; going on would never end."""


def fingerprint(sent: bytes | str) -> str:
    data = sent.encode("utf-8", "surrogatepass") if isinstance(sent, str) else sent
    return blake2b(data, digest_size=12).hexdigest()


def remember(memory: dict[str, Any] | None, sent: bytes | str) -> dict[str, Any]:
    """The memory with this request in it. Raises PagingLoopError when it was there before."""
    mark = fingerprint(sent)
    if memory is None:
        return {"recent": [mark], "mark": mark, "after": 1, "since": 0}
    recent, since = memory["recent"], memory["since"] + 1
    if mark in recent or mark == memory["mark"]:
        shown = sent if isinstance(sent, str) else sent.decode("utf-8", "replace")
        raise PagingLoopError(f"the source led back to a request that was sent before: {shown[:200]}")
    memory = {**memory, "recent": [*recent[1 - MEMORY :], mark], "since": since}
    if since == memory["after"]:
        memory.update(mark=mark, after=since * 2, since=0)
    return memory
