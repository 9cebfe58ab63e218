"""Leave for one use of a connection that is longer than a call: a session of SQL or of files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .context import SendContext
from .errors import RetryLater


@contextmanager
def permit(context: SendContext) -> Iterator[None]:
    """Raises RetryLater."""
    if context.limiter is None or not context.limit_key:
        yield
        return
    leave = context.limiter.acquire(context.limit_key, 1)
    if isinstance(leave, RetryLater):
        raise leave
    try:
        yield
    finally:
        context.limiter.release(leave)
