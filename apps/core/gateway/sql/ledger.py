"""Writes that happen once: the key and the write commit together in the target, in a table of ours there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ..context import Mode
from ..errors import InvalidRequest
from .session import Session

LEDGER_TABLE = "junction_ledger"
_LONGEST_KEY = 255


def ledgered(session: Session, key: str, write: Callable[[Session], Any]) -> Any:
    """What `write(session)` returned, now or when this key was first written; then nothing is written again.

    `write` must not end the transaction. Its result must be JSON. On MySQL, statements like CREATE TABLE commit by
    themselves and have no place in it.
    """
    if not key.isascii() or not 0 < len(key) <= _LONGEST_KEY:
        raise InvalidRequest(f"A ledger key has 1 to {_LONGEST_KEY} ASCII characters, not {key[:40]!r}.")
    session.write_kind, session.key = "ledger", key
    try:
        if session.context.mode is not Mode.LIVE:
            return write(session)
        try:
            return _write_once(session, key, write)
        except _NoLedger:
            session.driver.execute(session.driver.ledger_table(), ())
            return _write_once(session, key, write)
    finally:
        session.write_kind, session.key = "none", ""


class _NoLedger(Exception):
    """The table is not there yet."""


def _write_once(session: Session, key: str, write: Callable[[Session], Any]) -> Any:
    driver = session.driver
    name = f"{driver.quote}key{driver.quote}"
    with session.transaction():
        try:
            # Blocks while another transaction holds the same key, and then sees how that one ended.
            claimed = driver.execute(driver.claim_key(), (key,))
        except Exception as error:
            if driver.is_missing_table(error):
                raise _NoLedger from error
            raise driver.translate(error) from error
        if not claimed:
            rows = driver.query(f"SELECT result FROM {LEDGER_TABLE} WHERE {name} = %s", (key,), fetch_size=1)  # noqa: S608
            return orjson.loads(next(iter(list(rows)))["result"])
        result = write(session)
        stored = orjson.dumps(result).decode()
        driver.execute(f"UPDATE {LEDGER_TABLE} SET result = %s WHERE {name} = %s", (stored, key))  # noqa: S608
    return result
